"""What the documents say about commands and formats, held against the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from gradviz import resources
from gradviz.trace.events import EVENT_TYPES, Event
from gradviz.trace.reader import Trace
from gradviz.trace.to_json import Jsonifier

SOURCE = Path(__file__).parents[2]


def rows(document: str) -> dict[str, str]:
    """The rows of a document's tables: what the first cell names, and the text of the second."""
    text = (SOURCE / "docs" / document).read_text(encoding="utf-8")
    found = {}
    for first, second in re.findall(r"^\| (.+?) \| (.*) \|$", text, flags=re.MULTILINE):
        for name in re.findall(r"`(\w+)`", first):
            found[name] = second
    return found


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_field_of_every_event_is_described(kind: str) -> None:
    described = set(re.findall(r"`(\w+)`", rows("json.md")[kind]))
    own = {field.name for field in fields(EVENT_TYPES[kind])} - {field.name for field in fields(Event)}
    assert own <= described


def test_every_field_of_a_node_is_described() -> None:
    with Trace.open(resources.path("examples", "autograd_basics.gradviz")) as trace:
        node = Jsonifier(trace).graph()["nodes"][0]
    assert set(node) <= set(rows("json.md"))


def test_the_readmes_pictures_and_links_are_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        text = (SOURCE / document).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^):]+)\)|src(?:set)?=\"([^\"]+)\"", text)
        for link in (first or second for first, second in links):
            assert (SOURCE / link).is_file(), link


def test_the_readme_tells_the_two_commands_for_a_fresh_machine() -> None:
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    assert "\n    python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/gradviz\n" in text
    assert "\n    python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest\n" in text


def the_places_that_know_every_kind_of_event() -> set[str]:
    """The source files that name every kind, by its class or by its name in quotes."""
    found = set()
    for folder in ("gradviz", "ui/gradviz_ui"):
        for file in (SOURCE / folder).rglob("*.py"):
            words = set(re.findall(r"\b[A-Z]\w+\b|\"\w+\"", file.read_text(encoding="utf-8")))
            if all({cls.__name__, f'"{kind}"'} & words for kind, cls in EVENT_TYPES.items()):
                found.add(file.relative_to(SOURCE).as_posix())
    return found


def test_the_recipe_for_an_event_leaves_out_no_place_that_has_to_know_it() -> None:
    text = (SOURCE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text[text.index("## Add an event") : text.index("## Add a field")]
    needed = the_places_that_know_every_kind_of_event()
    assert "gradviz/trace/events.py" in needed
    assert needed <= set(re.findall(r"`([\w/]+\.py)`", recipe))


def test_the_files_that_the_recipes_name_are_there() -> None:
    text = (SOURCE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.(?:py|md|sql))`", text))
    folders = [SOURCE / name for name in ("gradviz", "engine", "ui", "tests", "docs")]
    files = [path.as_posix() for folder in folders for path in folder.rglob("*")]
    assert "gradviz/trace/events.py" in named
    assert [name for name in sorted(named) if not any(path.endswith("/" + name) for path in files)] == []
