"""Wildcard patterns of policies: matching a name, covering a family of names, overlapping one.

`*` stands for any text and `?` for one character:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orgaudit.languages.truth import FALSE, TRUE, Truth, unknown

Tokens = tuple[str, ...]
"""A pattern or a family of names: characters, ANY and ONE."""
ANY, ONE = "any text", "any character"
_SIGNS = {"*": ANY, "?": ONE}
_WILD = frozenset({ANY, ONE})
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ESCAPABLE = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class WildcardPattern:
    """A compiled pattern; a policy variable stands in `tokens` as ANY and is named in `variables`."""

    tokens: Tokens
    variables: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def compile_pattern(text: str, *, wildcards: bool = True, variables: bool = False) -> WildcardPattern:
    """Return `text` compiled; without `wildcards` or `variables` their signs are ordinary characters.

    `${*}`, `${?}` and `${$}` are the characters themselves:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    signs = _SIGNS if wildcards else {}
    if not variables:
        return WildcardPattern(tuple(signs.get(sign, sign) for sign in text))
    tokens: list[str] = []
    names: list[str] = []
    # re.split with one group alternates plain text and variable names.
    for index, piece in enumerate(_VARIABLE.split(text)):
        if index % 2 == 0:
            tokens.extend(signs.get(sign, sign) for sign in piece)
        elif piece in _ESCAPABLE:
            tokens.append(piece)
        else:
            names.append(piece.partition(",")[0].strip())
            tokens.append(ANY)
    return WildcardPattern(tuple(tokens), tuple(names))


def tokens_of(text: str) -> Tokens:
    """Return the tokens of a text with wildcards and without variables."""
    return compile_pattern(text).tokens


def is_wild(text: str) -> bool:
    """Return whether a text has a wildcard."""
    return "*" in text or "?" in text


def matches(pattern: Tokens, name: Sequence[str]) -> bool:
    """Return whether the pattern matches the whole of one name, case-sensitively."""
    place = at = after_any = resumed = 0
    while at < len(name):
        token = pattern[place] if place < len(pattern) else None
        if token is ANY:
            place += 1
            after_any, resumed = place, at
        elif token is ONE or token == name[at]:
            place, at = place + 1, at + 1
        elif after_any:
            # The last ANY takes one character more; an earlier one need not, as the last can take what it would.
            resumed += 1
            place, at = after_any, resumed
        else:
            return False
    return all(token is ANY for token in pattern[place:])


def covers(patterns: Sequence[Tokens], family: Tokens) -> bool:
    """Return whether every name in the family matches at least one of the patterns."""
    if any(_is_prefix_of(pattern, family) for pattern in patterns):
        return True
    if _WILD.isdisjoint(family):
        return any(matches(pattern, family) for pattern in patterns)
    relevant = tuple(pattern for pattern in patterns if overlaps(pattern, family))
    named = {token for pattern in (*relevant, family) for token in pattern}
    alphabet = (*(named - _WILD), "")

    def steps(place: int) -> Iterable[tuple[str | None, int]]:
        if place == len(family):
            return ()
        token = family[place]
        if token is ANY:
            return (None, place + 1), *((sign, place) for sign in alphabet)
        return ((sign, place + 1) for sign in (alphabet if token is ONE else token))

    return cover_all(relevant, len(family), steps)


def cover_all(patterns: Sequence[Tokens], last: int, steps: Callable[[int], Iterable[tuple[str | None, int]]]) -> bool:
    """Return whether every text that leads from place 0 to the place `last` matches at least one of the patterns.

    `steps` returns the ways on from a place: a character and the place behind it. The character is empty for all that
    no pattern names, and None where a place is reached without one.
    """
    start = (0, tuple(_closed(pattern, {0}) for pattern in patterns))
    pending, visited = [start], {start}
    while pending:
        place, states = pending.pop()
        ended = any(len(pattern) in state for pattern, state in zip(patterns, states, strict=True))
        if not any(states) or (place == last and not ended):
            return False
        if _takes_any_rest(patterns, states):
            continue
        following = {
            (after, states if sign is None else tuple(map(_step, patterns, states, (sign,) * len(patterns))))
            for sign, after in steps(place)
        }
        pending.extend(following - visited)
        visited |= following
    return True


