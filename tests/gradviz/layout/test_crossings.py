from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradviz.layout.crossings import crossings

ROWS = st.lists(st.integers(1, 9), min_size=2, max_size=5)


@given(ROWS, st.integers(0, 10_000))
def test_crossings_are_the_pairs_of_steps_that_swap_sides(sizes: list[int], seed: int) -> None:
    numbers = np.random.default_rng(seed)
    row = np.repeat(np.arange(len(sizes)), sizes)
    first = np.cumsum([0, *sizes])
    pairs = set()
    for upper in range(len(sizes) - 1):
        for _ in range(12):
            step = (
                int(numbers.integers(first[upper], first[upper + 1])),
                int(numbers.integers(first[upper + 1], first[upper + 2])),
            )
            pairs.add(step)
    steps = np.array(list(pairs))
    expected = [0] * len(sizes)
    for (a, b), (c, d) in combinations(pairs, 2):
        if row[a] == row[c] and (a - c) * (b - d) < 0:
            expected[row[b]] += 1
    assert crossings(steps[:, 0], steps[:, 1], row).tolist() == expected
