"""Changes to the rows of a trace, one function each; ``MUTATIONS`` is the table of them with how often they come."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.attack import hostile
from tests.helpers.forgery import Raw, Rows

JSON_COLUMNS = {
    "meta": {2}, "source": {3}, "node": {5, 10, 11}, "edge": set(), "value": {2}, "label": set(), "tensor": {1},
    "event": {4},
}  # fmt: skip
SHAPE_COLUMNS = {"node": 5, "value": 2, "tensor": 1}
STORAGES = ("full", "thumbnail", "summary")
DTYPES = ("float16", "float32", "float64", "int8", "int64", "uint64", "bool", "complex64", "bfloat16", "complex128")
KINDS = ("function", "accumulate_grad", "custom")
META: tuple[tuple[str, object], ...] = (
    *(("created", number) for number in (*hostile.REAL, -1e12, 4e9, 1e12, 1e18, 10**30, "then", None, [], True)),
    *(("versions", value) for value in (None, [], "1", {"a": 1}, {"\x1b[2J": "<b>"}, {"python": None}, {"": []})),
    *(("backend", value) for value in (None, 5, [], "\x1b]0;x\x07", "other", {"a": []})),
    *(("program", value) for value in (None, 5, [], "\x1b[31m", "/", "", "a/b\0c.py", "\ud800", "..", "x" * 5000)),
    *(("complete", value) for value in (None, 0, 1, "true", False)),
    ("", ""), ("\ud800", 1), ("values", []),
)  # fmt: skip


def column(rows: Rows, choose: random.Random) -> None:
    """Another value in one column of one row, of the same type or of any."""
    table, row = _row(rows, choose)
    if row is None:
        return
    at = choose.randrange(1, len(row))
    if at in JSON_COLUMNS[table]:
        row[at] = _changed_json(row[at], choose)
    else:
        row[at] = _changed(row[at], choose)


def event_field(rows: Rows, choose: random.Random) -> None:
    """Another value somewhere in the body of an event: what replay relies on most."""
    if rows.tables["event"]:
        row = choose.choice(rows.tables["event"])
        row[4] = _changed_json(row[4], choose)


def name(rows: Rows, choose: random.Random) -> None:
    """Hostile names for nodes, values and labels."""
    table, at = choose.choice((("node", 1), ("node", 4), ("node", 9), ("value", 1), ("label", 3), ("source", 1)))
    for row in rows.tables[table]:
        if choose.random() < 0.5:
            row[at] = hostile.text(choose)


def node_texts(rows: Rows, choose: random.Random) -> None:
    """Hostile formulas and names of what was saved."""
    for row in rows.tables["node"]:
        saved = json.loads(row[10])
        for entry in saved:
            entry[0] = hostile.text(choose) if choose.random() < 0.5 else entry[0]
            entry[2] = hostile.other(choose) if entry[1] is None else entry[2]
        row[10] = json.dumps(saved)
        formulas = [hostile.text(choose) if choose.random() < 0.5 else line for line in json.loads(row[11])]
        row[11] = json.dumps(formulas or [hostile.text(choose)])


def shape(rows: Rows, choose: random.Random) -> None:
    """A shape that is not the content's, or that no memory holds."""
    table = choose.choice(tuple(SHAPE_COLUMNS))
    if rows.tables[table]:
        choose.choice(rows.tables[table])[SHAPE_COLUMNS[table]] = json.dumps(choose.choice(hostile.SHAPES))


def tensor_lie(rows: Rows, choose: random.Random) -> None:
    """A dtype, a norm, counts or a kind of storage that are not the content's."""
    if not rows.tables["tensor"]:
        return
    row = choose.choice(rows.tables["tensor"])
    at = choose.choice((2, 3, 4, 5, 6, 7, 8, 9, 10))
    row[at] = {2: choose.choice(DTYPES), 10: choose.choice(STORAGES)}.get(
        at, hostile.whole(choose) if at in (7, 8, 9) else choose.choice(hostile.REAL)
    )


def content(rows: Rows, choose: random.Random) -> None:
    """A content that is missing, short, long, no bytes, or other than the digest says."""
    if not rows.contents:
        return
    tensor = choose.choice(list(rows.contents))
    data = rows.contents[tensor]
    size = len(data) if isinstance(data, bytes) else 0
    changed = choose.choice(
        (None, b"", b"\xff" * size, b"\0" * size, b"\x7f" * (size + 8), bytes(max(size - 1, 0)), "text", 7)
    )
    rows.contents[tensor] = changed
    if changed is None:
        del rows.contents[tensor]
    elif choose.random() < 0.7:
        rows.seal(tensor)


