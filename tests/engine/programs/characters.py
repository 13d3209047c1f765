"""An LSTM and a GRU that learn a short text, character by character."""

import torch
from torch import nn

torch.manual_seed(3)
text = "gradients flow from the loss to the leaves "
letters = sorted(set(text))
codes = torch.tensor([letters.index(c) for c in text])


class Reader(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.embed = nn.Embedding(len(letters), 8)
        self.rnn = cell(8, 16, batch_first=True)
        self.out = nn.Linear(16, len(letters))

    def forward(self, x, state=None):
        hidden, state = self.rnn(self.embed(x), state)
        return self.out(hidden), state


for cell in (nn.LSTM, nn.GRU, nn.RNN):
    model = Reader(cell)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    inputs, targets = codes[:-1][None], codes[1:]
    for step in range(15):
        logits, _ = model(inputs)
        loss = nn.functional.cross_entropy(logits[0], targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
    print(cell.__name__, f"{loss.item():.3f}", [name for name, _ in model.named_parameters()])
