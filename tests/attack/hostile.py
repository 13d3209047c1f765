"""Texts and numbers that have broken programs before."""

from __future__ import annotations

import math
import random

IMAGE = "/gradviz-attack-marker.png"
"""No attack may make the window ask for this file."""

TEXTS: tuple[str, ...] = (
    "", " ", "\0", "a\0b", "\n", "\r", "a\nb\r\nc", "\t", "\x7f", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m",
    "\u0085", "\u202eabc\u202c", "\u2066\u2067", "\u200b", "\ufeff", "\u2028", "\ufdd0", "\uffff", "\ud800", "\udfff",
    "\ud83d\ude00", "😀", "汉字", "e" + "\u0301" * 300, "ﷺ" * 40, "<b>bold</b>", f"<img src='{IMAGE}'>",
    f"<html><img src='file://{IMAGE}'></html>", "<table><tr><td>x", "<!--", "]]>", "&amp;&lt;", "&&File", "a & b",
    "[*]", "{name}{n}{}", "%s%n%d%1", "../../../etc/passwd", "/dev/zero", "a" * 300, "\\", '"', "'", '\\"', "`$(id)`",
    "(" * 150, "(a+)+$", "[", "*", "grad ^ 9 ^ 9 ^ 9", "a where b, else " * 9, "grad · self" * 30, "((((((|||",
    "AccumulateGrad", "None", "True", "-1", "1e999", "x" * 10_000, "line\n" * 2_000, "w " * 3_000,
)  # fmt: skip

LONG_TEXTS: tuple[str, ...] = ("x" * 10_000_000, "\n" * 200_000, "<b>" * 100_000, "é\u0301" * 200_000, " " * 1_000_000)
"""These take a while, and so come seldom."""

WHOLE: tuple[int, ...] = (
    -1, 0, 1, 2, 3, 7, 64, 65, 255, 1000, 65_536, 10**6, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63,
    2**64 - 1, 2**64, -(2**31), -(2**63), 10**30,
)  # fmt: skip

REAL: tuple[float, ...] = (
    0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 1e-300, 1e300, 1e308, -1e308, math.inf, -math.inf, math.nan, 2.0**63,
)  # fmt: skip

SHAPES: tuple[list[int], ...] = (
    [], [0], [1], [2], [0, 5], [5, 0], [1, 1], [2**62, 4], [2**31, 2**31], [2**62, 2**62, 0], [1] * 32, [1] * 33,
    [65, 65], [64, 64], [3, 4, 5], [1, 2, 3, 4, 5], [10**6], [1, 10**6],
)  # fmt: skip

JSON: tuple[str, ...] = (
    "", "null", "[]", "{}", "0", '""', "[[]]", "[" * 5_000, "[" * 100_000 + "]" * 100_000, "NaN", "[NaN]", "1e999",
    "[Infinity]", "1" * 5_000, "tru", '{"a": 1, "a": 2}', "[1, 2, 3] 4", '"\\ud800"', '["\\u0000"]', "\ufeff[]",
)  # fmt: skip


def text(choose: random.Random) -> str:
    """One of the texts, at times in a longer one."""
    if choose.random() < 0.004:
        return choose.choice(LONG_TEXTS)
    found = choose.choice(TEXTS)
    return found if choose.random() < 0.8 else f"w{found}{choose.choice(TEXTS)[:200]}"


def whole(choose: random.Random, near: int = 0) -> int:
    """A whole number: often one that may be an id, else an extreme."""
    roll = choose.random()
    if roll < 0.5:
        return choose.randrange(0, 30)
    return near + choose.choice((-1, 1, 2)) if roll < 0.7 else choose.choice(WHOLE)


def other(choose: random.Random) -> object:
    """Something of any type."""
    return choose.choice((None, True, False, whole(choose), choose.choice(REAL), text(choose), [], {}, [[]], [None]))
