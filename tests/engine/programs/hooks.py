"""Frozen layers, hooks on tensors and modules, in-place changes, views."""

import torch
from torch import nn

torch.manual_seed(8)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
for p in model[0].parameters():
    p.requires_grad_(False)
seen = []
model[1].register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape)))
model[2].weight.register_hook(lambda grad: grad.clamp(-0.1, 0.1))
x = torch.randn(6, 3)
loss = model(x).square().mean()
loss.backward()
print(seen, [p.grad is None for p in model.parameters()])
print(model[2].weight.grad)

x = torch.arange(6.0).reshape(2, 3).requires_grad_()
y = x * 2
y[0, 1:] = y[1, :2] * 3
y += 1
z = y.t().contiguous().view(-1)[::2]
z.prod().backward()
print(y)
print(x.grad)
h = x.exp()
h.retain_grad()
h.log().sum().backward()
print(h.grad.shape, h.retains_grad, h.is_leaf)
try:
    (x * 1).add_(1).exp().mul_(2).sum().backward()
except RuntimeError as error:
    print(error)
