"""The events among those that must raise an alarm which a set of filter patterns matches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orgaudit.languages.filter_pattern.cases import cover_together
from orgaudit.languages.filter_pattern.known import Fields
from orgaudit.languages.filter_pattern.match import evaluate
from orgaudit.languages.filter_pattern.syntax import And, FilterPattern, Or, Term


@dataclass(frozen=True, slots=True)
class Event:
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


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """The names of the events that are matched always, never, or only under conditions on fields or on the text."""

    covered: tuple[str, ...]
    missed: tuple[str, ...]
    narrowed: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def complete(self) -> bool:
        """Whether every event is matched, whatever its other fields hold."""
        return not self.missed and not self.narrowed

    def describe(self) -> str:
        """Return what is lacking, as the predicate of a sentence about the filters."""
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


def event_coverage(patterns: Sequence[FilterPattern], events: Sequence[Event]) -> EventCoverage:
    """Return how far the patterns together match the events; they may share a kind between them.

    What they share is decided case by case for the fields that an event lists; any other kind of which a pattern
    matches a part is reported as narrowed.
    """
    alternatives = [alternative for pattern in patterns for alternative in _alternatives(pattern)]
    covered: list[str] = []
    missed: list[str] = []
    narrowed: list[tuple[str, tuple[str, ...]]] = []
    for event in events:
        truths = [(each, evaluate(each, event.fields)) for each in alternatives]
        undecided = [(each, truth) for each, truth in truths if truth.value is None]
        if any(truth.value for _, truth in truths) or cover_together([each for each, _ in undecided], event.fields):
            covered.append(event.name)
            continue
        about = (truth for each, truth in undecided if _is_about(each, event))
        selectors = dict.fromkeys(name for truth in about for name in truth.depends_on)
        if selectors:
            narrowed.append((event.name, tuple(selectors)))
        else:
            missed.append(event.name)
    return EventCoverage(tuple(covered), tuple(missed), tuple(narrowed))


def _alternatives(pattern: FilterPattern) -> Iterator[FilterPattern]:
    if isinstance(pattern, Or):
        for part in pattern.parts:
            yield from _alternatives(part)
    else:
        yield pattern


def _is_about(pattern: FilterPattern, event: Event) -> bool:
    unlike = {**event.fields, **event.unlike}
    return evaluate(pattern, unlike).value is False or any(
        evaluate(term, event.fields).value is True and evaluate(term, unlike).value is not True
        for term in _terms(pattern)
    )


def _terms(pattern: FilterPattern) -> Iterator[Term]:
    match pattern:
        case Term():
            yield pattern
        case And(parts) | Or(parts):
            for part in parts:
                yield from _terms(part)
