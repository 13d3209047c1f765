"""Modules by themselves: what they own, hooks, state, printing, errors. Texts are PyTorch 2.13's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine import nn
from gradviz_engine.autograd.observer import Observer, observing


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False)))


class Shared(nn.Module):
    """One linear map under two names, a buffer that is saved and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = self.first
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("scratch", torch.zeros(1), persistent=False)

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x)) * self.scale


# What a module owns -----------------------------------------------------------------------------------------


def test_names_follow_the_path_and_shared_parameters_come_once() -> None:
    assert [name for name, _ in network().named_parameters()] == [
        "0.weight", "0.bias", "1.weight", "1.bias", "2.1.weight",
    ]  # fmt: skip
    module = Shared()
    assert [name for name, _ in module.named_parameters()] == ["first.weight", "first.bias"]
    assert [name for name, _ in module.named_parameters(remove_duplicate=False)][2:] == ["second.weight", "second.bias"]
    assert [name for name, _ in module.named_modules()] == ["", "first"]
    assert [name for name, _ in module.named_buffers()] == ["scale", "scratch"]
    assert list(module.state_dict()) == ["scale", "first.weight", "first.bias", "second.weight", "second.bias"]


def test_assigning_replaces_what_had_the_name() -> None:
    module = nn.Module()
    module.x = nn.Parameter(torch.ones(1))
    module.x = nn.Parameter(torch.zeros(2))
    assert len(list(module.parameters())) == 1
    assert module.x.shape == (2,)
    module.x = None
    assert module.x is None
    assert not list(module.parameters())
    del module.x
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'x'"):
        _ = module.x


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda m: setattr(m, "weight", torch.zeros(2)), TypeError,
         "cannot assign 'torch.FloatTensor' as parameter 'weight' (torch.nn.Parameter or None expected)"),
        (lambda m: m.register_parameter("a.b", None), KeyError, "'parameter name can\\'t contain \".\"'"),
        (lambda m: m.register_buffer("weight", None), KeyError, "\"attribute 'weight' already exists\""),
        (lambda m: m.register_parameter("y", m.weight * 2), TypeError,
         "cannot assign 'torch.FloatTensor' object to parameter 'y' (torch.nn.Parameter or None required)"),
        (lambda m: m.to(torch.int64), TypeError,
         "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64"),
        (lambda m: m.train(1), ValueError, "training mode is expected to be boolean"),
        (lambda m: m.get_submodule("x"), AttributeError, "Linear has no attribute `x`"),
        (lambda m: nn.Module()(1), NotImplementedError, 'Module [Module] is missing the required "forward" function'),
        (lambda m: nn.Module(1), TypeError, "Module.__init__() takes 1 positional argument but 2 were given"),
        (lambda m: nn.Sequential(1), TypeError, "int is not a Module subclass"),
        (lambda m: nn.Conv2d(3, 4, 2, groups=2), ValueError, "in_channels must be divisible by groups"),
        (lambda m: m(torch.zeros(3, 3)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (3x3 and 2x2)"),
    ],
)  # fmt: skip
def test_misuse_is_told_in_pytorchs_words(act: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        act(nn.Linear(2, 2))
    assert str(caught.value) == text


def test_a_missing_name_says_where_it_can_be_had() -> None:
    with pytest.raises(
        AttributeError, match=r"torch\.nn\.SyncBatchNorm is not in the built-in engine; record with PyTorch"
    ):
        _ = nn.SyncBatchNorm
    with pytest.raises(AttributeError, match=r"torch\.nn\.utils\.rnn\.pack_sequence is not in the built-in engine"):
        _ = nn.utils.rnn.pack_sequence


# Changing all of it -----------------------------------------------------------------------------------------


def test_modes_dtypes_and_gradients_reach_every_part() -> None:
    net = network()
    assert not any(module.training for module in net.eval().modules())
    assert all(module.training for module in net.train().modules())
    before = net[0].weight
    net.double()
    assert net[0].weight is before, "parameters stay the objects an optimizer holds"
    assert {p.dtype for p in net.parameters()} == {torch.float64}
    assert net[1].num_batches_tracked.dtype is torch.int64
    net(torch.ones(4, 2, dtype=torch.float64)).sum().backward()
    gradient = net[0].weight.grad
    net.zero_grad(set_to_none=False)
    assert net[0].weight.grad is gradient
    assert not gradient.any()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_apply_reaches_children_first() -> None:
    seen: list[str] = []
    network().apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "BatchNorm1d", "ReLU", "Linear", "Sequential", "Sequential"]


def test_a_deep_copy_shares_no_memory() -> None:
    net = network()
    twin = copy.deepcopy(net)
    for (name, mine), (other, theirs) in zip(net.state_dict().items(), twin.state_dict().items(), strict=True):
        assert name == other
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
        assert not np.shares_memory(mine.numpy(), theirs.numpy())


# State ------------------------------------------------------------------------------------------------------


