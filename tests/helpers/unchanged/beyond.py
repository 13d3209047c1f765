"""Where tensors are not what they seem: ``torch.func``, modes, subclasses, scripts."""

PROGRAMS = {
    "func grad and vjp": """
from torch.func import grad, vjp
x = torch.randn(3)
print(grad(lambda t: (t**3).sum())(x), grad(grad(lambda t: t**3))(torch.tensor(2.0)))
out, pull = vjp(lambda t: t.sin(), x)
print(out, pull(torch.ones(3)))
y = torch.randn(3, requires_grad=True)
grad(lambda t: (t * y).sum() ** 2)(x).sum().backward()
""",
    "storage that grows": """
w = torch.randn(3, requires_grad=True)
x = torch.randn(4)
(w.sum() * x.sum()).backward()
x.resize_(100).zero_()
w.grad.resize_(6).zero_()
print(x.shape, w.grad.shape, x.untyped_storage().resizable(), w.untyped_storage().resizable())
""",
    "func vmap": """
from torch.func import grad, vmap
x = torch.randn(4, 3)
w = torch.randn(3, requires_grad=True)
print(vmap(grad(lambda t: (t**2).sum()))(x))
vmap(lambda t: t @ w)(x).sum().backward()
print(vmap(lambda t: t + torch.randn(3), randomness="different")(x))
""",
    "func jacrev and hessian": """
from torch.func import hessian, jacfwd, jacrev, jvp
x = torch.randn(3)
print(jacrev(torch.sin)(x), jacfwd(torch.sin)(x), hessian(lambda t: (t**3).sum())(x), jvp(torch.exp, (x,), (x,)))
""",
    "functional_call": """
from torch.func import functional_call, grad, vmap
m = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
ps = dict(m.named_parameters())
x = torch.randn(4, 3)
functional_call(m, ps, (x,)).sum().backward()
detached = {k: v.detach() for k, v in ps.items()}
loss = lambda p, s: functional_call(m, p, (s.unsqueeze(0),)).sum()
print({k: v.shape for k, v in vmap(grad(loss), in_dims=(None, 0))(detached, x).items()})
""",
    "fake tensors": """
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode():
    m = nn.Linear(3, 2)
    out = m(torch.randn(4, 3))
    out.sum().backward()
    print(out.shape, m.weight.grad.shape, type(out))
x = torch.randn(3, requires_grad=True)
(x * 2).sum().backward()
""",
    "meta tensors": """
m = nn.Linear(3, 2, device="meta")
m(torch.randn(4, 3, device="meta")).sum().backward()
print(m.weight.grad.shape, m.weight.grad.device)
torch.optim.SGD(m.parameters(), lr=0.1).step()
""",
    "dispatch modes": """
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
seen = []
class Log(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        seen.append(str(func))
        return func(*args, **(kwargs or {}))
m = nn.Linear(3, 2)
with Log():
    m(torch.randn(4, 3)).sum().backward()
print(seen)
with FlopCounterMode(display=False) as flops:
    m(torch.randn(4, 3)).sum().backward()
print(flops.get_total_flops())
""",
    "subclass with its own functions": """
seen = []
class Told(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        seen.append(getattr(func, "__name__", "?"))
        return super().__torch_function__(func, types, args, kwargs or {})
x = torch.randn(3).as_subclass(Told).requires_grad_()
y = (x * 2).sum()
y.backward()
print(type(y), type(x.grad), seen)
""",
    "subclass with its own dispatch": """
seen = []
class Wrapped(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
    def __init__(self, inner):
        self.inner = inner
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        seen.append(str(func))
        open_ = lambda t: t.inner if isinstance(t, Wrapped) else t
        out = func(*[open_(a) for a in args], **(kwargs or {}))
        return Wrapped(out) if isinstance(out, torch.Tensor) else out
x = Wrapped(torch.ones(3)).requires_grad_()
y = x * 2 + x
y.sum().backward()
print(seen, x.grad.inner)
""",
    "nested tensors": """
a, b = torch.randn(2, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
n = torch.nested.as_nested_tensor([a, b], layout=torch.jagged)
(n * 2).values().sum().backward()
print(a.grad)
""",
    "scripts and traces": """
@torch.jit.script
def scripted(x):
    return (x * 2).sin()
traced = torch.jit.trace(lambda x: (x * 3).cos() + x[0], torch.randn(3))
x = torch.randn(3, requires_grad=True)
(scripted(x) + traced(x)).sum().backward()
print(traced.graph)
""",
    "symbolic tracing": """
from torch.fx import symbolic_trace
from torch.fx.experimental.proxy_tensor import make_fx
m = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
g = symbolic_trace(m)
print(g.code, make_fx(lambda t: t.sin() * 2)(torch.randn(2)).code)
g(torch.randn(2, 3)).sum().backward()
""",
    "parallel threads": """
import threading
results = {}
def work(n):
    x = torch.full((3,), float(n), requires_grad=True)
    for _ in range(5):
        (x * x).sum().backward()
    results[n] = x.grad.tolist()
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
x = torch.randn(3, requires_grad=True)
for t in threads:
    t.start()
for _ in range(5):
    (x * x).exp().sum().backward()
for t in threads:
    t.join()
results = sorted(results.items())
del threads, t
""",
    "distributions": """
from torch.distributions import Categorical, Normal
mu = torch.zeros(3, requires_grad=True)
d = Normal(mu, 1.0)
s = d.rsample()
(d.log_prob(s).sum() + s.sum()).backward()
logits = torch.randn(4, requires_grad=True)
c = Categorical(logits=logits)
(-c.log_prob(c.sample()) + c.entropy()).backward()
""",
    "save and copy": """
import copy, io
m = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
m(torch.randn(4, 3)).sum().backward()
file = io.BytesIO()
torch.save(m.state_dict(), file)
n = copy.deepcopy(m)
file.seek(0)
n.load_state_dict(torch.load(file))
n(torch.randn(4, 3)).sum().backward()
print(len(file.getvalue()) > 0, n[0].weight.grad)
""",
    "module to another dtype": """
m = nn.Linear(3, 2).double()
m(torch.randn(2, 3, dtype=torch.float64)).sum().backward()
m.half().bfloat16().requires_grad_(False)
print(m.weight.dtype, m.weight.grad.dtype)
""",
}
PYTORCH_ONLY = set(PROGRAMS) - {"distributions"}
_NUMBERS = "the numbers of some tensors are not recorded"
_CALL = "a backward call is not recorded, since its tensors have no numbers of their own"
TOLD = {
    "func grad and vjp": (_CALL,),
    "fake tensors": (_NUMBERS, _CALL),
    "meta tensors": (_NUMBERS, _CALL),
    "subclass with its own dispatch": (_NUMBERS, _CALL),
    "nested tensors": (_NUMBERS,),
}
