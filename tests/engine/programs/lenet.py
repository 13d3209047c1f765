"""A small convolutional net on synthetic images, with batch normalization."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.norm = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 2))
        x = torch.flatten(x, 1)
        return self.fc2(F.relu(self.fc1(x)))


images = torch.rand(16, 1, 28, 28)
targets = torch.arange(16) % 10
net = LeNet()
print(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
for step in range(6):
    optimizer.zero_grad(set_to_none=True)
    out = net(images)
    loss = F.cross_entropy(out, targets, label_smoothing=0.05)
    loss.backward()
    optimizer.step()
    print(f"{step}: {loss.item():.4f}")
print(out.shape, out.grad_fn)
print(f"{net.conv1.weight.grad.norm():.4f}", net.norm.num_batches_tracked)
net.eval()
print(f"{net(images[:2]).softmax(-1).sum():.3f}")
