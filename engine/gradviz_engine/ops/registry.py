"""One declaration an operator: its forward in numpy, its derivatives in the engine's own operations.

The vocabulary of a declaration::

    mul = operator(
        "mul(self, other)", node="MulBackward0", forward=np.multiply,
        gradients={
            "self": Rule(lambda grad, saved: grad * saved.other, "grad · other"),
            "other": Rule(lambda grad, saved: grad * saved.self, "grad · self"),
        },
    )

* The signature names the tensor inputs; after ``*`` come attributes (``dim``, ``alpha``), which are plain
  values. An input written ``*tensors`` takes a sequence of tensors. ``-> a, b`` names several outputs;
  a single one is called ``result``; ``-> *pieces`` are as many as there come to be. Of ``-> a; b, c`` only
  ``a`` has a gradient: what follows the semicolon (indices, saved statistics) takes no part in the graph.
* ``forward`` gets arrays (or Python numbers) and attributes by position, and returns an array, or a tuple.
* A rule gets the gradient (a tuple of them where there are several outputs) and ``saved``. What it reads
  from ``saved`` is what the node saves: an input, an output, an attribute, or the input's geometry, named as in
  PyTorch: ``<input>_sym_sizes`` (``_opt`` where the input may be None), ``_sym_strides``, ``_sym_numel``, and
  ``_sym_argsize_0``, its first size. No tensor is saved that no needed rule reads; plain values always are.
* A key such as ``("input", "weight")`` is a joint rule: it returns one gradient for each name and gets the
  tuple ``needed`` as third argument. Its formula has a part for each name, with ``; `` between them, or one for all.
* Formulas are written as ``gradviz.replay.formula`` reads them; ``tests/engine/test_formulas.py`` works them out.
* A node whose name PyTorch shows with its namespace is declared with it: ``torch::autograd::CopyBackwards``.
* An input without a rule has the derivative None: it is an input PyTorch does not differentiate by. An
  operator without rules makes results that require no grad.
* Gradients need not fit the input's shape: the engine sums over broadcast dimensions (``running.sum_to``).

The op object is called with the inputs and attributes by position; what users call are the functions around it.
"""

from __future__ import annotations

import operator as operator_module
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

import numpy as np

from gradviz_engine.autograd import anomaly, observer
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.node import Node, edge_of
from gradviz_engine.autograd.saved import SavedNumber, SavedTensor
from gradviz_engine.autograd.views import mark_views
from gradviz_engine.ops.reporting import report_op
from gradviz_engine.tensor import Tensor, wrap

OPERATORS: dict[str, Operator] = {}
"""Every declared operator by name; tests walk this table."""


class Rule:
    """A derivative and what it says in words, for the inspector.

    ``reads`` names what the function uses of ``saved``, where that cannot be found from its own code.
    """

    __slots__ = ("formula", "function", "reads")

    def __init__(self, function: Callable[..., Any], formula: str, reads: Sequence[str] | None = None) -> None:
        self.function = function
        self.formula = formula
        self.reads = frozenset(_names_read(function.__code__) if reads is None else reads)


def _names_read(code: CodeType) -> set[str]:
    """Attribute names a function's code uses, those of nested lambdas and comprehensions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_read(constant)
    return names


class SaveStep:
    """One thing a node saves: what, from where, and for which edges it is needed."""

    __slots__ = ("edges", "index", "key", "kind")

    def __init__(self, key: str, kind: str, index: int, edges: tuple[int, ...]) -> None:
        self.key = key
        self.kind = kind
        self.index = index
        self.edges = edges


class OpNode(Node):
    """A node of a declared operator; the subclasses carry the declaration."""

    operator: Operator

    @property
    def formula(self) -> tuple[str, ...]:  # type: ignore[override]
        formulas = self.operator.formulas
        return formulas * len(self.edges) if self.operator.variadic else formulas

    @property
    def saved_names(self) -> tuple[str, ...]:  # type: ignore[override]
        hidden = "sizes" if self.operator.variadic else ""
        return tuple(step.key for step in self.operator.plan if step.kind != hidden)

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        return self.operator.run_backward(self, gradients, needed)

    def release(self) -> bool:
        """Free saved tensors; attributes stay readable, as PyTorch's do."""
        if not self.operator.plan:
            return False
        freed = False
        for value in self.__dict__.values():
            if value.__class__ is SavedTensor or value.__class__ is SavedNumber:
                value.free()
                freed = True
            elif value.__class__ is list:
                for item in value:
                    if item.__class__ is SavedTensor:
                        item.free()
                        freed = True
        self.freed = freed or self.freed
        return freed


