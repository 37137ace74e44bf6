"""Which texts name an action or a resource, and whether patterns together match all of them.

An action is a service prefix and a name: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
An ARN has six parts: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase, digits, printable

from orgaudit.languages.iam_policy.wildcards import ANY, ONE, Tokens, cover_all, tokens_of

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
ARN_PARTS = 6
_WORD = ascii_lowercase + digits + "-"
_ANY_SIGN = (*printable, "")
_EVERYTHING = tokens_of("*")


@dataclass(frozen=True, slots=True)
class Home:
    """The partition and the account of a policy, None where they are not known."""

    partition: str | None = None
    account: str | None = None

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partitions in which the policy may be."""
        return (self.partition,) if self.partition else PARTITIONS


ANYWHERE = Home()

Machine = tuple[dict[str, int], ...]
"""The texts of one form: states with the state after each character. The first begins a text, the last may end it."""


def _chain(*parts: str | tuple[Sequence[str], Sequence[str]]) -> Machine:
    """Return the texts that consist of these parts: literals, and words by the signs that may begin and continue them.

    A word without signs to begin with may be empty.
    """
    states: list[dict[str, int]] = [{}]
    for part in parts:
        if isinstance(part, str):
            for sign in part:
                states[-1][sign] = len(states)
                states.append({})
            continue
        beginning, rest = part
        if beginning:
            states[-1].update(dict.fromkeys(beginning, len(states)))
            states.append({})
        states[-1].update(dict.fromkeys(rest, len(states) - 1))
    return tuple(states)


_ACTIONS = _chain((ascii_lowercase, _WORD), ":", (ascii_lowercase, _WORD))


@lru_cache(maxsize=64)
def _resources(partition: str, account: str | None) -> Machine:
    of_account = ("", _WORD) if account is None else account
    return _chain(
        f"arn:{partition}:", (ascii_lowercase, _WORD), ":", ("", _WORD), ":", of_account, ":", (_ANY_SIGN, _ANY_SIGN)
    )


@lru_cache(maxsize=4096)
def is_every_action(patterns: tuple[Tokens, ...]) -> bool:
    """Return whether the patterns, in lower case, together match every text that can name an action."""
    return _EVERYTHING in patterns or _match_all(patterns, _ACTIONS)


@lru_cache(maxsize=4096)
def partitions_covered(patterns: tuple[Tokens, ...], home: Home = ANYWHERE, *, own: bool = False) -> tuple[str, ...]:
    """Return the partitions of which the patterns together match every ARN, or with `own` all of the account."""
    if _EVERYTHING in patterns:
        return home.partitions
    account = home.account if own else None
    return tuple(each for each in home.partitions if _match_all(patterns, _resources(each, account)))


def _match_all(patterns: tuple[Tokens, ...], machine: Machine) -> bool:
    firsts = {pattern[0] for pattern in patterns if pattern}
    if firsts.isdisjoint({ANY, ONE}) and not firsts.issuperset(machine[0]):
        return False  # as mostly: no pattern matches the texts that begin otherwise
    named = {token for pattern in patterns for token in pattern}
    # Signs that no pattern names are all alike.
    steps = [{(sign if sign in named else "", after) for sign, after in state.items()} for state in machine]
    return cover_all(patterns, len(machine) - 1, steps.__getitem__)
