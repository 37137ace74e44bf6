"""The page's figures: the four of page one with their lines, decisions, what is late, and the frameworks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from orgaudit.report.decisions import Decision, DecisionKind, decisions
from orgaudit.report.framework_scores import FrameworkScore, framework_scores
from orgaudit.report.late import Late, late, late_by_account
from orgaudit.report.page.tables import findings_of, tone_of
from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import NO_OWNER
from orgaudit.report.xlsx.formulas import half_up
from orgaudit.report.xlsx.grid import plain
from orgaudit.report.xlsx.lists import overdue
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.report.xlsx.tiles import rate_before
from orgaudit.settings.frameworks import Framework
from orgaudit.spreadsheet import look
from orgaudit.words import counted, rate

WIDTH, HEIGHT, MARGIN = 132, 36, 4
"""The size of a figure's line, and the room that its ends need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A line over the last runs: its points as SVG has them, the last of them, and what it shows in words."""

    points: str
    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a figure: how many issues are of a severity, and the findings that they lead to."""

    severity: str
    count: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One of the four figures: its change since the baseline, whether that is better, and where it leads."""

    label: str
    figure: str
    change: str
    verdict: str
    note: str
    href: str
    spark: Spark | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision in words, with where what it is about is."""

    what: str
    owner: str
    on: str
    otherwise: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateItem:
    """One owner's late items in words."""

    owner: str
    severity: str
    kind: str
    item: str
    days: str
    issues: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkRow:
    """One framework: the share that is met, or why there is none, and its change."""

    framework: Framework
    name: str
    share: str
    why: str
    change: str
    verdict: str
    manual: str
    evidence: str
    anchor: str
    under: bool


def tiles(view: View) -> tuple[Tile, ...]:
    """Return the four figures."""
    return _rate(view), _urgent(view), _coverage(view), _overdue(view)


def rate_change(view: View) -> tuple[str, str]:
    """Return how the headline rate changed since the baseline, and whether that is better."""
    headline = view.summary.headline
    share = headline.rated.counts.rate if headline else None
    return _points(share, rate_before(view)[0])


def _points(share: float | None, before: float | None) -> tuple[str, str]:
    """Return the change of a share in percentage points; more is better."""
    if share is None or before is None:
        return NOTHING, ""
    change = half_up((share - before) * 100, 1)
    if not change:
        return "= 0.0 pt", ""
    return (f"▲ +{change:.1f} pt", "better") if change > 0 else (f"▼ {change:.1f} pt", "worse")


def _count_change(count: int | None, before: int | None) -> tuple[str, str]:
    """Return the change of a count; less is better."""
    if count is None or before is None:
        return NOTHING, ""
    if count == before:
        return "= no change", ""
    return (f"▲ +{count - before:,}", "worse") if count > before else (f"▼ {count - before:,}", "better")


def _rate(view: View) -> Tile:
    headline = view.summary.headline
    rated = headline.rated if headline else None
    change, verdict = rate_change(view)
    values = [it.rate if headline and it.framework == headline.framework else None for it in view.comparison.points]
    return Tile(
        label="Headline rate",
        figure=_share(rated.counts.rate) if rated else NOTHING,
        change=change,
        verdict=verdict,
        note=f"{_share(rated.with_exceptions.rate)} with exceptions"
        if rated
        else "no framework of which the run holds all controls",
        href="#frameworks",
        spark=spark(view, "Headline rate", values, is_share=True),
    )


def _share(share: float | None) -> str:
    return NOTHING if share is None else rate(share)


def _is_known(view: View) -> bool:
    """Return whether anything was assessed, so that a count of 0 means that there is none."""
    return bool(view.nothing_to_assess or view.summary.coverage.evaluations_assessed)


def _urgent(view: View) -> Tile:
    issues, before = view.summary.issues, view.comparison.before
    urgent = issues.critical + issues.high
    change, verdict = _count_change(
        urgent if _is_known(view) else None, None if before is None else before.critical + before.high
    )
    counts = msgspec.structs.asdict(issues)
    return Tile(
        label="Open critical and high issues",
        figure=f"{urgent:,}" if _is_known(view) else NOTHING,
        change=change,
        verdict=verdict,
        note=f"of {counted(issues.total, 'open issue')}",
        href=findings_of(severity="critical,high"),
        spark=spark(view, "Critical and high", [it.critical + it.high for it in view.comparison.points]),
        parts=tuple(Part(severity=it, count=counts[it], href=findings_of(severity=it)) for it in look.SEVERITIES),
    )


