"""Models and how they are trained."""

PYTORCH_ONLY = {
    "fused adam", "bfloat16 autocast", "data loader with workers", "checkpoint_sequential", "two processes",
    "transformer encoder, fast path", "attention, fast path",
}  # fmt: skip
TOLD = {"transformer encoder, fast path": ("the numbers of some tensors are not recorded",)}

_FIT = """
for epoch in range(3):
    optimizer.zero_grad()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    print(f"{epoch} {loss.item():.9f}")
"""
_MODEL = """
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
x, y = torch.randn(6, 4), torch.randn(6, 1)
"""

PROGRAMS = {
    "mlp": _MODEL + "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)" + _FIT,
    "adam": _MODEL + "optimizer = torch.optim.Adam(model.parameters())" + _FIT,
    "adamw, one by one": _MODEL + "optimizer = torch.optim.AdamW(model.parameters(), foreach=False)" + _FIT,
    "foreach sgd": _MODEL + "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, foreach=True)" + _FIT,
    "fused adam": _MODEL + "optimizer = torch.optim.Adam(model.parameters(), fused=True)" + _FIT,
    "lbfgs": _MODEL
    + """
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    return loss
for _ in range(2):
    print(optimizer.step(closure).item())
""",
    "a closure that raises": _MODEL
    + """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def closure():
    raise ValueError("no loss")
try:
    optimizer.step(closure)
except ValueError as error:
    print(error)
"""
    + _FIT,
    "schedulers and clipping": _MODEL
    + """
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
from torch.optim.lr_scheduler import ExponentialLR, StepLR
schedulers = [StepLR(optimizer, 1, 0.5), ExponentialLR(optimizer, 0.9)]
for _ in range(3):
    optimizer.zero_grad(set_to_none=False)
    model(x).square().sum().backward()
    print(nn.utils.clip_grad_norm_(model.parameters(), 0.5), nn.utils.clip_grad_value_(model.parameters(), 0.1))
    optimizer.step()
    for scheduler in schedulers:
        scheduler.step()
print(schedulers[0].get_last_lr())
""",
    "cnn with batch norm": """
features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
model = nn.Sequential(features, nn.Flatten(), nn.Linear(64, 3))
x, t = torch.randn(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1])
F.cross_entropy(model(x), t).backward()
model.eval()
print(model(x))
""",
    "lstm": """
model, head = nn.LSTM(3, 5, num_layers=2, batch_first=True), nn.Linear(5, 1)
out, (h, c) = model(torch.randn(2, 6, 3))
head(out[:, -1]).sum().backward()
""",
    "gru and rnn": """
gru, rnn = nn.GRU(3, 4), nn.RNN(4, 2)
out, h = gru(torch.randn(5, 2, 3))
out, h = rnn(out)
out.sum().backward()
""",
    "transformer": """
model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.1), 2)
model(torch.randn(2, 5, 8)).square().mean().backward()
""",
    "transformer encoder, fast path": """
model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
with torch.no_grad():
    out = model(torch.randn(2, 5, 8), src_key_padding_mask=torch.tensor([[False] * 5, [False] * 3 + [True] * 2]))
print(out)
""",
    "attention, fast path": """
model = nn.MultiheadAttention(8, 2, batch_first=True).eval()
x = torch.randn(2, 5, 8)
with torch.inference_mode():
    out, weights = model(x, x, x)
print(out, weights)
""",
    "embedding with padding": """
model = nn.Embedding(10, 4, padding_idx=0)
bag = nn.Sequential(model, nn.Linear(4, 2))
bag(torch.tensor([[0, 1, 2], [3, 0, 9]])).sum().backward()
print(model.weight.grad[0])
""",
    "gan": """
G = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))
D = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1))
gs, ds = torch.optim.Adam(G.parameters(), 0.01), torch.optim.Adam(D.parameters(), 0.01)
for _ in range(2):
    fake = G(torch.randn(5, 2))
    ds.zero_grad()
    d = F.binary_cross_entropy_with_logits(D(fake.detach()), torch.zeros(5, 1))
    d = d + F.softplus(-D(torch.randn(5, 3))).mean()
    d.backward()
    ds.step()
    gs.zero_grad()
    g = F.binary_cross_entropy_with_logits(D(fake), torch.ones(5, 1))
    g.backward()
    gs.step()
    print(d.item(), g.item())
""",
    "gradient penalty": _MODEL
    + """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x.requires_grad_()
for _ in range(2):
    optimizer.zero_grad()
    out = model(x).tanh()
    (g,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    (out.mean() + ((g.norm(2, 1) - 1) ** 2).mean()).backward()
    optimizer.step()
""",
    "bfloat16 autocast": _MODEL
    + """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(x)
        loss = F.mse_loss(out.float(), y)
    loss.backward()
    optimizer.step()
print(out.dtype)
""",
    "dropout and its numbers": """
model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 1))
for _ in range(3):
    model(torch.randn(3, 4)).sum().backward()
print(torch.rand(2))
""",
    "initialisation": """
m = nn.Linear(4, 4)
nn.init.orthogonal_(m.weight)
nn.init.uniform_(m.bias)
nn.init.xavier_normal_(m.weight)
nn.init.constant_(m.bias, 0.5)
m(torch.ones(1, 4)).sum().backward()
""",
    "data loader with workers": """
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.randn(8, 4), torch.randn(8, 1))
model = nn.Linear(4, 1)
for x, y in DataLoader(data, batch_size=4, shuffle=True, num_workers=2):
    F.mse_loss(model(x), y).backward()
print(model.weight.grad)
""",
    "weight and spectral norm": """
model = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)), nn.Linear(3, 1))
model(torch.randn(2, 3)).sum().backward()
print([n for n, p in model.named_parameters()])
""",
    "checkpoint both ways": """
from torch.utils.checkpoint import checkpoint
layer = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Dropout(0.5))
x = torch.randn(2, 3, requires_grad=True)
for way in (True, False):
    checkpoint(layer, x, use_reentrant=way).sum().backward()
    print(x.grad)
""",
    "checkpoint_sequential": """
from torch.utils.checkpoint import checkpoint_sequential
model = nn.Sequential(*[nn.Linear(3, 3) for _ in range(4)])
x = torch.randn(2, 3, requires_grad=True)
checkpoint_sequential(model, 2, x, use_reentrant=False).sum().backward()
""",
    "two processes": """
import os, subprocess, sys
code = '''
import sys, torch, torch.distributed as dist
import gradviz
from contextlib import nullcontext
from torch.nn.parallel import DistributedDataParallel
dist.init_process_group("gloo")
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
rank = dist.get_rank()
torch.manual_seed(rank)
where = f"{sys.argv[1]}/rank{rank}.gradviz"
with gradviz.record(where, backend="pytorch") if sys.argv[2] == "recorded" else nullcontext():
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(5, 4)).square().mean().backward()
        optimizer.step()
gathered = [torch.zeros(1) for _ in range(2)]
total = sum(p.double().sum() + p.grad.double().square().sum() for p in model.parameters())
dist.barrier()
if rank == 0:
    print(total.item().hex(), [p.flatten().tolist() for p in model.parameters()])
dist.destroy_process_group()
'''
os.makedirs(folder := "ddp", exist_ok=True)
with open("ddp/ddp.py", "w") as file:
    file.write(code)
launcher = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
ran = subprocess.run(
    [sys.executable, *launcher, "ddp/ddp.py", folder, os.environ["HOW"]],
    capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
)
print(ran.returncode, ran.stdout, ran.stderr[-2000:] if ran.returncode else "")
how_it_went = ran.returncode, ran.stdout
del ran
""",
}
