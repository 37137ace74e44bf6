"""What each operation answers for an account of a kind in a region: one module for related services."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from botocore.model import Shape

from scripts.simulator.organization import ACCOUNT, Organization, Place
from scripts.simulator.protocol import Answer, Operation

NOW = datetime.now(UTC).replace(microsecond=0)
"""When the simulator started; all times of its answers are relative to it."""
CREATED = datetime(2020, 1, 1, tzinfo=UTC)

Asked: TypeAlias = Mapping[str, Any]
"""The parameters of a request; those of forms are flat."""
Handler: TypeAlias = Callable[[Place, Asked], Answer]
"""Answers for all accounts of a kind: the account is ACCOUNT, and the answer is kept."""


class RefusedError(Exception):
    """An error answer: code, message and HTTP status."""

    def __init__(self, code: str, message: str = "The simulator has none.", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One call of one account, for answers that differ by account."""

    organization: Organization
    account: str
    region: str
    asked: Asked


OwnHandler: TypeAlias = Callable[[Request], Answer]
"""Answers for one account; nothing is kept of it."""
HANDLERS: dict[tuple[str, str], Handler] = {}
OWN_HANDLERS: dict[tuple[str, str], OwnHandler] = {}


def answers(service: str, operation: str) -> Callable[[Handler], Handler]:
    """Return what registers a function as the answer to an operation, the same for all accounts of a kind."""

    def register(handler: Handler) -> Handler:
        HANDLERS[service, operation] = handler
        return handler

    return register


def answers_each(service: str, operation: str) -> Callable[[OwnHandler], OwnHandler]:
    """Return what registers a function as the answer to an operation, computed for each call."""

    def register(handler: OwnHandler) -> OwnHandler:
        OWN_HANDLERS[service, operation] = handler
        return handler

    return register


def constant(service: str, operation: str, answer: Answer) -> None:
    """Register an answer that is the same in all accounts and regions."""
    HANDLERS[service, operation] = lambda _place, _asked: answer


def refused(service: str, operation: str, code: str, status: int = 400) -> None:
    """Register an operation that is refused everywhere, such as for a setting that nobody made."""

    def refuse(_place: Place, _asked: Asked) -> Answer:
        raise RefusedError(code, status=status)

    HANDLERS[service, operation] = refuse


def load() -> None:
    """Import every module of answers."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def empty(operation: Operation) -> Answer:
    """Return the answer of an operation where there is nothing: its lists, empty.

    Raises RefusedError where the operation lists nothing, because no empty answer of it is known to be valid.
    """
    shape: Any = operation.model.output_shape
    lists: dict[str, Any] = (
        {name: [] for name, member in shape.members.items() if member.type_name == "list"} if shape else {}
    )
    if not lists or not operation.name.startswith(("Describe", "Get", "List", "BatchGet")):
        raise RefusedError("UnknownOperationException", f"The simulator does not know {operation.action}.")
    return {
        **{name: _nothing(member) for name, member in shape.members.items() if name in shape.required_members},
        **lists,
    }


def _nothing(shape: Shape) -> Any:  # noqa: ANN401 - a value of any shape
    found: Any = shape
    match found.type_name:
        case "structure":
            return {name: _nothing(found.members[name]) for name in found.required_members}
        case "list" | "map":
            return [] if found.type_name == "list" else {}
        case "boolean":
            return False
        case "timestamp":
            return CREATED
        case "string":
            return found.enum[0] if found.enum else "none"
    return 0


def days_ago(days: float) -> datetime:
    """Return a time so many days before the simulator started."""
    return NOW - timedelta(days=days)


def statement(
    action: str | list[str], resource: str | None = None, principal: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a policy's statement that allows an action."""
    found: dict[str, Any] = {"Effect": "Allow", "Action": action}
    if resource:
        found["Resource"] = resource
    if principal:
        found["Principal"] = principal
    return found


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def own_policy(action: str, resource: str = "*") -> str:
    """Return a resource's policy that allows the account itself."""
    return policy(statement(action, resource, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))


def number_of(name: str) -> int:
    """Return the number at the end of a resource's name, 0 where it has none."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
