"""The widest grants of a policy: all actions on all resources, with what narrows them.

The statements are judged together. A grant of everything makes an administrator if there is a request that satisfies
its conditions, in which the Deny statements do not take everything, and in which rights can be given: an action of IAM
that gives rights is allowed on all users, groups, roles or policies. What NotAction, NotResource or a Deny names is an
exception. A principal that can still give rights can take back what is excepted, and so administers.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import chain
from string import ascii_lowercase

import msgspec

from orgaudit.languages.iam_policy.breadth import (
    actions_left_out,
    allows_everything,
    gives_every_action,
    is_on_everything,
    resources_left_out,
)
from orgaudit.languages.iam_policy.denials import AllowedPart, DeniedArea, leaves_some, takes_all, target_of, touches
from orgaudit.languages.iam_policy.document import Effect, Policy, Statement, parse_policy
from orgaudit.languages.iam_policy.situations import situations
from orgaudit.languages.iam_policy.vocabulary import ANYWHERE, Home
from orgaudit.languages.iam_policy.wildcards import covers, matches, tokens_of
from orgaudit.languages.truth import FALSE, TRUE, UNKNOWN, Truth
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


class FullGrant(msgspec.Struct, frozen=True):
    """An Allow of everything: its statements, what they except by NotAction or NotResource, and their conditions.

    `administers` is whether it makes an administrator, after what the policy denies; None where that is unknown.
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


class PolicyGrants(msgspec.Struct, frozen=True):
    """The widest grants of one policy; `denied` are the actions that its Deny statements name, whatever they are on."""

    full: tuple[FullGrant, ...] = ()
    denied: tuple[str, ...] = ()

    @property
    def administering(self) -> tuple[FullGrant, ...]:
        """The grants that make their holder an administrator."""
        return tuple(grant for grant in self.full if grant.administers)

    @property
    def unclear(self) -> tuple[FullGrant, ...]:
        """The grants of which it is unknown whether they make an administrator."""
        return tuple(grant for grant in self.full if grant.administers is None)


def grants_of(document: Json, home: Home = ANYWHERE) -> PolicyGrants:
    """Return the widest grants of a policy of that account; raises PolicyError for what is not a policy."""
    policy = parse_policy(document)
    denies = tuple(each for each in policy.statements if each.effect is Effect.DENY)
    mirrored = replace(policy, statements=tuple(replace(each, effect=Effect.ALLOW) for each in denies))
    full = () if allows_everything(mirrored) else tuple(_Judgement(policy, home).grants())
    return PolicyGrants(full, tuple(chain.from_iterable(map(_actions, denies))))