def test_a_state_dict_goes_there_and_back() -> None:
    net, other = network(), network()
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    assert str(other.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    for mine, theirs in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert net.state_dict()["0.weight"].requires_grad is False
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight


def test_a_state_dict_that_does_not_fit_is_described_whole() -> None:
    state = {"weight": torch.zeros(3, 2), "foo": torch.zeros(1)}
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(2, 2).load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Linear:\n"
        '\tMissing key(s) in state_dict: "bias". \n'
        '\tUnexpected key(s) in state_dict: "foo". \n'
        "\tsize mismatch for weight: copying a param with shape torch.Size([3, 2]) from checkpoint, the shape in "
        "current model is torch.Size([2, 2])."
    )
    keys = nn.Linear(2, 2).load_state_dict({"foo": torch.zeros(1)}, strict=False)
    assert (keys.missing_keys, keys.unexpected_keys) == (["weight", "bias"], ["foo"])


# Calls and hooks --------------------------------------------------------------------------------------------


def test_hooks_see_and_replace_what_passes() -> None:
    layer = nn.Linear(2, 2)
    seen: list[Any] = []
    handles = [
        layer.register_forward_pre_hook(lambda module, args: (args[0] * 2,)),
        layer.register_forward_hook(lambda module, args, output: output + 1),
        layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 3,)),
        layer.register_full_backward_hook(lambda module, *gradients: seen.append(gradients)),
    ]  # fmt: skip
    x = torch.ones(1, 2, requires_grad=True)
    output = layer(x)
    np.testing.assert_allclose(
        output.detach().numpy(), (2 * x.detach() @ layer.weight.t() + layer.bias + 1).detach().numpy(), rtol=1e-6
    )
    output.sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_output[0].tolist() == [[3.0, 3.0]]
    np.testing.assert_allclose(grad_input[0].numpy() * 2, x.grad.numpy(), rtol=1e-6)
    for handle in handles:
        handle.remove()
    np.testing.assert_allclose(
        layer(x).detach().numpy(), (x @ layer.weight.t() + layer.bias).detach().numpy(), rtol=1e-6
    )


def test_a_hook_that_is_always_called_sees_failed_calls() -> None:
    layer, calls = nn.Linear(2, 2), []
    layer.register_forward_hook(lambda module, args, output: calls.append(output), always_call=True)
    with pytest.raises(RuntimeError):
        layer(torch.ones(1, 3))
    assert calls == [None]


class Scopes(Observer):
    """Which modules are open when an operation runs."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.operations: list[tuple[str, tuple[str, ...]]] = []

    def enter_module(self, module: Any) -> None:
        self.open.append(type(module).__name__)

    def exit_module(self, module: Any) -> None:
        assert self.open.pop() == type(module).__name__

    def op(self, name: str, nodes: Any, inputs: Any, outputs: Any) -> None:
        if nodes:
            self.operations.append((name, tuple(self.open)))


def test_an_observer_knows_the_module_of_each_operation() -> None:
    with observing(scopes := Scopes()):
        nn.Sequential(nn.Linear(2, 3), nn.ReLU())(torch.ones(1, 2))
        with pytest.raises(RuntimeError):
            nn.Linear(2, 3)(torch.ones(1, 5))
    assert scopes.operations == [("linear", ("Sequential", "Linear")), ("relu", ("Sequential", "ReLU"))]
    assert not scopes.open


# Printing ---------------------------------------------------------------------------------------------------


def test_modules_print_as_pytorchs_do() -> None:
    assert repr(network()) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)\n"
        "  (2): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=3, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )
    several = nn.ModuleList([*(nn.Linear(1, 1) for _ in range(3)), nn.ReLU(inplace=True)])
    assert repr(several) == (
        "ModuleList(\n  (0-2): 3 x Linear(in_features=1, out_features=1, bias=True)\n  (3): ReLU(inplace=True)\n)"
    )
    assert repr(nn.Parameter(torch.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


# Containers -------------------------------------------------------------------------------------------------


def test_containers_behave_as_lists_and_dicts() -> None:
    layers = nn.ModuleList([nn.Linear(1, 2)])
    layers.append(nn.ReLU()).extend([nn.Linear(2, 1)])
    layers.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in layers] == ["Linear", "Tanh", "ReLU", "Linear"]
    del layers[1:3]
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert type(layers[-1]) is nn.Linear
    assert type(nn.Sequential(*layers)[:1]) is nn.Sequential
    with pytest.raises(IndexError, match="index 4 is out of range"):
        _ = layers[4]
    table = nn.ModuleDict({"a": nn.ReLU()})
    table["b"] = nn.Linear(1, 1)
    assert (list(table), "b" in table, len(table)) == (["a", "b"], True, 2)
    numbers = nn.ParameterList([torch.zeros(2), nn.Parameter(torch.ones(1))])
    numbers += [torch.zeros(3)]
    assert [tuple(p.shape) for p in numbers.parameters()] == [(2,), (1,), (3,)]
