"""What Deny statements take back of what an Allow gives, by actions and resources."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from orgaudit.languages.iam_policy.document import Policy, Selection, Statement
from orgaudit.languages.iam_policy.wildcards import (
    ANY,
    ONE,
    Tokens,
    compile_pattern,
    covers,
    is_wild,
    matches,
    overlaps,
    tokens_of,
)

_EVERYTHING = "*"
_EVERY_RESOURCE = Selection((_EVERYTHING,))
# No action and no resource that a policy names has this sign.
_UNNAMED = "~"


@dataclass(frozen=True, slots=True)
class PatternSet:
    """The names that an element selects: those that match a pattern, or with `negated` all others."""

    patterns: tuple[Tokens, ...]
    negated: bool = False
    has_variables: bool = False

    def meets(self, family: Tokens) -> bool:
        """Return whether some name of the family may be selected."""
        if self.negated:
            return self.has_variables or not covers(self.patterns, family)
        return any(overlaps(pattern, family) for pattern in self.patterns)

    def selects(self, name: str) -> bool:
        """Return whether a name is selected, as far as a policy variable does not rule it out."""
        if self.negated and self.has_variables:
            return True
        return any(matches(pattern, name) for pattern in self.patterns) is not self.negated


@dataclass(frozen=True, slots=True)
class DeniedArea:
    """The actions and resources that a Deny selects."""

    actions: PatternSet
    resources: PatternSet


@dataclass(frozen=True, slots=True)
class AllowedPart:
    """One action pattern of an Allow with one of its resource patterns, and what Not… forms leave out of each."""

    action: str
    actions: Tokens
    resources: Tokens
    but_actions: tuple[Tokens, ...] = ()
    but_resources: tuple[Tokens, ...] = ()
    names_no_resource: bool = False


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """What a policy is for: a service, a resource by its ARN, None where unknown; `variables` if it may use some."""

    service: str | None
    resource: str | None
    variables: bool

    def parts(self, statement: Statement) -> tuple[AllowedPart, ...]:
        """Return what an Allow gives, action by action and resource by resource."""
        action, resource = statement.action, statement.resource or _EVERY_RESOURCE
        names = (_EVERYTHING,) if action.negated else action.values
        parts = (
            AllowedPart(
                name,
                self._action(name),
                each,
                tuple(self._action(value) for value in action.values) if action.negated else (),
                self._resources(self._excepted(resource.values)) if resource.negated else (),
                names_no_resource=self.resource is None and (resource.negated or each == tokens_of(_EVERYTHING)),
            )
            for name in names
            for each in self._resources((_EVERYTHING,) if resource.negated else resource.values)
        )
        return tuple(
            part
            for part in parts
            if not (covers(part.but_actions, part.actions) or covers(part.but_resources, part.resources))
        )

    def denied(self, statement: Statement) -> DeniedArea:
        """Return what a Deny takes back."""
        action, resource = statement.action, statement.resource or _EVERY_RESOURCE
        patterns = [compile_pattern(value, variables=self.variables) for value in resource.values]
        return DeniedArea(
            PatternSet(tuple(tokens_of(value.lower()) for value in action.values), action.negated),
            PatternSet(
                tuple(pattern.tokens for pattern in patterns),
                resource.negated,
                has_variables=self.variables and any("${" in value for value in resource.values),
            ),
        )

    def _excepted(self, values: Sequence[str]) -> list[str]:
        """Return what a NotResource leaves out for certain: a variable stands for one name, which is not known."""
        return [value for value in values if not (self.variables and "${" in value)]

    def _action(self, name: str) -> Tokens:
        """Return an action of an Allow: any action is any of the service, as the resource knows no other."""
        every = name == _EVERYTHING and self.service
        return tokens_of(f"{self.service}:*" if every else name.lower())

    def _resources(self, values: Iterable[str]) -> tuple[Tokens, ...]:
        return tuple(
            compile_pattern(name, variables=self.variables).tokens for value in values for name in self._names(value)
        )

    def _names(self, value: str) -> Iterator[str]:
        """Yield the resource's own names that a pattern covers, or else the pattern: no other resource counts."""
        own = self._own_names()
        covered = [name for name in own if _covers_name(value, name)]
        yield from covered
        if not covered or (len(covered) < len(own) and value not in covered):
            yield value

    def _own_names(self) -> tuple[str, ...]:
        """Return the ARN of the resource, and in a bucket those of its objects."""
        if self.resource is None:
            return ()
        in_bucket = self.resource.split(":")[2:3] == ["s3"]
        return (self.resource, f"{self.resource}/*") if in_bucket else (self.resource,)