def _coverage(view: View) -> Tile:
    totals, before = view.summary.coverage, view.comparison.before
    change, verdict = _points(totals.share, before.coverage if before else None)
    missing = totals.evaluations - totals.evaluations_assessed
    return Tile(
        label="Coverage: what was assessed",
        figure=_share(totals.share),
        change=change,
        verdict=verdict,
        note=(
            f"{totals.accounts_assessed:,} of {counted(totals.accounts, 'account')}, {totals.regions_assessed:,} of "
            f"{counted(totals.regions, 'region')}; {counted(missing, 'evaluation')} not assessed, "
            f"{totals.evaluations_blocked:,} of them blocked by policy"
        ),
        href="#coverage",
        spark=spark(view, "Coverage", [it.coverage for it in view.comparison.points], is_share=True),
    )


def _overdue(view: View) -> Tile:
    before, dated = view.comparison.before, bool(view.manifest.remediation_days)
    issues = sum(late_by_account(view).values())
    exceptions = sum(score.expired > 0 for score in view.kept)
    known = dated and _is_known(view)
    change, verdict = _count_change(issues + exceptions if known else None, overdue(before) if before else None)
    past = f"{counted(exceptions, 'exception')} past the last day"
    return Tile(
        label="Overdue",
        figure=f"{issues + exceptions:,}" if known else NOTHING,
        change=change,
        verdict=verdict,
        note=f"{counted(issues, 'issue')} past the due date, {past}"
        if dated
        else f"{NOTHING} the run has no due dates; {past}",
        href=findings_of(late="yes"),
        spark=spark(view, "Overdue", [overdue(it) for it in view.comparison.points]),
    )


def spark(view: View, label: str, values: Sequence[float | None], *, is_share: bool = False) -> Spark | None:
    """Return the line of a figure over the runs, None where fewer than two of them have it."""
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    lowest, highest = (end(value for _, value in known) for end in (min, max))
    span = (highest - lowest) or 1

    def place(index: int, value: float) -> tuple[float, float]:
        across = MARGIN + (WIDTH - 2 * MARGIN) * index / (len(values) - 1)
        return round(across, 1), round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - lowest) / span, 1)

    places = [place(index, value) for index, value in known]
    points = view.comparison.points
    said = ", ".join(f"{points[index].date}: {rate(value) if is_share else f'{value:,}'}" for index, value in known)
    return Spark(
        points=" ".join(f"{x},{y}" for x, y in places),
        x=places[-1][0],
        y=places[-1][1],
        words=f"{label} of the last audits: {said}",
    )


def to_decide(view: View) -> tuple[Decided, ...]:
    """Return what waits for a decision."""
    return tuple(map(_decided, decisions(view)))


def _decided(it: Decision) -> Decided:
    return Decided(
        what=plain(it.what, 600),
        owner=plain(it.owner) or NO_OWNER,
        on=str(it.on or "next audit"),
        otherwise=it.otherwise,
        href="#coverage" if it.kind is DecisionKind.ACCOUNT else findings_of(exception=it.subjects[0], state="all"),
    )


def late_items(view: View) -> tuple[LateItem, ...]:
    """Return what is late, by owner."""
    return tuple(map(_late_item, late(view)))


def _late_item(it: Late) -> LateItem:
    href = findings_of(exception=it.exception) if it.exception else findings_of(owner=it.owner or NO_OWNER, late="yes")
    return LateItem(
        owner=plain(it.owner) or NO_OWNER,
        severity=it.severity.value,
        kind=tone_of(it.severity.value),
        item=plain(it.item),
        days=f"{it.days:,}",
        issues=f"{it.issues:,}",
        href=href,
    )


def frameworks(view: View) -> tuple[FrameworkRow, ...]:
    """Return the frameworks, the headline one first."""
    return tuple(_framework(view, score) for score in framework_scores(view))


def _framework(view: View, score: FrameworkScore) -> FrameworkRow:
    change, verdict = _points(score.rate, score.before)
    return FrameworkRow(
        framework=score.framework,
        name=f"{plain(score.framework.title)} {plain(score.framework.version)}".strip(),
        share=_share(score.rate),
        why="" if score.evidence else score.why,
        change=change,
        verdict=verdict,
        manual=f"{score.answered} of {score.manual}" if score.manual else "none",
        evidence=score.evidence.words if score.evidence else "",
        anchor=f"framework-{score.framework.id}",
        under=score.rate is not None and score.rate < view.settings.pass_rate_threshold,
    )
