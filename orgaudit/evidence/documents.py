"""Describes what a pack is about: the run, its accounts, the requirements, and each evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orgaudit.errors import ConfigError
from orgaudit.evidence.form import (
    AccountDocument,
    ControlRule,
    Evaluation,
    FactType,
    RequirementDocument,
    SampledRun,
    Sampling,
    SealedFile,
)
from orgaudit.evidence.population import Tables
from orgaudit.evidence.requirements import Wanted
from orgaudit.evidence.selection import Selector, listing
from orgaudit.evidence.shards import without_external_ids
from orgaudit.model import Finding
from orgaudit.report.figures import RequirementScore
from orgaudit.store import seal
from orgaudit.store.manifest import ControlRecord, FactRecord, Manifest
from orgaudit.store.register_result import RegisterResult
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing


@dataclass(slots=True)
class Describing:
    """What documents are made of."""

    run: Run
    manifest: Manifest
    register: RegisterResult
    standing: Standing
    sampling: Sampling | None
    tables: Tables
    selector: Selector
    manifest_sha256: str = field(init=False)
    _scores: Mapping[str, RequirementScore] = field(init=False)

    def __post_init__(self) -> None:
        self.manifest_sha256 = seal.digest(self.run.manifest_path)
        self._scores = self.tables.scores(self.register.attested, len(self.manifest.accounts))

    @property
    def accounts(self) -> list[str]:
        """The accounts whose facts the run has or should have, sorted."""
        return sorted({*(account.id for account in self.manifest.accounts), *self.manifest.supporting})

    def run_part(self) -> SampledRun:
        """Return what the index says of the run."""
        manifest, source = self.manifest, self.register.source
        access: dict[str, Any] = manifest.settings.get("access", {})
        parts = (*seal.FACTS, *seal.JUDGED, *seal.MATCHED)
        files = {name: sha for name, sha in (manifest.seal or {}).items() if name.partition("/")[0] in parts}
        return SampledRun(
            id=self.run.id,
            tool_version=manifest.tool_version,
            started_at=manifest.started_at,
            collected_at=manifest.collected_at,
            evaluated_at=manifest.evaluated_at,
            caller=manifest.caller,
            organization_id=manifest.organization.id if manifest.organization else None,
            management_account_id=manifest.organization.management_account_id if manifest.organization else None,
            accounts=len(manifest.accounts),
            role_name=access.get("role_name", ""),
            session_name=access.get("session_name", ""),
            narrowed_by=manifest.narrowed_by,
            manifest_sha256=self.manifest_sha256,
            standing=self.standing,
            register_as_of=source.as_of,
            register_sha256=source.sha256,
            discovery_gaps=manifest.discovery_gaps,
            files=tuple(SealedFile(file=name, sha256=sha) for name, sha in sorted(files.items())),
        )

    def account(self, account_id: str) -> AccountDocument:
        """Return how an account was read; raises ConfigError for one that the run has nothing of."""
        lines = self.selector.lines.of(account_id)
        known = {account.id: account for account in (*self.manifest.accounts, *self.manifest.out_of_scope)}
        records = {record.account_id: record for record in self.manifest.records}
        account = lines.account if lines else known[account_id]
        record = lines.record if lines else records.get(account_id)
        if record is None:
            raise ConfigError(
                f"the run has no facts of account {account_id}", file=str(self.run.shard_path(account_id))
            )
        return AccountDocument(
            id=account.id,
            name=account.name,
            state=account.state,
            ou_path=account.ou_path,
            session=record.session or None,
            began_at=record.began_at,
            collected_at=record.collected_at,
            calls=record.calls,
            throttles=record.throttles,
            retries=record.retries,
            regions_source=record.regions_source,
            regions=record.regions,
            gap=record.gap,
            facts=self.selector.sealed(account_id),
            listings=tuple(map(listing, lines.listings if lines else ())),
        )

    def evaluation(self, finding: Finding, *, covered: bool) -> Evaluation:
        """Return an evaluation with the facts that it was given on; its number in a population is not known yet."""
        selected = self.selector.select(finding)
        judged_in = finding.inherited_from or finding.account_id
        return Evaluation(
            number=0,
            fingerprint=finding.fingerprint,
            control=finding.control,
            severity=finding.severity,
            status=finding.status,
            reason=finding.reason,
            account_id=finding.account_id,
            account_name=finding.account_name,
            ou_path=finding.ou_path,
            region=finding.region,
            resource=finding.resource,
            resource_type=finding.resource_type,
            seen=without_external_ids(finding.evidence),
            gap=finding.gap,
            accepted=finding.accepted,
            exception=finding.exception,
            covered=covered,
            assessed_at=finding.assessed_at,
            first_seen=finding.first_seen,
            due_on=finding.due_on,
            judged_in=judged_in,
            facts_of=self.selector.sealed(judged_in),
            facts_selected=self.selector.records_facts(finding.control),
            facts=tuple(selected.facts),
            listings=selected.listings,
            left_out=tuple(selected.left_out),
        )

    def requirement(self, wanted: Wanted, controls: Sequence[str], file: str, included: int) -> RequirementDocument:
        """Return a requirement's document without its evaluations, of which so many are included."""
        score, required = self._scores[wanted.name], wanted.requirement
        attested, entries = self.register.attested, set(self.tables.exceptions(controls))
        return RequirementDocument(
            name=wanted.name,
            framework=wanted.framework.id,
            framework_title=wanted.framework.title,
            framework_version=wanted.framework.version,
            id=required.id,
            title=required.title,
            section=required.section,
            level=required.level,
            assessment=required.assessment,
            run_id=self.run.id,
            manifest_sha256=self.manifest_sha256,
            standing=self.standing,
            conclusion=score.status,
            counts=score.counts,
            accounts_failing=score.accounts_failing,
            accounts_not_assessed=score.accounts_not_assessed,
            accounts_passing=score.accounts_passing,
            accounts_not_applicable=score.accounts_not_applicable,
            controls=tuple(self._rule(record) for record in self.manifest.controls if record.id in controls),
            controls_not_in_run=tuple(name for name in required.controls if name not in controls),
            thresholds=self.manifest.thresholds,
            population=self.tables.population(controls, file),
            sampling=self.sampling,
            included=included,
            not_assessed=self.tables.not_assessed(controls),
            exceptions=tuple(entry for entry in self.register.entries if entry.id in entries),
            attestations=tuple(row for row in attested.rows if row.requirement == wanted.name),
            answers=tuple(answer for _, answer in sorted(attested.answers.get(wanted.name, {}).items())),
            parts=score.parts,
        )

    def _rule(self, record: ControlRecord) -> ControlRule:
        types = {each.name: each for each in self.manifest.facts}
        return ControlRule(
            id=record.id,
            title=record.title,
            rationale=record.rationale,
            severity=record.severity,
            scope="once in an account" if record.scope == "account" else "in each region",
            digest=record.judged_by,
            uses_organization=record.uses_organization,
            facts=tuple(_fact_type(name, types.get(name)) for name in record.facts),
            account_facts=tuple(_fact_type(name, types.get(name)) for name in record.account_facts),
        )


def _fact_type(name: str, record: FactRecord | None) -> FactType:
    if record is None:
        return FactType(name=name)
    return FactType(name=name, parent=record.parent, actions=record.actions, operations=record.operations)
