"""What the collectors of an account's contacts make of literal answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orgaudit.facts.contacts import ContactInformation, SecurityContact, contact_information, security_contact
from orgaudit.model import GLOBAL, NotSeenError, Seen
from tests.factories import HOME, MEMBER, seen_all
from tests.literal_aws import LiteralAws, Refused, World

GONE = Refused("ResourceNotFoundException")
INFORMATION, ALTERNATE = "GetContactInformation", "GetAlternateContact"
FILLED = {
    "FullName": "Cloud team",
    "CompanyName": "Example",
    "PhoneNumber": "+44 20 7946 0000",
    "AddressLine1": "1 High Street",
    "City": "London",
    "CountryCode": "GB",
    "PostalCode": "N1",
}
TEAM = {"Name": "Security", "Title": "Team", "EmailAddress": "soc@example.com", "PhoneNumber": "+44 20 7946 0001"}


def aws(operation: str, answer: Any) -> LiteralAws:
    return LiteralAws(World({MEMBER: {("account", operation): answer}}), MEMBER, HOME)


async def only(run: Callable[..., Any], at: LiteralAws) -> Any:
    (found,) = [each async for each in run(at)]
    return found


async def test_contact_information() -> None:
    at = aws(INFORMATION, {"ContactInformation": FILLED})
    found = await only(contact_information, at)
    assert found == ContactInformation(
        arn=f"arn:aws:account::{MEMBER}:contact-information",
        account_id=MEMBER,
        region=GLOBAL,
        full_name="Cloud team",
        company="Example",
        phone="+44 20 7946 0000",
        address="1 High Street",
        city="London",
        country="GB",
    )
    assert found.missing == ()
    assert at.world.calls[0].parameters == {}  # AWS refuses AccountId for the caller's own account


async def test_contact_information_that_is_not_there() -> None:
    found = await only(contact_information, aws(INFORMATION, GONE))
    assert found.missing == ("name", "phone number", "address", "city", "country")


async def test_security_contact() -> None:
    at = aws(ALTERNATE, {"AlternateContact": TEAM | {"AlternateContactType": "SECURITY"}})
    assert await only(security_contact, at) == seen_all(
        SecurityContact,
        arn=f"arn:aws:account::{MEMBER}:alternate-contact/SECURITY",
        account_id=MEMBER,
        region=GLOBAL,
        exists=True,
        full_name="Security",
        title="Team",
        email="soc@example.com",
        phone="+44 20 7946 0001",
    )
    assert at.world.calls[0].parameters == {"AlternateContactType": "SECURITY"}


async def test_security_contact_that_is_not_there() -> None:
    found = await only(security_contact, aws(ALTERNATE, GONE))
    assert (found.exists, found.email) == (False, Seen(""))


@pytest.mark.parametrize(
    ("run", "operation"),
    [(contact_information, INFORMATION), (security_contact, ALTERNATE)],
    ids=["primary", "security"],
)
async def test_refusal_is_a_gap_and_the_action_is_declared(run: Callable[..., Any], operation: str) -> None:
    with pytest.raises(NotSeenError) as error:
        await only(run, aws(operation, Refused()))
    declared: Any = getattr(run, "__collector__")  # noqa: B009 - set by the decorator
    assert (error.value.gap.action,) == declared.actions == (f"account:{operation}",)