class Operator:
    """A declared operator. Call it with inputs, then attributes, by position."""

    def __init__(
        self,
        signature: str,
        *,
        forward: Callable[..., Any],
        node: str | None = None,
        gradients: dict[Any, Rule] | None = None,
        view: bool = False,
        samples: Callable[..., Any] | None = None,
    ) -> None:
        self.name, self.inputs, self.attributes, self.outputs, self.variadic = _parse(signature)
        self.linked = _linked_outputs(signature)
        self.forward = forward
        self.view = view
        self.samples = samples
        self.arity = len(self.inputs)
        self.rules: list[Rule | None] = [None] * self.arity
        self.joint: tuple[tuple[int, ...], Rule] | None = None
        for key, rule in (gradients or {}).items():
            if isinstance(key, tuple):
                self.joint = (tuple(self.inputs.index(k) for k in key), rule)
            else:
                self.rules[self.inputs.index(key)] = rule
        covered = set(self.joint[0]) if self.joint else set()
        self.differentiable = tuple(i for i in range(self.arity) if self.rules[i] is not None or i in covered)
        self.positions = {i: e for e, i in enumerate(self.differentiable)}
        self.formulas = tuple(self._formula_of(i) for i in self.differentiable)
        self.plan = tuple(self._saves())
        self.saves_outputs = any(step.kind == "output" for step in self.plan)
        self.node_type: Any = _node_class(self, node) if node else None

    def _rule_of(self, index: int) -> Rule:
        rule = self.rules[index]
        if rule is None:
            assert self.joint is not None
            rule = self.joint[1]
        return rule

    def _formula_of(self, index: int) -> str:
        """What the inspector says of one input's derivative; of a joint rule's formula the input's part."""
        rule = self._rule_of(index)
        if self.rules[index] is not None or "; " not in rule.formula:
            return rule.formula
        assert self.joint is not None
        return dict(zip(self.joint[0], rule.formula.split("; "), strict=True))[index]

    def _saves(self) -> list[SaveStep]:
        sources = [(n, "input", i) for i, n in enumerate(self.inputs)]
        sources += [(f"{n}_sym_sizes", "sizes", i) for i, n in enumerate(self.inputs)]
        sources += [(f"{n}_sym_strides", "strides", i) for i, n in enumerate(self.inputs)]
        sources += [(f"{n}_sym_sizes_opt", "sizes", i) for i, n in enumerate(self.inputs)]
        sources += [(f"{n}_sym_numel", "numel", i) for i, n in enumerate(self.inputs)]
        sources += [(f"{n}_sym_argsize_0", "rows", i) for i, n in enumerate(self.inputs)]
        sources += [(n, "output", i) for i, n in enumerate(self.outputs)]
        sources += [(n, "attribute", i) for i, n in enumerate(self.attributes)]
        steps = []
        for key, kind, index in sources:
            edges = tuple(e for i, e in self.positions.items() if key in self._rule_of(i).reads)
            if edges:
                steps.append(SaveStep(key, kind, index, edges))
        return steps

    def __call__(self, *args: Any) -> Any:
        """Run forward, and record a node if grad mode is on and an input requires grad."""
        inputs = tuple(args[0]) if self.variadic else args[: self.arity]
        rest = args[1:] if self.variadic else args[self.arity :]
        arrays = [a._data if isinstance(a, Tensor) else a for a in inputs]
        results = self.forward(arrays, *rest) if self.variadic else self.forward(*arrays, *rest)
        if results.__class__ is tuple or results.__class__ is list:
            outputs = tuple(wrap(r) for r in results)
        else:
            outputs = (wrap(results),)
        if self.view:
            mark_views(self.name, inputs[0], outputs)
        self.finish(inputs, rest, outputs)
        return outputs if results.__class__ is tuple or results.__class__ is list else outputs[0]

    def finish(self, inputs: Sequence[Any], attributes: Sequence[Any], outputs: tuple[Tensor, ...]) -> None:
        """Record the node, mark inference tensors, tell the observer."""
        node = None
        if mode.enabled:
            node = self.record(inputs, attributes, outputs)
        elif mode.inference:
            for output in outputs:
                output._inference = True
        if observer.current is not None:
            report_op(self.name, node, inputs, outputs)

    def record(
        self,
        inputs: Sequence[Any],
        attributes: Sequence[Any],
        outputs: tuple[Tensor, ...],
        save_outputs: bool = True,
    ) -> OpNode | None:
        """Make the node and hang the outputs on it; None if no differentiable input requires grad.

        An in-place operation records before it writes and saves its output afterwards (``save_outputs``).
        """
        if self.node_type is None:
            return None
        chosen = inputs if self.variadic else [inputs[i] for i in self.differentiable]
        edges = tuple([edge_of(t) if isinstance(t, Tensor) else (None, 0) for t in chosen])
        for edge in edges:
            if edge[0] is not None:
                break
        else:
            return None
        node: OpNode = self.node_type()
        node.sequence = mode.sequence
        mode.sequence += 1
        node.edges = edges
        linked = outputs if self.linked is None else outputs[: self.linked]
        if len(linked) == 1:
            output = linked[0]
            data = output._data
            node.meta = ((data.shape, data.dtype),)
            output._edge = (node, 0)
        else:
            node.meta = tuple([(o._data.shape, o._data.dtype) for o in linked])
            for number, output in enumerate(linked):
                if output._data.dtype.kind in "fc":
                    output._edge = (node, number)
        if self.plan:
            self._save(node, edges, inputs, attributes)
            if save_outputs and self.saves_outputs:
                self.save_outputs(node, outputs)
        if anomaly.enabled:
            anomaly.remember_creation(node)
        return node

    def _save(self, node: OpNode, edges: Any, inputs: Sequence[Any], attributes: Sequence[Any]) -> None:
        """Keep the inputs and attributes that a needed rule reads."""
        kept = node.__dict__
        for step in self.plan:
            if not self.variadic and not _is_plain(step, inputs, attributes):
                for edge in step.edges:
                    if edges[edge][0] is not None:
                        break
                else:
                    continue
            kind, index, key = step.kind, step.index, "_kept_" + step.key
            if kind == "attribute":
                kept[key] = _keep_attribute(attributes[index])
            elif kind == "sizes":
                kept[key] = tuple(t._data.shape for t in inputs) if self.variadic else _shape_of(inputs[index])
            elif kind == "strides":
                kept[key] = inputs[index].stride()
            elif kind == "numel":
                kept[key] = inputs[index]._data.size
            elif kind == "rows":
                kept[key] = inputs[index]._data.shape[0]
            elif kind == "input":
                if self.variadic:
                    kept[key] = [SavedTensor(t) for t in inputs]
                else:
                    value = inputs[index]
                    kept[key] = _keep_input(value)

    def save_outputs(self, node: OpNode, outputs: Sequence[Tensor]) -> None:
        """Keep the outputs that a needed rule reads."""
        for step in self.plan:
            if step.kind == "output" and any(node.edges[e][0] is not None for e in step.edges):
                linked = self.linked is None or step.index < self.linked
                number = step.index if linked else -1
                node.__dict__["_kept_" + step.key] = SavedTensor(outputs[step.index], number)

    def run_backward(
        self, node: OpNode, gradients: list[Tensor | None], needed: Sequence[bool] | None
    ) -> Sequence[Tensor | None]:
        """Apply the rules of the edges that lead somewhere and are needed."""
        edges = node.edges
        if len(gradients) == 1:
            grad: Any = gradients[0]
            if grad is None:
                return [None] * len(edges)
        else:
            if all(g is None for g in gradients):
                return [None] * len(edges)
            grad = tuple(gradients)
        if self.variadic:
            rule = self.rules[0]
            assert rule is not None
            return list(rule.function(grad, node))
        results: list[Any] = [None] * len(edges)
        for position, index in enumerate(self.differentiable):
            if edges[position][0] is None or (needed is not None and not needed[position]):
                continue
            rule = self.rules[index]
            if rule is not None:
                results[position] = rule.function(grad, node)
        if self.joint is not None:
            self._run_joint(node, grad, needed, results)
        return results

    def _run_joint(self, node: OpNode, grad: Any, needed: Sequence[bool] | None, results: list[Any]) -> None:
        assert self.joint is not None
        indices, rule = self.joint
        positions = [self.positions[i] for i in indices]
        wanted = tuple(node.edges[p][0] is not None and (needed is None or needed[p]) for p in positions)
        if any(wanted):
            for position, want, result in zip(positions, wanted, rule.function(grad, node, wanted), strict=True):
                if want:
                    results[position] = result

    def inplace(self, target: Tensor, *args: Any) -> Tensor:
        """Run the operator on ``target`` and write the result into it (``add_``, ``relu_`` ...)."""
        from gradviz_engine.autograd.inplace import run_inplace

        return run_inplace(self, target, args)


