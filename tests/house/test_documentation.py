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
