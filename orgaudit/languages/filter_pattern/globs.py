"""Texts with `*` for any run of characters: what they match, and how two of them relate.

Patterns of policies have `?` as well and need tables of places; here searches for fixed pieces decide, much faster.
"""


def matches(glob: str, text: str) -> bool:
    """Return whether a text matches."""
    first, *rest = glob.split("*")
    if not rest:
        return glob == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, max(end, 0))
        if found < 0:
            return False
        position = found + len(piece)
    return position <= end


def includes(outer: str, inner: str) -> bool:
    """Return whether every text that matches `inner` matches `outer`: only a `*` can match a `*`."""
    return matches(outer, inner)


def disjoint(one: str, other: str) -> bool:
    """Return whether no text matches both globs, as their fixed beginnings or their fixed ends exclude each other."""
    if "*" not in one or "*" not in other:
        return not (matches(one, other) or matches(other, one))
    heads = sorted((one.partition("*")[0], other.partition("*")[0]), key=len)
    tails = sorted((one.rpartition("*")[2], other.rpartition("*")[2]), key=len)
    return not (heads[1].startswith(heads[0]) and tails[1].endswith(tails[0]))
