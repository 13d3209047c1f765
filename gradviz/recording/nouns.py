"""The nodes, leaves, values and tensors of a running program, and the ids they have in the trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from gradviz.recording import names
from gradviz.recording.identity import IdentityNotes
from gradviz.recording.places import Places
from gradviz.trace.model import Edge, GraphNode, NodeId, NodeKind, Saved, TensorId, Value, ValueId
from gradviz.trace.protocol import TraceSink

LABEL_TRIES = 4
"""How many lines after an operation its result may still get a name."""

Role = Literal["grad", "value"]


class Notes(Protocol):
    """A number for each node."""

    def get(self, item: Any) -> int | None: ...

    def set(self, item: Any, note: int) -> None: ...


class Backend(Protocol):
    """What the recorder must ask about live objects."""

    name: str

    def content(self, tensor: Any) -> tuple[NDArray[Any], str] | None:
        """The numbers, in memory that is valid until the next call, and PyTorch's name of their dtype.

        None for a tensor that has none.
        """

    def form(self, tensor: Any) -> tuple[tuple[int, ...], str]:
        """Shape and dtype of a tensor, be it one without numbers."""

    def memory(self, tensor: Any) -> int:
        """The same number for tensors that share memory."""

    def is_tensor(self, value: Any) -> bool: ...

    def describe(self, node: Any) -> GraphNode:
        """Name, kind, sequence number, shape, dtype and formula of a node."""

    def saved(self, node: Any) -> list[tuple[str, Any]]:
        """What the node saved: names, and tensors or plain values."""

    def variable(self, node: Any) -> Any:
        """The leaf of an AccumulateGrad node, None for any other node."""

    def weak(self, tensor: Any) -> Callable[[], Any]:
        """A weak reference to a tensor."""

    def new_notes(self) -> Notes:
        """Where the ids of nodes are kept: with the nodes, for as long as these live."""

    def gradient_edge(self, tensor: Any) -> tuple[Any, int] | None:
        """``grad_fn`` and ``output_nr`` of a result; None for leaves and for what needs no gradient."""


class _Unnamed:
    """A leaf or value that has no name yet."""

    __slots__ = ("find", "id", "kind", "tries")

    def __init__(self, kind: Literal["node", "value"], index: int, find: Callable[[], Any]) -> None:
        self.kind = kind
        self.id = index
        self.find = find
        self.tries = 0


class Nouns:
    """Gives every live object its id, adding to the trace what it has not seen."""

    def __init__(self, sink: TraceSink, backend: Backend, places: Places, without_numbers: Callable[[], None]) -> None:
        """``without_numbers`` hears of each tensor whose numbers could not be kept."""
        self._sink = sink
        self._without_numbers = without_numbers
        self._backend = backend
        self._places = places
        self._nodes = backend.new_notes()
        self._without_edges: set[NodeId] = set()
        self._leaves: IdentityNotes[NodeId] = IdentityNotes()
        self._values: IdentityNotes[ValueId] = IdentityNotes()
        self._value_labels: dict[ValueId, str] = {}
        self._unnamed: list[_Unnamed] = []
        self._paths = names.ModulePaths()
        self._modules: list[tuple[Any, dict[int, str]]] = []
        self._owners: dict[int, tuple[Role, NodeId, Callable[[], Any]]] = {}
        self._memory_of: dict[tuple[Role, NodeId], int] = {}

    # Modules

    def enter(self, module: Any) -> None:
        """Nodes made from now on belong to ``module``."""
        outermost = not self._modules
        self._modules.append((module, {} if outermost else self._modules[-1][1]))  # each has its end
        if outermost:
            self._modules[-1] = module, self._paths.meet(module, self._places.frames())

    def leave(self) -> None:
        """The module entered last ends."""
        if self._modules:
            self._modules.pop()

    def _scope(self) -> str:
        if not self._modules:
            return ""
        module, paths = self._modules[-1]
        return paths.get(id(module), "")

    # Nodes

    def node(self, node: Any) -> NodeId:
        """The id of a graph node."""
        known = self._known(node)
        return known if known is not None else self._add_nodes(node)

    def nodes_of(self, tensors: Sequence[Any]) -> tuple[NodeId, ...]:
        """The nodes that the gradients of ``tensors`` go to, as far as they are in a recorded graph."""
        found = []
        for tensor in tensors:
            edge = self._backend.gradient_edge(tensor)
            node = self._leaves.get(tensor) if edge is None else self.node(edge[0])
            if node is not None:
                found.append(node)
        return tuple(found)

    def has_edges(self, node: NodeId) -> bool:
        """False for a node that a fault kept from getting all of its edges: nothing can be told of them."""
        return node not in self._without_edges

    def leaf(self, variable: Any) -> NodeId | None:
        """The id of a leaf's AccumulateGrad; None if the leaf is in no recorded graph."""
        return self._leaves.get(variable)

    def _known(self, node: Any) -> NodeId | None:
        known = self._nodes.get(node)
        if known is None:
            variable = self._backend.variable(node)
            if variable is not None:
                # A leaf's node may die and be made anew; to the person it is one leaf.
                known = self._leaves.get(variable)
                if known is not None:
                    self._nodes.set(node, known)
        return known

    def _add_nodes(self, start: Any) -> NodeId:
        """Add the node and what it leads to, targets first, without recursion: graphs can be deep."""
        stack = [start]
        while stack:
            node = stack[-1]
            if self._known(node) is not None:
                stack.pop()
                continue
            missing = [n for n, _ in node.next_functions if n is not None and self._known(n) is None]
            if missing:
                stack.extend(reversed(missing))
            else:
                stack.pop()
                self._add_node(node)
        added = self._known(start)
        assert added is not None
        return added

    def _add_node(self, node: Any) -> None:
        file, line = self._places.here()
        facts = replace(self._backend.describe(node), file=file, line=line, scope=self._scope())
        variable = self._backend.variable(node)
        if variable is not None:
            facts = replace(facts, kind=NodeKind.ACCUMULATE_GRAD, label=self._leaf_label(variable))
        else:
            facts = replace(facts, saved=tuple(self._saved(node)))
        added = self._sink.add_node(facts)
        self._nodes.set(node, added)
        self._without_edges.add(added)
        if variable is not None:
            self._add_leaf(variable, added, facts.label)
        for slot, (target, target_slot) in enumerate(node.next_functions):
            if target is not None:
                self._sink.add_edge(Edge(added, slot, self.node(target), target_slot))
        self._without_edges.discard(added)

    def _add_leaf(self, variable: Any, node: NodeId, label: str | None) -> None:
        self._leaves.set(variable, node)
        self.own("value", variable, variable)
        if variable.grad is not None:
            self.own("grad", variable, variable.grad)
        if label is None:
            self._unnamed.append(_Unnamed("node", node, self._backend.weak(variable)))

    def _saved(self, node: Any) -> list[Saved]:
        return [
            Saved(name, self.tensor(value)) if self._backend.is_tensor(value) else Saved(name, None, value)
            for name, value in self._backend.saved(node)
        ]

    # Tensors and values

    def tensor(self, tensor: Any | None) -> TensorId | None:
        """Keep a tensor's content as it is now."""
        if tensor is None:
            return None
        content = self._backend.content(tensor)
        if content is None:
            self._without_numbers()
            return None
        return self._sink.add_tensor(*content)

    def value(self, tensor: Any) -> ValueId:
        """The id of an operation's input."""
        known = self._values.get(tensor)
        return known if known is not None else self.new_value(tensor)

    def new_value(self, tensor: Any) -> ValueId:
        """A new id for a tensor's content as it is now: a result, or an input that nothing recorded made."""
        kept = self.tensor(tensor)
        shape, dtype = self._backend.form(tensor)
        edge = self._backend.gradient_edge(tensor)
        node, slot = (self._leaves.get(tensor), 0) if edge is None else (self.node(edge[0]), edge[1])
        value = self._sink.add_value(Value(0, None, shape, dtype, kept, node, slot))
        self._values.set(tensor, value)
        self._unnamed.append(_Unnamed("value", value, self._backend.weak(tensor)))
        return value

    # Whose memory

    def own(self, role: Role, variable: Any, tensor: Any) -> None:
        """Remember that ``tensor`` is a leaf's ``.grad``, or the leaf: writes through any alias count."""
        leaf = self._leaves.get(variable)
        if leaf is None:
            return
        memory = self._backend.memory(tensor)
        before = self._owners.get(self._memory_of.get((role, leaf), -1))
        if before is not None and before[:2] == (role, leaf):  # freed memory may be another leaf's by now
            del self._owners[self._memory_of[role, leaf]]
        self._memory_of[role, leaf] = memory
        self._owners[memory] = (role, leaf, self._backend.weak(variable))

    def moved(self, role: Role, leaf: NodeId) -> None:
        """``.data = ...`` may have given the leaf, or its ``.grad``, other memory."""
        owner = self._owners.get(self._memory_of[role, leaf])
        variable = owner[2]() if owner is not None and owner[:2] == (role, leaf) else None
        held = variable.grad if role == "grad" and variable is not None else variable
        if held is not None:
            self.own(role, variable, held)

    def owner(self, tensor: Any) -> tuple[Role, NodeId, Any] | None:
        """Whose memory a tensor is: the role, the leaf, and the tensor that holds all of it."""
        memory = self._backend.memory(tensor)
        entry = self._owners.get(memory)
        if entry is None:
            return None
        role, leaf, find = entry
        variable = find()
        held = None if variable is None else variable.grad if role == "grad" else variable
        if held is None or self._backend.memory(held) != memory:  # the memory went to another tensor
            del self._owners[memory]
            return None
        return role, leaf, held

    # Names

    def label(self, tensor: Any) -> str | None:
        """What the program calls the tensor now."""
        found = names.direct_names({id(tensor)}, self._places.frames()).get(id(tensor))
        value = self._values.get(tensor)
        return found or (None if value is None else self._value_labels.get(value))

    def _leaf_label(self, variable: Any) -> str | None:
        known = self._paths.of(variable)
        if known is not None:
            return known
        frames = self._places.frames()
        if names.is_parameter(variable):
            self._paths.search(frames)
        wanted = {id(variable)}
        return (
            self._paths.of(variable)
            or names.direct_names(wanted, frames).get(id(variable))
            or names.nested_names(wanted, frames).get(id(variable))
        )

    def name_results(self) -> None:
        """Look for names of what had none: a line ended, and may have bound its results to variables."""
        if not self._unnamed:
            return
        living = [(item, tensor) for item in self._unnamed if (tensor := item.find()) is not None]
        frames = self._places.frames()
        found = names.direct_names({id(tensor) for _, tensor in living}, frames)
        self._unnamed = []
        for item, tensor in living:
            label = found.get(id(tensor))
            if label is None:
                item.tries += 1
                if item.tries < LABEL_TRIES:
                    self._unnamed.append(item)
            elif item.kind == "node":
                self._sink.label_node(item.id, label)
            else:
                self._value_labels[item.id] = label
                self._sink.label_value(item.id, label)
