"""A script's text and the bytes of its file: encoding, byte order mark and line ends stay the file's own.

Inside gradviz a line ends in a newline character and in nothing else. That is how Python counts: form feeds,
U+0085, U+2028 and their like end no line for it.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from collections import Counter
from difflib import SequenceMatcher

_END = re.compile(r"\r\n|\r|\n")
_HEAD = re.compile(rb"[^\r\n]*(?:\r\n?|\n)?[^\r\n]*")
"""The two lines in which Python looks for a declared encoding."""

_NO_TEXT = "its first lines name {}, which is no encoding of text"


def text_of(data: bytes) -> str:
    """The text, by the coding line or byte order mark; ValueError, with the reason, where Python reads none."""
    return plain(_decoded(data))


def bytes_of(text: str, was: bytes | None = None) -> bytes:
    """What to write into a script's file; ``was`` is what it held, and stays the same where the text is.

    ValueError, with the reason, if the file would not be read back as this text.
    """
    before = None if was is None else _decoded(was)
    if was is not None and before is not None and plain(before) == text:
        return was
    check_characters(text)
    encoding = _declared(text.encode())
    marked = text.startswith("\ufeff") or (was is not None and was.startswith(codecs.BOM_UTF8))
    if marked and encoding not in ("utf-8", "utf-8-sig"):
        raise ValueError(f"its byte order mark says UTF-8 and its first lines say {encoding}; let them say utf-8")
    written = text if before is None else with_line_ends_of(text, before)
    try:
        data = codecs.BOM_UTF8 + written.encode() if marked else written.encode(encoding)
    except LookupError:
        raise ValueError(_NO_TEXT.format(encoding)) from None
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line, character = plain(written[:start]).count("\n") + 1, written[start : start + 1]
        raise ValueError(
            f"line {line} has {character!r}, which {encoding}, the encoding that its first lines name,"
            " cannot write; let them say utf-8"
        ) from None
    if not _reads_as(data, text):
        raise ValueError(f"the encoding that its first lines name, {encoding}, does not keep it; let them say utf-8")
    return data


def plain(text: str) -> str:
    """The text with its lines ended by newline characters, as Python reads them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_line_ends_of(text: str, before: str) -> str:
    """``text`` with the line ends of the text before: a line that was there keeps its own, others get the usual."""
    ends = _END.findall(before)
    if not ends:
        return text
    usual = Counter(ends).most_common(1)[0][0]
    old, new = _END.split(before), text.split("\n")
    taken = [usual] * (len(new) - 1)
    if len(set(ends)) > 1:
        for start, at, size in _kept(old, new):
            for index in range(min(size, len(ends) - start, len(taken) - at)):
                taken[at + index] = ends[start + index]
    result = "".join(line + end for line, end in zip(new, [*taken, ""], strict=True))
    return result if plain(result) == text else text.replace("\n", usual)  # "\r" before "\n" would be one end


def check_characters(text: str) -> None:
    """ValueError for what no program holds: NUL characters and halves of surrogate pairs."""
    for name, wrong in (("a NUL character", "\0"), ("half of a surrogate pair", "[\ud800-\udfff]")):
        found = re.search(wrong, text)
        if found is not None:
            line = plain(text[: found.start()]).count("\n") + 1
            raise ValueError(f"line {line} holds {name}, which Python does not take")


def _reads_as(data: bytes, text: str) -> bool:
    try:
        return text_of(data) == text
    except ValueError:
        return False


def _decoded(data: bytes) -> str:
    encoding = _declared(data)
    try:
        text = data.decode(encoding)
    except LookupError:
        raise ValueError(_NO_TEXT.format(encoding)) from None
    except UnicodeError as error:
        line = len(_END.findall(data[: getattr(error, "start", 0)].decode("latin-1"))) + 1
        raise ValueError(f"line {line} is not written in {encoding}, the encoding of the file") from None
    check_characters(text)
    if _declared(text.encode()).removesuffix("-sig") != encoding.removesuffix("-sig"):
        raise ValueError(f"it is not written in {encoding}, which its first lines name")
    return text


def _declared(data: bytes) -> str:
    """The encoding named in the first two lines, or by a byte order mark; "utf-8" without either."""
    found = _HEAD.match(data)
    head = b"" if found is None else found.group().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return tokenize.detect_encoding(io.BytesIO(head).readline)[0]
    except SyntaxError as error:
        raise ValueError(str(error)) from None


def _kept(old: list[str], new: list[str]) -> list[tuple[int, int, int]]:
    """Runs of lines that are in both, or edited line by line, as (start in old, start in new, length)."""
    same = range(min(len(old), len(new)))
    first = next((index for index in same if old[index] != new[index]), len(same))
    last = next((index for index in range(len(same) - first) if old[-1 - index] != new[-1 - index]), len(same) - first)
    middle = SequenceMatcher(None, old[first : len(old) - last], new[first : len(new) - last])
    runs = [(first + i, first + j, min(end - i, stop - j)) for _, i, end, j, stop in middle.get_opcodes()]
    return [(0, 0, first), *runs, (len(old) - last, len(new) - last, last)]