def _is_prefix_of(pattern: Tokens, family: Tokens) -> bool:
    """Return whether a pattern is a text and `*`, and the family begins with that text, as with most grants."""
    *text, last = pattern or (None,)
    return last is ANY and family[: len(text)] == tuple(text) and _WILD.isdisjoint(text)


def _takes_any_rest(patterns: Sequence[Tokens], states: Sequence[frozenset[int]]) -> bool:
    """Return whether some pattern is in a final `*`, so that no continuation can leave it."""
    return any(
        len(pattern) - 1 in state and pattern[-1] is ANY for pattern, state in zip(patterns, states, strict=True)
    )


def _step(pattern: Tokens, states: frozenset[int], character: str) -> frozenset[int]:
    """Return the places of a pattern after one more character."""
    after: set[int] = set()
    for place in states:
        token = pattern[place] if place < len(pattern) else None
        if token is ANY:
            after.add(place)
        elif token is ONE or token == character:
            after.add(place + 1)
    return _closed(pattern, after)


def _closed(pattern: Tokens, places: set[int]) -> frozenset[int]:
    """Add what an empty `*` reaches; drop what stands before the last `*` reached, as that accepts nothing more."""
    last = 0
    for place in tuple(places):
        reached = place
        while reached < len(pattern) and pattern[reached] is ANY:
            last = max(last, reached)
            reached += 1
            places.add(reached)
    return frozenset(place for place in places if place >= last) if last else frozenset(places)


def overlaps(pattern: Tokens, family: Tokens) -> bool:
    """Return whether at least one name in the family matches the pattern."""
    start = _common_text(pattern, family)
    here, there = pattern[start : start + 1], family[start : start + 1]
    if _WILD.isdisjoint(here + there):
        return here == there  # both have ended, or their texts part here
    if (ANY,) in (pattern[start:], family[start:]):
        return True
    pending, visited = [(start, start)], {(start, start)}
    while pending:
        left, right = pending.pop()
        if left == len(pattern) and right == len(family):
            return True
        following = _pairs_after(pattern, left, family, right)
        pending.extend(pair for pair in following if pair not in visited)
        visited.update(following)
    return False


def _common_text(pattern: Tokens, family: Tokens) -> int:
    """Return how many characters at their beginning are the same text in both."""
    for place, (here, there) in enumerate(zip(pattern, family, strict=False)):
        if here != there or here in _WILD:
            return place
    return min(len(pattern), len(family))


def _pairs_after(pattern: Tokens, left: int, family: Tokens, right: int) -> list[tuple[int, int]]:
    here = pattern[left] if left < len(pattern) else None
    there = family[right] if right < len(family) else None
    if ANY in (here, there):
        left_on = [] if here is None else [(left + 1, right)]
        return left_on if there is None else [*left_on, (left, right + 1)]
    both = here is not None and there is not None
    return [(left + 1, right + 1)] if both and (here == there or ONE in (here, there)) else []


def match_every(patterns: Sequence[WildcardPattern], family: Tokens) -> Truth:
    """Return whether the patterns together match every name in the family; unknown where a policy variable decides."""
    if covers([pattern.tokens for pattern in patterns if not pattern.variables], family):
        return TRUE
    if covers([pattern.tokens for pattern in patterns], family):
        return unknown(*_variables(patterns, family))
    return FALSE


def match_some(patterns: Sequence[WildcardPattern], family: Tokens) -> Truth:
    """Return whether the patterns match at least one name in the family; unknown where a policy variable decides."""
    if any(overlaps(pattern.tokens, family) for pattern in patterns if not pattern.variables):
        return TRUE
    names = _variables(patterns, family)
    return unknown(*names) if names else FALSE


def _variables(patterns: Sequence[WildcardPattern], family: Tokens) -> list[str]:
    overlapping = (pattern for pattern in patterns if overlaps(pattern.tokens, family))
    return list(dict.fromkeys(name for pattern in overlapping for name in pattern.variables))
