"""The facts that a verdict was given on, as far as the run records which: selected from the accounts' shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

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
        types = control.facts if role == JUDGED else (*control.facts, *control.account_facts)
        any_type = not self.records_facts(control.id)
        found = (each for each in lines.by_arn.get(arn, ()) if any_type or each.type in types)
        selected.facts += [self._fact(each, lines, role) for each in found]

    def _looked_up(self, finding: Finding, control: ControlRecord, lines: AccountLines, selected: Selected) -> None:
        pointed = list(_pointed_at(finding, lines))
        for kind in control.account_facts:
            first = {each.arn: each for each in pointed if each.type == kind}
            found = lines.by_type.get(kind, [])
            others = (each for each in found if each.arn not in first)
            shown = [*first.values(), *(() if first and control.facts else islice(others, MOST_FACTS))]
            is_judged = kind in control.facts and finding.resource in first  # and is there already
            shown = [each for each in shown if not (is_judged and each.arn == finding.resource)][:MOST_FACTS]
            selected.facts += [self._fact(each, lines, LOOKED_UP) for each in shown]
            if len(shown) < (total := len(found) - is_judged):
                left = LeftOut(type=kind, account_id=lines.account.id, found=total, shown=len(shown))
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


def _pointed_at(finding: Finding, lines: AccountLines) -> Iterator[StoredFact]:
    """Yield the facts that are about a finding's resource, then those that its verdict names by ARN or name."""
    yield from lines.by_arn.get(finding.resource, ())
    for text in dict.fromkeys(texts(finding.evidence)):
        yield from lines.by_arn.get(text, ())
        yield from lines.by_name.get(text, ())


def _owner(text: str) -> str:
    """Return the account of an ARN, nothing for any other text."""
    try:
        return parse_arn(text)[3]
    except ValueError:
        return ""
