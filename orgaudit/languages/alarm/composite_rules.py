"""The rules of composite alarms, which depend on the states of other alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from orgaudit.languages.alarm.evaluation import ALARMED, ANY, States
from orgaudit.languages.truth import FALSE, TRUE, UNKNOWN, Truth, all_of, any_of, truth_of

StatesOf: TypeAlias = Callable[[str], States]
"""The states in which an alarm of a name may be."""


class RuleError(ValueError):
    """A rule that is not understood."""


@dataclass(frozen=True, slots=True)
class CompositeRule:
    """A rule: the alarms that it mentions, and whether it holds for the states in which they may be."""

    names: tuple[str, ...]
    holds: Callable[[StatesOf], Truth]


def _in_state(names: tuple[str, ...], wanted: States, least: int = 1) -> CompositeRule:
    """Return the rule that at least so many of the alarms are in one of the states."""

    def holds(states: StatesOf) -> Truth:
        possible = [states(name) for name in names]
        if sum(found <= wanted for found in possible) >= least:
            return TRUE
        return UNKNOWN if sum(bool(found & wanted) for found in possible) >= least else FALSE

    return CompositeRule(names, holds)


def _joined(parts: Sequence[CompositeRule], operator: str) -> CompositeRule:
    join = any_of if operator == "OR" else all_of
    names = tuple(name for part in parts for name in part.names)
    return CompositeRule(names, lambda states: join(part.holds(states) for part in parts))


_TOKEN = re.compile(r"""\s*(?:([(),])|"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s(),"']+))""")
_END = ("", "")
_OPERATORS = (("word", "AND"), ("word", "OR"))


@lru_cache(maxsize=1024)
def parse_rule(text: str) -> CompositeRule:
    """Return a rule; raises RuleError for what is not understood."""
    parser = _Parser(_tokens(text))
    rule = parser.expression()
    if parser.next != _END:
        raise RuleError(f"{parser.next[1]} is not expected there")
    return rule


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a rule as (kind, text): a mark, a name in quotes, or a word."""
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
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
    """Recursive descent over the tokens, one ahead."""

    def __init__(self, tokens: Iterator[tuple[str, str]]) -> None:
        self._tokens = tokens
        self.next = next(tokens, _END)

    def expression(self) -> CompositeRule:
        """Return parts that are joined by one operator: AWS does not document which of AND and OR binds closer."""
        parts = [self._part()]
        operator = self.next
        if operator not in _OPERATORS:
            return parts[0]
        while self.next == operator:
            self._take()
            parts.append(self._part())
        if self.next in _OPERATORS:
            raise RuleError("AND and OR are mixed without parentheses")
        return _joined(parts, operator[1])

    def _part(self) -> CompositeRule:
        match self._take():
            case "mark", "(":
                inner = self.expression()
                self._expect(")")
                return inner
            case "word", "NOT":
                part = self._part()
                return CompositeRule(part.names, lambda states: part.holds(states).negated())
            case "word", ("TRUE" | "FALSE") as constant:
                return CompositeRule((), lambda _: truth_of(constant == "TRUE"))
            case "word", state if state in ANY:
                self._expect("(")
                name = self._name()
                self._expect(")")
                return _in_state((name,), frozenset({state}))
            case "word", "AT_LEAST":
                return self._at_least()
            case _, text:
                raise RuleError(f"{text or 'the end'} is not expected there")

    def _at_least(self) -> CompositeRule:
        """Return AT_LEAST(2, ALARM, (a, b, c)); the number may be a percentage, the state be preceded by NOT."""
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
        if number is None or not int(number[1]) or state not in ANY:
            raise RuleError("the number or the state in AT_LEAST cannot be read")
        least = -(-int(number[1]) * len(names) // 100) if number[2] else int(number[1])
        return _in_state(tuple(names), ANY - {state} if negated else frozenset({state}), least)

    def _name(self) -> str:
        """Return the name of an alarm that is given by name or ARN; without quotes it may be of several words."""
        kind, text = self._take()
        words = [text]
        while kind == "word" and self.next[0] == "word":
            words.append(self._take()[1])
        if kind not in {"word", "name"}:
            raise RuleError(f"{text or 'the end'} is not the name of an alarm")
        return name_of(" ".join(words))

    def _take(self) -> tuple[str, str]:
        taken, self.next = self.next, next(self._tokens, _END)
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
        return parse_rule(rule).names
    except RuleError:
        return tuple(name for name in known if name in rule)


def composite_states(rule: str, states: StatesOf) -> States:
    """Return the states in which a composite alarm of this rule may be, by those of the alarms that it mentions."""
    try:
        found = parse_rule(rule).holds(states).value
    except RuleError:
        return ANY
    return ANY if found is None else ALARMED if found else frozenset({"OK"})
