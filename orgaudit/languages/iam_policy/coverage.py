"""What Deny statements take back of what an Allow gives: actions and resources, laid over each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from orgaudit.languages.iam_policy.document import Policy, Selection, Statement
from orgaudit.languages.iam_policy.wildcards import Tokens, compile_pattern, covers, matches, overlaps

_EVERYTHING = "*"
_EVERY_RESOURCE = Selection((_EVERYTHING,))
# No action and no resource that a policy names has this sign.
_UNNAMED = "~"


@dataclass(frozen=True, slots=True)
class Area:
    """What an element selects, as patterns: of these, or with `negated` of all others."""

    patterns: tuple[Tokens, ...]
    negated: bool = False
    has_variables: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One action pattern of an Allow with one of its resource patterns, and what Not… forms leave out of each."""

    action: str
    actions: Tokens
    resources: Tokens
    but_actions: tuple[Tokens, ...] = ()
    but_resources: tuple[Tokens, ...] = ()
    names_no_resource: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How the elements of one policy are to be read: the service that it is for, its resource, and variables."""

    service: str | None
    resource: str | None
    variables: bool

    def parts(self, statement: Statement) -> tuple[Part, ...]:
        """Return what an Allow gives, action by action and resource by resource."""
        action, resource = statement.action, statement.resource or _EVERY_RESOURCE
        names = (_EVERYTHING,) if action.negated else action.values
        parts = (
            Part(
                name,
                self._action(name),
                each,
                tuple(self._action(value) for value in action.values) if action.negated else (),
                self._resources(self._excepted(resource.values)) if resource.negated else (),
                names_no_resource=self.resource is None and (resource.negated or each == _tokens(_EVERYTHING)),
            )
            for name in names
            for each in self._resources((_EVERYTHING,) if resource.negated else resource.values)
        )
        return tuple(
            part
            for part in parts
            if not (covers(part.but_actions, part.actions) or covers(part.but_resources, part.resources))
        )

    def areas(self, statement: Statement) -> tuple[Area, Area]:
        """Return what a Deny takes back: its actions and its resources."""
        action, resource = statement.action, statement.resource or _EVERY_RESOURCE
        has_variables = self.variables and any("${" in value for value in resource.values)
        return (
            Area(tuple(_tokens(value.lower()) for value in action.values), action.negated),
            Area(
                tuple(compile_pattern(value, variables=self.variables).tokens for value in resource.values),
                resource.negated,
                has_variables,
            ),
        )

    def _excepted(self, values: Sequence[str]) -> list[str]:
        """What a NotResource leaves out for certain: what a variable stands for is one name, and not known."""
        return [value for value in values if not (self.variables and "${" in value)]

    def _action(self, name: str) -> Tokens:
        """An action of an Allow: any action is any of the service, as the resource knows no other."""
        every = name == _EVERYTHING and self.service
        return _tokens(f"{self.service}:*" if every else name.lower())

    def _resources(self, values: Iterable[str]) -> tuple[Tokens, ...]:
        return tuple(
            compile_pattern(name, variables=self.variables).tokens for value in values for name in self._names(value)
        )

    def _names(self, value: str) -> Iterator[str]:
        """The resource's own names that a pattern takes in whole, or else the pattern: no other resource counts."""
        whole = [name for name in self._own_names() if _takes_in(value, name)]
        yield from whole
        if not whole or (len(whole) < len(self._own_names()) and value not in whole):
            yield value

    def _own_names(self) -> tuple[str, ...]:
        """The ARN of the resource, and in a bucket those of its objects."""
        if self.resource is None:
            return ()
        in_bucket = self.resource.split(":")[2:3] == ["s3"]
        return (self.resource, f"{self.resource}/*") if in_bucket else (self.resource,)


