"""Whom AWS notifies about an account: its contact information and its security contact."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import Row
from orgaudit.model import GLOBAL, Observed, Scope, Seen


class ContactInformation(Resource, frozen=True, kw_only=True):
    """The primary contact of an account; all parts are empty where none is set."""

    full_name: str = ""
    company: str = ""
    phone: str = ""
    address: str = ""
    city: str = ""
    country: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that AWS needs and that are blank."""
        needed = {
            "name": self.full_name,
            "phone number": self.phone,
            "address": self.address,
            "city": self.city,
            "country": self.country,
        }
        return tuple(part for part, value in needed.items() if not value.strip())


class SecurityContact(Resource, frozen=True, kw_only=True):
    """The alternate contact for security of an account; `exists` False means that none is set."""

    exists: bool
    full_name: str = ""
    title: str = ""
    email: Observed[str] = Seen("")
    phone: Observed[str] = Seen("")


BLANK = dict.fromkeys(("FullName", "PhoneNumber", "AddressLine1", "City", "CountryCode"), "")
"""What a contact that is set always has, for an account without contact information.
https://docs.aws.amazon.com/accounts/latest/reference/API_ContactInformation.html"""


@collector(scope=Scope.ACCOUNT, actions=("account:GetContactInformation",))
async def contact_information(aws: Aws) -> AsyncIterator[ContactInformation]:
    """Yield the account's primary contact, filled in or not."""
    answer = await aws.find("account", "GetContactInformation", ("ResourceNotFoundException",))
    found = answer["ContactInformation"] if answer else BLANK
    yield ContactInformation(
        arn=f"arn:{aws.partition}:account::{aws.account_id}:contact-information",
        **here(aws, GLOBAL),
        full_name=found["FullName"],
        company=found.get("CompanyName", ""),
        phone=found["PhoneNumber"],
        address=found["AddressLine1"],
        city=found["City"],
        country=found["CountryCode"],
    )


@collector(scope=Scope.ACCOUNT, actions=("account:GetAlternateContact",))
async def security_contact(aws: Aws) -> AsyncIterator[SecurityContact]:
    """Yield the account's security contact, set or not."""
    # https://docs.aws.amazon.com/accounts/latest/reference/API_GetAlternateContact.html
    absent = ("ResourceNotFoundException",)
    answer = await aws.find("account", "GetAlternateContact", absent, AlternateContactType="SECURITY")
    arn = f"arn:{aws.partition}:account::{aws.account_id}:alternate-contact/SECURITY"
    if answer is None:
        yield SecurityContact(arn=arn, **here(aws, GLOBAL), exists=False)
        return
    found = answer["AlternateContact"]
    row = Row(aws, "account:GetAlternateContact", found)
    yield SecurityContact(
        arn=arn,
        **here(aws, GLOBAL),
        exists=True,
        full_name=found.get("Name", ""),
        title=found.get("Title", ""),
        email=row.member("EmailAddress", str),
        phone=row.member("PhoneNumber", str),
    )
