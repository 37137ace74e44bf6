"""Whom AWS tells about an account: its contact information and its security contact."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.model import GLOBAL, Scope


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
    email: str = ""
    phone: str = ""


@collector(scope=Scope.ACCOUNT, actions=("account:GetContactInformation",))
async def contact_information(aws: Aws) -> AsyncIterator[ContactInformation]:
    """Yield the account's primary contact, filled in or not."""
    answer = await aws.find("account", "GetContactInformation", ("ResourceNotFoundException",))
    found = answer["ContactInformation"] if answer else {}
    yield ContactInformation(
        arn=f"arn:{aws.partition}:account::{aws.account_id}:contact-information",
        account_id=aws.account_id,
        region=GLOBAL,
        full_name=found.get("FullName", ""),
        company=found.get("CompanyName", ""),
        phone=found.get("PhoneNumber", ""),
        address=found.get("AddressLine1", ""),
        city=found.get("City", ""),
        country=found.get("CountryCode", ""),
    )


@collector(scope=Scope.ACCOUNT, actions=("account:GetAlternateContact",))
async def security_contact(aws: Aws) -> AsyncIterator[SecurityContact]:
    """Yield the account's security contact, set or not."""
    absent = ("ResourceNotFoundException",)
    answer = await aws.find("account", "GetAlternateContact", absent, AlternateContactType="SECURITY")
    found = answer["AlternateContact"] if answer else {}
    yield SecurityContact(
        arn=f"arn:{aws.partition}:account::{aws.account_id}:alternate-contact/SECURITY",
        account_id=aws.account_id,
        region=GLOBAL,
        exists=answer is not None,
        full_name=found.get("Name", ""),
        title=found.get("Title", ""),
        email=found.get("EmailAddress", ""),
        phone=found.get("PhoneNumber", ""),
    )
