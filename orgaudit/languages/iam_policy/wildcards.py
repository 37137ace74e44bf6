"""Wildcard patterns as policies write them: matching a name, covering a family of names, overlapping one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from orgaudit.languages.iam_policy.truth import FALSE, TRUE, Truth, unknown


class Wild(Enum):
    """A place in a pattern that more than one text can fill."""

    ANY = "*"
    ONE = "?"


Token = str | Wild
Tokens = tuple[Token, ...]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ESCAPABLE = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; a policy variable stands in `tokens` as ANY and is named in `variables`."""

    tokens: Tokens
    variables: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def compile_pattern(text: str, *, wildcards: bool = True, variables: bool = False) -> Pattern:
    """Compile `text`; without `wildcards` or `variables` their signs are ordinary characters."""
    if not variables:
        return Pattern(_plain(text, wildcards=wildcards))
    tokens: list[Token] = []
    names: list[str] = []
    # re.split with one group alternates plain text and variable names.
    for index, piece in enumerate(_VARIABLE.split(text)):
        if index % 2 == 0:
            tokens.extend(_plain(piece, wildcards=wildcards))
        elif piece in _ESCAPABLE:
            tokens.append(piece)
        else:
            names.append(piece.partition(",")[0].strip())
            tokens.append(Wild.ANY)
    return Pattern(tuple(tokens), tuple(names))


def _plain(text: str, *, wildcards: bool) -> Tokens:
    return tuple(Wild(sign) if wildcards and sign in "*?" else sign for sign in text)


def matches(pattern: Tokens, name: str) -> bool:
    """Whether the pattern matches the whole of one name, case-sensitively."""
    states = _closed(pattern, {0})
    for character in name:
        states = _step(pattern, states, character)
    return len(pattern) in states


def covers(patterns: Sequence[Tokens], family: Tokens) -> bool:
    """Whether every name in the family matches at least one of the patterns."""
    if any(_is_prefix_of(pattern, family) for pattern in patterns):
        return True
    relevant = tuple(pattern for pattern in patterns if overlaps(pattern, family))
    alphabet = _alphabet((*relevant, family))
    start = (0, walk(relevant))
    pending, visited = [start], {start}
    while pending:
        place, states = pending.pop()
        if not any(states) or (place == len(family) and not can_end(relevant, states)):
            return False
        if place == len(family) or takes_any_rest(relevant, states):
            continue
        token = family[place]
        following = [(place + 1, states)] if token is Wild.ANY else []
        after = place if token is Wild.ANY else place + 1
        signs = (token,) if isinstance(token, str) else alphabet
        following += [(after, walk(relevant, states, sign)) for sign in signs]
        pending.extend(fresh for fresh in following if fresh not in visited)
        visited.update(following)
    return True


def _is_prefix_of(pattern: Tokens, family: Tokens) -> bool:
    """Whether a pattern is a text and `*`, and the family begins with that text: most grants are of this kind."""
    *text, last = pattern or (None,)
    return last is Wild.ANY and family[: len(text)] == tuple(text) and Wild.ANY not in text and Wild.ONE not in text


def _common_text(pattern: Tokens, family: Tokens) -> int:
    """How many characters at their beginning are the same text in both."""
    for place, (here, there) in enumerate(zip(pattern, family, strict=False)):
        if here != there or isinstance(here, Wild):
            return place
    return min(len(pattern), len(family))


def overlaps(pattern: Tokens, family: Tokens) -> bool:
    """Whether at least one name in the family matches the pattern."""
    start = _common_text(pattern, family)
    here, there = pattern[start : start + 1], family[start : start + 1]
    if not any(isinstance(token, Wild) for token in here + there):
        return here == there  # both have ended, or their texts part here
    if (Wild.ANY,) in (pattern[start:], family[start:]):
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


def _pairs_after(pattern: Tokens, left: int, family: Tokens, right: int) -> list[tuple[int, int]]:
    here = pattern[left] if left < len(pattern) else None
    there = family[right] if right < len(family) else None
    if Wild.ANY in (here, there):
        left_on = [] if here is None else [(left + 1, right)]
        return left_on if there is None else [*left_on, (left, right + 1)]
    both = here is not None and there is not None
    return [(left + 1, right + 1)] if both and (here == there or Wild.ONE in (here, there)) else []


def walk(
    patterns: Sequence[Tokens], states: Sequence[frozenset[int]] | None = None, sign: str = ""
) -> tuple[frozenset[int], ...]:
    """Return where the patterns stand at the beginning of a text, or after one more sign of it."""
    if states is None:
        return tuple(_closed(pattern, {0}) for pattern in patterns)
    return tuple(_step(pattern, each, sign) for pattern, each in zip(patterns, states, strict=True))


def _alphabet(patterns: Iterable[Tokens]) -> tuple[str, ...]:
    """Every character that some pattern names, and the empty text for all that none names."""
    return (*{token for pattern in patterns for token in pattern if isinstance(token, str)}, "")


def can_end(patterns: Sequence[Tokens], states: Sequence[frozenset[int]]) -> bool:
    """Whether some pattern matches what was read."""
    return any(len(pattern) in state for pattern, state in zip(patterns, states, strict=True))


def takes_any_rest(patterns: Sequence[Tokens], states: Sequence[frozenset[int]]) -> bool:
    """Whether some pattern is in a final `*`, so that no continuation can leave it."""
    return any(
        len(pattern) - 1 in state and pattern[-1] is Wild.ANY for pattern, state in zip(patterns, states, strict=True)
    )


def _step(pattern: Tokens, states: frozenset[int], character: str) -> frozenset[int]:
    after: set[int] = set()
    for place in states:
        token = pattern[place] if place < len(pattern) else None
        if token is Wild.ANY:
            after.add(place)
        elif token is Wild.ONE or token == character:
            after.add(place + 1)
    return _closed(pattern, after)


def _closed(pattern: Tokens, places: set[int]) -> frozenset[int]:
    """Add what an empty `*` reaches; drop what stands before the last `*` reached, as that accepts nothing more."""
    for place in tuple(places):
        reached = place
        while reached < len(pattern) and pattern[reached] is Wild.ANY:
            reached += 1
            places.add(reached)
    last = max((place for place in places if place < len(pattern) and pattern[place] is Wild.ANY), default=0)
    return frozenset(place for place in places if place >= last)


def match_every(patterns: Sequence[Pattern], family: Tokens) -> Truth:
    """Whether the patterns together match every name in the family; unknown where a policy variable decides."""
    if covers([pattern.tokens for pattern in patterns if not pattern.variables], family):
        return TRUE
    if covers([pattern.tokens for pattern in patterns], family):
        return unknown(*_variables(patterns, family))
    return FALSE


def match_some(patterns: Sequence[Pattern], family: Tokens) -> Truth:
    """Whether the patterns match at least one name in the family; unknown where a policy variable decides."""
    if any(overlaps(pattern.tokens, family) for pattern in patterns if not pattern.variables):
        return TRUE
    names = _variables(patterns, family)
    return unknown(*names) if names else FALSE


def _variables(patterns: Sequence[Pattern], family: Tokens) -> set[str]:
    return {name for pattern in patterns if overlaps(pattern.tokens, family) for name in pattern.variables}
