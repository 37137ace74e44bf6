"""What every OSCAL document of a run has: its metadata, the accounts, the tool, and the files beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import msgspec

from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import AccountScore
from orgaudit.report.formats.oscal.model import (
    VERSION,
    Actor,
    Assets,
    BackMatter,
    Component,
    ComponentRef,
    ComponentStatus,
    Evidence,
    FileLink,
    Hash,
    Metadata,
    Origin,
    Platform,
    Prop,
    Resource,
)
from orgaudit.report.formats.oscal.people import OWNER, ROLES, People
from orgaudit.report.formats.oscal.text import Names, given, line, markup, paragraphs, start_of
from orgaudit.report.view import View
from orgaudit.store.tables import findings_table

encoded = msgspec.json.Encoder().encode
"""Returns a value as JSON."""


class Audit:
    """A view as OSCAL's documents name it.

    `scope` is the organization's id. `names` are for what lasts from run to run, `here` for what belongs to this one.
    """

    def __init__(self, view: View) -> None:
        organization = view.manifest.organization
        self.view = view
        self.scope = line(organization.id if organization else view.manifest.caller.account_id)
        self.names = Names("\n".join(filter(None, (self.scope, view.part))))
        self.people = People(view, self.names)
        self.tool = self.names.of("tool")
        self.origin = Origin(actors=(Actor(type="tool", actor_uuid=self.tool),))
        self.accounts = {score.id: score for score in view.accounts}
        self.controls = {score.id: score for score in view.controls}
        self.records = {record.id: record for record in view.manifest.controls}
        self.exceptions = {score.entry.id: score.entry for score in view.exceptions}

    def here(self, kind: str, *names: str) -> str:
        """Return the UUID of a thing that belongs to this run."""
        return self.names.of(kind, self.view.manifest.run_id, *names)

    def account(self, account_id: str) -> str:
        """Return the UUID of an account's component."""
        return self.names.of("account", account_id)

    def evidence(self, where: str) -> Evidence:
        """Return where the evidence of findings is: a table beside the document."""
        name = findings_table(self.view.run).name
        return Evidence(href=f"#{self.here('resource', name)}", description=markup(f"The rows of {name} with {where}"))


def metadata(audit: Audit, what: str) -> Metadata:
    """Return a document's metadata; it was last modified when the run was evaluated, or on a later register's date."""
    view, manifest = audit.view, audit.view.manifest
    title = ", ".join(filter(None, (f"{view.settings.title}: {what}", audit.people.organization.name, view.part)))
    return Metadata(
        title=markup(title),
        last_modified=max(manifest.ended_at, start_of(view.as_of)),
        version=line(f"{manifest.run_id}, as of {view.as_of}"),
        oscal_version=VERSION,
        props=given(
            run=manifest.run_id,
            as_of=view.as_of,
            manifest_sha256=view.manifest_sha256,
            register_sha256=view.register_sha256,
            standing=view.standing,
        ),
        roles=ROLES,
        parties=audit.people.parties,
        responsible_parties=audit.people.assessors,
        remarks=markup(completeness_of(view)),
    )


def accounts(audit: Audit) -> tuple[Component, ...]:
    """Return the accounts of the run, with their owners."""
    return tuple(_account(audit, score) for score in sorted(audit.view.accounts, key=lambda score: score.id))


def _account(audit: Audit, score: AccountScore) -> Component:
    return Component(
        uuid=audit.account(score.id),
        type="system",
        title=markup(f"{score.name} ({score.id})" if score.name else score.id),
        description=paragraphs(f"AWS account {score.id} in {score.ou_path or 'no organizational unit'}", score.reason),
        props=(
            Prop(name="asset-id", value=line(score.id)),
            *given(
                organizational_unit=score.ou_path,
                account_state=score.state,
                environment=score.environment,
                completeness=score.completeness,
                evaluations=score.evaluations,
                evaluations_assessed=score.evaluations_assessed,
            ),
        ),
        status=ComponentStatus(state="operational" if score.state == "ACTIVE" else "other"),
        responsible_roles=audit.people.responsible(OWNER, [score.owner]),
    )


def assets(audit: Audit) -> Assets:
    """Return the tool, and where it ran."""
    manifest = audit.view.manifest
    tool = Component(
        uuid=audit.tool,
        type="software",
        title="orgaudit",
        description="Audits every account and region of an AWS organization without changing anything.",
        props=(Prop(name="version", value=line(manifest.tool_version)),),
        status=ComponentStatus(state="operational"),
    )
    platform = Platform(
        uuid=audit.here("platform"),
        title=markup(f"Run {manifest.run_id}"),
        props=given(caller=manifest.caller.arn),
        uses_components=(ComponentRef(component_uuid=audit.tool),),
    )
    return Assets(components=(tool,), assessment_platforms=(platform,))


def back_matter(audit: Audit) -> BackMatter:
    """Return the run's files to which the document refers, by their places beside it."""
    run, table = audit.view.run, findings_table(audit.view.run)
    manifest = os.path.relpath(run.manifest_path, run.results)
    plan = Resource(
        uuid=audit.here("plan"),
        title="The plan of the audit",
        description="The accounts, regions, controls, frameworks, thresholds and settings of the run.",
        rlinks=(
            FileLink(
                href=manifest,
                media_type="application/json",
                hashes=(Hash(algorithm="SHA-256", value=audit.view.manifest_sha256),),
            ),
        ),
    )
    evidence = Resource(
        uuid=audit.here("resource", table.name),
        title="The evidence of every finding",
        description="One row a finding, with its evidence; orgaudit query reads it.",
        rlinks=(FileLink(href=table.name, media_type="application/vnd.apache.parquet"),),
    )
    return BackMatter(resources=(plan, evidence))


def member(name: str, value: object) -> bytes:
    """Return a member of a JSON object, behind another one."""
    return b',\n"%s": ' % name.encode() + encoded(value)


def members(name: str, values: Iterable[object]) -> Iterator[bytes]:
    """Yield a member that is a list, one line a value; nothing without any, because OSCAL allows no empty list."""
    separator = b',\n"%s": [\n' % name.encode()
    for value in values:
        yield separator
        yield encoded(value)
        separator = b",\n"
    if separator == b",\n":
        yield b"\n]"