class _Judgement:
    """The Allow statements of a policy of an account that give everything, and what is left of that."""

    def __init__(self, policy: Policy, home: Home) -> None:
        self.policy = policy
        self.home = home
        self.statements = policy.statements
        self.allows = [place for place, each in enumerate(self.statements) if each.effect is Effect.ALLOW]
        self.rights = [part for partition in home.partitions for part in _rights(partition, home)]

    @cached_property
    def giving(self) -> dict[int, list[AllowedPart]]:
        """The actions that give rights and that an Allow selects, by its place."""
        return {place: [part for part in self.rights if _gives(self.statements[place], part)] for place in self.allows}

    @cached_property
    def denied(self) -> dict[int, DeniedArea]:
        """What a Deny takes back, by its place, where that meets what makes an administrator."""
        target = target_of(self.policy, None)
        areas = {place: target.denied(each) for place, each in enumerate(self.statements) if each.effect is Effect.DENY}
        parts = [*_unnamed(self.home), *self.rights]
        return {place: area for place, area in areas.items() if any(touches(area, part) for part in parts)}

    def grants(self) -> Iterator[FullGrant]:
        """Yield the grant of each Allow that gives everything, and the grant that others make together."""
        alone = [place for place in self.allows if self._gives_everything([place])]
        others = [place for place in self.allows if place not in alone]
        for place in alone:
            yield self._grant([place])
        if self._gives_everything(others):
            yield self._grant(others)

    def _gives_everything(self, places: Sequence[int]) -> bool:
        """Return whether the Allow statements together give all actions on everything."""
        statements = [self.statements[place] for place in places]
        by_action = _grouped(statements, lambda each: each.action)
        wide = [group[0] for group in by_action if is_on_everything(group, self.home)]
        if gives_every_action(wide):
            return True
        by_resource = _grouped(statements, lambda each: each.resource)
        every = [group[0] for group in by_resource if gives_every_action(group)]
        return is_on_everything(every, self.home)

    def _grant(self, own: list[int]) -> FullGrant:
        """Return the grant that these Allow statements make, with those that make up for what they except."""
        administers, places = self._administers(own)
        places = self._needed(places)
        together = [self.statements[place] for place in places]
        adding: list[int] = []
        for place in (each for each in self.allows if each not in places):
            more = [*together, self.statements[place]]
            wide = is_on_everything(more[-1:], self.home)
            if wide and len(actions_left_out(more)) < len(actions_left_out(together)):
                adding, together = [*adding, place], more
        return FullGrant(
            " with ".join(self.statements[place].sid or f"statement {place + 1}" for place in (*places, *adding)),
            actions_left_out(together),
            resources_left_out(together[0], self.home) if len(places) == 1 else (),
            tuple(str(condition) for each in together for condition in each.conditions),
            administers.value,
        )

    def _needed(self, places: list[int]) -> list[int]:
        """Return the statements without which not everything would be given."""
        needed = places
        for place in places:
            fewer = [each for each in needed if each != place]
            needed = fewer if self._gives_everything(fewer) else needed
        return needed

    def _administers(self, own: list[int]) -> tuple[Truth, list[int]]:
        """Return whether the Allow statements make an administrator in some situation, and which apply in it."""
        others = [place for place, parts in self.giving.items() if parts and place not in own]
        places = [*own, *others, *self.denied]
        conceivable = None
        for situation in situations([self.statements[each] for each in places], variables=self.policy.has_variables):
            active = [places[number] for number in situation.active]
            applying = [place for place in active if place in own]
            if not self._gives_everything(applying) or not self._leaves(active, _leaves_perhaps):
                continue
            if situation.certain and self._leaves(active, leaves_some):
                return TRUE, applying
            conceivable = applying
        return (UNKNOWN, conceivable) if conceivable else (FALSE, own)

    def _leaves(self, active: Sequence[int], left: Callable[[Sequence[DeniedArea], AllowedPart], bool]) -> bool:
        """Return whether what the active statements allow and do not deny makes an administrator."""
        denied = [self.denied[place] for place in active if place in self.denied]
        return any(left(denied, part) for part in _unnamed(self.home)) and any(
            left(denied, part) for place in active for part in self.giving.get(place, ())
        )


def _grouped(statements: Sequence[Statement], key: Callable[[Statement], Hashable]) -> list[list[Statement]]:
    groups: dict[Hashable, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(key(statement), []).append(statement)
    return list(groups.values())


def _leaves_perhaps(denied: Sequence[DeniedArea], part: AllowedPart) -> bool:
    return not takes_all(denied, part)


@lru_cache(maxsize=64)
def _unnamed(home: Home) -> list[AllowedPart]:
    """Return an action of a service with a resource of it for every letter, which no policy names as such."""
    beginning, account = f"arn:{home.partition or 'aws'}", home.account or "~"
    return [
        AllowedPart("", tokens_of(f"{each}~:{each}~"), tokens_of(f"{beginning}:{each}~:~:{account}:~"))
        for each in ascii_lowercase
    ]


@lru_cache(maxsize=64)
def _rights(partition: str, home: Home) -> list[AllowedPart]:
    """Return the actions that give rights, each with all that it can be on."""
    return [
        AllowedPart(action, tokens_of(action), tokens_of(f"arn:{partition}:iam::{home.account or '*'}:{kind}/*"))
        for kind, actions in _GIVING.items()
        for action in actions
    ]


def _gives(statement: Statement, part: AllowedPart) -> bool:
    """Return whether an Allow selects the part, NotResource aside unless it names all of it."""
    named = any(matches(tokens_of(value.lower()), part.action) for value in statement.action.values)
    if named is statement.action.negated or statement.resource is None:
        return False
    patterns = [tokens_of(value) for value in statement.resource.values]
    return covers(patterns, part.resources) is not statement.resource.negated


def _actions(statement: Statement) -> list[str]:
    return [f"all but {action}" if statement.action.negated else action for action in statement.action.values]
