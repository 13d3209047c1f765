"""``torch.compile``: with each backend that runs anywhere, in each way to ask for it."""

BACKENDS = (
    "eager", "eager_debug", "eager_noexcept", "pre_dispatch_eager", "invoke_subgraph", "inductor", "cudagraphs",
    "aot_eager", "aot_eager_decomp_partition", "aot_eager_decomp_partition_crossref", "aot_eager_default_partitioner",
    "non_leaf_compile_error_TESTING_ONLY", "relu_accuracy_error_TESTING_ONLY", "relu_runtime_error_TESTING_ONLY",
    "openxla",
)  # fmt: skip
"""``torch._dynamo.list_backends(exclude_tags=())`` as far as they run; the last one says that it does not."""

_TRAIN = """
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
x, y = torch.randn(6, 4), torch.randn(6, 1)
seen = []
@torch.compile(backend=BACKEND)
def loss_of(x, y):
    return F.mse_loss(model(x), y)
for _ in range(3):
    loss = loss_of(x, y)
    seen.append((loss.shape, loss.item()))
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
            p.grad = None
z = torch.randn(3, requires_grad=True)
(z * 2).sum().backward()
print(seen)
"""

PROGRAMS = {
    **{f"compiled by {backend}": f"BACKEND = {backend!r}" + _TRAIN for backend in BACKENDS},
    "compiled before": """
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
f = torch.compile(lambda x: model(x).square().sum(), backend="eager")
g = torch.compile(nn.Linear(4, 2), backend="aot_eager")
x = torch.randn(5, 4)
f(x).backward()
g(x).sum().backward()
seen = [p.grad.tolist() for p in model.parameters()]
# recorded from here
for n in (5, 5, 3):
    x = torch.randn(n, 4)
    loss = f(x) + g(x).sum()
    loss.backward()
    print(loss)
(x * model[0].weight[0]).sum().backward()
""",
    "a graph from before": """
model = torch.compile(nn.Linear(4, 2), backend="aot_eager")
loss = model(torch.randn(5, 4)).sum()
# recorded from here
loss.backward()
print(model.weight.grad)
""",
    "a compiled model": """
model = torch.compile(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), backend="aot_eager")
optimizer = torch.optim.Adam(model.parameters())
for _ in range(2):
    optimizer.zero_grad()
    model(torch.randn(5, 4)).square().mean().backward()
    optimizer.step()
""",
    "a model that compiles itself": """
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
model[0].register_forward_hook(lambda m, i, o: o * 2)
model.compile(backend="eager")
whole = nn.Sequential(model, nn.Sigmoid())
for _ in range(2):
    whole(torch.randn(5, 4)).sum().backward()
""",
    "graph breaks": """
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, grad):
        return grad * 2
@torch.compiler.disable
def by_hand(x):
    return x.sin()
@torch.compile(backend="eager")
def f(x):
    y = x * 2
    print("break")
    if y.sum() > 0:
        y = by_hand(y)
    return Double.apply(y).sum()
x = torch.randn(3, requires_grad=True)
f(x).backward()
f(-x).backward()
print(x.grad)
""",
    "a compiled step": """
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
@torch.compile(backend="eager")
def step(x):
    optimizer.zero_grad()
    loss = model(x).square().sum()
    loss.backward()
    optimizer.step()
    return loss
for _ in range(3):
    print(step(torch.randn(4, 3)))
""",
    "compiled under a mode": """
from torch.overrides import TorchFunctionMode
class Count(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))
f = torch.compile(lambda t: (t * 2).sin(), backend="eager")
x = torch.randn(3, requires_grad=True)
with Count():
    f(x).sum().backward()
with torch.device("cpu"):
    f(x).sum().backward()
with torch.no_grad():
    print(f(x))
""",
    "a compiled function that raises": """
@torch.compile(backend="eager")
def f(x):
    y = x * 2
    if x.shape[0] > 2:
        raise ValueError("too long")
    return y
x = torch.randn(2, requires_grad=True)
f(x).sum().backward()
try:
    f(torch.randn(3))
except ValueError as error:
    print(error)
(x * 3).sum().backward()
""",
}
LOADS_THE_COMPILER = {"compiled by eager", "a compiled model"}
"""The others find it loaded, as a program does that compiled something before."""
PYTORCH_ONLY = set(PROGRAMS)
TOLD: dict[str, tuple[str, ...]] = {}
