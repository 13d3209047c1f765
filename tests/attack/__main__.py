"""``python -m tests.attack``: see the package."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.attack.found import Finding

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SHARES = {"traces": 1.0, "actions": 0.5, "kills": 0.005, "stops": 0.005, "recordings": 0.015}
"""Of ``--count``: 20,000 is 20,000 traces, 10,000 actions, 100 kills, 100 stops and 300 recordings."""

Attack = Callable[[int, int, argparse.Namespace], Iterable[Finding]]


def attack_traces(seed: int, count: int, options: argparse.Namespace) -> Iterator[Finding]:
    """``count`` bad traces."""
    from tests.attack.traces import Traces

    traces = Traces(options.keep)
    yield from _each(traces.attack, seed, count)
    print(f"traces: {traces.opened} of {count} opened, {traces.shown} were shown in the window", flush=True)
    traces.close()


def attack_actions(seed: int, count: int, options: argparse.Namespace) -> Iterator[Finding]:
    """``count`` deeds, so many in each window."""
    from tests.attack.actions import IN_ONE_WINDOW, Actions

    actions = Actions(stalls=options.stalls)
    for number, done in enumerate(range(0, count, IN_ONE_WINDOW)):
        found = actions.attack(seed + number, min(IN_ONE_WINDOW, count - done))
        if found is not None:
            yield found
    print(f"actions: {actions.done} done, {len(actions.uncertain)} stalls that may be the machine's", flush=True)
    for stall in actions.uncertain[:20]:
        print(stall)
    actions.stage.close()


def attack_kills(seed: int, count: int, options: argparse.Namespace) -> Iterator[Finding]:
    """``count`` killed recorders."""
    from tests.attack.kills import Kills

    kills = Kills()
    yield from _each(kills.attack, seed, count)
    print(f"kills: {len(kills.kept)} left a trace, with {sum(kills.kept)} prints in all", flush=True)
    kills.close()


def attack_stops(seed: int, count: int, options: argparse.Namespace) -> Iterator[Finding]:
    """``count`` stopped programs."""
    from tests.attack.stops import Stops

    stops = Stops()
    yield from _each(stops.attack, seed, count)
    stops.close()


def attack_recordings(seed: int, count: int, options: argparse.Namespace) -> Iterator[Finding]:
    """``count`` programs that are recorded, and run plainly."""
    from tests.attack.recordings import Recordings

    recordings = Recordings()
    yield from _each(recordings.attack, seed, count)
    recordings.close()


def _each(attack: Callable[[int], Finding | None], seed: int, count: int) -> Iterator[Finding]:
    for number in range(count):
        found = attack(seed + number)
        if found is not None:
            yield found


ATTACKS: dict[str, Attack] = {
    "traces": attack_traces,
    "actions": attack_actions,
    "kills": attack_kills,
    "stops": attack_stops,
    "recordings": attack_recordings,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the attacks asked for; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--count", type=int, required=True, help="how many traces; of the others, in proportion")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--only", default=",".join(ATTACKS), help="some of these; of one alone, --count is its own")
    parser.add_argument("--keep", type=Path, help="a folder for the traces that something was found with")
    parser.add_argument(
        "--no-stalls", dest="stalls", action="store_false",
        help="a window that stands still during an action is told of, and no finding: for a loaded machine",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    chosen = options.only.split(",")
    if not set(chosen) <= ATTACKS.keys():
        parser.error(f"--only takes some of {','.join(ATTACKS)}")
    found = 0
    for name in chosen:
        count = options.count if len(chosen) == 1 else max(1, round(options.count * SHARES[name]))
        print(f"{name}: {count} from seed {options.seed}", flush=True)
        begun, before = time.monotonic(), found
        for finding in ATTACKS[name](options.seed, count, options):
            found += 1
            print(finding, flush=True)
        print(f"{name}: {found - before} findings, {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
