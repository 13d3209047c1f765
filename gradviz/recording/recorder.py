"""Turns what a backend reports into a trace: one method for each thing that can happen.

A backend (``engine_backend``, ``pytorch_backend``) calls these methods with its live tensors and nodes;
``nouns`` knows which ids those have in the trace. Each method is an entry (``guard``): a fault inside is told
as a warning, and the program goes on. Within a backward call, the rest of that call is then left out.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from gradviz.recording.guard import Guard, entry, text_of
from gradviz.recording.nouns import Backend, Nouns, Role
from gradviz.recording.output import OutputLimit, Stream
from gradviz.recording.places import Place, Places
from gradviz.trace import events as ev
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.protocol import TraceSink

TEXT_LIMIT = 20_000
"""Characters of an exception's message, and of its traceback, that are kept."""


@dataclass(slots=True)
class _Call:
    """A backward call that runs."""

    number: int = 0
    place: Place = (None, None)
    begun: bool = False
    """Its beginning is in the trace."""
    told: bool = True
    """False once a fault kept something of it from being recorded: the rest is left out."""


class Recorder:
    """Receives everything, in order, from the thread it was made in; other threads' prints are taken too.

    What other threads do is left out: their operations would come in between those of a backward call.
    """

    def __init__(
        self,
        sink: TraceSink,
        backend: Backend,
        places: Places,
        aside: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.places = places
        self.guard = Guard(self._tell, self._faulted, aside)
        self.events = 0
        self.listening = True
        """False once the recording is over, and in a forked child: what happens then is not part of it."""
        self._sink = sink
        self._nouns = Nouns(sink, backend, places, self._without_numbers)
        self._lock = threading.RLock()
        self._thread = threading.get_ident()
        self._before_write: dict[int, tuple[Role, NodeId, TensorId | None]] = {}
        self._before_accumulate: dict[int, tuple[TensorId | None, TensorId | None]] = {}
        self._calls: list[_Call] = []
        self._begun = 0
        self._line: Place = (None, None)
        self._output = OutputLimit()

    def begin(self) -> None:
        """The program begins to run; TraceError where the trace cannot be written. Doing it again does nothing."""
        if self.listening:
            self._sink.begin()

    # Forward

    @entry("an operation")
    def op(self, name: str, nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """An operation of the program ran."""
        if self._elsewhere():
            return
        file, line = self._arrive()
        nouns = self._nouns
        created = tuple([nouns.node(node) for node in nodes])
        given = tuple([nouns.value(tensor) for tensor in inputs])
        made = tuple([nouns.new_value(tensor) for tensor in outputs])
        self._emit(ev.Op(name=name, nodes=created, inputs=given, outputs=made, file=file, line=line))

    @entry("which module runs")
    def enter_module(self, module: Any) -> None:
        """``module.__call__`` begins."""
        if not self._elsewhere():
            self._nouns.enter(module)

    @entry("which module runs")
    def exit_module(self, module: Any) -> None:
        """``module.__call__`` ends."""
        if not self._elsewhere():
            self._nouns.leave()

    # Backward

    def backward_begin(
        self,
        roots: Sequence[tuple[Any, int]],
        tensors: Sequence[Any],
        gradients: Sequence[Any],
        retain_graph: bool,
        create_graph: bool,
        inputs: Sequence[Any] | None,
        dependencies: Mapping[Any, int],
    ) -> None:
        """A backward call starts; ``tensors`` are the roots as the program gave them."""
        if not self._elsewhere():
            self._calls.append(_Call())  # whatever happens then, each call has its end
            self._begin_call(roots, tensors, gradients, retain_graph, create_graph, inputs, dependencies)

    @entry("a backward call")
    def _begin_call(
        self,
        roots: Sequence[tuple[Any, int]],
        tensors: Sequence[Any],
        gradients: Sequence[Any],
        retain_graph: bool,
        create_graph: bool,
        inputs: Sequence[Any] | None,
        dependencies: Mapping[Any, int],
    ) -> None:
        call = self._calls[-1]
        file, line = call.place = self._arrive()
        nouns = self._nouns
        starts = tuple(
            ev.Root(nouns.node(node), slot, nouns.label(tensor), nouns.tensor(gradient))
            for (node, slot), tensor, gradient in zip(roots, tensors, gradients, strict=False)
        )
        counts = dict(self._counts(dependencies))
        for start in starts:  # the backends count the way in as an edge; the graph has none there
            counts[start.node] = max(counts.get(start.node, 0) - 1, 0)
        wanted = None if inputs is None else nouns.nodes_of(inputs)
        self._begun += 1
        call.number = self._begun
        self._emit(
            ev.BackwardBegin(
                call=call.number,
                roots=starts,
                retain_graph=bool(retain_graph),
                create_graph=bool(create_graph),
                inputs=wanted,
                dependencies=tuple(sorted(counts.items())),
                file=file,
                line=line,
            )
        )
        call.begun = True

    @entry("a node that ran")
    def node_begin(self, node: Any, gradients: Sequence[Any], ready: Sequence[Any], waiting: Mapping[Any, int]) -> None:
        """A node left the queue."""
        call = self._told_call()
        if call is None:
            return
        file, line = self._here_in(call)
        nouns = self._nouns
        self._emit(
            ev.NodeBegin(
                call=call.number,
                node=nouns.node(node),
                grad_outputs=tuple([nouns.tensor(gradient) for gradient in gradients]),
                ready=tuple([nouns.node(other) for other in ready]),
                dependencies=self._counts(waiting),
                file=file,
                line=line,
            )
        )

    @entry("a gradient that flowed")
    def flow(
        self, source: Any, slot: int, target: Any, target_slot: int, gradient: Any | None, total: Any | None
    ) -> None:
        """A gradient went along an edge."""
        call = self._told_call()
        if call is None:
            return
        file, line = self._here_in(call)
        nouns = self._nouns
        begun_at = nouns.node(source)
        if not nouns.has_edges(begun_at):
            return
        sent = nouns.tensor(gradient)
        self._emit(
            ev.Flow(
                call=call.number,
                source=begun_at,
                slot=slot,
                target=nouns.node(target),
                target_slot=target_slot,
                gradient=sent,
                total=sent if total is gradient else nouns.tensor(total),
                file=file,
                line=line,
            )
        )

    @entry("a node that ran")
    def node_end(self, node: Any, freed: bool) -> None:
        """A node ran and its edges are handled."""
        call = self._told_call()
        if call is None:
            return
        file, line = self._here_in(call)
        ran = self._nouns.node(node)
        self._emit(ev.NodeEnd(call=call.number, node=ran, freed=bool(freed), file=file, line=line))

    @entry("an accumulation")
    def before_accumulate(self, node: Any, variable: Any, incoming: Any) -> None:
        """``variable.grad`` is about to be set or added to. Nothing is held: the engine counts references."""
        if self._told_call() is not None:
            tensor = self._nouns.tensor
            self._before_accumulate[id(node)] = tensor(variable.grad), tensor(incoming)

    @entry("an accumulation")
    def after_accumulate(self, node: Any, variable: Any, incoming: Any, result: Any | None = None) -> None:
        """``variable.grad`` holds the result, or did until a hook took it away: then it is ``result``."""
        before, arrived = self._before_accumulate.pop(id(node), (None, None))
        call = self._told_call()
        if call is None:
            return
        file, line = self._here_in(call)
        nouns = self._nouns
        leaf = nouns.node(node)
        held = variable.grad if variable.grad is not None else result
        after = nouns.tensor(held)
        nouns.own("grad", variable, held)
        if arrived is None or after is None:  # without numbers, which the backend told of
            return
        self._emit(
            ev.Accumulate(
                call=call.number,
                leaf=leaf,
                before=before,
                incoming=arrived,
                after=after,
                mode="set" if before is None else "added",
                file=file,
                line=line,
            )
        )

    def backward_end(self, error: BaseException | None) -> None:
        """The call that began last returns or raises."""
        if not self._elsewhere() and self._calls:
            self._end_call(self._calls.pop(), error)

    @entry("the end of a backward call")
    def _end_call(self, call: _Call, error: BaseException | None) -> None:
        if call.begun:
            file, line = self._here_in(call)
            reason = None if error is None else f"{type(error).__name__}: {text_of(error)}"[:TEXT_LIMIT]
            self._emit(ev.BackwardEnd(call=call.number, error=reason, file=file, line=line))

    def _told_call(self) -> _Call | None:
        """The innermost call, if it is recorded."""
        if self._elsewhere() or not self._calls or not self._calls[-1].told:
            return None
        return self._calls[-1]

    def _here_in(self, call: _Call) -> Place:
        """The line in a custom function or hook, else that of the call, which device threads cannot see."""
        place = self.places.here()
        return place if place[0] is not None else call.place

    def _counts(self, dependencies: Mapping[Any, int]) -> tuple[tuple[NodeId, int], ...]:
        return tuple(sorted([(self._nouns.node(node), count) for node, count in dependencies.items()]))

    # Writes

    @entry("a write")
    def before_write(self, tensor: Any, cause: str) -> None:
        """A tensor is about to be changed in place."""
        if self._elsewhere():
            return
        self._before_write.pop(id(tensor), None)  # of a write that raised
        owner = self._nouns.owner(tensor)
        if owner is not None:
            role, leaf, held = owner
            self._before_write[id(tensor)] = role, leaf, self._nouns.tensor(held)

    @entry("a write")
    def after_write(self, tensor: Any, cause: str) -> None:
        """A tensor was changed in place."""
        if self._elsewhere() or id(tensor) not in self._before_write:
            return
        role, leaf, before = self._before_write.pop(id(tensor))
        self._nouns.moved(role, leaf)
        owner = self._nouns.owner(tensor)
        if owner is None:
            return
        role, leaf, held = owner
        file, line = self._arrive()
        after = self._nouns.tensor(held)
        event = ev.GradWrite if role == "grad" else ev.ValueWrite
        self._emit(event(leaf=leaf, cause=cause, before=before, after=after, file=file, line=line))

    @entry("a new .grad")
    def grad_assigned(self, variable: Any, before: Any | None, after: Any | None, cause: str) -> None:
        """``variable.grad`` was bound to another tensor, or to None."""
        if self._elsewhere():
            return
        leaf = self._nouns.leaf(variable)
        if leaf is None:
            return
        if after is not None:
            self._nouns.own("grad", variable, after)
        file, line = self._arrive()
        old, new = self._nouns.tensor(before), self._nouns.tensor(after)
        self._emit(ev.GradWrite(leaf=leaf, cause=cause, before=old, after=new, file=file, line=line))

    # What the program says

    @entry("what was printed")
    def output(self, text: str, stream: Stream) -> None:
        """The program printed; whole lines become one event, however many writes made them."""
        if not self.listening:
            return
        with self._lock:
            if not self.listening:  # the recording ended while another thread waited here
                return
            place = self.places.here()
            for piece, where, kind in self._output.add(text, place, stream):
                self._send(ev.Output(text=piece, stream=kind, file=where[0], line=where[1]))
            warning = self._output.warning()
            if warning is not None:
                self._send(ev.Warned(message=warning, file=place[0], line=place[1]))

    @entry("a warning")
    def warned(self, message: str, file: str | None = None, line: int | None = None) -> None:
        """Something was passed over."""
        if not self.listening:
            return
        self._emit(ev.Warned(message=message, file=file, line=line))

    @entry("a mark")
    def mark(self, name: str) -> None:
        """The program named this moment."""
        if not self.listening:
            return
        file, line = self._arrive()
        self._emit(ev.Mark(name=name, file=file, line=line))

    @entry("an exception")
    def error(self, error: BaseException) -> None:
        """The program raised; the last thing a recording hears."""
        if not self.listening:
            return
        self._nouns.name_results()
        file, line = self.places.of_traceback(error.__traceback__)
        if isinstance(error, SyntaxError) and error.filename is not None:
            name = self.places.name_of(error.filename)
            file, line = (name, error.lineno) if name is not None else (file, line)
        self._emit(
            ev.Error(
                type=type(error).__name__,
                message=text_of(error)[:TEXT_LIMIT],
                traceback=tuple(self.traceback(error)[-TEXT_LIMIT:].splitlines()),
                file=file,
                line=line,
            )
        )

    def traceback(self, error: BaseException) -> str:
        """What Python prints for the exception, without the frames of gradviz and its engine."""
        shown = traceback.TracebackException.from_exception(error, compact=True)
        chain: list[traceback.TracebackException | None] = [shown]
        while chain:
            link = chain.pop()
            if link is not None:
                link.stack[:] = [frame for frame in link.stack if not self.places.is_ours(frame.filename, frame.name)]
                chain += [link.__cause__, link.__context__]
        return "".join(shown.format())

    @entry("the last names and lines")
    def finish(self) -> None:
        """Write what waits, the last line printed and the last names, and hear nothing more."""
        if not self.listening:
            return
        self._nouns.name_results()
        with self._lock:
            self._flush_output()
            self.listening = False

    def leave_to_parent(self) -> None:
        """This process is a forked child: hear nothing more. Locks may be held by threads it does not have."""
        self.listening = False

    # Sending

    def _tell(self, message: str) -> None:
        place = self.places.here()
        left_out = " The rest of this backward call is left out." if self._calls and not self._calls[-1].told else ""
        self._emit(ev.Warned(message=message + left_out, file=place[0], line=place[1]))

    def _without_numbers(self) -> None:
        self.guard.warn_once(
            ("numbers", None),
            "the numbers of some tensors are not recorded: they have none (meta, fake), or only their own code can "
            "read them",
        )

    def _faulted(self) -> None:
        if self._calls:
            self._calls[-1].told = False

    def _elsewhere(self) -> bool:
        return not self.listening or threading.get_ident() != self._thread

    def _arrive(self) -> Place:
        """Where the program is now. On a new line, results of the lines before may have got their names."""
        place = self.places.here()
        if place != self._line:
            self._line = place
            self._nouns.name_results()
        return place

    def _emit(self, event: ev.Event) -> None:
        with self._lock:
            self._flush_output()
            self._send(event)

    def _send(self, event: ev.Event) -> None:
        self.events = self._sink.emit(event)

    def _flush_output(self) -> None:
        for piece, where, stream in self._output.flush():
            self._send(ev.Output(text=piece, stream=stream, file=where[0], line=where[1]))
