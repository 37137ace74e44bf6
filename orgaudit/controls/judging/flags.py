"""Factories of controls that several services share: one condition over one resource, or one number of days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import TypeAlias, TypeVar

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.declare import Resource
from orgaudit.model import Json, Severity, Verdict, require
from orgaudit.settings.thresholds import Thresholds

R = TypeVar("R", bound=Resource)

Outside: TypeAlias = Callable[[R], Verdict | None]
"""What returns the NOT_APPLICABLE verdict on a resource that a control does not judge, and None for the others."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a control says: its title and rationale, and the reason of a PASS (`then`) and of a FAIL (`otherwise`)."""

    title: str
    rationale: str
    then: str
    otherwise: str


def nothing(resource: Resource) -> Mapping[str, Json]:  # noqa: ARG001 - the shape of what returns evidence
    """Return no evidence."""
    return {}


def requires(
    name: str,
    kind: type[R],
    holds: Callable[[R], bool],
    words: Words,
    *,
    severity: Severity,
    fix: Fix,
    outside: Outside[R] | None = None,
    evidence: Callable[[R], Mapping[str, Json]] = nothing,
    module: str = "",
) -> Control:
    """Return the control `name` that passes where a condition holds for a resource.

    `holds` raises NotSeenError for what was not seen: `lambda cluster: cluster.encrypted.value`. `module` is the
    control's own, whose service it gets; by default the one that defines `holds`.
    """

    def judge(resource: R) -> Verdict:
        verdict = outside(resource) if outside else None
        return verdict or require(
            holds(resource), then=words.then, otherwise=words.otherwise, **dict(evidence(resource))
        )

    said = {"title": words.title, "rationale": words.rationale}
    return named(name, kind, module or holds.__module__, judge, **said, severity=severity, fix=fix)


def retains(
    name: str,
    kind: type[R],
    days: Callable[[R], int],
    *,
    title: str,
    fix: Fix,
    outside: Outside[R] | None = None,
) -> Control:
    """Return the control `name` that passes where the backups of a database are kept as long as the thresholds ask.

    `days` is defined in the control's own module, whose service it gets; 0 days are no automatic backups.
    """

    def judge(resource: R, thresholds: Thresholds) -> Verdict:
        verdict = outside(resource) if outside else None
        return verdict or _long_enough(days(resource), thresholds.database_backup_days)

    rationale = (
        "Damage by a faulty release, or by somebody with a stolen password, is often noticed days later. What happened "
        "before the oldest automatic backup cannot be undone. Copies that AWS Backup keeps are not seen here."
    )
    return named(
        name, kind, days.__module__, judge, title=title, rationale=rationale, severity=Severity.MEDIUM, fix=fix
    )


def _long_enough(kept: int, least: int) -> Verdict:
    return require(
        kept >= least,
        then=f"automatic backups are kept for {kept} days",
        otherwise=f"automatic backups are kept for {kept} days; expected: at least {least}"
        if kept
        else f"there are no automatic backups; expected: kept for at least {least} days",
        days=kept,
        expected_days=least,
    )


def named(
    name: str,
    kind: type[Resource],
    module: str,
    judge: Callable[..., Verdict],
    *,
    title: str,
    rationale: str,
    severity: Severity,
    fix: Fix,
) -> Control:
    """Return a control as if `judge`, a function of a factory, were written in the module of the control.

    Its service, its digest and its place in the catalogue come from there.
    """
    judge.__module__, judge.__name__, judge.__qualname__ = module, name, name
    resource = next(iter(signature(judge).parameters))
    judge.__annotations__ |= {resource: kind, "return": Verdict}
    return control(severity, fix=fix, id=name, title=title, rationale=rationale)(judge)
