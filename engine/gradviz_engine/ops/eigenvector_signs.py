"""Which way an eigenvector points: the way it does in PyTorch.

An eigenvector is as good as its negative, and LAPACK's choice follows from its rotations. PyTorch's MKL makes them
with the DLARTG of LAPACK before 3.10, numpy's LAPACK with the newer one, so that their eigenvectors differ in
sign. For small symmetric matrices the older course is run here, once more and slowly, only to learn the signs.
Sources: LAPACK 3.9 (dsytd2, dsteqr, dlaev2, dlartg).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LARGEST = 25
"""Up to this size DSYEVD takes the QL and QR iterations; above it divides and conquers."""
_EPSILON = float(np.finfo(np.float64).eps) / 2
_SMALLEST = float(np.finfo(np.float64).tiny)
_MOST_ROUNDS = 30


def turned_as_in_pytorch(matrix: Array, vectors: Array, lower: bool) -> Array:
    """``vectors`` of one real symmetric matrix, with the signs PyTorch gives them."""
    n = len(matrix)
    if not 2 <= n <= LARGEST or not np.isfinite(matrix).all():
        return vectors
    diagonal, beside, basis = _tridiagonal(matrix.astype(np.float64), lower)
    guide = _Iteration(diagonal, beside, basis).run()
    signs = np.sign((guide * vectors).sum(axis=0))
    signs[signs == 0] = 1
    return vectors * signs.astype(vectors.dtype)


def _tridiagonal(A: Array, lower: bool) -> tuple[list[float], list[float], Array]:
    """Diagonal, subdiagonal and Q of ``A = Q T Qᵀ``, by Householder's reflections (DSYTD2)."""
    n = len(A)
    A = np.tril(A) + np.tril(A, -1).T if lower else np.triu(A) + np.triu(A, 1).T
    Q = np.eye(n)
    beside = [0.0] * (n - 1)
    for i in range(n - 1) if lower else range(n - 2, -1, -1):
        rows = slice(i + 1, n) if lower else slice(0, i + 1)
        column = A[rows, i] if lower else A[rows, i + 1]
        reflector, beside[i] = _reflector(column.copy(), first=lower)
        if reflector is not None:
            A[rows] -= np.outer(reflector[1], reflector[0] @ A[rows])
            A[:, rows] -= np.outer(A[:, rows] @ reflector[0], reflector[1])
            Q[:, rows] -= np.outer(Q[:, rows] @ reflector[0], reflector[1])
    return np.diagonal(A).tolist(), beside, Q


def _reflector(x: Array, first: bool) -> tuple[tuple[Array, Array] | None, float]:
    """(v, τv) of the reflection that leaves only x's first (or last) entry, and what it becomes (DLARFG)."""
    place = 0 if first else len(x) - 1
    alpha = float(x[place])
    rest = np.delete(x, place)
    length = float(np.linalg.norm(rest))
    if length == 0:
        return None, alpha
    beta = -math.copysign(math.hypot(alpha, length), alpha)
    v = x / (alpha - beta)
    v[place] = 1
    return (v, (beta - alpha) / beta * v), beta