def target_of(policy: Policy, resource: str | None) -> PolicyTarget:
    """Return what a policy is for, from the ARN of its resource, or from its actions where that is None."""
    if resource is not None and resource.startswith("arn:"):
        return PolicyTarget(resource.split(":")[2], resource, policy.has_variables)
    names = [value.lower() for each in policy.statements for value in each.action.values if value != _EVERYTHING]
    services = {name.partition(":")[0] for name in names}
    service = services.pop() if len(services) == 1 else None
    return PolicyTarget(None if service is None or is_wild(service) else service, resource, policy.has_variables)


def _covers_name(pattern: str, name: str) -> bool:
    """Return whether a pattern covers a name, which may end in `*`; most patterns are a text, or a text and `*`."""
    beginning = pattern[:-1] if pattern.endswith("*") else None
    if "*" in pattern[:-1] or "?" in pattern:
        return covers([tokens_of(pattern)], tokens_of(name))
    return pattern == name if beginning is None else name.startswith(beginning)


def touches(denied: DeniedArea, part: AllowedPart) -> bool:
    """Return whether a Deny may take back some of the part."""
    return denied.actions.meets(part.actions) and denied.resources.meets(part.resources)


def takes_all(denials: Sequence[DeniedArea], part: AllowedPart) -> bool:
    """Return whether the Deny statements together take back all of the part for certain."""
    of_resource = [each.actions for each in denials if _all([each.resources], part.resources, part.but_resources)]
    of_action = [each.resources for each in denials if _all([each.actions], part.actions, part.but_actions)]
    return _all(of_resource, part.actions, part.but_actions) or _all(of_action, part.resources, part.but_resources)


def leaves_some(denials: Sequence[DeniedArea], part: AllowedPart) -> bool:
    """Return whether an action on a resource is known that is in the part and that no Deny statement takes back."""
    if not denials:
        return True
    if part.names_no_resource and not all(_all([each.resources], part.resources, ()) for each in denials):
        return False  # whether a Deny names the resource itself cannot be seen
    tried_actions = _examples(part.actions, part.but_actions, [each.actions for each in denials])
    tried_resources = list(_examples(part.resources, part.but_resources, [each.resources for each in denials]))
    return any(
        not any(each.actions.selects(action) and each.resources.selects(resource) for each in denials)
        for action, resource in product(tried_actions, tried_resources)
    )


def _all(sets: Sequence[PatternSet], family: Tokens, but: tuple[Tokens, ...]) -> bool:
    """Return whether the sets together select the whole family but for what is left out of it."""
    plain = [pattern for each in sets if not (each.negated or each.has_variables) for pattern in each.patterns]
    listed = [*plain, *but]
    if plain and covers(listed, family):
        return True
    return any(
        all(not overlaps(pattern, family) or covers(listed, pattern) for pattern in each.patterns)
        for each in sets
        if each.negated
    )


def _examples(family: Tokens, but: tuple[Tokens, ...], sets: Sequence[PatternSet]) -> Iterator[str]:
    """Yield names of the family that are the likeliest to be in none of the sets."""
    spared = (pattern for each in sets if each.negated for pattern in each.patterns)
    for pattern in (family, *spared):
        for filling in ({ANY: _UNNAMED, ONE: _UNNAMED}, {ANY: "", ONE: _UNNAMED}):
            name = "".join(filling.get(token, token) for token in pattern)
            if matches(family, name) and not any(matches(each, name) for each in but):
                yield name
