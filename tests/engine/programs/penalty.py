"""Gradients of gradients: a gradient penalty, a Hessian-vector product, accumulation over micro-batches."""

import torch
from torch import nn

torch.manual_seed(7)
critic = nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 1))
points = torch.randn(5, 3, requires_grad=True)
score = critic(points)
(gradient,) = torch.autograd.grad(score.sum(), points, create_graph=True)
penalty = ((gradient.norm(dim=1) - 1) ** 2).mean()
penalty.backward()
print(f"{penalty.item():.5f}", gradient.grad_fn)
print([f"{p.grad.norm():.4f}" if p.grad is not None else None for p in critic.parameters()])

w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
f = (w**2 * torch.sin(w)).sum()
(g,) = torch.autograd.grad(f, w, create_graph=True)
(hv,) = torch.autograd.grad(g, w, grad_outputs=torch.ones_like(w))
print(hv)
print(torch.autograd.functional.hessian(lambda t: (t**3).sum(), w.detach()))

model = nn.Linear(4, 2)
data, target = torch.randn(8, 4), torch.randn(8, 2)
nn.functional.mse_loss(model(data), target).backward()
whole = model.weight.grad.clone()
model.zero_grad()
for part, wanted in zip(data.split(2), target.split(2)):
    (nn.functional.mse_loss(model(part), wanted) / 4).backward()
print(torch.allclose(whole, model.weight.grad, atol=1e-6))
