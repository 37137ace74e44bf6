"""Decides whether patterns match a kind of event together, by the cases that the fields they compare fall into."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product

from orgaudit.languages.filter_pattern import globs
from orgaudit.languages.filter_pattern.known import ABSENT, EITHER, AnythingBut, Fields, Known, Maybe, Sample
from orgaudit.languages.filter_pattern.match import CONTAINS, LACKS, Truth, judge
from orgaudit.languages.filter_pattern.regex import certain
from orgaudit.languages.filter_pattern.syntax import And, Compare, Glob, Number, Or, Pattern, Regex

MOST_JUDGEMENTS = 2_500
"""Patterns that are judged, each case anew, before the answer is that it is not known."""
MOST_EXPRESSIONS = 6
"""Globs with a wildcard and regular expressions on one field, whose every combination is a case."""


def cover_together(patterns: Sequence[Pattern], fields: Fields) -> bool:
    """Return whether one of the patterns is certain to match in every case of the fields that may hold several values.

    The cases of a field: it is missing, it holds a text that a pattern names, or another one that matches this or that
    expression of the patterns. False says nothing.
    """
    left = MOST_JUDGEMENTS

    def covered(patterns: Sequence[Pattern], fields: Fields) -> bool:
        nonlocal left
        left -= len(patterns)
        if left < 0:
            return False
        unknown, weights = [], defaultdict[str, float](float)
        for pattern in patterns:
            judgement = judge(pattern, fields)
            if judgement.truth is Truth.TRUE:
                return True
            if judgement.truth is Truth.UNKNOWN:
                unknown.append(pattern)
                # What decides the most patterns by itself comes first: the rest then often need not be looked at.
                for selector in judgement.open_selectors:
                    weights[selector] += 2.0 ** -len(judgement.open_selectors)
        for selector in sorted(weights, key=weights.__getitem__, reverse=True):
            key, cases = _cases(selector, fields, unknown)
            if cases:
                return all(covered(unknown, {**fields, key: case}) for case in cases)
        return False

    return covered(patterns, fields)


def _cases(selector: str, fields: Fields, patterns: Sequence[Pattern]) -> tuple[str, Sequence[Known]]:
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


def _compared(selector: str, patterns: Sequence[Pattern]) -> set[Glob | Regex]:
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
    if len(expressions) > MOST_EXPRESSIONS:
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
        return (True,) if certain(expression.source, like.partition("*")[0], begins=True) else (False, True)
    if globs.includes(expression.text, like):
        return (True,)
    return (False,) if globs.disjoint(expression.text, like) else (False, True)


def _contradict(sample: dict[Glob | Regex, bool], one: Glob | Regex, other: Glob | Regex) -> bool:
    if one == other or not sample[one] or not isinstance(one, Glob) or not isinstance(other, Glob):
        return False
    if sample[other]:
        return globs.disjoint(one.text, other.text)
    return globs.includes(other.text, one.text)
