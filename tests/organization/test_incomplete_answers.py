"""An organization whose answers lack anything: a gap, or a sentence where nothing can be audited; no traceback."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest

from orgaudit.aws.access import Access
from orgaudit.aws.account import AccountAccess
from orgaudit.errors import AccessError
from orgaudit.model import PARTITION_DEFAULTS, Account, Caller, GapReason, NotSeenError
from orgaudit.organization.discovery import discover, read_tags
from orgaudit.organization.regions import discover_regions
from orgaudit.settings.sections import OrganizationSettings

MANAGEMENT, MEMBER = "111111111111", "222222222222"
ANSWERS: dict[str, dict[str, Any]] = {
    "DescribeOrganization": {
        "Organization": {"Id": "o-1", "Arn": "arn:o", "MasterAccountId": MANAGEMENT, "FeatureSet": "ALL"}
    },
    "ListAccounts": {
        "Accounts": [
            {"Id": MANAGEMENT, "Name": "Management", "State": "ACTIVE", "Email": "a@example.com"},
            {"Id": MEMBER, "Name": "Member", "Status": "ACTIVE"},
        ]
    },
    "ListRoots": {"Roots": [{"Id": "r-1", "Name": "Root"}]},
    "ListAccountsForParent": {"Accounts": [{"Id": MEMBER, "Name": "Member"}]},
    "ListOrganizationalUnitsForParent": {"OrganizationalUnits": [{"Id": "ou-1", "Name": "Unit"}]},
    "ListTagsForResource": {"Tags": [{"Key": "stage", "Value": "prod"}]},
    "ListDelegatedAdministrators": {"DelegatedAdministrators": [{"Id": MEMBER}]},
    "ListDelegatedServicesForAccount": {"DelegatedServices": [{"ServicePrincipal": "config.amazonaws.com"}]},
    "ListRegions": {"Regions": [{"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}]},
    "DescribeRegions": {"Regions": [{"RegionName": "us-east-1", "OptInStatus": "opt-in-not-required"}]},
}
"""One answer of each operation; the tree repeats a unit, as only a broken one does."""


@dataclass
class Home:
    """A region that gives these answers."""

    answers: Mapping[str, Mapping[str, Any]]
    account_id: str = MEMBER
    region: str = "us-east-1"
    refusal: str | None = None

    async def call(self, service: str, operation: str, /, **parameters: str) -> Mapping[str, Any]:
        return self.answers[operation]

    async def find(self, service: str, operation: str, absent: Sequence[str], /) -> Mapping[str, Any]:
        return self.answers[operation]

    async def pages(self, service: str, operation: str, /, **parameters: str) -> AsyncIterator[Mapping[str, Any]]:
        yield self.answers[operation]


@dataclass
class World:
    """What discovery asks: an access, an account of it and the SDK's clients in one."""

    home_region: Home
    account_id: str = MEMBER

    @property
    def caller(self) -> Caller:
        return Caller(MEMBER, "arn:aws:iam::222222222222:role/x", "aws")

    @property
    def transport(self) -> World:
        return self

    @property
    def clients(self) -> World:
        return self

    def reader(self, role_arn: str | None) -> Home:
        return self.home_region

    def home(self) -> Home:
        return self.home_region

    async def default_regions(self, partition: str) -> list[str]:
        return ["eu-west-1", "us-east-1"]


def world(**changes: dict[str, Any]) -> Any:
    return World(Home({**ANSWERS, **changes}))


async def regions_in(given: Any) -> tuple[str, ...]:
    found = await discover_regions(cast("AccountAccess", given))
    return (found.source, *found.enabled)


async def organization_in(given: Any) -> Any:
    return await discover(cast("Access", given), OrganizationSettings())


@pytest.mark.parametrize("broken", [{}, {"Regions": [{"RegionName": "us-east-1"}]}, {"Regions": None}, {"Regions": 7}])
async def test_incomplete_regions_are_asked_elsewhere(broken: dict[str, Any]) -> None:
    odd = {"Regions": [{"RegionName": "us-east-1", "OptInStatus": "perhaps"}]}
    assert await regions_in(world()) == ("account:ListRegions", "us-east-1")
    assert await regions_in(world(ListRegions=broken)) == ("ec2:DescribeRegions", "us-east-1")
    for second in (broken, odd):
        found = await regions_in(world(ListRegions=broken, DescribeRegions=second))
        assert found == (PARTITION_DEFAULTS, "eu-west-1", "us-east-1")


