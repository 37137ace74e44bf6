"""Which controls decide which requirement: one file a framework in config/frameworks; controls never name one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from orgaudit.model import RequirementRef
from orgaudit.settings.documents import (
    Problem,
    error_of,
    nearest,
)

ALL = "all"
"""The choice of every framework file."""

SHIPPED = frozenset(
    {
        *("cis_1.2", "cis_1.3", "cis_1.4", "cis_1.5", "cis_2.0", "cis_3.0", "cis_4.0", "cis_5.0", "cis_6.0", "cis_7.0"),
        *("nist_800_53_r5", "fsbp"),
        *("pci_dss_4.0.1", "nist_800_171_r2", "nist_csf_2.0", "soc_2", "iso_27001_2022", "hipaa", "cis_controls_8.1"),
    }
)
"""The ids of the frameworks that come with orgaudit; those of any other file are a user's own."""

_USUAL = frozenset({"nist_800_53_r5", "fsbp"})
"""What runs without a choice, beside the newest version of CIS and a user's own."""

_CIS = re.compile(r"cis_(\d+(?:\.\d+)*)")


class Assessment(StrEnum):
    """Whether the framework's publisher expects a machine or a person to decide."""

    AUTOMATED = "automated"
    MANUAL = "manual"


class Kind(StrEnum):
    """How a framework says what is met: controls decide its requirements, or a mapping gives evidence for parts."""

    CONTROLS = "controls"
    MAPPING = "mapping"


class Coverage(StrEnum):
    """Whether orgaudit, or a person, can answer a requirement at all."""

    ANSWERED = "answered"
    NONE = "none"