def agreed_shape(rows: Rows, choose: random.Random) -> None:
    """Another shape and a content of just that size: nothing to object to but what others say of the tensor."""
    if not rows.tables["tensor"]:
        return
    row = choose.choice(rows.tables["tensor"])
    sizes = choose.choice(([], [0], [1], [7], [2, 3], [3, 2, 2], [1, 1, 1, 1], [0, 3], [70, 70]))
    count = 1
    for each in sizes:
        count *= each
    row[1], row[2], row[10] = json.dumps(sizes), "float32", "full"
    rows.contents[row[0]] = random.Random(count).randbytes(4 * count)
    rows.seal(row[0])


def events_dropped(rows: Rows, choose: random.Random) -> None:
    """Some events did not happen."""
    share = choose.choice((0.05, 0.3, 0.8))
    _take_events(rows, [row for row in rows.tables["event"] if choose.random() > share])


def events_again(rows: Rows, choose: random.Random) -> None:
    """A stretch of events happens twice."""
    events = rows.tables["event"]
    start = choose.randrange(len(events) + 1)
    stretch = [row[:] for row in events[start : start + choose.randrange(1, 20)]]
    at = choose.randrange(len(events) + 1)
    _take_events(rows, [*events[:at], *stretch, *events[at:]])


def events_moved(rows: Rows, choose: random.Random) -> None:
    """Events in another order: near neighbours change places, or a stretch runs backwards."""
    events = rows.tables["event"]
    if choose.random() < 0.5:
        events.sort(key=lambda row: row[0] + choose.uniform(0, choose.choice((2, 10))))
    else:
        start = choose.randrange(len(events) + 1)
        events[start : start + 12] = events[start : start + 12][::-1]
    _take_events(rows, events)


def event_kind(rows: Rows, choose: random.Random) -> None:
    """The fields of one kind under the name of another, or other ids in the right fields."""
    events = rows.tables["event"]
    if len(events) > 1:
        one, two = choose.sample(events, 2)
        one[1], one[4] = two[1], two[4]


def edge(rows: Rows, choose: random.Random) -> None:
    """Edges that lead elsewhere, doubled, or gone."""
    edges = rows.tables["edge"]
    if not edges:
        return
    row = choose.choice(edges)
    match choose.randrange(3):
        case 0:
            row[choose.randrange(1, 5)] = hostile.whole(choose)
        case 1:
            edges.append([len(edges), row[1], row[2] + 1, row[3], row[4]])
        case _:
            edges.remove(row)
            _renumber(edges)


def rows_gone(rows: Rows, choose: random.Random) -> None:
    """A table is cut short, its ids still dense."""
    table = choose.choice(tuple(rows.tables))
    del rows.tables[table][choose.randrange(len(rows.tables[table]) + 1) :]


def lines(rows: Rows, choose: random.Random) -> None:
    """Lines and cells beyond every text."""
    table, at = choose.choice((("event", 3), ("node", 8)))
    for row in rows.tables[table]:
        row[at] = choose.choice((0, 1, 10**6, 2**31 - 1, 2**31, 2**63 - 1, None)) if choose.random() < 0.5 else row[at]
    for row in rows.tables["source"]:
        row[3] = json.dumps(
            [[hostile.text(choose), choose.choice((0, 1, 5, 10**5, 2**31 - 1, 2**63 - 1))] for _ in range(3)]
        )


def meta(rows: Rows, choose: random.Random) -> None:
    """Facts of another type, or beyond what dates hold."""
    key, value = choose.choice(META)
    rows.tables["meta"].append([len(rows.tables["meta"]), _text(key), json.dumps(value)])


def many(rows: Rows, choose: random.Random) -> None:
    """Very much of something."""
    match choose.randrange(4):
        case 0:
            cells = [[f"Cell {n}", n + 1] for n in range(choose.choice((1000, 100_000)))]
            for row in rows.tables["source"]:
                row[3] = json.dumps(cells)
        case 1:
            row = [0, "mark", None, None, json.dumps({"name": "m"})]
            _take_events(rows, [*rows.tables["event"], *([*row] for _ in range(5000))])
        case 2:
            start = len(rows.tables["node"])
            blank = ["F", "function", 0, None, "[2]", "float32", None, None, "", "[]", "[]"]
            rows.tables["node"] += [[start + n, *blank] for n in range(3000)]
        case _:
            for row in rows.tables["source"]:
                row[2] = "x = 1\n" * 50_000


