"""The parties of an OSCAL document: the organization, the audit team, and everybody who owns or attests anything."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orgaudit.report.formats.oscal.model import Party, Responsible, Role
from orgaudit.report.formats.oscal.text import Names, line
from orgaudit.report.view import View
from orgaudit.settings.people import Owner, identity

ASSESSOR, OWNER, EXCEPTION_OWNER, ATTESTER = "assessor", "asset-owner", "exception-owner", "attester"

ROLES = (
    Role(id=ASSESSOR, title="Assessor"),
    Role(id=OWNER, title="Owner of what is to be fixed"),
    Role(id=EXCEPTION_OWNER, title="Owner of an exception"),
    Role(id=ATTESTER, title="Attests what no machine can decide"),
)

_MAIL = re.compile(
    r"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[a-z]{2,63}"
)
_LOCAL_PART = 64
_RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})
"""Top-level domains to which no mail is delivered, so that validators refuse them (RFC 2606, RFC 6762)."""


class People:
    """Gives every person of a run one party."""

    def __init__(self, view: View, names: Names) -> None:
        manifest = view.manifest
        organization = view.settings.organization_name or (
            f"AWS organization {manifest.organization.id}" if manifest.organization else "AWS accounts by themselves"
        )
        self._names = names
        self.organization = Party(uuid=names.of("organization"), type="organization", name=line(organization))
        team = manifest.ownership.audit_team or "Audit team"
        self.team = self._party(team, "organization")
        self._found = {identity(team): self.team}

    @property
    def parties(self) -> tuple[Party, ...]:
        """The parties so far: the organization and the audit team first."""
        return (self.organization, *self._found.values())

    @property
    def assessors(self) -> tuple[Responsible, ...]:
        """The audit team in its role."""
        return (Responsible(role_id=ASSESSOR, party_uuids=(self.team.uuid,)),)

    def of(self, person: str) -> Party:
        """Return the party of a person or a team, as owners are written."""
        key = identity(person)
        if key not in self._found:
            self._found[key] = self._party(person)
        return self._found[key]

    def responsible(self, role: str, people: Iterable[str]) -> tuple[Responsible, ...]:
        """Return who has a role; nobody without people."""
        uuids = tuple(dict.fromkeys(self.of(person).uuid for person in people if person.strip()))
        return (Responsible(role_id=role, party_uuids=uuids),) if uuids else ()

    def _party(self, person: str, kind: str = "") -> Party:
        owner = Owner.of(person)
        mail = owner.mail if _is_mail(owner.mail) else ""
        name = owner.name if mail and owner.name else person
        return Party(
            uuid=self._names.of("party", identity(person)),
            type=kind or ("person" if mail else "organization"),
            name=line(name),
            email_addresses=(mail,) if mail else (),
        )


def _is_mail(text: str) -> bool:
    """Return whether every validator accepts a mail address; what else an owner has stays in the name."""
    local, _, domain = text.partition("@")
    return bool(_MAIL.fullmatch(text)) and len(local) <= _LOCAL_PART and domain.rpartition(".")[2] not in _RESERVED