class Baseline(StrEnum):
    """A set of requirements that its publisher selects; each holds those of the ones before it."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


class EvidencePart(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a requirement by mapping asks for, and the controls that give evidence for it.

    Where no control does, a person attests it, or nothing covers it; `needs` is what would have to be read.
    """

    title: str
    assessment: Assessment = Assessment.AUTOMATED
    controls: tuple[str, ...] = ()
    coverage: Coverage = Coverage.ANSWERED
    needs: str = ""

    @property
    def is_covered(self) -> bool:
        """Whether a control or a person can answer it."""
        return self.coverage is not Coverage.NONE


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement, in our own words, and the ids of the controls that decide it.

    Of a framework by mapping, `parts` are what it asks for, and the controls are those of all of its parts.
    `aliases` are former ids of it. `supporting` are controls whose results are related evidence and decide nothing.
    Where `coverage` is none, a machine could decide it and no control does; `needs` is what would have to be read.
    `baseline` is the lowest one that has it, None where no baseline does.
    """

    id: str
    title: str
    level: int | None = None
    assessment: Assessment
    section: str = ""
    controls: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()
    coverage: Coverage = Coverage.ANSWERED
    needs: str = ""
    baseline: Baseline | None = None
    parts: tuple[EvidencePart, ...] = ()

    @property
    def is_covered(self) -> bool:
        """Whether a control or a person can answer it."""
        return self.coverage is not Coverage.NONE


class Framework(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one framework; `thresholds` are the numbers that it sets itself.

    `source` is where its requirements are published, `date` the year and month, or the day, of what was read there.
    `left_out` are the ids and former ids of what the choice of a baseline leaves out. One by mapping has no rate.
    """

    id: str
    title: str
    version: str
    kind: Kind = Kind.CONTROLS
    requirements: tuple[Requirement, ...]
    thresholds: dict[str, Any] = {}
    source: str = ""
    date: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The ids of its requirements, their former ids, and those of what a baseline leaves out."""
        return [name for each in self.requirements for name in (each.id, *each.aliases)] + list(self.left_out)

    @property
    def covered(self) -> int:
        """The number of requirements that any control decides or gives evidence for."""
        return sum(bool(requirement.controls) for requirement in self.requirements)

    @property
    def is_whole(self) -> bool:
        """Whether a control or a person can answer every requirement."""
        return all(requirement.is_covered for requirement in self.requirements)

    @property
    def is_mapping(self) -> bool:
        """Whether a mapping gives evidence for parts of its requirements."""
        return self.kind is Kind.MAPPING


def select(
    frameworks: Mapping[str, Framework],
    ids: Iterable[str],
    also: str | None = None,
    baseline: Baseline | None = None,
) -> dict[str, Framework]:
    """Return the frameworks with these ids, all for `all`, or the usual ones without a choice, each in `baseline`.

    The usual ones are the newest version of CIS, NIST 800-53, FSBP, a user's own files, and the one with the id `also`.
    Raises ConfigError for an unknown id.
    """
    wanted = tuple(dict.fromkeys(ids))
    problems = [
        Problem(file="", message=f"no framework {name!r}", remedy=nearest(name, (*frameworks, ALL)))
        for name in wanted
        if name not in frameworks and name != ALL
    ]
    if problems:
        raise error_of(problems)
    chosen = list(frameworks) if ALL in wanted else wanted or _usual(frameworks, also)
    return {name: in_baseline(frameworks[name], baseline) for name in chosen}


def _usual(frameworks: Mapping[str, Framework], also: str | None) -> list[str]:
    newest = newest_cis(frameworks)
    return [
        name
        for name in frameworks
        if name in _USUAL or name in {newest, also} or (name not in SHIPPED and not _CIS.fullmatch(name))
    ]


def newest_cis(ids: Iterable[str]) -> str | None:
    """Return the id of the CIS AWS Foundations Benchmark with the highest version among these, or None."""
    versions = [(tuple(map(int, found[1].split("."))), name) for name in ids if (found := _CIS.fullmatch(name))]
    return max(versions)[1] if versions else None


def controls_of(frameworks: Iterable[Framework]) -> tuple[str, ...]:
    """Return the ids of the controls that any requirement names, to decide it or as related evidence, sorted."""
    requirements = [item for framework in frameworks for item in framework.requirements]
    return tuple(sorted({name for item in requirements for name in (*item.controls, *item.supporting)}))


def headline(ids: Iterable[str], named: str | None = None) -> str | None:
    """Return the framework whose rate is the headline of these: the named one, else the newest CIS, else the first."""
    found = list(ids)
    if named in found:
        return named
    return newest_cis(found) or next(iter(found), None)


def rated(frameworks: Iterable[Framework], controls: Collection[str], named: str | None = None) -> str | None:
    """Return the framework of a run whose rate is its headline; None where it cannot be rated."""
    by_id = {framework.id: framework for framework in frameworks}
    name = headline(by_id, named)
    return name if name is not None and is_ratable(by_id[name], controls) else None


def is_ratable(framework: Framework, controls: Collection[str]) -> bool:
    """Return whether a rate can be said: all is covered, and all controls of automated requirements are among a run's.

    A run that was narrowed to some controls has no rate: what it left out neither passes nor fails. Nor has a framework
    of which a part is not covered, nor one by mapping: evidence for parts of a requirement is not a share of it.
    """
    if framework.is_mapping:
        return False
    automated = (it for it in framework.requirements if it.assessment is Assessment.AUTOMATED)
    return all(it.is_covered and all(control in controls for control in it.controls) for it in automated)


def in_baseline(framework: Framework, baseline: Baseline | None) -> Framework:
    """Return a framework with the requirements of a baseline alone; whole without one, or where it has no baselines."""
    if baseline is None or not any(each.baseline for each in framework.requirements):
        return framework
    order = list(Baseline)
    beyond = {None, *order[order.index(baseline) + 1 :]}
    kept = tuple(each for each in framework.requirements if each.baseline not in beyond)
    names = {name for each in kept for name in (each.id, *each.aliases)}
    left_out = tuple(name for name in framework.names if name not in names)
    return msgspec.structs.replace(framework, requirements=kept, left_out=left_out)


def requirements_of(frameworks: Iterable[Framework], control: str) -> list[RequirementRef]:
    """Return the requirements that ask for a control, in the order of the files."""
    return [
        RequirementRef(framework.id, requirement.id)
        for framework in frameworks
        for requirement in framework.requirements
        if control in requirement.controls
    ]
