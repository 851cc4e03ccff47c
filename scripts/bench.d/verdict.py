"""A goal, its limit, what was measured, and whether that meets it."""

from dataclasses import dataclass

import measure

# From this pressure on, wall times say more about the neighbours than about us.
BUSY = 10.0


@dataclass
class Row:
    goal: str
    what: str
    limit: str
    measured: str
    verdict: str


def verdict(is_met, decided):
    return "not decided" if not decided else "met" if is_met else "NOT MET"


def judge(goal, what, limit, value, shown=None, decided=True):
    """The value is to be `limit` at most."""
    return Row(goal, what, f"≤ {limit:.3g}", shown or f"{value:.3g}", verdict(value <= limit, decided))


def at_least(goal, what, limit, value, shown=None, decided=True):
    """The value is to be `limit` at least."""
    return Row(goal, what, f"≥ {limit:.3g}", shown or f"{value:.3g}", verdict(value >= limit, decided))


def by_round(goal, what, limit, values, decided=True, judged=judge):
    """The median of `values`, one a round, is to be on the right side of `limit`."""
    median = measure.statistics.median(values)
    return judged(goal, what, limit, median, measure.spread(values, 3), decided)
