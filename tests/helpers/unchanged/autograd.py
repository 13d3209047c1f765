"""What autograd itself offers."""

PYTORCH_ONLY = {
    "histogram", "sparse", "complex", "nested function modes", "post accumulate hooks that step", "warnings",
    "forward mode", "packed saved tensors", "a signal while it runs", "out of a program", "functional jacobian",
    "named edges", "is_grads_batched", "anomaly", "multi-grad hooks", "names of nodes", "a leaf as root",
    "once differentiable, twice", "hooks that raise",
}  # fmt: skip
_CALL = "a backward call is not recorded, since its tensors have no numbers of their own"
TOLD = {"is_grads_batched": (_CALL,), "functional jacobian": (_CALL,)}

_SQUARE = """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x
"""

PROGRAMS = {
    "an operation without derivative": """
x = torch.tensor([3.0, 5.0], requires_grad=True)
z = x * 2 + x // 2
z.sum().backward()
""",
    "custom function": _SQUARE
    + """
x = torch.randn(3, requires_grad=True)
Square.apply(Square.apply(x)).sum().backward()
""",
    "once differentiable, twice": """
from torch.autograd.function import once_differentiable
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x
x = torch.randn(3, requires_grad=True)
(g,) = torch.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
print(g)
g.sum().backward()
""",
    "hooks of all kinds": _SQUARE
    + """
seen = []
x = torch.randn(3, requires_grad=True)
h = x * 2
x.register_hook(lambda g: seen.append(("x", g.tolist())))
h.register_hook(lambda g: g * 3)
h.retain_grad()
h.grad_fn.register_prehook(lambda gs: seen.append(("pre", gs[0].tolist())))
h.grad_fn.register_hook(lambda gi, go: seen.append(("post", go[0].tolist())))
m = nn.Linear(3, 2)
m.register_forward_pre_hook(lambda m, i: seen.append("before"))
m.register_forward_hook(lambda m, i, o: seen.append("after"))
m.register_full_backward_hook(lambda m, gi, go: seen.append(("full", go[0].tolist())))
m(Square.apply(h)).sum().backward()
print(seen, h.grad)
""",
    "hooks that raise": """
x = torch.randn(3, requires_grad=True)
def broken(grad):
    raise KeyError("from a hook")
for place in (x, x * 1):
    y = place.exp()
    handle = place.register_hook(broken)
    try:
        y.sum().backward()
    except KeyError as error:
        print(type(error), error)
    handle.remove()
(x * 2).sum().backward()
m = nn.Linear(3, 1)
handle = m.register_forward_hook(broken)
try:
    m(x)
except TypeError as error:
    print(error)
handle.remove()
m(x).sum().backward()
y = x * 3
y.register_hook(broken)
y.sum().backward()
""",
    "post accumulate hooks that step": """
model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
steps = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}
def step(p):
    steps[p].step()
    steps[p].zero_grad()
for p in model.parameters():
    p.register_post_accumulate_grad_hook(step)
for _ in range(2):
    model(torch.randn(2, 3)).sum().backward()
""",
    "multi-grad hooks": """
from torch.autograd.graph import register_multi_grad_hook
a, b = torch.randn(2, requires_grad=True), torch.randn(2, requires_grad=True)
seen = []
register_multi_grad_hook((a, b), lambda grads: seen.append([g.tolist() for g in grads]))
(a * b).sum().backward()
print(seen)
""",
    "retain_graph": """
x = torch.randn(3, requires_grad=True)
y = x.exp().sum()
y.backward(retain_graph=True)
y.backward()
""",
    "a second time": "x = torch.randn(3, requires_grad=True)\ny = x.exp().sum()\ny.backward()\ny.backward()\n",
    "grad and inputs": """
x, y = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
h = x * y
z = h.exp().sum()
print(torch.autograd.grad(z, [x, h], retain_graph=True), torch.autograd.grad(z, y, retain_graph=True))
z.backward(inputs=[y])
""",
    "double backward": """
x = torch.randn(3, requires_grad=True)
(g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
(h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
h.sum().backward(create_graph=True)
print(x.grad, x.grad.grad_fn is not None)
x.grad = None
""",
    "several roots": """
x = torch.randn(3, requires_grad=True)
a = x * 2
b = (a * a).sum()
torch.autograd.backward([a, b], [torch.ones(3), None])
""",
    "a leaf as root": """
x = torch.tensor(2.0, requires_grad=True)
x.backward()
y = x * 3
print(x.grad, y.grad_fn._sequence_nr() - (x * 2).grad_fn._sequence_nr(), torch._C._autograd._get_sequence_nr())
""",
    "no gradient wanted": """
x = torch.randn(3)
try:
    x.sum().backward()
except RuntimeError as error:
    print(error)
y = torch.randn(3, requires_grad=True)
grad = torch.autograd.grad
for wrong in (lambda: (y * 2).backward(), lambda: grad(x.sum(), y), lambda: grad(y.sum(), x)):
    try:
        wrong()
    except RuntimeError as error:
        print(error)
x.sum().backward()
""",
    "no_grad and inference_mode": """
m = nn.Linear(3, 1)
with torch.no_grad():
    a = m(torch.randn(2, 3))
    m.weight[0, 1] = 5.0
    m.weight[0].mul_(2)
    m.bias.fill_(0.25)
with torch.inference_mode():
    b = m(torch.randn(2, 3))
print(a.requires_grad, b.is_inference(), torch.is_grad_enabled())
m(torch.randn(2, 3)).sum().backward()
""",
    "in place on views": """
x = torch.randn(4, 3, requires_grad=True)
y = x * 2
v = y[1:3]
v.mul_(3)
y[0] = torch.ones(3)
y[:, 1] += x[:, 0]
w = y.view(2, 6)
w[1].add_(1)
y.t().sigmoid_()
print(v.grad_fn.name(), w.grad_fn.name(), y.grad_fn.name())
(y * v.sum()).sum().backward()
""",
    "views made without grad": """
p = nn.Parameter(torch.randn(3, 3))
with torch.no_grad():
    v = p[0]
    v.fill_(1.0)
    p[1].fill_(2.0)
    p.view_as(p).copy_(torch.eye(3))
    d = p.detach()
    d[2].zero_()
(p * 2).sum().backward()
print(p)
""",
    "numbers of nodes": """
x = torch.randn(3, requires_grad=True)
y = x * 2
y[0] = 5.0
z = y.sin()
print(y.grad_fn.name(), z.grad_fn.next_functions[0][0].name())
z.sum().backward()
""",
    "names of nodes": """
x = torch.randn(3, requires_grad=True)
y = x * 2
y[0] = 5.0
z = y.sin() + x
print([n._sequence_nr() for n in (y.grad_fn, z.grad_fn, z.grad_fn.next_functions[0][0])])
print(y.grad_fn is y.grad_fn, x.is_leaf, z.is_leaf, (x * 1).grad_fn._sequence_nr())
""",
    "versions": """
x = torch.randn(3, requires_grad=True)
(x * 2).sum().backward()
print(x.grad._version)
x.grad.zero_()
print(x.grad._version)
((x * 2) + (x * 3)).exp().sum().backward()
print(x.grad._version, x._version)
w = torch.ones(2, 3, requires_grad=True)
seen = []
h = w.t()
h.register_hook(lambda g: seen.append(g._version))
(h.sum() + (h * h).sum() + h.exp().sum()).backward()
print(seen, w.grad._version, w.grad.stride())
""",
    "a gradient taken over": """
x = torch.randn(3, requires_grad=True)
kept = []
y = x * 1
y.register_hook(kept.append)
y.backward(torch.ones(3))
print(x.grad.data_ptr() == kept[0].data_ptr(), x.grad._version)
a, b = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
(a + b).backward(torch.ones(3))
print(a.grad.data_ptr() == b.grad.data_ptr())
""",
    "changed in place": "x = torch.randn(3, requires_grad=True)\ny = x.exp()\ny.add_(1)\ny.sum().backward()\n",
    "a leaf changed in place": "x = torch.randn(3, requires_grad=True)\nx.add_(1)\n",
    "packed saved tensors": """
count = {"pack": 0, "unpack": 0}
def pack(t):
    count["pack"] += 1
    return t.numpy() if not t.requires_grad else t
def unpack(t):
    count["unpack"] += 1
    return t if isinstance(t, torch.Tensor) else torch.from_numpy(t)
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x
x = torch.randn(3, requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
    y = (x * x).exp()
    z = Square.apply(y).sum()
print(count)
z.backward()
print(count)
with torch.autograd.graph.save_on_cpu():
    (x * x).sum().backward()
w = x * x
w.grad_fn._raw_saved_self.register_hooks(pack, unpack)
w.sum().backward()
print(count)
""",
    "anomaly": """
with torch.autograd.detect_anomaly():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()
""",
    "is_grads_batched": """
x = torch.randn(3, requires_grad=True)
y = x.exp() * x
(j,) = torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True, retain_graph=True)
print(j)
y.sum().backward()
""",
    "functional jacobian": """
from torch.autograd.functional import hessian, hvp, jacobian, vjp
f = lambda t: (t**3).sum()
x = torch.randn(3)
print(jacobian(lambda t: t.exp(), x), hessian(f, x), hvp(f, x, torch.ones(3)), vjp(f, x))
print(jacobian(lambda t: t.exp(), x, vectorize=True))
""",
    "forward mode": """
import torch.autograd.forward_ad as fwAD
x, t = torch.randn(3, requires_grad=True), torch.randn(3)
with fwAD.dual_level():
    dual = fwAD.make_dual(x, t)
    out = (dual * dual).sin()
    print(fwAD.unpack_dual(out))
    fwAD.unpack_dual(out).tangent.sum().backward()
""",
    "sparse": """
m = nn.Embedding(5, 3, sparse=True)
for _ in range(2):
    m(torch.tensor([1, 4, 1])).sum().backward()
print(m.weight.grad)
torch.optim.SGD(m.parameters(), lr=0.1).step()
s = torch.eye(3).to_sparse().requires_grad_()
torch.sparse.mm(s, torch.ones(3, 2)).sum().backward()
print(s.grad)
""",
    "complex": """
c = torch.randn(3, dtype=torch.complex64, requires_grad=True)
d = torch.fft.fft(c * c.conj()).abs().sum() + (c.imag ** 2).sum()
d.backward()
print(c.grad)
""",
    "histogram": """
x = torch.randn(20, requires_grad=True)
h = torch.histogram(x, 4)
print(h.hist.requires_grad)
try:
    h.hist.sum().backward()
except RuntimeError as error:
    print(error)
print(torch.histc(x.detach(), 4))
""",
    "warnings": """
x = torch.randn(2, 2, requires_grad=True)
y = x * 2
print(y.grad)
F.softmax(y)
F.softmax(y)
F.mse_loss(y, torch.zeros(1))
out = torch.zeros(3)
torch.add(torch.ones(2), 1, out=out)
(x * 2).sum().backward(create_graph=True)
torch.tensor(y)
for _ in range(2):
    y.grad
x.grad = None
import warnings
warnings.warn("the program's own")
""",
    "nested function modes": """
from torch.overrides import TorchFunctionMode
seen = []
class Count(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        seen.append(getattr(func, "__name__", "?"))
        return func(*args, **(kwargs or {}))
x = torch.randn(3, requires_grad=True)
with Count():
    y = (x * 2).sum()
    y.backward()
    with torch.device("cpu"):
        z = torch.zeros(2)
torch.set_default_device("cpu")
w = torch.zeros(2) + x[0]
w.sum().backward()
print(seen, torch.overrides.has_torch_function((x,)))
""",
    "out of a program": """
import sys
x = torch.randn(2, requires_grad=True)
(x * 2).sum().backward()
sys.exit("done")
""",
    "a signal while it runs": """
import signal
def ring(number, frame):
    raise TimeoutError("rang")
signal.signal(signal.SIGALRM, ring)
x = torch.randn(2, requires_grad=True)
(x * 2).sum().backward()
try:
    signal.raise_signal(signal.SIGALRM)
except TimeoutError as error:
    print(error)
""",
}
