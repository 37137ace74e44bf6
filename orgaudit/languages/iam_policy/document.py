"""The policy document: its types, the parser that validates it, and the way back to JSON values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")

CURRENT_VERSION = "2012-10-17"
_VERSIONS = frozenset({"2008-10-17", CURRENT_VERSION})
# IAM refuses element names in another case, so a document with one does not come from AWS.
_POLICY_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {
        *("Sid", "Effect", "Condition"),
        *("Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"),
    }
)


class PolicyError(ValueError):
    """A document that is not a policy; the message names the statement and the element."""


class Effect(StrEnum):
    """The effect of a statement on the requests that it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


class PrincipalKind(StrEnum):
    """The namespace of a principal; ANYONE is the bare `"*"`."""

    ANYONE = "*"
    AWS = "AWS"
    SERVICE = "Service"
    FEDERATED = "Federated"
    CANONICAL_USER = "CanonicalUser"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, or whom a statement names: an ARN, an account id, a service name, a provider or a canonical id."""

    kind: PrincipalKind
    value: str

    @property
    def is_anyone(self) -> bool:
        """Whether this stands for every principal."""
        return self.value == "*" and self.kind in (PrincipalKind.ANYONE, PrincipalKind.AWS)


@dataclass(frozen=True, slots=True)
class Selection(Generic[T]):
    """The values of an element; `negated` for its Not… form."""

    values: tuple[T, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key; the values are alternatives."""

    operator: str
    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.key} {', '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `principal` is None in identity policies, `resource` is None in trust policies."""

    effect: Effect
    action: Selection[str]
    resource: Selection[str] | None = None
    principal: Selection[Principal] | None = None
    conditions: tuple[Condition, ...] = ()
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy document."""

    statements: tuple[Statement, ...]
    version: str | None = None
    id: str | None = None

    @property
    def has_variables(self) -> bool:
        """Whether `${…}` is a policy variable; documents of the older version take it literally.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
        """
        return self.version == CURRENT_VERSION


def parse_policy(document: str | Mapping[str, object]) -> Policy:
    """Return the policy in JSON text, URL-encoded JSON text or a mapping; raises PolicyError with what is wrong."""
    content = _mapping(_decoded(document) if isinstance(document, str) else document, "the document")
    _refuse_unknown(content, _POLICY_ELEMENTS, "the document")
    version = _optional_text(content, "Version", "the document")
    if version is not None and version not in _VERSIONS:
        raise PolicyError(f"Version {version!r} is not a policy language version")
    if "Statement" not in content:
        raise PolicyError("the document has no Statement")
    statements = _listed(content["Statement"])
    return Policy(
        tuple(_statement(value, f"statement {number}") for number, value in enumerate(statements, start=1)),
        version,
        _optional_text(content, "Id", "the document"),
    )


def _decoded(text: str) -> object:
    plain = text if text.lstrip().startswith("{") else unquote(text)
    try:
        return json.loads(plain, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise PolicyError(f"the document is not JSON: {error}") from error
    except RecursionError as error:
        raise PolicyError("the document is nested too deeply") from error


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise PolicyError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice in one object")
    return content


def _statement(value: object, where: str) -> Statement:
    content = _mapping(value, where)
    _refuse_unknown(content, _STATEMENT_ELEMENTS, where)
    action = _selection(content, "Action", where, _texts)
    if action is None:
        raise PolicyError(f"{where} has neither Action nor NotAction")
    return Statement(
        effect=_effect(content, where),
        action=action,
        resource=_selection(content, "Resource", where, _texts),
        principal=_selection(content, "Principal", where, _principals),
        conditions=_conditions(content.get("Condition", {}), where),
        sid=_optional_text(content, "Sid", where),
    )


def _effect(content: Mapping[str, object], where: str) -> Effect:
    value = content.get("Effect")
    if value not in tuple(Effect):
        raise PolicyError(f"{where}: Effect is {value!r}, not 'Allow' or 'Deny'")
    return Effect(str(value))


def _selection(
    content: Mapping[str, object], element: str, where: str, read: Callable[[object, str], tuple[T, ...]]
) -> Selection[T] | None:
    names = [name for name in (element, f"Not{element}") if name in content]
    if len(names) > 1:
        raise PolicyError(f"{where} has both {element} and Not{element}")
    return Selection(read(content[names[0]], f"{where}: {names[0]}"), names[0] != element) if names else None


def _principals(value: object, place: str) -> tuple[Principal, ...]:
    if value == "*":
        return (Principal(PrincipalKind.ANYONE, "*"),)
    if isinstance(value, str):
        raise PolicyError(f"{place} is the text {value!r}; only '*' may stand without a kind")
    content = _mapping(value, place)
    _refuse_unknown(content, frozenset(PrincipalKind) - {PrincipalKind.ANYONE}, place)
    if not content:
        raise PolicyError(f"{place} is empty")
    return tuple(
        Principal(PrincipalKind(kind), text)
        for kind, values in content.items()
        for text in _texts(values, f"{place}: {kind}")
    )


def _conditions(value: object, where: str) -> tuple[Condition, ...]:
    place = f"{where}: Condition"
    return tuple(
        Condition(operator, key, _texts(values, f"{place}: {operator} {key}", scalars=True))
        for operator, keys in _mapping(value, place).items()
        for key, values in _mapping(keys, f"{place}: {operator}").items()
    )


def _texts(value: object, place: str, *, scalars: bool = False) -> tuple[str, ...]:
    texts = tuple(_text(item, place, scalars=scalars) for item in _listed(value))
    # AWS keeps a condition without values, marked by scalars here, and refuses the other elements in most services:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
    if not texts and not scalars:
        raise PolicyError(f"{place} is empty")
    return texts


def _text(value: object, place: str, *, scalars: bool) -> str:
    if isinstance(value, str):
        return value
    if scalars and isinstance(value, bool):
        return "true" if value else "false"
    if scalars and isinstance(value, int | float):
        return str(value)
    raise PolicyError(f"{place} holds {value!r}, not text")


def _optional_text(content: Mapping[str, object], element: str, where: str) -> str | None:
    value = content.get(element)
    return None if value is None else _text(value, f"{where}: {element}", scalars=False)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else (value,)


def _mapping(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise PolicyError(f"{place} is not a JSON object")
    return value


def _refuse_unknown(content: Mapping[str, object], known: frozenset[str], place: str) -> None:
    for name in content:
        if name not in known:
            raise PolicyError(f"{place} has the unknown element {name!r}")


def dump_policy(policy: Policy) -> dict[str, object]:
    """Return the policy as JSON values, lists written out; `parse_policy` returns the same policy for them."""
    heads = {"Version": policy.version, "Id": policy.id}
    return {name: value for name, value in heads.items() if value is not None} | {
        "Statement": [_dumped(statement) for statement in policy.statements]
    }


def _dumped(statement: Statement) -> dict[str, object]:
    content: dict[str, object] = {} if statement.sid is None else {"Sid": statement.sid}
    content["Effect"] = statement.effect.value
    if statement.principal is not None:
        content[_name("Principal", statement.principal)] = _dumped_principals(statement.principal.values)
    content[_name("Action", statement.action)] = list(statement.action.values)
    if statement.resource is not None:
        content[_name("Resource", statement.resource)] = list(statement.resource.values)
    if statement.conditions:
        content["Condition"] = _dumped_conditions(statement.conditions)
    return content


def _name(element: str, selection: Selection[T]) -> str:
    return f"Not{element}" if selection.negated else element


def _dumped_principals(principals: tuple[Principal, ...]) -> object:
    if principals[0].kind is PrincipalKind.ANYONE:
        return "*"
    content: dict[str, list[str]] = {}
    for principal in principals:
        content.setdefault(principal.kind.value, []).append(principal.value)
    return content


def _dumped_conditions(conditions: tuple[Condition, ...]) -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = {}
    for condition in conditions:
        content.setdefault(condition.operator, {})[condition.key] = list(condition.values)
    return content
