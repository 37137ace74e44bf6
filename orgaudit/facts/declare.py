"""How a fact is declared: resources and their details as types, and the collectors that read them from AWS.

A `Resource` is listed: once in an account, or once in each region. A `Detail` of a resource took calls of its own, so
it is seen or a gap by itself. Controls name both by type, and only what they name is collected.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar, get_args, get_type_hints

import msgspec

from orgaudit import __version__
from orgaudit.errors import ConfigError
from orgaudit.model import Gap, GapReason, Json, NotSeenError, Observed, Scope, Seen

R = TypeVar("R", bound="Resource")
D = TypeVar("D", bound="Detail")
T = TypeVar("T")

ENTRY_POINT = "orgaudit.controls"
"""The entry point under which other packages offer modules with controls, and the facts that these need."""
UNREAD = Gap("", "", "", GapReason.DEFECT, "the version that collected this did not read it; audit again to see it")
"""What a field holds in the facts of an earlier version, which had no such field."""


class Resource(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One thing that a listing call returns. `account_id` and `region` are where it lives, not where it was seen."""

    arn: str
    account_id: str
    region: str
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The last part of the ARN, as people call the resource."""
        return self.arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


class Detail(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What further calls return about one resource; `arn` is the resource's."""

    arn: str


FactType: TypeAlias = type[Resource] | type[Detail]


class Place(TypedDict):
    """The account and the region of a resource."""

    account_id: str
    region: str


class Aws(Protocol):
    """The calls that a collector may make: in one account and region, read-only.

    Every call raises `NotSeenError` when AWS does not answer, so a collector maps answers and handles no errors.
    """

    @property
    def account_id(self) -> str:
        """The account in which calls are made."""

    @property
    def region(self) -> str:
        """The region to which calls go."""

    @property
    def partition(self) -> str:
        """The partition: aws, aws-cn, aws-us-gov …"""

    async def call(self, service: str, operation: str, /, **parameters: Json) -> dict[str, Any]:
        """Return the answer to one call."""

    async def find(
        self, service: str, operation: str, absent: Sequence[str], /, **parameters: Json
    ) -> dict[str, Any] | None:
        """Return the answer to one call, or None where AWS answers with one of the error codes in `absent`."""

    def pages(self, service: str, operation: str, /, **parameters: Json) -> AsyncIterator[dict[str, Any]]:
        """Yield the answer page by page."""

    def find_pages(
        self, service: str, operation: str, absent: Sequence[str], /, **parameters: Json
    ) -> AsyncIterator[dict[str, Any] | None]:
        """Yield the answer page by page; None at last where AWS answers with one of the error codes in `absent`."""

    async def at(self, arn: str, /) -> Aws:
        """Return the same in the account and region of an ARN; raises NotSeenError outside the organization."""

    async def once(self, read: Callable[..., Awaitable[T]], /, *arguments: Json) -> T:
        """Return what `read(aws, *arguments)` returns, reading it only once for this account and region."""


def here(aws: Aws, region: str = "") -> Place:
    """Return the place of what calls list: their own account, and their region or another one, such as GLOBAL."""
    return {"account_id": aws.account_id, "region": region or aws.region}


@dataclass(frozen=True, slots=True)
class Collector:
    """How one fact type is read. A listing has no `parent`; a detail has one, and may take other details of it."""

    fact: FactType
    actions: tuple[str, ...]
    run: Callable[..., Any]
    scope: Scope
    parent: type[Resource] | None = None
    takes: tuple[type[Detail], ...] = ()

    @property
    def name(self) -> str:
        """The module and the function, as people look for it."""
        return f"{self.run.__module__}.{self.run.__name__}"


async def observe(reading: Awaitable[T]) -> Observed[T]:
    """Return what a part of a detail reads, or its gap, so that one refused part leaves the others."""
    try:
        return Seen(await reading)
    except NotSeenError as error:
        return error.gap


def collector(
    *, scope: Scope, actions: Sequence[str]
) -> Callable[[Callable[[Aws], AsyncIterator[R]]], Callable[[Aws], AsyncIterator[R]]]:
    """Return a decorator that declares an async generator as the listing of the resource type that it yields.

    `actions` are the IAM actions that it needs.
    """

    def declare(run: Callable[[Aws], AsyncIterator[R]]) -> Callable[[Aws], AsyncIterator[R]]:
        (fact,) = get_args(get_type_hints(run)["return"])
        run.__collector__ = Collector(fact, tuple(actions), run, scope)  # type: ignore[attr-defined]  # read by load()
        return run

    return declare


