"""AWS with literal answers, every one of them checked against the SDK's own model of the operation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias, TypeVar

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from orgaudit.aws.actions import iam_action
from orgaudit.model import GLOBAL, Gap, GapReason, Json, NotSeenError, parse_arn
from tests.factories import HOME, MEMBER

T = TypeVar("T")


@dataclass(frozen=True)
class Refused:
    """AWS answers with an error code."""

    code: str = "AccessDeniedException"


Answer: TypeAlias = Mapping[str, Any] | Refused
Answers: TypeAlias = Mapping[tuple[str, str], Answer | Sequence[Answer] | Callable[..., Answer]]
"""By service and operation: the answer, its pages, or what tells the answer to some parameters."""

SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (datetime,),
    "blob": (bytes,),
}
PAGED_ALL_THE_SAME = {"ListEventBuses"}
"""Operations with page tokens of which the SDK does not say so."""
PARSED = {"policyDocumentType"}
"""Strings that the SDK parses as JSON."""


LOADER = Loader()
"""The SDK's models, which it keeps once they are read."""


@cache
def service_model(service: str) -> ServiceModel:
    return ServiceModel(LOADER.load_service_model(service, "service-2"), service)


@cache
def paging_model(service: str) -> dict[str, dict[str, Any]]:
    model: dict[str, dict[str, Any]] = LOADER.load_service_model(service, "paginators-1")["pagination"]
    return model


def flaws(value: object, shape: Shape, where: str = "") -> list[str]:
    """What in an answer the SDK could never have returned: members that do not exist, values of another type."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        unknown = [f"{where}.{name} does not exist" for name in value if name not in shape.members]
        known = [(member, shape.members[name], name) for name, member in value.items() if name in shape.members]
        return unknown + [flaw for member, inner, name in known for flaw in flaws(member, inner, f"{where}.{name}")]
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [flaw for place, one in enumerate(value) for flaw in flaws(one, shape.member, f"{where}[{place}]")]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return [flaw for key, one in value.items() for flaw in flaws(one, shape.value, f"{where}.{key}")]
    if shape.name in PARSED and isinstance(value, dict):
        return []
    types = SCALARS.get(shape.type_name, ())
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return [f"{where} is no {shape.type_name}: {value!r}"]
    options: Sequence[str] = getattr(shape, "enum", ())
    return [f"{where} is none of {options}: {value!r}"] if options and value not in options else []


def checked(model: OperationModel, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer; raises AssertionError where the operation could not have given it."""
    assert model.output_shape is not None, f"{model.name} answers nothing"
    found = flaws(dict(answer), model.output_shape, model.name)
    assert not found, "; ".join(found)
    return dict(answer)


@dataclass(frozen=True)
class Call:
    """One call that was made."""

    account_id: str
    region: str
    service: str
    operation: str
    parameters: dict[str, Any]


@dataclass
class World:
    """What each account answers, and what was asked of it."""

    answers: Mapping[str, Answers]
    calls: list[Call] = field(default_factory=list)
    read: dict[object, Any] = field(default_factory=dict)

    @property
    def actions(self) -> set[str]:
        """The IAM actions of the calls that were made."""
        return {iam_action(call.service, call.operation) for call in self.calls}

    def asked(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]


class LiteralAws:
    """One account and region of a world: an `Aws` for collectors."""

    def __init__(self, world: World, account_id: str, region: str) -> None:
        self.world, self.account_id, self.region, self.partition = world, account_id, region, "aws"

    async def call(self, service: str, operation: str, /, **parameters: Json) -> dict[str, Any]:
        answer = self._ask(service, operation, parameters)
        if isinstance(answer, Refused):
            raise self._not_seen(service, operation, answer)
        return answer

    async def find(
        self, service: str, operation: str, absent: Sequence[str], /, **parameters: Json
    ) -> dict[str, Any] | None:
        answer = self._ask(service, operation, parameters)
        if isinstance(answer, Refused):
            if answer.code in absent:
                return None
            raise self._not_seen(service, operation, answer)
        return answer

    async def pages(self, service: str, operation: str, /, **parameters: Json) -> AsyncIterator[dict[str, Any]]:
        async for page in self.find_pages(service, operation, (), **parameters):
            assert page is not None
            yield page

    async def find_pages(
        self, service: str, operation: str, absent: Sequence[str], /, **parameters: Json
    ) -> AsyncIterator[dict[str, Any] | None]:
        is_paged = operation in paging_model(service) or operation in PAGED_ALL_THE_SAME
        assert is_paged, f"{operation} has no pages"
        told = self._told(service, operation)
        for answer in told if isinstance(told, list) else [told]:
            page = self._checked(service, operation, parameters, answer)
            if isinstance(page, Refused):
                if page.code not in absent:
                    raise self._not_seen(service, operation, page)
                yield None
                return
            yield page
            parameters = {**parameters, **({"NextToken": page["NextToken"]} if "NextToken" in page else {})}

    async def at(self, arn: str, /) -> LiteralAws:
        _, _, region, account_id, _ = parse_arn(arn)
        account_id = account_id or self.account_id
        if account_id not in self.world.answers:
            message = f"account {account_id} is not part of the organization"
            raise NotSeenError(Gap(account_id, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, message))
        return LiteralAws(self.world, account_id, region or self.region)

    async def once(self, read: Callable[..., Awaitable[T]], /, *arguments: Json) -> T:
        key = (self.account_id, self.region, read, arguments)
        if key not in self.world.read:
            self.world.read[key] = await read(self, *arguments)
        found: T = self.world.read[key]
        return found

    def _told(self, service: str, operation: str) -> Any:
        return self.world.answers[self.account_id].get((service, operation), Refused())

    def _ask(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any] | Refused:
        told = self._told(service, operation)
        if isinstance(told, list):
            told = told[len(self.world.asked(operation))]
        return self._checked(service, operation, parameters, told)

    def _checked(self, service: str, operation: str, parameters: dict[str, Any], told: Any) -> dict[str, Any] | Refused:
        model = service_model(service).operation_model(operation)
        if model.input_shape is None:
            assert not parameters, f"{operation} takes nothing"
        else:
            report = ParamValidator().validate(parameters, model.input_shape)
            assert not report.has_errors(), report.generate_report()
        self.world.calls.append(Call(self.account_id, self.region, service, operation, parameters))
        answer: Answer = told(**parameters) if callable(told) else told
        return answer if isinstance(answer, Refused) else checked(model, answer)

    def _not_seen(self, service: str, operation: str, refused: Refused) -> NotSeenError:
        action = iam_action(service, operation)
        return NotSeenError(Gap(self.account_id, self.region, action, GapReason.DENIED, refused.code))


def aws(answers: Answers) -> LiteralAws:
    """The member's home region with these answers."""
    return LiteralAws(World({MEMBER: answers}), MEMBER, HOME)


def aws_of(service: str, /, **answers: Any) -> LiteralAws:
    """The member's home region with answers of one service, by operation."""
    return aws({(service, operation): answer for operation, answer in answers.items()})


async def drained(listing: AsyncIterator[T]) -> list[T]:
    """All that a listing yields."""
    return [resource async for resource in listing]
