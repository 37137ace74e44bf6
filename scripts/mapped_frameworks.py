"""The framework files by mapping: requirements by their ids, each with the parts that a source relates to it.

The table of each has one line per requirement, with a title of our own, and the ids that its source relates to it: of
NIST 800-53, whose parts are answered by the controls that AWS relates to these, and of recommendations of CIS.
security_hub_related.csv has what AWS's documentation relates to controls of Security Hub, and those that no other table
has a title for. What no source relates to anything, people attest as a whole.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator

import msgspec

from orgaudit.settings.documents import PACKAGED, read
from scripts.framework_tables import (
    WIDTH,
    SecurityHubControl,
    known_of,
    listed,
    needs_lines,
    nist_requirements,
    quoted,
    related_controls,
    security_hub,
    table,
)

CIS = "cis_2.0"
"""The version of CIS whose recommendations name safeguards here."""
AS_A_WHOLE = "The requirement as a whole"


class Head(msgspec.Struct, frozen=True):
    """What a file says of itself: its names, where its ids and its mapping are from, and their licences."""

    title: str
    version: str
    source: str
    date: str
    comment: tuple[str, ...]


class MappedRequirement(msgspec.Struct, frozen=True):
    """One line of the table of a framework by mapping."""

    id: str
    section: str
    title: str
    nist_800_53_r5: tuple[str, ...]
    cis_2_0: tuple[str, ...] = msgspec.field(name="cis_2.0")


class RelatedControl(msgspec.Struct, frozen=True):
    """One line of security_hub_related.csv: the requirements that AWS relates to a control of Security Hub."""

    id: str
    title: str
    controls: tuple[str, ...]
    pci_dss_4_0_1: tuple[str, ...] = msgspec.field(name="pci_dss_4.0.1")
    nist_800_171_r2: tuple[str, ...]


AWS = (
    'Parts are controls of AWS Security Hub, by the "Related requirements" of its user guide '
    "(https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-controls-reference.html, CC BY-SA 4.0; ids "
    "only), as far as security_hub_related.csv has them."
)
NIST = (
    "Parts are requirements of NIST SP 800-53, answered by the controls that AWS's user guide of Security Hub "
    "relates to "
    "these (CC BY-SA 4.0; ids only), and else attested by people."
)

MAPPED = {
    "pci_dss_4.0.1": Head(
        "PCI DSS",
        "4.0.1",
        "PCI SSC; AWS Security Hub User Guide",
        "2026-08",
        (
            "PCI DSS 4.0.1. The standard is all rights reserved: ids of the defined approach, and titles of our own.",
            AWS,
        ),
    ),
    "nist_800_171_r2": Head(
        "NIST SP 800-171",
        "Revision 2",
        "NIST SP 800-171 revision 2; AWS Security Hub User Guide",
        "2026-08",
        (
            "NIST SP 800-171 revision 2 (https://csrc.nist.gov/pubs/sp/800/171/r2/upd1/final, public domain), "
            "with titles "
            "of our own.",
            AWS,
            f"{NIST} The relation is that of appendix D to revision 4, without what revision 5 withdrew: "
            "AU-2(3), AU-8(1), "
            "MP-5(4), MP-7(1) and SC-19.",
        ),
    ),
    "nist_csf_2.0": Head(
        "NIST Cybersecurity Framework",
        "2.0",
        "NIST CSWP 29 and its informative references",
        "2024-02",
        (
            "NIST CSF 2.0 (https://www.nist.gov/cyberframework, public domain), by subcategory, with titles of "
            "our own.",
            f"{NIST} The relation is that of NIST's informative references "
            "(https://www.nist.gov/informative-references, "
            "public domain).",
        ),
    ),
    "soc_2": Head(
        "SOC 2, Trust Services Criteria",
        "2017, points of focus of 2022",
        "AICPA",
        "2022-09",
        (
            "SOC 2: the Trust Services Criteria. They are all rights reserved: ids, and titles of our own.",
            "People attest each criterion, and no control is named: AICPA's mapping to SP 800-53 is all rights "
            "reserved, "
            "and those of other tools carry errors.",
        ),
    ),
    "iso_27001_2022": Head(
        "ISO/IEC 27001, annex A",
        "2022",
        "ISO/IEC 27001:2022; NIST OLIR of SP 800-53",
        "2023-10",
        (
            "ISO/IEC 27001:2022, annex A. The standard is all rights reserved: ids, and titles of our own.",
            f"{NIST} The relation is NIST's mapping of SP 800-53 revision 5 of 2023-10-12 "
            "(https://csrc.nist.gov/projects/"
            "olir, public domain).",
        ),
    ),
    "hipaa": Head(
        "HIPAA Security Rule",
        "45 CFR 164.308 to 164.316",
        "45 CFR 164; NIST SP 800-66 revision 2",
        "2024-02",
        (
            "HIPAA Security Rule, 45 CFR 164.308 to 164.316 (law, free of rights), with titles of our own.",
            f"{NIST} The relation is NIST's mapping of SP 800-66 revision 2 "
            "(https://csrc.nist.gov/pubs/sp/800/66/r2/final, "
            "public domain), where 164.308(b)(3) is 164.308(b)(4), and standards have the ids of their paragraphs.",
        ),
    ),
    "cis_controls_8.1": Head(
        "CIS Critical Security Controls",
        "8.1",
        "Center for Internet Security; MITRE baseline of CIS AWS Foundations 2.0.0",
        "2024-06",
        (
            "CIS Controls 8.1 (CC BY-NC-ND 4.0): ids of safeguards, and titles of our own.",
            "Parts are 11 recommendations of CIS AWS Foundations 2.0.0 and the safeguards that they name, by "
            "the tags of "
            "MITRE's baseline (https://github.com/mitre/aws-foundations-cis-baseline, Apache-2.0; ids only). Its other "
            "recommendations are not mapped. All other safeguards are attested by people.",
        ),
    ),
}
"""The frameworks by mapping, in the order of reports."""


def mapped(name: str, known: Collection[str]) -> str:
    """Return the file of a framework by mapping, with the controls that are among these."""
    head = MAPPED[name]
    lines = [
        f"# {line}"
        for paragraph in head.comment
        for line in textwrap.wrap(paragraph, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    ]
    lines += [
        "# A mapping gives evidence for parts of a requirement; it never says that one is met, and has no rate.",
        "# scripts/write_frameworks.py writes this file; do not edit it.",
        f"id: {name}",
        f"title: {quoted(head.title)}",
        f'version: "{head.version}"',
        "kind: mapping",
        f"source: {quoted(head.source)}",
        f'date: "{head.date}"',
        "requirements:",
    ]
    parts = _Parts(name, known)
    for requirement in requirements(name):
        lines += [f'  - id: "{requirement.id}"', f"    title: {quoted(requirement.title)}"]
        lines += [f"    section: {quoted(requirement.section)}", "    parts:", *parts.lines(requirement)]
    return "\n".join(lines) + "\n"


def requirements(name: str) -> list[MappedRequirement]:
    """Return the requirements of a framework by mapping, in the order of its table."""
    return table(f"{name}.csv", MappedRequirement)


class _Parts:
    """What the parts of a framework's requirements are made of."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self._known = known
        self._nist = {each.id: each.title for each in nist_requirements()}
        self._direct = related_controls(known)
        self._hub = {each.id: each for each in security_hub()}
        self._cis = {each["id"]: each for each in read(PACKAGED / "frameworks" / f"{CIS}.yaml").data["requirements"]}
        self._related: dict[str, list[RelatedControl]] = {}
        for each in table("security_hub_related.csv", RelatedControl):
            for requirement in {"pci_dss_4.0.1": each.pci_dss_4_0_1, "nist_800_171_r2": each.nist_800_171_r2}.get(
                name, ()
            ):
                self._related.setdefault(requirement, []).append(each)

    def lines(self, requirement: MappedRequirement) -> Iterator[str]:
        """Yield the lines of the parts of a requirement."""
        count = 0
        for each in self._related.get(requirement.id, ()):
            yield from self._of_security_hub(each)
            count += 1
        for name in requirement.nist_800_53_r5:
            yield from _part(f"NIST {name} {self._nist.get(name, '')}".strip(), self._direct.get(name, []))
            count += 1
        for name in requirement.cis_2_0:
            found = self._cis[name]
            yield from _part(f"CIS {name} {found['title']}", known_of(found.get("controls", ()), self._known))
            count += 1
        if not count:
            yield from _part(AS_A_WHOLE, [])

    def _of_security_hub(self, related: RelatedControl) -> Iterator[str]:
        listed_there: SecurityHubControl | None = self._hub.get(related.id)
        title = related.title or (listed_there.title if listed_there else "")
        named = related.controls or (listed_there.controls if listed_there else ())
        if controls := known_of(named, self._known):
            yield from _part(f"{related.id} {title}", controls)
            return
        yield f"      - title: {quoted(f'{related.id} {title}')}"
        yield "        coverage: none"
        if listed_there and listed_there.needs:
            yield from (f"    {line}" for line in needs_lines(listed_there.needs))


def _part(title: str, controls: list[str]) -> Iterator[str]:
    """Yield the lines of a part that controls answer, or people where there is none."""
    yield f"      - title: {quoted(title)}"
    if not controls:
        yield "        assessment: manual"
    yield from (f"    {line}" for line in listed("controls", controls))