class _Iteration:
    """DSTEQR: implicit QL or QR steps on a tridiagonal matrix, turning the columns of ``z`` along."""

    def __init__(self, diagonal: list[float], beside: list[float], z: Array) -> None:
        self.d = diagonal
        self.e = [*beside, 0.0]
        self.z = z
        self.rounds = _MOST_ROUNDS * len(diagonal)

    def run(self) -> Array:
        """The eigenvectors, by ascending eigenvalues."""
        start, n = 0, len(self.d)
        while start < n:
            if start:
                self.e[start - 1] = 0.0
            end = start
            while end < n - 1 and not self._splits(end):
                end += 1
            if end < n - 1:
                self.e[end] = 0.0
            if abs(self.d[end]) < abs(self.d[start]):
                self._block(end, start, -1)
            else:
                self._block(start, end, 1)
            start = end + 1
        return self.z[:, np.argsort(self.d, kind="stable")]

    def _splits(self, i: int) -> bool:
        scale = math.sqrt(abs(self.d[i])) * math.sqrt(abs(self.d[i + 1])) * _EPSILON
        return abs(self.e[i]) <= scale

    def _block(self, here: int, last: int, way: int) -> None:
        """Deflate an unreduced block from ``here`` to ``last``: QL where ``way`` is 1, QR where it is -1."""
        while (last - here) * way > 0 and self.rounds:
            self.rounds -= 1
            end = here
            while end != last and not self._small(end, way):
                end += way
            if end != last:
                self.e[min(end, end + way)] = 0.0
            if end == here:
                here += way
            elif end == here + way:
                self._pair(min(here, end))
                here += 2 * way
            else:
                self._sweep(here, end, way)

    def _small(self, i: int, way: int) -> bool:
        between = self.e[min(i, i + way)]
        return between * between <= _EPSILON**2 * abs(self.d[i]) * abs(self.d[i + way]) + _SMALLEST

    def _pair(self, i: int) -> None:
        """A block of two at once (DLAEV2)."""
        first, second, cosine, sine = _two_by_two(self.d[i], self.e[i], self.d[i + 1])
        self._turn(i, cosine, sine)
        self.d[i], self.d[i + 1], self.e[i] = first, second, 0.0

    def _sweep(self, here: int, end: int, way: int) -> None:
        """One step with Wilkinson's shift, chasing the bulge from ``end`` to ``here``."""
        d, e = self.d, self.e
        beside = e[min(here, here + way)]
        shift = d[here]
        g = (d[here + way] - shift) / (2.0 * beside)
        g = d[end] - shift + beside / (g + math.copysign(math.hypot(g, 1.0), g))
        sine = cosine = 1.0
        p = 0.0
        turns = []
        for i in range(end, here, -way):
            j = i - way
            between = e[min(i, j)]
            f, b = sine * between, cosine * between
            cosine, sine, r = _rotation(g, f)
            if i != end:
                e[min(i, i + way)] = r
            g = d[i] - p
            r = (d[j] - g) * sine + 2.0 * cosine * b
            p = sine * r
            d[i] = g + p
            g = cosine * r - b
            turns.append((min(i, j), cosine, -way * sine))
        for place, c, s in turns:
            self._turn(place, c, s)
        d[here] -= p
        e[min(here, here + way)] = g

    def _turn(self, i: int, cosine: float, sine: float) -> None:
        left, right = self.z[:, i].copy(), self.z[:, i + 1].copy()
        self.z[:, i + 1] = cosine * right - sine * left
        self.z[:, i] = sine * right + cosine * left


def _rotation(f: float, g: float) -> tuple[float, float, float]:
    """Cosine, sine and r of the rotation that takes (f, g) to (r, 0) (DLARTG before LAPACK 3.10)."""
    if g == 0:
        return 1.0, 0.0, f
    if f == 0:
        return 0.0, 1.0, g
    r = math.hypot(f, g)
    cosine, sine = f / r, g / r
    if abs(f) > abs(g) and cosine < 0:
        return -cosine, -sine, -r
    return cosine, sine, r


def _two_by_two(a: float, b: float, c: float) -> tuple[float, float, float, float]:
    """Eigenvalues of [[a, b], [b, c]], the larger in magnitude first, and its unit vector (DLAEV2)."""
    total, difference, twice = a + c, a - c, 2 * b
    root = math.hypot(difference, twice)
    larger, smaller = (a, c) if abs(a) > abs(c) else (c, a)
    if total == 0:
        first, second, sign = 0.5 * root, -0.5 * root, 1
    else:
        sign = -1 if total < 0 else 1
        first = 0.5 * (total + sign * root)
        second = (larger / first) * smaller - (b / first) * b
    other_sign = 1 if difference >= 0 else -1
    lead = difference + other_sign * root
    if abs(lead) > abs(twice):
        tangent = -twice / lead
        sine = 1.0 / math.sqrt(1.0 + tangent * tangent)
        cosine = tangent * sine
    elif b == 0:
        cosine, sine = 1.0, 0.0
    else:
        tangent = -lead / twice
        cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
        sine = tangent * cosine
    if sign == other_sign:
        cosine, sine = -sine, cosine
    return first, second, cosine, sine