class OneInput(Operator):
    """An operator of one tensor with one result: the same as the general call, straightened for speed."""

    def __call__(self, x: Any, *attributes: Any) -> Tensor:
        array = self.forward(x._data, *attributes)
        output = _new(Tensor)
        output._data = array if array.__class__ is _ndarray else np.asarray(array)
        if mode.enabled:
            node = None
            if x._edge is not None or x._leaf_requires_grad or x._base is not None:
                node = self.record((x,), attributes, (output,))
            if observer.current is not None:
                report_op(self.name, node, (x,), (output,))
        else:
            self.finish((x,), attributes, (output,))
        return output

    def run_backward(
        self, node: OpNode, gradients: list[Tensor | None], needed: Sequence[bool] | None
    ) -> Sequence[Tensor | None]:
        rule, grad = self.rules[0], gradients[0]
        if grad is None or rule is None:
            return super().run_backward(node, gradients, needed)
        return [rule.function(grad, node)]


class TwoInputs(Operator):
    """An operator of two operands, tensors or Python numbers, with one result."""

    def __call__(self, x: Any, y: Any, *attributes: Any) -> Tensor:
        left, right = isinstance(x, Tensor), isinstance(y, Tensor)
        array = self.forward(x._data if left else x, y._data if right else y, *attributes)
        output = _new(Tensor)
        output._data = array if array.__class__ is _ndarray else np.asarray(array)
        if mode.enabled:
            node = None
            if (left and (x._edge is not None or x._leaf_requires_grad or x._base is not None)) or (
                right and (y._edge is not None or y._leaf_requires_grad or y._base is not None)
            ):
                node = self.record((x, y), attributes, (output,))
            if observer.current is not None:
                report_op(self.name, node, (x, y), (output,))
        else:
            self.finish((x, y), attributes, (output,))
        return output


