"""The rules of composite alarms: what they say of the states of other alarms.

The functions and operators are those of docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from orgaudit.languages.alarm.evaluation import ALARMED, ANY, States

StatesOf: TypeAlias = Callable[[str], States]
"""The states in which an alarm of a name may be."""


class RuleError(ValueError):
    """A rule is not understood."""


@dataclass(frozen=True, slots=True)
class InState:
    """At least so many of the alarms are in a state, or where it is negated in another one."""

    least: int
    state: str
    negated: bool
    names: tuple[str, ...]

    def holds(self, states: StatesOf) -> bool | None:
        """Tell whether it is true in every one of the states that are possible, in none (False), or in some (None)."""
        wanted = ANY - {self.state} if self.negated else {self.state}
        possible = [states(name) for name in self.names]
        if sum(found <= wanted for found in possible) >= self.least:
            return True
        return None if sum(bool(found & wanted) for found in possible) >= self.least else False


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    value: bool
    names: tuple[str, ...] = ()

    def holds(self, _: StatesOf) -> bool | None:
        """Return its value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Not:
    """What is true where its part is false."""

    part: Rule

    @property
    def names(self) -> tuple[str, ...]:
        """The alarms that it mentions."""
        return self.part.names

    def holds(self, states: StatesOf) -> bool | None:
        """Return the contrary of its part."""
        found = self.part.holds(states)
        return None if found is None else not found


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts that all have to be true (`decided_by` False), or of which one has to be (`decided_by` True)."""

    decided_by: bool
    parts: tuple[Rule, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The alarms that it mentions."""
        return tuple(name for part in self.parts for name in part.names)

    def holds(self, states: StatesOf) -> bool | None:
        """Return what decides it where a part is that, None where a part may be, and the contrary elsewhere."""
        found = [part.holds(states) for part in self.parts]
        if self.decided_by in found:
            return self.decided_by
        return None if None in found else not self.decided_by


Rule: TypeAlias = InState | Constant | Not | Joined

TOKEN = re.compile(r"""\s*(?:([(),])|"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s(),"']+))""")
STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
END = ("", "")


@lru_cache(maxsize=1024)
def parse(text: str) -> Rule:
    """Return a rule; raises RuleError for what is not understood."""
    parser = _Parser(_tokens(text))
    rule = parser.expression()
    if parser.next != END:
        raise RuleError(f"{parser.next[1]} is not expected there")
    return rule


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a rule as (kind, text): a mark, a name in quotes, or a word."""
    place = 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            raise RuleError(f"{text[place:].strip()} cannot be read")
        place = match.end()
        mark, double, single, word = match.groups()
        if mark is not None:
            yield "mark", mark
        elif word is not None:
            yield "word", word
        else:
            yield "name", re.sub(r"\\(.)", r"\1", double) if double is not None else single


class _Parser:
    """Reads tokens from the left, one ahead."""

    def __init__(self, tokens: Iterator[tuple[str, str]]) -> None:
        self._tokens = tokens
        self.next = next(tokens, END)

    def expression(self) -> Rule:
        """Read parts that are joined by one operator: AWS does not document which of AND and OR binds closer."""
        parts = [self._part()]
        operator = self.next
        if operator not in {("word", "AND"), ("word", "OR")}:
            return parts[0]
        while self.next == operator:
            self._take()
            parts.append(self._part())
        if self.next in {("word", "AND"), ("word", "OR")}:
            raise RuleError("AND and OR are mixed without parentheses")
        return Joined(operator[1] == "OR", tuple(parts))

    def _part(self) -> Rule:
        kind, text = self._take()
        if (kind, text) == ("mark", "("):
            inner = self.expression()
            self._expect(")")
            return inner
        if kind == "word" and text == "NOT":
            return Not(self._part())
        if kind == "word" and text in {"TRUE", "FALSE"}:
            return Constant(text == "TRUE")
        if kind == "word" and text in STATES:
            self._expect("(")
            found = InState(1, text, negated=False, names=(self._name(),))
            self._expect(")")
            return found
        if kind == "word" and text == "AT_LEAST":
            return self._at_least()
        raise RuleError(f"{text or 'the end'} is not expected there")

    def _at_least(self) -> Rule:
        """Read AT_LEAST(2, ALARM, (a, b, c)); the number may be a percentage, the state be preceded by NOT."""
        self._expect("(")
        number = re.fullmatch(r"(\d+)(%?)", self._take()[1])
        self._expect(",")
        negated = self.next == ("word", "NOT")
        if negated:
            self._take()
        state = self._take()[1]
        self._expect(",")
        self._expect("(")
        names = [self._name()]
        while self.next == ("mark", ","):
            self._take()
            names.append(self._name())
        self._expect(")")
        self._expect(")")
        if number is None or not int(number[1]) or state not in STATES:
            raise RuleError("the number or the state in AT_LEAST cannot be read")
        least = -(-int(number[1]) * len(names) // 100) if number[2] else int(number[1])
        return InState(least, state, negated, tuple(names))

    def _name(self) -> str:
        """Read an alarm by its name or ARN; without quotes it may be of several words."""
        kind, text = self._take()
        words = [text]
        while kind == "word" and self.next[0] == "word":
            words.append(self._take()[1])
        if kind not in {"word", "name"}:
            raise RuleError(f"{text or 'the end'} is not the name of an alarm")
        return name_of(" ".join(words))

    def _take(self) -> tuple[str, str]:
        taken, self.next = self.next, next(self._tokens, END)
        return taken

    def _expect(self, mark: str) -> None:
        taken = self._take()
        if taken != ("mark", mark):
            raise RuleError(f"{mark} is expected in place of {taken[1] or 'the end'}")


def name_of(reference: str) -> str:
    """Return the name of an alarm that is given by name or ARN."""
    return reference.rsplit(":alarm:", 1)[-1] if reference.startswith("arn:") else reference


def mentioned(rule: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the alarms that a rule mentions; where it is not understood, those known whose name is in its text."""
    try:
        return parse(rule).names
    except RuleError:
        return tuple(name for name in known if name in rule)


def composite_states(rule: str, states: StatesOf) -> States:
    """Return the states in which a composite alarm of this rule may be, by those of the alarms that it mentions."""
    try:
        found = parse(rule).holds(states)
    except RuleError:
        return ANY
    return ANY if found is None else ALARMED if found else frozenset({"OK"})
