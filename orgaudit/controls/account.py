"""Controls on the contacts of an account."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.contacts import ContactInformation, SecurityContact
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, manual, require, shown
from orgaudit.settings.thresholds import Thresholds


def _known(what: str, is_declared: bool | None, evidence: dict[str, Json]) -> Verdict:
    """Return the verdict on a contact by whether the thresholds declare it; None where they declare no contact."""
    if is_declared is None:
        return manual(f"{what} is set; a person must confirm that it is correct and shared", **evidence)
    return require(
        is_declared,
        then=f"{what} is declared in [thresholds]",
        otherwise=f"{what} is not declared in [thresholds]",
        **evidence,
    )


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Set the contact information of every member account from the management account, with a shared "
        "mailbox and phone number.",
        asset="Complete the contact information of account {account} with a shared name, address and phone number.",
        command="aws account put-contact-information --contact-information file://CONTACT.json",
        preventive="Set the contact information in the account factory, and declare the correct numbers in "
        "[thresholds] account_contact_phones.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def account_contact_information_present(contact: ContactInformation, thresholds: Thresholds) -> Verdict:
    """The account's contact information is complete.

    AWS uses it when an account is compromised or about to be closed. Whether it reaches more than one person cannot be
    read from AWS: the correct phone numbers are declared in the thresholds, or a person confirms each account.
    """
    evidence: dict[str, Json] = {
        "name": contact.full_name,
        "company": contact.company,
        "phone": contact.phone,
        "city": contact.city,
        "country": contact.country,
    }
    if contact.missing:
        return failed(f"missing contact information: {', '.join(contact.missing)}", **evidence)
    declared = {_digits(phone) for phone in thresholds.account_contact_phones}
    return _known(
        f"the phone number {contact.phone}", _digits(contact.phone) in declared if declared else None, evidence
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set the security contact of every member account from the management account.",
        asset="Register the security team as the security contact of account {account}.",
        command="aws account put-alternate-contact --alternate-contact-type SECURITY --name NAME --title TITLE "
        "--email-address EMAIL --phone-number PHONE",
        preventive="Set the security contact in the account factory, and declare the correct addresses in [thresholds] "
        "security_contact_emails.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def account_security_contact_registered(contact: SecurityContact, thresholds: Thresholds) -> Verdict:
    """A security contact is registered.

    Without it, AWS sends notices of abuse and exposed credentials to the account's own address only. Whether it is the
    correct one cannot be read from AWS: the correct addresses are declared in the thresholds, or a person confirms each
    account.
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
        return failed("the security contact has no email address or no phone number", **evidence)
    declared = {each.casefold() for each in thresholds.security_contact_emails}
    return _known(f"the email address {email}", email.casefold() in declared if declared else None, evidence)
