"""A transformer encoder that tells whether a sequence holds a token."""

import torch
from torch import nn

torch.manual_seed(4)


class Finder(nn.Module):
    def __init__(self, tokens=12, width=16):
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.position = nn.Parameter(torch.zeros(1, 10, width))
        layer = nn.TransformerEncoderLayer(width, nhead=2, dim_feedforward=32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        h = self.encoder(self.embed(x) + self.position)
        return self.head(h.mean(dim=1)).squeeze(-1)


x = torch.randint(0, 12, (32, 10))
y = (x == 3).any(dim=1).float()
model = Finder()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=12)
for step in range(12):
    loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 4 == 3:
        print(step, f"{loss.item():.3f}", f"{scheduler.get_last_lr()[0]:.5f}")
attention = nn.MultiheadAttention(16, 4, batch_first=True)
q = torch.randn(2, 5, 16, requires_grad=True)
out, weights = attention(q, q, q)
out.sum().backward()
print(out.shape, weights.shape, f"{q.grad.norm():.4f}")
mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), diagonal=1)
causal, _ = attention(q, q, q, attn_mask=mask, need_weights=False)
print(f"{causal.sum():.4f}")