async def test_keys_that_home_refuses_shut_the_account() -> None:
    given = world(ListRegions={}, DescribeRegions={})
    given.home_region.refusal = "InvalidClientTokenId: no"
    with pytest.raises(NotSeenError, match="us-east-1 rejects the session's keys: InvalidClientTokenId") as raised:
        await regions_in(given)
    assert raised.value.gap.reason is GapReason.ACCOUNT_UNAVAILABLE


@pytest.mark.parametrize(
    ("operation", "broken"),
    [
        ("DescribeOrganization", {}),
        ("DescribeOrganization", {"Organization": {"Id": "o-1", "Arn": "arn:o"}}),
        ("ListAccounts", {}),
        ("ListAccounts", {"Accounts": [{"Name": "without an id"}]}),
        ("ListAccounts", {"Accounts": [{"Id": "../run"}]}),
    ],
)
async def test_without_the_accounts_there_is_a_sentence(operation: str, broken: dict[str, Any]) -> None:
    with pytest.raises(AccessError, match=f"organizations:{operation} is incomplete"):
        await organization_in(world(**{operation: broken}))


@pytest.mark.parametrize(
    ("operation", "broken"),
    [
        ("ListRoots", {}),
        ("ListRoots", {"Roots": [{"Id": "r-1"}]}),
        ("ListAccountsForParent", {"Accounts": [{}]}),
        ("ListOrganizationalUnitsForParent", {}),
        ("ListDelegatedAdministrators", {"DelegatedAdministrators": [{"Name": "x"}]}),
        ("ListDelegatedServicesForAccount", {"DelegatedServices": [None]}),
    ],
)
async def test_an_incomplete_part_of_the_organization_is_a_gap(operation: str, broken: dict[str, Any]) -> None:
    found = await organization_in(world(**{operation: broken}))
    assert {account.id for account in found.accounts} == {MANAGEMENT, MEMBER}
    assert (GapReason.MALFORMED, f"organizations:{operation}") in {(gap.reason, gap.action) for gap in found.gaps}


async def test_a_unit_below_itself_is_visited_once() -> None:
    (gap,) = (await organization_in(world())).gaps
    assert gap.message == "ou-1 is listed in more than one place of the organization's tree"


async def test_incomplete_tags_are_a_gap_of_that_account() -> None:
    accounts = [Account(id=each, name="") for each in (MANAGEMENT, MEMBER)]
    for broken in ({}, {"Tags": [{"Key": "stage"}]}):
        tagged, gaps = await read_tags(
            cast("Access", world(ListTagsForResource=broken)), OrganizationSettings(), accounts
        )
        assert [account.tags for account in tagged] == [None, None]
        assert [gap.reason for gap in gaps] == [GapReason.MALFORMED] * 2


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each member of an answer, however deep."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in ((*path, key), *places(inner, (*path, key)))]


def spoil(answer: Any, draw: random.Random) -> Any:
    """The answer with one member deleted, or replaced by something of another type."""
    spoilt = copy.deepcopy(answer)
    *way, last = draw.choice(places(spoilt))
    inner = spoilt
    for key in way:
        inner = inner[key]
    if draw.random() < 0.4:
        del inner[last]
    else:
        inner[last] = draw.choice([None, 7, True, "", "x", [], {}, [None], [7], {"Id": 7}, object(), b"x", "\udc80"])
    return spoilt


@pytest.mark.parametrize("seed", range(400))
async def test_nothing_missing_anywhere_ends_with_a_traceback(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    answers = dict(ANSWERS)
    for operation in draw.sample(sorted(ANSWERS), k=draw.choice([1, 1, 2, 5])):
        answers[operation] = spoil(answers[operation], draw)
    given = world(**answers)
    attempts: list[Callable[[], Any]] = [lambda: organization_in(given), lambda: regions_in(given)]
    accounts = [Account(id=MEMBER, name="")]
    attempts.append(lambda: read_tags(cast("Access", given), OrganizationSettings(), accounts))
    for attempt in attempts:
        with contextlib.suppress(AccessError, NotSeenError):
            # What was accepted can be written into the run's manifest.
            msgspec.json.encode(await attempt())
