"""What a policy gives at its widest: its grants of all actions on all resources, with what narrows them.

Its statements are judged together. A grant of everything makes an administrator if there is a request that satisfies
its conditions, in which the Deny statements do not take everything, and in which rights can be given: an action of IAM
that gives rights is allowed on all users, groups, roles or policies. What NotAction, NotResource or a Deny names is an
exception. Who can still give rights can take back what is excepted, and so administers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from string import ascii_lowercase

import msgspec

from orgaudit.languages import iam_policy as policies
from orgaudit.languages.iam_policy import Effect, Policy, Statement
from orgaudit.languages.iam_policy.coverage import Denied, Part, leaves_some, takes_all, terms_of, touches
from orgaudit.languages.iam_policy.exposure import (
    actions_left_out,
    gives_every_action,
    is_on_everything,
    resources_left_out,
)
from orgaudit.languages.iam_policy.situations import situations
from orgaudit.languages.iam_policy.vocabulary import ANYWHERE, Home
from orgaudit.languages.iam_policy.wildcards import compile_pattern, covers, matches
from orgaudit.model import Json

# The actions that give rights, by what they are on: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_GIVING = {
    "group": ("iam:addusertogroup", "iam:attachgrouppolicy", "iam:putgrouppolicy"),
    "policy": ("iam:createpolicyversion", "iam:setdefaultpolicyversion"),
    "role": ("iam:attachrolepolicy", "iam:putrolepolicy", "iam:updateassumerolepolicy"),
    "user": (
        "iam:attachuserpolicy",
        "iam:createaccesskey",
        "iam:createloginprofile",
        "iam:putuserpolicy",
        "iam:updateloginprofile",
    ),
}


class Grant(msgspec.Struct, frozen=True):
    """An Allow of everything: its statements, what they except by NotAction or NotResource, and their conditions.

    `administers` says whether it makes an administrator, after what the policy denies; None where that is unknown.
    """

    statement: str
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    administers: bool | None = True

    def describe(self) -> str:
        """Return the grant in words, with what it leaves out and depends on."""
        parts = [f"{self.statement} allows everything"]
        if left_out := (*self.except_actions, *self.except_resources):
            parts.append(f"but {', '.join(left_out)}")
        if self.conditions:
            parts.append(f"if {' and '.join(self.conditions)}")
        return " ".join(parts)


class Grants(msgspec.Struct, frozen=True):
    """The widest grants of one policy; `denied` are the actions that its Deny statements name, whatever they are on."""

    full: tuple[Grant, ...] = ()
    denied: tuple[str, ...] = ()

    @property
    def administering(self) -> tuple[Grant, ...]:
        """The grants that make their holder an administrator."""
        return tuple(grant for grant in self.full if grant.administers)

    @property
    def unclear(self) -> tuple[Grant, ...]:
        """The grants of which it is unknown whether they make an administrator."""
        return tuple(grant for grant in self.full if grant.administers is None)


def grants_of(document: Json, home: Home = ANYWHERE) -> Grants:
    """Return the widest grants of a policy that counts there; raises PolicyError for what is not a policy."""
    policy = policies.parse(document)
    denies = tuple(each for each in policy.statements if each.effect is Effect.DENY)
    denied = _actions(denies)
    mirrored = replace(policy, statements=tuple(replace(each, effect=Effect.ALLOW) for each in denies))
    if policies.allows_everything(mirrored):
        return Grants(denied=denied)
    return Grants(tuple(_Judging(policy, home).grants()), denied)


class _Judging:
    """A policy of an account: which of its Allow statements give everything, and what is left of it."""

    def __init__(self, policy: Policy, home: Home) -> None:
        self.policy = policy
        self.home = home
        self.statements = policy.statements
        self.terms = terms_of(policy, None)
        self.allows = [place for place, each in enumerate(self.statements) if each.effect is Effect.ALLOW]
        self.denied = {
            place: self.terms.areas(each) for place, each in enumerate(self.statements) if each.effect is Effect.DENY
        }

    def grants(self) -> Iterator[Grant]:
        """Yield the grant of each Allow that gives everything, and the grant that others make together."""
        found = policies.grants_everything(self.policy, home=self.home)
        alone = [grant.statement.statement for grant in found]
        others = [place for place in self.allows if place not in alone]
        for place in alone:
            yield self._grant([place])
        if self._gives_everything(others):
            yield self._grant(others)

    def _gives_everything(self, places: Sequence[int]) -> bool:
        """Whether the Allow statements together give all actions on everything."""
        statements = [self.statements[place] for place in places]
        by_action = _grouped(statements, lambda each: each.action)
        wide = [group[0] for group in by_action if is_on_everything(group, self.home)]
        if gives_every_action(wide):
            return True
        by_resource = _grouped(statements, lambda each: each.resource)
        every = [group[0] for group in by_resource if gives_every_action(group)]
        return is_on_everything(every, self.home)

    def _grant(self, own: list[int]) -> Grant:
        """Return the grant that these Allow statements make, with those that make up for what they except."""
        administers, places = self._administers(own)
        places = self._needed(places)
        together = [self.statements[place] for place in places]
        adding: list[int] = []
        for place in (each for each in self.allows if each not in places and self._is_wide(each)):
            more = [*together, self.statements[place]]
            if len(actions_left_out(more)) < len(actions_left_out(together)):
                adding, together = [*adding, place], more
        return Grant(
            " with ".join(self._name(place) for place in (*places, *adding)),
            actions_left_out(together),
            resources_left_out(together[0], self.home) if len(places) == 1 else (),
            tuple(str(condition) for each in together for condition in each.conditions),
            administers,
        )

    def _needed(self, places: list[int]) -> list[int]:
        """The statements without those that nothing is lost without."""
        needed = places
        for place in places:
            fewer = [each for each in needed if each != place]
            needed = fewer if self._gives_everything(fewer) else needed
        return needed

    def _is_wide(self, place: int) -> bool:
        return is_on_everything([self.statements[place]], self.home)

    def _name(self, place: int) -> str:
        return self.statements[place].sid or f"statement {place + 1}"

    def _administers(self, own: list[int]) -> tuple[bool | None, list[int]]:
        """Whether the Allow statements make an administrator in some situation, and which of them apply in it.

        None stands for unknown.
        """
        others = [place for place in self.allows if place not in own and self._gives_rights(place)]
        parts = [*_unnamed(self.home), *chain.from_iterable(_parts(each, self.home) for each in self.home.partitions)]
        denies = [place for place, areas in self.denied.items() if any(touches(areas, part) for part in parts)]
        places = [*own, *others, *denies]
        conceivable = None
        for situation in situations([self.statements[each] for each in places], variables=self.policy.has_variables):
            active = [places[number] for number in situation.active]
            applying = [place for place in active if place in own]
            allows = [place for place in active if place in self.allows]
            denied = [self.denied[place] for place in active if place in self.denied]
            if not self._gives_everything(applying) or not self._leaves(allows, denied, _not_taken):
                continue
            if situation.certain and self._leaves(allows, denied, leaves_some):
                return True, applying
            conceivable = applying
        return (None, conceivable) if conceivable else (False, own)

    def _gives_rights(self, place: int) -> bool:
        return self._leaves([place], [], leaves_some, unnamed=False)

    def _leaves(
        self, allows: Sequence[int], denied: Sequence[Denied], left: Callable[..., bool], *, unnamed: bool = True
    ) -> bool:
        """Whether what is allowed and not denied makes an administrator."""
        if unnamed and not any(left(denied, part) for part in _unnamed(self.home)):
            return False
        statements = [self.statements[place] for place in allows]
        return any(
            left(denied, part) and any(_gives(each, part) for each in statements)
            for partition in self.home.partitions
            for part in _parts(partition, self.home)
        )


def _grouped(statements: Sequence[Statement], key: Callable[[Statement], Hashable]) -> list[list[Statement]]:
    groups: dict[Hashable, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(key(statement), []).append(statement)
    return list(groups.values())


def _not_taken(denied: Sequence[Denied], part: Part) -> bool:
    return not takes_all(denied, part)


@lru_cache(maxsize=64)
def _unnamed(home: Home) -> list[Part]:
    """Return an action of a service with a resource of it for every letter, which no policy names as such."""
    beginning, account = f"arn:{home.partition or 'aws'}", home.account or "~"
    return [
        Part(
            "", compile_pattern(f"{each}~:{each}~").tokens, compile_pattern(f"{beginning}:{each}~:~:{account}:~").tokens
        )
        for each in ascii_lowercase
    ]


@lru_cache(maxsize=64)
def _parts(partition: str, home: Home) -> list[Part]:
    """Return the actions that give rights, each with all that it can be on."""
    return [
        Part(
            action,
            compile_pattern(action).tokens,
            compile_pattern(f"arn:{partition}:iam::{home.account or '*'}:{kind}/*").tokens,
        )
        for kind, actions in _GIVING.items()
        for action in actions
    ]


def _gives(statement: Statement, part: Part) -> bool:
    """Whether an Allow selects the part, NotResource aside unless it names all of it."""
    named = any(matches(compile_pattern(value.lower()).tokens, part.action) for value in statement.action.values)
    if named is statement.action.negated or statement.resource is None:
        return False
    patterns = [compile_pattern(value).tokens for value in statement.resource.values]
    return covers(patterns, part.resources) is not statement.resource.negated


def _actions(statements: tuple[Statement, ...]) -> tuple[str, ...]:
    return tuple(
        f"all but {action}" if each.action.negated else action for each in statements for action in each.action.values
    )