def not_text(rows: Rows, choose: random.Random) -> None:
    """A text column that holds bytes, or text that is not UTF-8."""
    _, row = _row(rows, choose)
    if row is not None:
        row[choose.randrange(1, len(row))] = choose.choice(
            (b"\0\xff", Raw(b"\xed\xa0\x80"), Raw(b"\xff\xfe"), Raw(b"a\0b"))
        )


Mutation = Callable[[Rows, random.Random], None]
MUTATIONS: dict[Mutation, int] = {
    column: 8, event_field: 10, name: 6, node_texts: 3, shape: 4, tensor_lie: 5, content: 4, agreed_shape: 4,
    events_dropped: 3, events_again: 3, events_moved: 4, event_kind: 4, edge: 3, rows_gone: 1, lines: 3, meta: 4,
    many: 1, not_text: 1,
}  # fmt: skip


def mutate(rows: Rows, choose: random.Random) -> list[str]:
    """Some mutations, one upon the other; their names are returned."""
    chosen = choose.choices(list(MUTATIONS), list(MUTATIONS.values()), k=choose.choice((1, 1, 1, 2, 3, 5)))
    done = []
    for mutation in chosen:
        done.append(mutation.__name__)
        try:
            mutation(rows, choose)
        except (ValueError, TypeError, AttributeError, IndexError, RecursionError):
            continue  # an earlier one left nothing that this one could change
    return done


def _row(rows: Rows, choose: random.Random) -> tuple[str, list[Any] | None]:
    table = choose.choice([name for name in rows.tables if rows.tables[name]] or ["meta"])
    return table, choose.choice(rows.tables[table]) if rows.tables[table] else None


def _take_events(rows: Rows, events: list[list[Any]]) -> None:
    """Number the events anew, and the calls in the order in which they now begin."""
    rows.tables["event"] = events
    calls: dict[object, int] = {}
    for step, row in enumerate(events, 1):
        row[0] = step
        body = json.loads(row[4])
        if "call" in body:
            if row[1] == "backward_begin":
                calls[body["call"]] = max(calls.values(), default=0) + 1
            body["call"] = calls.get(body["call"], body["call"])
            row[4] = json.dumps(body)


def _renumber(rows: list[list[Any]]) -> None:
    for index, row in enumerate(rows):
        row[0] = index


def _changed_json(column: Any, choose: random.Random) -> Any:
    if choose.random() < 0.05 or type(column) is not str:
        return choose.choice(hostile.JSON)
    try:
        return json.dumps(_inside(json.loads(column), choose))
    except (ValueError, RecursionError):
        return choose.choice(hostile.JSON)


def _inside(value: Any, choose: random.Random) -> Any:
    """Another value in one place of something that JSON holds."""
    if isinstance(value, dict) and value and choose.random() < 0.97:
        key = choose.choice(list(value))
        return {**value, key: _inside(value[key], choose)}
    if isinstance(value, list) and value and choose.random() < 0.6:
        at = choose.randrange(len(value))
        return [*value[:at], _inside(value[at], choose), *value[at + 1 :]]
    if isinstance(value, list):
        return _changed_list(value, choose)
    return _changed(value, choose)


def _changed_list(value: list[Any], choose: random.Random) -> Any:
    changed = (value[:-1], value[::-1], value * 2, [], [*value, hostile.whole(choose)], value * 200, [value])
    return choose.choice(changed)


def _changed(value: Any, choose: random.Random) -> Any:
    if choose.random() < 0.1:
        found = hostile.other(choose)
        return found if isinstance(found, str | int | float | None) else json.dumps(found)
    match value:
        case bool():
            return not value
        case int():
            return hostile.whole(choose, value)
        case float():
            return choose.choice(hostile.REAL)
        case str():
            return choose.choice((*KINDS, *STORAGES)) if choose.random() < 0.1 else hostile.text(choose)
        case _:
            return choose.choice((None, hostile.whole(choose), hostile.text(choose)))


def _text(words: str) -> Any:
    return Raw(words.encode("utf-8", "surrogatepass"))
