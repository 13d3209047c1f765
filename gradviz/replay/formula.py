"""Formulas of derivatives, as nodes carry them, worked out for one element: ``grad · 2 · self`` is ``1 · 2 · 2``.

A formula is text for people. Those made of names, numbers, ``+ - · / ^``, parentheses, ``ᵀ`` and a few
functions can be evaluated; any other gives None. Nothing is ever executed: a trace may come from anyone.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from gradviz.projection.numbers import number_text

LONGEST = 200
"""Characters of a formula that is still worked out; longer ones are nothing a person would check by eye."""

TRANSPOSED = "ᵀ"

_NAME = re.compile(rf"[A-Za-z_]\w*{TRANSPOSED}?")
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs, "cos": math.cos, "exp": math.exp, "log": math.log, "max": max, "min": min, "sigmoid": _sigmoid,
    "sign": _sign, "sin": math.sin, "sqrt": math.sqrt, "tanh": math.tanh,
}  # fmt: skip


def names_in(formula: str) -> set[str]:
    """The variables of a formula; one that is transposed carries its ``ᵀ``."""
    return set(_NAME.findall(formula)) - _FUNCTIONS.keys()


def evaluate(formula: str, numbers: Mapping[str, float]) -> float | None:
    """The value of ``formula`` with ``numbers`` for its names; None where it cannot be worked out."""
    if len(formula) > LONGEST:
        return None
    text = formula.replace("·", "*").replace("×", "*").replace("−", "-").replace("^", "**")
    try:
        tree = ast.parse(text.replace(TRANSPOSED, "_T").strip(), mode="eval")
        return _value(tree.body, {name.replace(TRANSPOSED, "_T"): n for name, n in numbers.items()})
    except (SyntaxError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
        return None


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
        case ast.Name(name):
            return float(numbers[name])
        case ast.Constant(int() | float() as value):
            return float(value)
        case ast.Call(ast.Name(name), arguments, []):
            return float(_FUNCTIONS[name](*(_value(argument, numbers) for argument in arguments)))
        case _:
            raise ValueError("not arithmetic")
