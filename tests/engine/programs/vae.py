"""A variational autoencoder: reparameterization, KL divergence, transposed convolution."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(6)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ELU(), nn.Flatten())
        self.mean = nn.Linear(64, 3)
        self.log_variance = nn.Linear(64, 3)
        self.decode = nn.Sequential(
            nn.Linear(3, 64), nn.SiLU(), nn.Unflatten(1, (4, 4, 4)), nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1)
        )

    def forward(self, x):
        h = self.encode(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decode(z), mean, log_variance


images = torch.rand(8, 1, 8, 8)
model = VAE()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
for step in range(10):
    logits, mean, log_variance = model(images)
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    loss = (reconstruction + divergence) / len(images)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 3 == 0:
        print(f"{step}: {loss.item():.3f} = {reconstruction.item():.2f} + {divergence.item():.2f}")
