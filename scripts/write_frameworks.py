"""Writes config/frameworks/fsbp.yaml and nist_800_53_r5.yaml from the tables in scripts/frameworks.

python scripts/write_frameworks.py

security_hub.csv has one line per control of AWS Security Hub: adding one of ours to what it answers is one word in its
column `controls`, and both files follow, since AWS relates its controls to requirements of NIST 800-53 there. A control
that the catalogue does not have yet is left out, so a line may name it before it exists; the script lists what it left
out. nist_800_53_r5.csv has one line per requirement of NIST.
"""

import csv
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.controls.declare import catalogue
from orgaudit.settings.documents import PACKAGED

T = TypeVar("T", bound=msgspec.Struct)
TABLES = Path(__file__).resolve().parent / "frameworks"
WIDTH = 120
UNSURE = (
    *("Bedrock.1", "BedrockAgentCore.7", "Cognito.1", "RDS.38", "RDS.39", "SageMaker.20", "SageMaker.21"),
    *("SageMaker.22", "SageMaker.23", "SageMaker.24", "SageMaker.25"),
)
"""What AWS's table of all controls gives to the standard and the standard's own page does not."""

FSBP_HEAD = f"""\
# AWS Foundational Security Best Practices: every control of the standard by its Security Hub id, with the controls of
# orgaudit that decide it. `coverage: none` marks what no control decides, and `needs` what would have to be read.
# https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html lists them.
# Titles are our own words. scripts/write_frameworks.py writes this file; do not edit it.
# AWS adds and retires controls every month: the version is that of the standard and the month of the list.
# Left out, because AWS's table of all controls has them in the standard and the standard's own page does not:
# {", ".join(UNSURE[:7])},
# {", ".join(UNSURE[7:])}.
# Left out as retired, without a successor: AppSync.1, AppSync.6, ECS.1, MQ.3 and RDS.18; EFS.6 left the standard.
# Stricter here than there: IAM.7 (14 characters, not 8), CloudTrail.5 (delivery, too), S3.2 and S3.3 (reads or writes).
id: fsbp
title: AWS Foundational Security Best Practices
version: 1.0.0 of 2026-08
source: AWS Security Hub User Guide
date: "2026-08"
requirements:
"""

NIST_HEAD = """\
# NIST SP 800-53 revision 5: the 370 requirements of the high baseline, those beyond it that AWS relates to a control of
# Security Hub, and some that related evidence exists for. `baseline` is the lowest one that has a requirement.
# Automated is what AWS relates to a Security Hub control that one of ours answers: a pass is technical evidence for a
# part of the requirement. All else is manual: people attest it, and the controls that other mappings name are evidence.
# `supporting` are controls that other mappings name where AWS relates others: they decide nothing.
# https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final has all. Titles are NIST's, which are in the public domain.
# Former ids of parts, such as AU-2(b), name the whole requirement.
# Left out, because the official catalog does not have them though lists of mappings do: AC-3(1), which revision 5
# withdrew into AC-6, and SI-1(1)(c), which was never one of its ids.
# scripts/write_frameworks.py writes this file; do not edit it.
id: nist_800_53_r5
title: NIST SP 800-53
version: Revision 5
source: NIST, SP 800-53 and SP 800-53B
date: "2020-12"
requirements:
"""


class SecurityHubControl(msgspec.Struct, frozen=True):
    """One line of security_hub.csv: a control of Security Hub, what it is part of, and which of ours decide it."""

    id: str
    section: str
    title: str
    standard: str
    controls: tuple[str, ...]
    needs: str
    nist_800_53_r5: tuple[str, ...]
    aliases: tuple[str, ...]


class NistRequirement(msgspec.Struct, frozen=True):
    """One line of nist_800_53_r5.csv: a requirement, and the controls that other mappings name."""

    id: str
    section: str
    title: str
    baseline: str
    aliases: tuple[str, ...]
    supporting: tuple[str, ...]


