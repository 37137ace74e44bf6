"""The time that a stage will still take, from the accounts that have ended and those that run.

Accounts run beside each other and their sizes differ, so the accounts that end first are the small ones, and the mean
of those that have ended says too little. What has ended and what still runs (which takes longer than its age) give a
lognormal distribution of the time that an account takes; from it follow two bounds. If what runs shares one capacity
(this machine's cores, a rate of the whole run), the rest ends when its work is done. If each account has a pace of its
own, the last account to end decides. Which of the two it is shows at the end, when fewer run beside each other. Before,
the estimate is their geometric mean, within a factor of two of both as long as they are within a factor of four of each
other. Where they are not, the smaller one is a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import erfc, exp, log, pi, sqrt
from typing import Final, TypeAlias

Reached: TypeAlias = Sequence[tuple[float, float]]
"""Accounts that run: the age of each in seconds, and the share of accounts that take longer."""

LONGER: Final = 1.8
"""While no account has ended: how many times the oldest one's age an account is expected to take."""
PRIOR_SPREAD, PRIOR_WEIGHT = 0.5, 2.0
"""The standard deviation of the logarithm of an account's time that is expected before any is known, and how many
accounts it counts as."""
ENOUGH: Final = 4
"""How many times as many accounts as run beside each other must have ended for their plain mean to count as much as
that of the fitted distribution, which is right earlier, but only where sizes have that form."""
UNKNOWN: Final = 0.5
"""How far accounts have a pace of their own, from 0 to 1, while nothing shows it."""
FACTOR: Final = 2.0
"""How far the estimate may be from either bound."""
APART: Final = 4.0
"""How many times its age an unexpected account may take still, so that nothing is promised for less."""
UNEXPECTED: Final = 0.05
"""How many accounts of an age may be expected among all, where one that has it belongs to no distribution of theirs."""
NEVER: Final = 1e-12
"""A likelihood below which only the form of the distribution's tail matters."""
SHORTEST: Final = 1e-3
"""Seconds; nothing takes less, so that every time has a logarithm."""
EVEN: Final = 0.5
"""The likelihood that a median has."""
ROUNDS, HALVINGS, STARTS = 12, 30, 16
"""How often a fit and a median are improved, and for how many moments the start of a waiting account is computed."""


@dataclass(frozen=True, slots=True)
class Left:
    """The seconds that are left; where `at_least`, how much more is unknown."""

    seconds: float
    at_least: bool = False


class Durations:
    """The times that accounts took: their number, their sum, and the sums of logarithms and of the squares of these."""

    def __init__(self) -> None:
        self.count, self.total, self.logs, self.squares = 0, 0.0, 0.0, 0.0

    def add(self, took: float) -> None:
        """Count an account that ended after so long."""
        size = log(max(took, SHORTEST))
        self.count += 1
        self.total += took
        self.logs += size
        self.squares += size * size

    @property
    def usual(self) -> float | None:
        """The geometric mean, None before any account has ended."""
        return exp(self.logs / self.count) if self.count else None


@dataclass(frozen=True, slots=True)
class Lognormal:
    """How long an account takes: the mean and the standard deviation of the time's logarithm."""

    mean: float
    spread: float

    def longer(self, seconds: float) -> float:
        """Return the share of accounts that take longer."""
        return _above((log(max(seconds, SHORTEST)) - self.mean) / self.spread)

    def expected(self) -> float:
        """Return the mean time of an account."""
        return exp(self.mean + self.spread**2 / 2)

    def residual(self, age: float) -> float:
        """Return the time that an account of this age is expected to need still."""
        if age <= SHORTEST:
            return self.expected()
        place = (log(age) - self.mean) / self.spread
        if (reached := _above(place)) < NEVER:  # the tail of the normal distribution, to first order
            return age * self.spread / max(place, 1.0)
        return max(0.0, self.expected() * _above(place - self.spread) / reached - age)


def time_left(
    durations: Durations, running: Sequence[float], waiting: int, beside: int, own: float = UNKNOWN
) -> Left | None:
    """Return the time that a stage will still take, or None where nothing is known of it.

    `running` are the ages of the accounts that run, the oldest first, and `waiting` is how many have not begun;
    `beside` is how many run at a time, and `own` how far each has a pace of its own, from 0 to 1.
    """
    if not running and not waiting:
        return None
    if not durations.count:
        return _before_any_ended(running, waiting)
    fitted, usual = _without_unexpected(durations, running, waiting)
    unexpected = running[: len(running) - len(usual)]
    if not usual and not waiting:
        return None
    lower, upper = _bounds(durations, fitted, usual, waiting, beside)
    apart = upper / max(lower, SHORTEST)
    if apart ** min(own, 1 - own) > FACTOR:
        return Left(lower, at_least=True)
    likely = lower * apart**own
    return Left(likely, at_least=bool(unexpected) and likely < APART * unexpected[0])


