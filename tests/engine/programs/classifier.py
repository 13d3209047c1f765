"""A perceptron on two spirals: data loader, Adam, scheduler, evaluation, state dict."""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


def spirals(count):
    t = torch.rand(count) * 3 * math.pi
    label = torch.randint(0, 2, (count,))
    angle = t + math.pi * label
    points = torch.stack([t * torch.cos(angle), t * torch.sin(angle)], dim=1) / 10
    return points + 0.02 * torch.randn(count, 2), label


class Net(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, 2)
        )

    def forward(self, x):
        return self.layers(x)


points, labels = spirals(256)
loader = DataLoader(TensorDataset(points, labels), batch_size=64, shuffle=True)
model = Net()
print(model)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
for epoch in range(8):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(points).argmax(dim=1) == labels).float().mean()
    print(f"epoch {epoch} loss {total / len(points):.3f} accuracy {accuracy:.3f} lr {scheduler.get_last_lr()[0]:.4f}")
print({name: tuple(value.shape) for name, value in model.state_dict().items()})
print(sum(p.numel() for p in model.parameters() if p.requires_grad))
