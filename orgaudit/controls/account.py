"""Controls on whom AWS tells about an account."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.contacts import ContactInformation, SecurityContact
from orgaudit.model import Json, Severity, Status, Verdict, failed, require, shown
from orgaudit.settings.thresholds import Thresholds


def _known(what: str, is_declared: bool | None, evidence: dict[str, Json]) -> Verdict:
    """Judge a contact that is set by whether it is a declared one; None where no contact is declared."""
    if is_declared is None:
        return Verdict(Status.MANUAL, f"{what} is set: a person must confirm that it is right and shared", evidence)
    return require(
        is_declared,
        then=f"{what} is one that the thresholds declare",
        otherwise=f"{what} is none that the thresholds declare",
        **evidence,
    )


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Set the contact of every member from the management account, to a shared mailbox and telephone.",
        asset="Fill in the contact information of account {account} with a shared name, address and phone number.",
        command="aws account put-contact-information --contact-information file://CONTACT.json",
        preventive="Let the account factory set the contact, and name the right numbers in [thresholds] "
        "account_contact_phones.",
    ),
)
def account_contact_information_present(contact: ContactInformation, thresholds: Thresholds) -> Verdict:
    """The account's contact information is filled in.

    AWS calls and writes there when an account is abused or about to be closed. Whether it reaches more than one person
    AWS cannot know: the right phone numbers are declared once, or a person confirms each.
    """
    evidence: dict[str, Json] = {
        "name": contact.full_name,
        "company": contact.company,
        "phone": contact.phone,
        "city": contact.city,
        "country": contact.country,
    }
    if contact.missing:
        return failed(f"the contact information lacks {', '.join(contact.missing)}", **evidence)
    declared = {_digits(phone) for phone in thresholds.account_contact_phones}
    return _known(
        f"the phone number {contact.phone}", _digits(contact.phone) in declared if declared else None, evidence
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set the security contact of every member from the management account.",
        asset="Register the security team as alternate contact of account {account}.",
        command="aws account put-alternate-contact --alternate-contact-type SECURITY --name NAME --title TITLE "
        "--email-address EMAIL --phone-number PHONE",
        preventive="Let the account factory set the contact, and name the right addresses in [thresholds] "
        "security_contact_emails.",
    ),
)
def account_security_contact_registered(contact: SecurityContact, thresholds: Thresholds) -> Verdict:
    """A security contact is registered.

    Without one, AWS's warnings of abuse and leaked keys go to the address that pays the bills. Whether it is the right
    one AWS cannot know: the right addresses are declared once, or a person confirms each.
    """
    evidence: dict[str, Json] = {
        "name": contact.full_name,
        "title": contact.title,
        "email": shown(contact.email),
        "phone": shown(contact.phone),
    }
    if not contact.exists:
        return failed("no security contact is registered")
    email, phone = contact.email.value, contact.phone.value
    if not email or not phone:
        return failed("the security contact lacks an address or a phone number", **evidence)
    declared = {each.casefold() for each in thresholds.security_contact_emails}
    return _known(f"the address {email}", email.casefold() in declared if declared else None, evidence)