def security_hub() -> list[SecurityHubControl]:
    """Return the controls of Security Hub that are part of a standard here, in the order of the table."""
    return _table("security_hub.csv", SecurityHubControl)


def planned(known: Collection[str]) -> list[str]:
    """Return the controls that the tables name and that are not among these, sorted."""
    named = {control for each in security_hub() for control in each.controls}
    named |= {control for each in _table("nist_800_53_r5.csv", NistRequirement) for control in each.supporting}
    return sorted(named - {*known})


def fsbp(known: Collection[str]) -> str:
    """Return the file of AWS Foundational Security Best Practices, with the controls that are among these."""
    lines = [FSBP_HEAD.rstrip("\n")]
    for each in security_hub():
        if each.standard != "fsbp":
            continue
        controls = _known(each.controls, known)
        lines += _requirement(each.id, each.title, "automated", each.section)
        lines += _listed("controls", controls)
        lines += _listed("aliases", each.aliases)
        if not controls:
            lines += ["    coverage: none", *_needs(each.needs)]
    return "\n".join(lines) + "\n"


def nist(known: Collection[str]) -> str:
    """Return the file of NIST 800-53, with the controls that are among these."""
    related: dict[str, list[str]] = {}
    for each in security_hub():
        for requirement in each.nist_800_53_r5:
            related.setdefault(requirement, []).extend(_known(each.controls, known))
    lines = [NIST_HEAD.rstrip("\n")]
    for found in _table("nist_800_53_r5.csv", NistRequirement):
        direct = sorted({*related.get(found.id, ())})
        supporting = [control for control in _known(found.supporting, known) if control not in direct]
        lines += _requirement(found.id, found.title, "automated" if direct else "manual", found.section)
        lines += [f"    baseline: {found.baseline}"] if found.baseline else []
        lines += _listed("controls", direct or supporting)
        lines += _listed("supporting", supporting if direct else ())
        lines += _listed("aliases", found.aliases)
    return "\n".join(lines) + "\n"


WRITERS = {"fsbp": fsbp, "nist_800_53_r5": nist}


def _table(name: str, kind: type[T]) -> list[T]:
    """Return the lines of a table; the cells of a list are words."""
    lists = {it.name for it in msgspec.structs.fields(kind) if it.type is not str}
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        return [
            msgspec.convert({key: tuple(cell.split()) if key in lists else cell for key, cell in row.items()}, kind)
            for row in csv.DictReader(file)
        ]


def _known(controls: Iterable[str], known: Collection[str]) -> list[str]:
    return [control for control in controls if control in known]


def _requirement(name: str, title: str, assessment: str, section: str) -> Iterator[str]:
    yield f"  - id: {name}"
    yield f"    title: {_quoted(title)}"
    yield f"    assessment: {assessment}"
    yield f"    section: {_quoted(section)}"


def _listed(key: str, items: Sequence[str]) -> Iterator[str]:
    """Yield a list in one line where it fits, else one item a line."""
    if not items:
        return
    line = f"    {key}: [{', '.join(items)}]"
    if len(line) <= WIDTH:
        yield line
    else:
        yield f"    {key}:"
        yield from (f"      - {item}" for item in items)


def _needs(text: str) -> list[str]:
    """Return the lines of what would have to be read."""
    line = f"    needs: {_quoted(text)}"
    return (
        [line]
        if len(line) <= WIDTH
        else ["    needs: >-", *(f"      {part}" for part in textwrap.wrap(text, WIDTH - 6))]
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if any(mark in text for mark in ":#,[]{}") else text


def main() -> None:
    """Write both files, and say where they are and what they leave out."""
    known = catalogue()
    for name, write in WRITERS.items():
        path = PACKAGED / "frameworks" / f"{name}.yaml"
        path.write_text(write(known), encoding="utf-8")
        print(f"wrote {path}")
    if missing := planned(known):
        print(f"left out {len(missing)} controls that the catalogue does not have: {', '.join(missing)}")


if __name__ == "__main__":
    main()