_new = Tensor.__new__
_ndarray = np.ndarray


_PLAIN = (int, float, bool, str, tuple, type(None))


def _is_plain(step: SaveStep, inputs: Sequence[Any], attributes: Sequence[Any]) -> bool:
    """Is this a number or a name, which costs nothing to keep, whoever needs it?"""
    if step.kind == "attribute":
        return attributes[step.index].__class__ in _PLAIN
    return step.kind in ("sizes", "numel", "rows") and isinstance(inputs[step.index], Tensor)


def _shape_of(value: Any) -> tuple[int, ...]:
    """What PyTorch saves as the sizes of an input; those of a missing one are ``[0]``."""
    shape: tuple[int, ...] = (0,) if value is None else value._data.shape
    return shape


def _keep_input(value: Any) -> Any:
    if isinstance(value, Tensor):
        return SavedTensor(value)
    return value if value is None else SavedNumber(value)


def _keep_attribute(value: Any) -> Any:
    """Tensors among attributes (index lists) are saved like inputs, for version checks and freeing."""
    if isinstance(value, Tensor):
        return SavedTensor(value)
    if value.__class__ in (list, tuple) and any(isinstance(v, Tensor) for v in value):
        return [SavedTensor(v) if isinstance(v, Tensor) else v for v in value]
    return value


