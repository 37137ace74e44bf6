"""Writes config/frameworks/fsbp.yaml, nist_800_53_r5.yaml and those by mapping from the tables in scripts/frameworks.

python scripts/write_frameworks.py

security_hub.csv has one line per control of AWS Security Hub: adding one of ours to what it answers is one word in its
column `controls`, and all files follow, since AWS relates its controls to requirements of NIST 800-53 there. A control
that the catalogue does not have yet is left out, so a line may name it before it exists; the script lists what it left
out. nist_800_53_r5.csv has one line per requirement of NIST. mapped_frameworks.py describes the tables of frameworks by
mapping, which follow from these two.
"""

import sys
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.controls.declare import catalogue
from orgaudit.settings.documents import PACKAGED
from scripts.framework_tables import (
    known_of,
    listed,
    needs_lines,
    nist_requirements,
    quoted,
    related_controls,
    security_hub,
)
from scripts.mapped_frameworks import MAPPED, mapped

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


def planned(known: Collection[str]) -> list[str]:
    """Return the controls that the tables name and that are not among these, sorted."""
    named = {control for each in security_hub() for control in each.controls}
    named |= {control for each in nist_requirements() for control in each.supporting}
    return sorted(named - {*known})


def fsbp(known: Collection[str]) -> str:
    """Return the file of AWS Foundational Security Best Practices, with the controls that are among these."""
    lines = [FSBP_HEAD.rstrip("\n")]
    for each in security_hub():
        if each.standard != "fsbp":
            continue
        controls = known_of(each.controls, known)
        lines += _requirement(each.id, each.title, "automated", each.section)
        lines += listed("controls", controls)
        lines += listed("aliases", each.aliases)
        if not controls:
            lines += ["    coverage: none", *needs_lines(each.needs)]
    return "\n".join(lines) + "\n"


def nist(known: Collection[str]) -> str:
    """Return the file of NIST 800-53, with the controls that are among these."""
    related = related_controls(known)
    lines = [NIST_HEAD.rstrip("\n")]
    for found in nist_requirements():
        direct = related.get(found.id, [])
        supporting = [control for control in known_of(found.supporting, known) if control not in direct]
        lines += _requirement(found.id, found.title, "automated" if direct else "manual", found.section)
        lines += [f"    baseline: {found.baseline}"] if found.baseline else []
        lines += listed("controls", direct or supporting)
        lines += listed("supporting", supporting if direct else ())
        lines += listed("aliases", found.aliases)
    return "\n".join(lines) + "\n"


WRITERS: dict[str, Callable[[Collection[str]], str]] = {
    "fsbp": fsbp,
    "nist_800_53_r5": nist,
    **{name: partial(mapped, name) for name in MAPPED},
}


def _requirement(name: str, title: str, assessment: str, section: str) -> Iterator[str]:
    yield f"  - id: {name}"
    yield f"    title: {quoted(title)}"
    yield f"    assessment: {assessment}"
    yield f"    section: {quoted(section)}"


def main() -> None:
    """Write all files, and say where they are and what they leave out."""
    known = catalogue()
    for name, write in WRITERS.items():
        path = PACKAGED / "frameworks" / f"{name}.yaml"
        path.write_text(write(known), encoding="utf-8")
        print(f"wrote {path}")
    if missing := planned(known):
        print(f"left out {len(missing)} controls that the catalogue does not have: {', '.join(missing)}")


if __name__ == "__main__":
    main()
