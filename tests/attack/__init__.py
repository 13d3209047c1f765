"""Attacks on gradviz: damaged and forged traces, random hands in the window, killed and hostile programs.

    python -m tests.attack --count 2000 [--seed S] [--only traces,actions,kills,stops,recordings]

Every attack has a seed of its own, which is printed with what it found: ``--only KIND --seed S --count 1``
does it again.
"""
