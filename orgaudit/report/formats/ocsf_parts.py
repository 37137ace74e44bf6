"""What the events of both OCSF formats have in common: objects of schema 1.5.0, and what is made once for a run.

Source of the objects, ids and captions: https://schema.ocsf.io/1.5.0/
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import msgspec

from orgaudit.report.formats.shared import OncePerControl, name_of, requirements_of, tags_of, types_of
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import View
from orgaudit.settings.people import Owner, identity

VERSION = "1.5.0"
"""The version of the schema."""
CATEGORY_UID, CATEGORY = 2, "Findings"
CREATE, UPDATE = (1, "Create"), (2, "Update")
NEW, SUPPRESSED = (1, "New"), (3, "Suppressed")
"""Ids with their captions. A finding is suppressed while an exception covers it, whatever else tools mean by it."""
SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
"""The severities of controls."""
_AWS_ACCOUNT, _RULE, _UNKNOWN = (10, "AWS Account"), (1, "Rule"), (0, "Unknown")
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_DAY = 86_400_000
OWNERS = 65_536
"""How many owners in accounts are kept ready."""

_encode = msgspec.json.Encoder().encode


class Product(msgspec.Struct, frozen=True):
    """The program that wrote an event."""

    name: str
    uid: str
    vendor_name: str
    version: str


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is known of an event itself: `event_code` is the control, `correlation_uid` the run."""

    version: str
    product: Product
    profiles: tuple[str, ...]
    uid: str
    event_code: str
    correlation_uid: str
    tenant_uid: str | None = None


class Resource(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The resource that was judged."""

    uid: str
    name: str
    type: str
    region: str
    cloud_partition: str
    group: msgspec.Raw
    owner: msgspec.Raw | None = None
    labels: list[str] | None = None


class ControlParts(msgspec.Struct, frozen=True):
    """What events say of a control.

    `standards` are titles with versions and `types` name these as AWS does, `requirements` are ids after that of their
    framework, `by_framework` are the ids of each framework as JSON. `analytic` and `group` are objects of the schema as
    JSON.
    """

    rationale: str
    standards: tuple[str, ...]
    types: tuple[str, ...]
    requirements: tuple[str, ...]
    by_framework: msgspec.Raw
    analytic: msgspec.Raw
    group: msgspec.Raw
    actions: tuple[str, ...]


class Parts:
    """What events say of a run once: its product, controls, accounts, regions and owners."""

    def __init__(self, view: View) -> None:
        manifest = view.manifest
        self.product = Product(
            name="orgaudit",
            uid="orgaudit",
            vendor_name="orgaudit",
            version=manifest.tool_version,
        )
        self.organization = manifest.organization.id if manifest.organization else None
        self.partition = manifest.caller.partition
        self.run_id = manifest.run_id
        self._occasion = f"{manifest.run_id}:{view.as_of}:"
        self._records = {record.id: record for record in manifest.controls}
        self._accounts = {account.id: account for account in manifest.accounts}
        self._titles = {each.id: f"{each.title} {each.version}" for each in manifest.frameworks}
        self.control = OncePerControl(self._control).of
        self._clouds: dict[tuple[str, str], msgspec.Raw] = {}
        self.owner = lru_cache(OWNERS)(self._owner)

    def _control(self, finding: ExportedFinding) -> ControlParts:
        """Return what is said of the finding's control; `control` keeps it ready."""
        record = self._records[finding.control]
        by_framework: dict[str, list[str]] = {}
        for ref in requirements_of(finding.requirement_refs):
            by_framework.setdefault(ref.framework, []).append(ref.id)
        standards = tuple(self._titles[name] for name in by_framework)
        analytic = {
            "type_id": _RULE[0],
            "type": _RULE[1],
            "uid": record.id,
            "name": record.title,
            "category": record.service,
            **({"version": record.digest} if record.digest else {}),
        }
        return ControlParts(
            rationale=record.rationale,
            standards=standards,
            types=types_of(standards),
            requirements=tuple(f"{name} {each}" for name, ids in by_framework.items() for each in ids),
            by_framework=raw(by_framework),
            analytic=raw(analytic),
            group=raw({"name": record.service}),
            actions=record.actions,
        )

    def metadata(self, finding: ExportedFinding, profiles: tuple[str, ...]) -> Metadata:
        """Return what is known of the event itself; its uid is of the run, the report's date and the finding."""
        return Metadata(
            version=VERSION,
            product=self.product,
            profiles=profiles,
            uid=self._occasion + finding.fingerprint,
            event_code=finding.control,
            correlation_uid=self.run_id,
            tenant_uid=self.organization,
        )

    def cloud(self, finding: ExportedFinding, provider: str) -> msgspec.Raw:
        """Return the finding's account, organization, unit and region as JSON."""
        key = finding.account_id, finding.region
        if key not in self._clouds:
            self._clouds[key] = self._cloud(finding, provider)
        return self._clouds[key]

    def _cloud(self, finding: ExportedFinding, provider: str) -> msgspec.Raw:
        account = self._accounts.get(finding.account_id)
        unit = {
            "uid": self.organization,
            "ou_name": finding.ou_path or None,
            "ou_uid": account.ou_ids[-1] if account and account.ou_ids else None,
        }
        org = {name: value for name, value in unit.items() if value}
        return raw(
            {
                "provider": provider,
                "account": self._account(finding.account_id, finding.account_name)
                | ({"labels": labels} if account and (labels := labels_of(account.tags or {})) else {}),
                **({"org": org} if org else {}),
                "region": finding.region,
            }
        )

    def _account(self, uid: str, name: str) -> dict[str, object]:
        return {"uid": uid, "name": name, "type_id": _AWS_ACCOUNT[0], "type": _AWS_ACCOUNT[1]}

    def _owner(self, person: str, account_id: str, account_name: str) -> msgspec.Raw | None:
        """Return who owns a resource as JSON, None for nobody; `owner` keeps the last ones ready."""
        if not person:
            return None
        owner = Owner.of(person)
        return raw(
            {
                "name": owner.name or owner.mail,
                "uid": identity(person),
                "type_id": _UNKNOWN[0],
                "type": _UNKNOWN[1],
                **({"email_addr": owner.mail} if owner.mail else {}),
                "account": self._account(account_id, account_name),
            }
        )

    def resource(self, finding: ExportedFinding, control: ControlParts) -> Resource:
        """Return the finding's resource."""
        return Resource(
            uid=finding.resource,
            name=name_of(finding.resource),
            type=finding.resource_type,
            region=finding.region,
            cloud_partition=self.partition,
            group=control.group,
            owner=self.owner(finding.owner, finding.account_id, finding.account_name),
            labels=labels_of(tags_of(finding.resource_tags)) if finding.resource_tags != "{}" else None,
        )


def raw(value: object) -> msgspec.Raw:
    """Return a value as JSON that is written as it is."""
    return msgspec.Raw(_encode(value))


def labels_of(tags: dict[str, str]) -> list[str]:
    """Return tags as labels, such as app:shop."""
    return [f"{key}:{value}" for key, value in tags.items()]


def moment_of(time: datetime) -> int:
    """Return a time, which is in UTC, in milliseconds since 1970."""
    return (time.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def midnight_of(day: date) -> int:
    """Return when a day begins in UTC, in milliseconds since 1970."""
    return (day.toordinal() - _EPOCH.toordinal()) * _DAY
