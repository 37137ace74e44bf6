"""Tells which of the events that must raise an alarm a set of filter patterns matches."""

from collections.abc import Iterator, Sequence

import msgspec

from orgaudit.languages.filter_pattern.cases import cover_together
from orgaudit.languages.filter_pattern.known import Fields
from orgaudit.languages.filter_pattern.match import Truth, evaluate, judge
from orgaudit.languages.filter_pattern.syntax import And, Or, Pattern, Term


class Event(msgspec.Struct, frozen=True):
    """A kind of event, by the fields that all its members share; `unlike` turns it into a kind of no interest.

    A pattern that may match the kind only in part counts as narrowed when it rejects the unlike kind, so that
    patterns about something else (any call by root) do not count as half a match.
    """

    name: str
    fields: Fields
    unlike: Fields

    def __hash__(self) -> int:
        """Return a hash of the name; the fields have none, and equality still compares them."""
        return hash(self.name)


class Coverage(msgspec.Struct, frozen=True):
    """The names of the events that are matched always, never, or only under conditions on fields or on the text."""

    covered: tuple[str, ...]
    missed: tuple[str, ...]
    narrowed: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def complete(self) -> bool:
        """Whether every event is matched, whatever its other fields hold."""
        return not self.missed and not self.narrowed

    def describe(self) -> str:
        """What is lacking, as the predicate of a sentence about the filters."""
        if self.complete:
            return f"covers {', '.join(self.covered)}"
        clauses = [f"misses {', '.join(self.missed)}"] if self.missed else []
        conditions: dict[tuple[str, ...], list[str]] = {}
        for name, selectors in self.narrowed:
            conditions.setdefault(selectors, []).append(name)
        for selectors, names in conditions.items():
            clauses.append(f"matches {', '.join(names)} only {_where(selectors)}")
        return "; ".join(clauses)


def _where(conditions: Sequence[str]) -> str:
    fields = [each for each in conditions if each.startswith("$")]
    predicates = [each for each in conditions if each not in fields]
    clauses = [f"for some values of {' and '.join(fields)}"] if fields else []
    return ", ".join([*clauses, *([f"where the event's text {' and '.join(predicates)}"] if predicates else [])])


def coverage(patterns: Sequence[Pattern], events: Sequence[Event]) -> Coverage:
    """How far the patterns together match the events; they may share a kind between them.

    What they share is decided case by case for the fields that an event lists; any other kind of which a pattern
    matches a part is reported as narrowed.
    """
    alternatives = [alternative for pattern in patterns for alternative in _alternatives(pattern)]
    covered: list[str] = []
    missed: list[str] = []
    narrowed: list[tuple[str, tuple[str, ...]]] = []
    for event in events:
        judgements = [judge(alternative, event.fields) for alternative in alternatives]
        if any(judgement.truth is Truth.TRUE for judgement in judgements):
            covered.append(event.name)
            continue
        possible = [
            alternative
            for alternative, judgement in zip(alternatives, judgements, strict=True)
            if judgement.truth is Truth.UNKNOWN
        ]
        if possible and cover_together(possible, event.fields):
            covered.append(event.name)
            continue
        selectors = {
            selector: None
            for alternative, judgement in zip(alternatives, judgements, strict=True)
            if judgement.truth is Truth.UNKNOWN and _is_about(alternative, event)
            for selector in judgement.open_selectors
        }
        if selectors:
            narrowed.append((event.name, tuple(selectors)))
        else:
            missed.append(event.name)
    return Coverage(tuple(covered), tuple(missed), tuple(narrowed))


def _alternatives(pattern: Pattern) -> Iterator[Pattern]:
    if isinstance(pattern, Or):
        for part in pattern.parts:
            yield from _alternatives(part)
    else:
        yield pattern


def _is_about(pattern: Pattern, event: Event) -> bool:
    unlike = {**event.fields, **event.unlike}
    return judge(pattern, unlike).truth is Truth.FALSE or any(
        evaluate(term, event.fields) is Truth.TRUE and evaluate(term, unlike) is not Truth.TRUE
        for term in _terms(pattern)
    )


def _terms(pattern: Pattern) -> Iterator[Term]:
    match pattern:
        case Term():
            yield pattern
        case And(parts) | Or(parts):
            for part in parts:
                yield from _terms(part)