def _before_any_ended(running: Sequence[float], waiting: int) -> Left | None:
    """Return what is left where every account takes some more than the oldest one has taken."""
    if not running or running[0] <= 0:
        return None
    each = LONGER * running[0]
    rest = sum(each - age for age in running) + waiting * each
    return Left(max(rest / len(running), each - running[-1]))


def _without_unexpected(
    durations: Durations, running: Sequence[float], waiting: int
) -> tuple[Lognormal, Sequence[float]]:
    """Return the distribution, and the ages of the running accounts without those for which it is no measure."""
    everybody = durations.count + len(running) + waiting
    usual = running
    while usual and _fit(durations, usual[1:]).longer(usual[0]) * everybody < UNEXPECTED:
        usual = usual[1:]
    return _fit(durations, usual), usual


def _fit(known: Durations, ages: Iterable[float]) -> Lognormal:
    """Return the most likely distribution, given accounts that have ended and the ages that others have reached.

    Each round replaces an age by what the distribution expects of an account that reached it.
    """
    reached = [log(max(age, SHORTEST)) for age in ages]
    mean, spread = known.logs / known.count, PRIOR_SPREAD
    whole = known.count + len(reached)
    for _ in range(ROUNDS):
        first, second = known.logs, known.squares
        for age in reached:
            place = (age - mean) / spread
            hazard = _hazard(place)
            first += mean + spread * hazard
            second += mean * mean + 2 * mean * spread * hazard + spread * spread * (1 + place * hazard)
        mean = first / whole
        variance = max(0.0, second / whole - mean * mean) * whole
        spread = sqrt((variance + PRIOR_WEIGHT * PRIOR_SPREAD**2) / (whole + PRIOR_WEIGHT))
    return Lognormal(mean, spread)


def _bounds(
    durations: Durations, fitted: Lognormal, ages: Sequence[float], waiting: int, beside: int
) -> tuple[float, float]:
    """Return the time left where what runs shares one capacity, and where each account has a pace of its own."""
    plain = (durations.total + sum(ages)) / durations.count
    weight = durations.count / (durations.count + ENOUGH * beside)
    each = fitted.expected() ** (1 - weight) * plain**weight
    shared = (sum(map(fitted.residual, ages)) + waiting * each) / beside
    reached = [(age, max(fitted.longer(age), NEVER)) for age in ages]
    begun = waiting * each / beside
    starts = [begun * (number + 0.5) / STARTS for number in range(STARTS)] if waiting else []
    return shared, max(shared, _last_end(fitted, reached, starts, waiting, begun + each))


def _last_end(fitted: Lognormal, reached: Reached, starts: Sequence[float], waiting: int, within: float) -> float:
    """Return the median of when the last account ends, if the waiting ones begin evenly."""
    low, high = 0.0, within
    while _all_ended(fitted, reached, starts, waiting, high) < EVEN:
        low, high = high, high * 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _all_ended(fitted, reached, starts, waiting, middle) < EVEN:
            low = middle
        else:
            high = middle
    return high


def _all_ended(fitted: Lognormal, reached: Reached, starts: Sequence[float], waiting: int, after: float) -> float:
    """Return how likely it is that every account has ended after so long."""
    likely = 1.0
    for age, share in reached:
        likely *= 1 - fitted.longer(age + after) / share
    for start, each in zip(starts, repeat(waiting / STARTS), strict=False):
        likely *= (1 - fitted.longer(after - start)) ** each if after > start else 0.0
    return likely


def _above(place: float) -> float:
    """Return the share of a normal distribution above a place in standard deviations."""
    return erfc(place / sqrt(2)) / 2


def _hazard(place: float) -> float:
    """Return the density of the normal distribution at a place, over its share above it."""
    share = _above(place)
    if share < NEVER:  # its limit
        return place + 1 / max(place, 1.0)
    return exp(-place * place / 2) / sqrt(2 * pi) / share
