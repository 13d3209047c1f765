"""A generative adversarial net in one dimension; the generator's gradients stop at detach()."""

import torch
from torch import nn

torch.manual_seed(5)
generator = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
discriminator = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Sigmoid())
of_generator = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
criterion = nn.BCELoss()
for step in range(20):
    real = torch.randn(32, 1) * 0.5 + 3
    fake = generator(torch.randn(32, 4))
    of_discriminator.zero_grad()
    loss_d = criterion(discriminator(real), torch.ones(32, 1)) + criterion(
        discriminator(fake.detach()), torch.zeros(32, 1)
    )
    loss_d.backward()
    assert all(p.grad is None for p in generator.parameters()) or step > 0
    of_discriminator.step()
    of_generator.zero_grad()
    loss_g = criterion(discriminator(fake), torch.ones(32, 1))
    loss_g.backward()
    of_generator.step()
    if step % 5 == 4:
        print(f"{step}: D {loss_d.item():.4f} G {loss_g.item():.4f}")
