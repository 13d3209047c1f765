"""Optimizers: PyTorch's steps to 1e-6, its state names, its errors, and what observers are told.

``data/optimizers.json`` holds parameters after 12 steps as PyTorch 2.13.0 computed them; ``python
tests/engine/optim/test_optimizers.py`` with PyTorch installed computes them anew.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz_engine
from gradviz_engine.autograd.observer import Observer, observing

DATA = Path(__file__).parents[1] / "data" / "optimizers.json"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.05}),
    "SGD momentum": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    "SGD nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    "Adam": ("Adam", {"lr": 0.05}),
    "Adam amsgrad": ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1, "betas": (0.5, 0.9)}),
    "AdamW": ("AdamW", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    "RMSprop": ("RMSprop", {"lr": 0.05}),
    "RMSprop centered": ("RMSprop", {"lr": 0.05, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    "Adagrad": ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
}


def trained(torch: Any, name: str) -> tuple[list[list[float]], Any]:
    """Parameters after 12 steps with given gradients, and the optimizer."""
    kind, options = CASES[name]
    numbers = np.random.default_rng(0)
    params = [torch.tensor(numbers.normal(size=s)).requires_grad_() for s in ((2, 3), (4,), ())]
    optimizer = getattr(torch.optim, kind)(params, **options)
    for _ in range(12):
        for param in params:
            param.grad = torch.tensor(np.asarray(numbers.normal(size=tuple(param.shape))))
        optimizer.step()
    return [p.detach().numpy().ravel().tolist() for p in params], optimizer


def fitted(torch: Any, search: str | None) -> list[float]:
    """LBFGS on a chain of Rosenbrock's valleys."""
    x = torch.tensor([-1.2, 1.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([x], lr=1 if search else 0.001, line_search_fn=search, max_iter=10)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((1 - x[:-1]) ** 2).sum() + 10 * ((x[1:] - x[:-1] ** 2) ** 2).sum()
        loss.backward()
        return loss

    losses = [float(optimizer.step(closure).detach()) for _ in range(4)]
    return losses + x.detach().tolist()


def record() -> None:
    import torch

    data = {
        "source": f"computed by PyTorch {torch.__version__} on the CPU in float64",
        "params": {name: trained(torch, name)[0] for name in CASES},
        "lbfgs": {str(search): fitted(torch, search) for search in (None, "strong_wolfe")},
    }
    DATA.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def recorded() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_steps_are_pytorchs(name: str, recorded: Any) -> None:
    found, _ = trained(gradviz_engine, name)
    for mine, theirs in zip(found, recorded["params"][name], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_takes_pytorchs_path(search: str | None, recorded: Any) -> None:
    np.testing.assert_allclose(fitted(gradviz_engine, search), recorded["lbfgs"][str(search)], rtol=1e-6)


@pytest.mark.pytorch
@pytest.mark.parametrize("name", CASES)
def test_state_and_text_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    mine, theirs = trained(gradviz_engine, name)[1], trained(torch, name)[1]
    assert repr(mine) == repr(theirs)
    a, b = mine.state_dict(), theirs.state_dict()
    assert a["param_groups"] == b["param_groups"]
    assert {k: list(v) for k, v in a["state"].items()} == {k: list(v) for k, v in b["state"].items()}
    for number, values in b["state"].items():
        for key, value in values.items():
            np.testing.assert_allclose(a["state"][number][key].numpy(), value.numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_state_goes_on_where_it_was(name: str) -> None:
    _, optimizer = trained(gradviz_engine, name)
    kind, options = CASES[name]
    copies = [p.detach().clone().requires_grad_() for p in optimizer.param_groups[0]["params"]]
    other = getattr(gradviz_engine.optim, kind)(copies, **options)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for params in (optimizer.param_groups[0]["params"], copies):
        for p in params:
            p.grad = gradviz_engine.ones_like(p)
    optimizer.step()
    other.step()
    for a, b in zip(optimizer.param_groups[0]["params"], copies, strict=True):
        assert a.tolist() == b.tolist()


class Writes(Observer):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, list[float]]] = []

    def before_write(self, tensor: Any, cause: str) -> None:
        self.seen.append(("before", cause, tensor.tolist()))

    def after_write(self, tensor: Any, cause: str) -> None:
        self.seen.append(("after", cause, tensor.tolist()))

    def grad_assigned(self, variable: Any, before: Any, after: Any, cause: str) -> None:
        self.seen.append(("grad", cause, []))


def test_an_observer_is_told_of_each_parameter_under_the_steps_name() -> None:
    x = gradviz_engine.tensor([1.0, 2.0], requires_grad=True)
    optimizer = gradviz_engine.optim.SGD([x], lr=0.5)
    x.grad = gradviz_engine.ones(2)
    watcher = Writes()
    with observing(watcher):
        optimizer.step()
        optimizer.zero_grad()
    assert watcher.seen == [
        ("before", "SGD.step", [1.0, 2.0]),
        ("after", "SGD.step", [0.5, 1.5]),
        ("grad", "set_to_none", []),
    ]
    assert x.grad is None


def test_a_users_own_optimizer_is_named_too() -> None:
    class Halving(gradviz_engine.optim.Optimizer):
        def step(self, closure: Any = None) -> None:
            with gradviz_engine.no_grad():
                for param in self.param_groups[0]["params"]:
                    param.mul_(0.5)

    x = gradviz_engine.tensor([4.0], requires_grad=True)
    watcher = Writes()
    with observing(watcher):
        Halving([x], {}).step()
    assert [cause for _, cause, _ in watcher.seen] == ["Halving.step", "Halving.step"]
    assert x.tolist() == [2.0]


def test_each_step_is_one_version_and_hooks_run_around_it() -> None:
    x = gradviz_engine.tensor([1.0], requires_grad=True)
    optimizer = gradviz_engine.optim.Adam([x])
    calls: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    handle = optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    for expected in (1, 2):
        x.grad = gradviz_engine.ones(1)
        optimizer.step()
        assert x._version == expected
        handle.remove()
    assert calls == ["before", "after", "before"]


def test_parameters_without_gradient_stay() -> None:
    x = gradviz_engine.tensor([1.0], requires_grad=True)
    gradviz_engine.optim.SGD([x], lr=1.0, weight_decay=1.0).step()
    assert x.tolist() == [1.0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda t: t.optim.SGD([], 0.1), ValueError, "optimizer got an empty parameter list"),
        (lambda t: t.optim.SGD([t.ones(1)], -1), ValueError, "Invalid learning rate: -1"),
        (lambda t: t.optim.SGD([t.ones(1)], 0.1, nesterov=True), ValueError,
         "Nesterov momentum requires a momentum and zero dampening"),
        (lambda t: t.optim.Adam([t.ones(1)], betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 1.0"),
        (lambda t: t.optim.SGD([3], 0.1), TypeError,
         "optimizer can only optimize Tensors, but one of the params is int"),
        (lambda t: t.optim.SGD([t.ones(1, requires_grad=True) * 2], 0.1), ValueError,
         "can't optimize a non-leaf Tensor"),
        (lambda t: t.optim.SGD(t.ones(1), 0.1), TypeError,
         "params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor"),
    ],
)  # fmt: skip
def test_impossible_optimizers_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make(gradviz_engine)
    assert str(caught.value) == message


if __name__ == "__main__":
    record()
