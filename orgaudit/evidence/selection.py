"""The facts that a verdict was given on, as far as the run records which: selected from the accounts' shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from orgaudit.evidence.form import Fact, LeftOut, Listing, SealedFile
from orgaudit.evidence.shards import AccountLines, Lines, StoredFact, content, texts
from orgaudit.facts.shard import ListingResult
from orgaudit.model import GLOBAL, Finding, parse_arn
from orgaudit.store.manifest import ControlRecord, FactRecord, Manifest

MOST_FACTS = 20
"""The facts of one type that are shown of those that a control looks up in a whole account."""
MOST_LISTINGS = 40
"""The listings that are shown with one evaluation; the account's own document has all."""
JUDGED, SHOWN, LOOKED_UP, NAMED = "judged", "shown", "looked up", "named"
"""Why a fact is shown, the words of Fact.role."""


@dataclass(slots=True)
class Selected:
    """What is shown with one evaluation, and what of the rest is left out."""

    facts: list[Fact] = field(default_factory=list)
    listings: tuple[Listing, ...] = ()
    left_out: list[LeftOut] = field(default_factory=list)


class Selector:
    """Selects facts by the controls and fact types that the run's manifest records."""

    def __init__(self, lines: Lines, manifest: Manifest) -> None:
        self.lines = lines
        self._controls: Mapping[str, ControlRecord] = {record.id: record for record in manifest.controls}
        self._types: Mapping[str, FactRecord] = {record.name: record for record in manifest.facts}
        self._seal = manifest.seal or {}
        self._accounts = {*(account.id for account in manifest.accounts), *manifest.supporting}

    def sealed(self, account_id: str) -> SealedFile:
        """Return the account's file of facts with the hash that the run was sealed with."""
        name = f"facts/{account_id}.ndjson.zst"
        return SealedFile(file=name, sha256=self._seal.get(name))

    def records_facts(self, control: str) -> bool:
        """Return whether the run records which facts a control takes."""
        found = self._controls.get(control)
        return found is not None and bool(found.facts or found.account_facts)

    def select(self, finding: Finding) -> Selected:
        """Return the facts for a finding.

        Those about its resource are all there. Of what its control looks up in the account, those that are about the
        resource or that the verdict names come first; others are shown where there are none such, or where the verdict
        is on the whole account, and at most MOST_FACTS of a type.
        """
        selected = Selected()
        control = self._controls[finding.control]
        lines = self.lines.of(finding.inherited_from or finding.account_id)
        if lines is not None:
            self._about(finding.resource, control, lines, JUDGED, selected)
            self._looked_up(finding, control, lines, selected)
            self._listings(finding, control, lines, selected)
        if finding.inherited_from and (own := self.lines.of(finding.account_id)) is not None:
            for arn in dict.fromkeys((finding.resource, *texts(finding.evidence))):
                self._about(arn, control, own, SHOWN, selected)
        if control.uses_organization:
            self._named(finding, control, selected)
        return selected

    def _about(self, arn: str, control: ControlRecord, lines: AccountLines, role: str, selected: Selected) -> None:
        types = None if not self.records_facts(control.id) else control.facts
        if types is not None and role == SHOWN:
            types = (*control.facts, *control.account_facts)
        found = (each for each in lines.by_arn.get(arn, ()) if types is None or each.type in types)
        selected.facts += [self._fact(each, lines, role) for each in found]

    def _looked_up(self, finding: Finding, control: ControlRecord, lines: AccountLines, selected: Selected) -> None:
        named = {*texts(finding.evidence)}
        for kind in control.account_facts:
            found = lines.by_type.get(kind, [])
            known = [each for each in found if each.arn == finding.resource and kind in control.facts]
            other = [each for each in found if each.arn != finding.resource or kind not in control.facts]
            first = [each for each in other if each.arn == finding.resource or _is_named(each, named)]
            shown = first
            if not control.facts or not (first or known):
                shown = [
                    *first,
                    *(each for each in other if each.arn != finding.resource and not _is_named(each, named)),
                ]
            selected.facts += [self._fact(each, lines, LOOKED_UP) for each in shown[:MOST_FACTS]]
            if (count := min(len(shown), MOST_FACTS)) < len(other):
                left = LeftOut(type=kind, account_id=lines.account.id, found=len(other), shown=count)
                selected.left_out.append(left)

    def _listings(self, finding: Finding, control: ControlRecord, lines: AccountLines, selected: Selected) -> None:
        here = {finding.region, GLOBAL}
        found = [
            each
            for each in lines.listings
            if each.fact in control.account_facts or (each.fact in control.facts and each.region in here)
        ]
        found.sort(key=lambda each: (each.gap is None, each.fact, each.region))
        selected.listings = tuple(map(listing, found[:MOST_LISTINGS]))
        if len(found) > MOST_LISTINGS:
            of = LeftOut(type="listings", account_id=lines.account.id, found=len(found), shown=MOST_LISTINGS)
            selected.left_out.append(of)

    def _named(self, finding: Finding, control: ControlRecord, selected: Selected) -> None:
        """Add what the verdict names of other accounts, by ARN."""
        known = {(fact.type, fact.arn) for fact in selected.facts}
        judged = finding.inherited_from or finding.account_id
        types = {*control.facts, *control.account_facts}
        found: list[Fact] = []
        for arn in dict.fromkeys(texts(finding.evidence)):
            owner = _owner(arn)
            lines = self.lines.of(owner) if owner != judged and owner in self._accounts else None
            if lines is not None:
                about = (each for each in lines.by_arn.get(arn, ()) if each.type in types)
                found += [self._fact(each, lines, NAMED) for each in about if (each.type, each.arn) not in known]
        selected.facts += found[:MOST_FACTS]
        if len(found) > MOST_FACTS:
            selected.left_out.append(LeftOut(type="named", account_id="", found=len(found), shown=MOST_FACTS))

    def _fact(self, stored: StoredFact, lines: AccountLines, role: str) -> Fact:
        value, masked = content(stored.line)
        read = self._types.get(stored.type)
        return Fact(
            type=stored.type,
            role=role,
            account_id=lines.account.id,
            arn=stored.arn,
            read_at=stored.read_at,
            session=stored.session or None,
            actions=read.actions if read else None,
            operations=read.operations if read else None,
            masked=masked,
            content=value,
        )


def listing(found: ListingResult) -> Listing:
    """Return a listing as packs show it."""
    return Listing(
        type=found.fact,
        region=found.region,
        count=found.count,
        gap=found.gap,
        at=found.at,
        session=found.session or None,
    )


def types_of(controls: Iterable[ControlRecord]) -> set[str] | None:
    """Return the fact types that these controls take, or None where the run does not record that of one of them."""
    needed = [{*each.facts, *each.account_facts} for each in controls]
    return set(chain.from_iterable(needed)) if all(needed) else None


def _is_named(fact: StoredFact, named: set[str]) -> bool:
    return fact.arn in named or fact.arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1] in named


def _owner(text: str) -> str:
    """Return the account of an ARN, nothing for any other text."""
    try:
        return parse_arn(text)[3]
    except ValueError:
        return ""