def detail(*, actions: Sequence[str]) -> Callable[[Callable[..., Awaitable[D]]], Callable[..., Awaitable[D]]]:
    """Return a decorator that declares a coroutine `(aws, resource, *details)` as the reader of what it returns.

    It runs in the resource's own region. Further parameters are other details of the same resource; where one of them
    is a gap, this detail is that gap.
    """

    def declare(run: Callable[..., Awaitable[D]]) -> Callable[..., Awaitable[D]]:
        hints = get_type_hints(run)
        _, parent, *takes = [hints[name] for name in inspect.signature(run).parameters]
        found = Collector(hints["return"], tuple(actions), run, Scope.REGIONAL, parent, tuple(takes))
        run.__collector__ = found  # type: ignore[attr-defined]  # read by load()
        return run

    return declare


def modules_in(package: str) -> Iterable[ModuleType]:
    """Yield every module below a package, imported, in the order of their names."""
    root = import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield import_module(info.name)


def offered_modules() -> list[ModuleType]:
    """Return the modules with controls and facts that other packages offer, imported.

    Raises ConfigError, which names the package, for a module that cannot be imported.
    """
    return [_loaded(point) for point in sorted(entry_points(group=ENTRY_POINT), key=lambda point: point.value)]


def _loaded(point: EntryPoint) -> ModuleType:
    try:
        found = point.load()
    except (ImportError, AttributeError, NameError, SyntaxError, TypeError, ValueError) as error:
        why = f"{point.value} cannot be loaded ({type(error).__name__}: {error})"
        raise ConfigError(f"{why}; correct or uninstall {_package(point)}", key=ENTRY_POINT) from error
    if not isinstance(found, ModuleType):
        remedy = f"name a module, without a colon, in the entry point {point.name!r} of {_package(point)}"
        raise ConfigError(f"{point.value} is not a module; {remedy}", key=ENTRY_POINT)
    return found


def package_of(module: str) -> str:
    """Return the package, with its version, that a module of controls or facts comes from."""
    if module.partition(".")[0] == "orgaudit":
        return f"orgaudit {__version__}"
    found = (_package(point) for point in entry_points(group=ENTRY_POINT) if point.module == module)
    return next(found, module.partition(".")[0])


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module.partition(".")[0]


def clash(message: str, *modules: str) -> ConfigError:
    """Return the error for what two modules define; it names the package of each and what to do."""
    places = " and ".join(f"{module} ({package_of(module)})" for module in modules)
    return ConfigError(f"{message}: {places}; rename the one in your package, or uninstall it", key=ENTRY_POINT)


@cache
def load() -> dict[FactType, Collector]:
    """Return the collector of every fact type, ours and offered ones.

    Raises ConfigError where two fill one type, or two types have one name, by which shards and manifests know them.
    """
    found: dict[FactType, Collector] = {}
    names: dict[str, Collector] = {}
    for module in (*modules_in("orgaudit.facts"), *offered_modules()):
        for value in vars(module).values():
            declared = getattr(value, "__collector__", None)
            if not isinstance(declared, Collector) or declared.run.__module__ != module.__name__:
                continue
            name = declared.fact.__name__
            if declared.fact in found:
                raise clash(f"{declared.name} and {found[declared.fact].name} both fill {name}", module.__name__)
            if (other := names.setdefault(name, declared)) is not declared:
                raise clash(f"two types of facts are called {name}", other.run.__module__, module.__name__)
            found[declared.fact] = declared
    return found


def closure(facts: Iterable[FactType]) -> list[Collector]:
    """Return the collectors that fill these types and all that they depend on, each after what it needs."""
    collectors = load()
    ordered: dict[FactType, Collector] = {}

    def add(fact: FactType) -> None:
        if fact in ordered:
            return
        found = collectors.get(fact)
        if found is None:
            raise TypeError(f"no collector fills {fact.__name__}")
        for needed in (found.parent, *found.takes):
            if needed is not None:
                add(needed)
        ordered[fact] = found

    for fact in sorted(facts, key=lambda kind: kind.__name__):
        add(fact)
    return list(ordered.values())