def terms_of(policy: Policy, resource: str | None) -> Terms:
    """Return how to read the policy of a resource, whose ARN is None where it is not known."""
    if resource is not None and resource.startswith("arn:"):
        return Terms(resource.split(":")[2], resource, policy.has_variables)
    names = [value.lower() for each in policy.statements for value in each.action.values if value != _EVERYTHING]
    services = {name.partition(":")[0] for name in names}
    service = services.pop() if len(services) == 1 else None
    wild = service is not None and ("*" in service or "?" in service)
    return Terms(None if wild else service, resource, policy.has_variables)


def _takes_in(pattern: str, name: str) -> bool:
    """Whether a pattern covers a name, which may end in `*`; most patterns are a text, or a text and `*`."""
    beginning = pattern[:-1] if pattern.endswith("*") else None
    if "*" in pattern[:-1] or "?" in pattern:
        return covers([_tokens(pattern)], _tokens(name))
    return pattern == name if beginning is None else name.startswith(beginning)


Denied = tuple[Area, Area]


def touches(denied: Denied, part: Part) -> bool:
    """Whether a Deny may take back some of the part."""
    return _meets(denied[0], part.actions) and _meets(denied[1], part.resources)


def takes_all(denials: Sequence[Denied], part: Part) -> bool:
    """Whether the Deny statements together take back all of the part for certain."""
    of_resource = [each for each in denials if _all([each[1]], part.resources, part.but_resources)]
    of_action = [each for each in denials if _all([each[0]], part.actions, part.but_actions)]
    return _all([each[0] for each in of_resource], part.actions, part.but_actions) or _all(
        [each[1] for each in of_action], part.resources, part.but_resources
    )


def leaves_some(denials: Sequence[Denied], part: Part) -> bool:
    """Whether an action on a resource is known that is in the part and that none of the Deny statements takes back."""
    if not denials:
        return True
    if part.names_no_resource and not all(_all([each[1]], part.resources, ()) for each in denials):
        return False  # whether a Deny names the resource itself cannot be seen
    tried_actions = _examples(part.actions, part.but_actions, [each[0] for each in denials])
    tried_resources = list(_examples(part.resources, part.but_resources, [each[1] for each in denials]))
    return any(
        not any(_selects(areas[0], action) and _selects(areas[1], resource) for areas in denials)
        for action, resource in product(tried_actions, tried_resources)
    )


def _meets(area: Area, family: Tokens) -> bool:
    if area.negated:
        return area.has_variables or not covers(area.patterns, family)
    return any(overlaps(pattern, family) for pattern in area.patterns)


def _all(areas: Sequence[Area], family: Tokens, but: tuple[Tokens, ...]) -> bool:
    """Whether the areas together select the whole family but for what is left out of it."""
    plain = [pattern for area in areas if not (area.negated or area.has_variables) for pattern in area.patterns]
    others = [area for area in areas if area.negated]
    listed = [*plain, *but]
    if plain and covers(listed, family):
        return True
    return any(
        all(not overlaps(pattern, family) or covers(listed, pattern) for pattern in area.patterns) for area in others
    )


def _selects(area: Area, name: str) -> bool:
    """Whether the area takes the name in, as far as a policy variable does not rule it out."""
    if area.negated:
        return area.has_variables or not any(matches(pattern, name) for pattern in area.patterns)
    return any(matches(pattern, name) for pattern in area.patterns)


def _examples(family: Tokens, but: tuple[Tokens, ...], areas: Sequence[Area]) -> Iterator[str]:
    """Yield names of the family that are the likeliest to be in none of the areas."""
    spared = (pattern for area in areas if area.negated for pattern in area.patterns)
    for pattern in (family, *spared):
        for sign in (_UNNAMED, ""):
            name = "".join(
                token if isinstance(token, str) else sign or _UNNAMED * (token.value == "?") for token in pattern
            )
            if matches(family, name) and not any(matches(each, name) for each in but):
                yield name


def _tokens(text: str) -> Tokens:
    return compile_pattern(text).tokens
