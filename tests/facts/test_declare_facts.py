"""How facts and their collectors are declared and found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest

from orgaudit.aws.actions import is_read
from orgaudit.errors import ConfigError
from orgaudit.facts import declare
from orgaudit.facts.cloudtrail.alarms import TrailAlarms, TrailFilters
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup, TrailRole
from orgaudit.facts.cloudtrail.topics import TrailTopics, trail_topics
from orgaudit.facts.cloudtrail.trails import Trail, TrailStatus, trails
from orgaudit.facts.declare import Aws, Collector, Detail, Resource, closure, collector, detail, load, observe
from orgaudit.facts.shard import AccountHeader
from orgaudit.model import NotSeenError, Scope, Seen
from tests.factories import denied


class Kettle(Resource, frozen=True, kw_only=True):
    """A resource of these tests."""


class KettleHeat(Detail, frozen=True, kw_only=True):
    """A detail of it."""


class KettleSong(Detail, frozen=True, kw_only=True):
    """A detail that rests on the other."""


@collector(scope=Scope.ACCOUNT, actions=["kitchen:ListKettles"])
async def kettles(aws: Aws) -> AsyncIterator[Kettle]:
    yield Kettle(arn="arn:aws:kitchen::222222222222:kettle/one", account_id=aws.account_id, region=aws.region)


@detail(actions=["kitchen:GetHeat"])
async def kettle_heat(aws: Aws, kettle: Kettle) -> KettleHeat:
    return KettleHeat(arn=kettle.arn)


@detail(actions=["kitchen:GetSong"])
async def kettle_song(aws: Aws, kettle: Kettle, heat: KettleHeat) -> KettleSong:
    return KettleSong(arn=heat.arn)


def declared(run: Any) -> Collector:
    found: Collector = run.__collector__
    return found


def test_listing_is_declared_by_its_annotation() -> None:
    found = declared(kettles)
    assert (found.fact, found.scope, found.parent, found.takes) == (Kettle, Scope.ACCOUNT, None, ())
    assert found.actions == ("kitchen:ListKettles",)
    assert found.name == f"{__name__}.kettles"


def test_detail_is_declared_by_its_annotations() -> None:
    found = declared(kettle_song)
    assert (found.fact, found.parent, found.takes) == (KettleSong, Kettle, (KettleHeat,))
    assert declared(kettle_heat).takes == ()


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:cloudtrail:eu-west-1:222222222222:trail/main", "main"),
        ("arn:aws:iam::222222222222:role/path/to/main", "main"),
        ("arn:aws:sns:eu-west-1:222222222222:main", "main"),
        ("arn:aws:s3:::main", "main"),
    ],
)
def test_resource_has_the_name_that_people_use(arn: str, name: str) -> None:
    assert Kettle(arn=arn, account_id="222222222222", region="eu-west-1").name == name


# Finding them


def loaded(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Any:
    monkeypatch.setattr(declare, "offered_modules", lambda: list(modules))
    return load.__wrapped__()


def offered(name: str, *functions: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update({function.__name__: function for function in functions})
    return module


def test_our_collectors_are_found() -> None:
    assert declared(trails) in load().values()
    assert load()[Trail].scope is Scope.REGIONAL
    assert load()[TrailTopics].run is trail_topics


def test_offered_collectors_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = loaded(monkeypatch, offered(__name__, kettles, kettle_heat))
    assert {Kettle, KettleHeat} <= set(found)
    assert KettleSong not in found


def test_imported_collectors_are_not_found_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Kettle not in loaded(monkeypatch, offered("another", kettles))


def test_two_collectors_of_one_type_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = offered(__name__, kettles)
    with pytest.raises(ConfigError, match="both fill Kettle"):
        loaded(monkeypatch, module, module)


def test_every_declared_action_only_reads() -> None:
    assert [action for found in load().values() for action in found.actions if not is_read(action)] == []


# What rests on what


def test_closure_puts_what_is_needed_first() -> None:
    facts = [found.fact for found in closure([TrailTopics])]
    assert facts == [Trail, TrailLogGroup, TrailFilters, TrailAlarms, TrailTopics]


def test_closure_names_each_once() -> None:
    facts = [found.fact for found in closure([TrailRole, TrailStatus, Trail, TrailStatus])]
    assert facts == [Trail, TrailRole, TrailStatus]


def test_closure_of_nothing() -> None:
    assert closure([]) == []


def test_fact_that_nobody_collects_is_refused() -> None:
    with pytest.raises(TypeError, match="no collector fills AccountHeader"):
        closure([AccountHeader])  # type: ignore[list-item]  # what a careless control could name


# A refused part


async def test_observe() -> None:
    async def read() -> int:
        return 3

    async def refuse() -> int:
        raise NotSeenError(denied())

    async def break_down() -> int:
        raise ZeroDivisionError

    assert await observe(read()) == Seen(3)
    assert await observe(refuse()) == denied()
    with pytest.raises(ZeroDivisionError):
        await observe(break_down())