def _parse(signature: str) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...], bool]:
    """``name(inputs, *, attributes) -> outputs`` in its parts; the last tells a sequence of inputs."""
    head, _, tail = signature.partition("->")
    name, _, inside = head.strip().partition("(")
    before, _, after = inside.rstrip(") ").partition("*,")
    inputs = tuple(p.strip() for p in before.split(",") if p.strip())
    attributes = tuple(p.strip() for p in after.split(",") if p.strip())
    outputs = tuple(p.strip() for p in tail.replace(";", ",").split(",") if p.strip()) or ("result",)
    variadic = bool(inputs) and inputs[0].startswith("*")
    return name, tuple(i.lstrip("*") for i in inputs), attributes, outputs, variadic


def _linked_outputs(signature: str) -> int | None:
    """How many outputs stand before the semicolon; None for all."""
    before, semicolon, _ = signature.partition("->")[2].partition(";")
    return len(before.split(",")) if semicolon else None


def _node_class(op: Operator, name: str) -> type[OpNode]:
    """The class of this operator's nodes: named as PyTorch names it, with what it saves as properties."""
    members: dict[str, Any] = {"operator": op, "__module__": "torch.autograd.graph"}
    if "::" in name:
        members["name"] = lambda node, full_name=name: full_name
    for step in op.plan:
        members[step.key] = _unpacking(step.key)
        members["_saved_" + step.key] = _introspecting(step.key)
        if step.kind in ("input", "output"):
            members["_raw_saved_" + step.key] = property(operator_module.attrgetter("_kept_" + step.key))
        members["_kept_" + step.key] = None
    return type(name.rpartition("::")[2], (OpNode,), members)


def _unpacking(key: str) -> property:
    kept = "_kept_" + key

    def get(node: OpNode) -> Any:
        value = getattr(node, kept)
        if value.__class__ is SavedTensor or value.__class__ is SavedNumber:
            return value.unpack(node)
        if value.__class__ is list:
            return [v.unpack(node) if v.__class__ is SavedTensor else v for v in value]
        return value

    return property(get)


def _introspecting(key: str) -> property:
    """What ``grad_fn._saved_x`` shows: numbers where PyTorch wrapped them in 0-d tensors are tensors there."""

    def get(node: OpNode) -> Any:
        value = getattr(node, key)
        if key in node.operator.inputs and isinstance(value, (int, float, complex)):
            from gradviz_engine.creation import tensor

            return tensor(value)
        return value

    return property(get)


def operator(signature: str, **declaration: Any) -> Operator:
    """Declare an operator and enter it in the table."""
    _, inputs, _, outputs, variadic = _parse(signature)
    plain = not variadic and len(outputs) == 1 and outputs[0][0] != "*" and not declaration.get("view")
    kind = {1: OneInput, 2: TwoInputs}.get(len(inputs), Operator) if plain else Operator
    op = kind(signature, **declaration)
    key = op.name
    number = 2
    while key in OPERATORS:
        key, number = f"{op.name}.{number}", number + 1
    OPERATORS[key] = op
    return op
