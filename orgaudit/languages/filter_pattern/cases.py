"""Whether patterns together match a kind of event, by the cases of the fields that they compare."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product

from orgaudit.languages.filter_pattern import globs
from orgaudit.languages.filter_pattern.known import ABSENT, EITHER, AnythingBut, Fields, Known, Maybe, Sample
from orgaudit.languages.filter_pattern.match import CONTAINS, LACKS, evaluate
from orgaudit.languages.filter_pattern.regex import is_certain
from orgaudit.languages.filter_pattern.syntax import And, Compare, FilterPattern, Glob, Number, Or, Regex

_MOST_EVALUATIONS = 2_500
"""How many patterns are evaluated, each case anew, before the answer counts as not known."""
_MOST_EXPRESSIONS = 6
"""How many globs with a wildcard and regular expressions on one field may combine to cases."""


def cover_together(patterns: Sequence[FilterPattern], fields: Fields) -> bool:
    """Return whether one of the patterns is certain to match in every case of the fields that may hold several values.

    The cases of a field: it is missing, it holds a text that a pattern names, or another one that matches some of the
    expressions of the patterns. False may also mean that it is not known.
    """
    left = _MOST_EVALUATIONS

    def covered(patterns: Sequence[FilterPattern], fields: Fields) -> bool:
        nonlocal left
        left -= len(patterns)
        if left < 0:
            return False
        undecided, weights = [], defaultdict[str, float](float)
        for pattern in patterns:
            truth = evaluate(pattern, fields)
            if truth.value:
                return True
            if truth.value is None:
                undecided.append(pattern)
                # What decides the most patterns by itself comes first: the rest then often need not be looked at.
                for selector in truth.depends_on:
                    weights[selector] += 2.0 ** -len(truth.depends_on)
        for selector in sorted(weights, key=weights.__getitem__, reverse=True):
            key, cases = _cases(selector, fields, undecided)
            if cases:
                return all(covered(undecided, {**fields, key: case}) for case in cases)
        return False

    return covered(patterns, fields)


def _cases(selector: str, fields: Fields, patterns: Sequence[FilterPattern]) -> tuple[str, Sequence[Known]]:
    """Return the key of a field or term and its cases, those first that patterns hardly match; none if it has none."""
    if selector.startswith((CONTAINS, LACKS)):
        return selector.removeprefix(CONTAINS).removeprefix(LACKS), (False, True)
    known = fields.get(selector)
    if known is EITHER:
        return selector, (False, True)
    if isinstance(known, Maybe):
        texts = _texts(known.text, _compared(selector, patterns))
        return selector, (ABSENT, *texts) if texts else ()
    return selector, _texts(known, _compared(selector, patterns)) if isinstance(known, AnythingBut) else ()


def _compared(selector: str, patterns: Sequence[FilterPattern]) -> set[Glob | Regex]:
    found: set[Glob | Regex] = set()
    for pattern in patterns:
        if isinstance(pattern, And | Or):
            found |= _compared(selector, pattern.parts)
        elif isinstance(pattern, Compare) and pattern.selector == selector and not isinstance(pattern.value, Number):
            found.add(pattern.value)
    return found


def _texts(known: AnythingBut, compared: set[Glob | Regex]) -> Sequence[Known]:
    named = {each.text for each in compared if isinstance(each, Glob) and "*" not in each.text}
    expressions = sorted((each for each in compared if isinstance(each, Regex) or "*" in each.text), key=repr)
    if len(expressions) > _MOST_EXPRESSIONS:
        return ()
    possible = sorted(text for text in named - known.values if globs.matches(known.like, text))
    return [*_samples(known.like, expressions), *possible]


def _samples(like: str, expressions: Sequence[Glob | Regex]) -> Iterator[Sample]:
    """Yield every combination of expressions that a text may match, as far as they do not rule each other out."""
    choices = [_choices(like, expression) for expression in expressions]
    for matched in product(*choices):
        sample = dict(zip(expressions, matched, strict=True))
        if not any(_contradict(sample, one, other) for one in expressions for other in expressions):
            yield Sample(sample)


def _choices(like: str, expression: Glob | Regex) -> tuple[bool, ...]:
    if isinstance(expression, Regex):
        return (True,) if is_certain(expression.source, like.partition("*")[0], begins=True) else (False, True)
    if globs.includes(expression.text, like):
        return (True,)
    return (False,) if globs.disjoint(expression.text, like) else (False, True)


def _contradict(sample: dict[Glob | Regex, bool], one: Glob | Regex, other: Glob | Regex) -> bool:
    if one == other or not sample[one] or not isinstance(one, Glob) or not isinstance(other, Glob):
        return False
    if sample[other]:
        return globs.disjoint(one.text, other.text)
    return globs.includes(other.text, one.text)
