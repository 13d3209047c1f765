"""Formulas of derivatives, as nodes carry them, worked out for one element: ``grad · self`` is ``1 · 2``.

A formula is text for people. Those made of names, numbers, ``+ - · / ^ ² √ |x|``, parentheses, ``ᵀ``, a few
functions and ``… where …, else … where …, else …`` can be evaluated; any other gives None, ``×`` too, which
is a product of vectors. Nothing is ever executed: a trace may come from anyone.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from gradviz.trace.numbers import number_text

LONGEST = 200
"""Characters of a formula that is still worked out; longer ones are nothing a person would check by eye."""

TRANSPOSED = "ᵀ"

_SIGNS = str.maketrans(
    {"·": "*", "−": "-", "^": "**", "²": "**2", "³": "**3", "½": "0.5", "≤": "<=", "≥": ">=", TRANSPOSED: "_T"}
)
_CHOICE = re.compile(r"(.+?) where (.+?), else (.+)")
_ROOT = re.compile(r"√(\w+)?")
_LOG_OF_NUMBER = re.compile(r"\bln (\d+)")
_SIZE = re.compile(r"\|([^|]+)\|")
_NAME = re.compile(r"[A-Za-z_][^\W²³]*")
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}

_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs, "clip": _clip, "cos": math.cos, "cosh": math.cosh, "exp": math.exp, "ln": math.log, "log": math.log,
    "log1p": math.log1p, "sigmoid": _sigmoid, "sign": _sign, "sin": math.sin, "sinh": math.sinh, "sqrt": math.sqrt,
    "tanh": math.tanh, "σ": _sigmoid,
}  # fmt: skip
_CONSTANTS = {"π": math.pi}
_WORDS = {"where", "else"}


def names_in(formula: str) -> set[str]:
    """The variables of a formula; one that is transposed carries its ``ᵀ``."""
    return set(_NAME.findall(formula)) - _FUNCTIONS.keys() - _CONSTANTS.keys() - _WORDS


def evaluate(formula: str, numbers: Mapping[str, float]) -> float | None:
    """The value of ``formula`` with ``numbers`` for its names; None where it cannot be worked out."""
    if len(formula) > LONGEST:
        return None
    known = _CONSTANTS | {_plain(name): number for name, number in numbers.items()}
    try:
        return _value(ast.parse(_plain(formula).strip(), mode="eval").body, known)
    except (SyntaxError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
        return None


def _plain(formula: str) -> str:
    """The formula as a Python expression."""
    if choice := _CHOICE.fullmatch(formula):
        then, test, otherwise = choice.groups()
        return f"({_plain(then)}) if ({_plain(test.replace(' = ', ' == '))}) else ({_plain(otherwise)})"
    formula = _ROOT.sub(lambda root: f"sqrt({root[1]})" if root[1] else "sqrt", formula)
    return _LOG_OF_NUMBER.sub(r"ln(\1)", _SIZE.sub(r"abs(\1)", formula)).translate(_SIGNS)


def substitute(formula: str, numbers: Mapping[str, float]) -> str:
    """``formula`` with every known name replaced by its number; negative ones in parentheses."""

    def number(match: re.Match[str]) -> str:
        value = numbers.get(match.group())
        if value is None:
            return match.group()
        return f"({number_text(value)})" if value < 0 else number_text(value)

    return _NAME.sub(number, formula)


def _value(tree: ast.expr, numbers: Mapping[str, float]) -> float:
    match tree:
        case ast.BinOp(left, op, right):
            return _OPERATORS[type(op)](_value(left, numbers), _value(right, numbers))
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, numbers)
        case ast.IfExp(test, then, otherwise):
            return _value(then if _holds(test, numbers) else otherwise, numbers)
        case ast.Name(name):
            return float(numbers[name])
        case ast.Constant(int() | float() as value):
            return float(value)
        case ast.Call(ast.Name(name), arguments, []):
            return float(_FUNCTIONS[name](*(_value(argument, numbers) for argument in arguments)))
        case _:
            raise ValueError("not arithmetic")


def _holds(test: ast.expr, numbers: Mapping[str, float]) -> bool:
    """Is a comparison, a chain of them, or an element of a mask true?"""
    if isinstance(test, ast.Name):
        return numbers[test.id] != 0
    if not isinstance(test, ast.Compare):
        raise ValueError("not a comparison")
    values = [_value(part, numbers) for part in (test.left, *test.comparators)]
    return all(
        _COMPARISONS[type(op)](left, right) for op, (left, right) in zip(test.ops, pairwise(values), strict=True)
    )
