"""The words at the head of a report: who was audited, when and as whom, and how much of a framework is met."""

from __future__ import annotations

from datetime import datetime

from orgaudit.report.view import View
from orgaudit.report.xlsx.grid import day_words, plain


def organization_name(view: View) -> str:
    """Return who was audited."""
    organization = view.manifest.organization
    return plain(view.settings.organization_name or (organization.id if organization else "Accounts by themselves"))


def made_words(view: View) -> tuple[str, ...]:
    """Return when and as whom the audit was made, and of which organization."""
    manifest = view.manifest
    return (
        f"As of {day_words(view.as_of)}",
        *(_organization(view)),
        f"run {plain(manifest.run_id)}",
        f"audited {_moments(manifest.started_at, manifest.evaluated_at)}",
        f"orgaudit {manifest.tool_version}",
        *([f"as {plain(manifest.caller.arn)}"] if manifest.caller.arn else []),
    )


def _organization(view: View) -> list[str]:
    """Return the organization's id, which the title shows where the settings have no name."""
    organization = view.manifest.organization
    if organization is None:
        return ["no organization"]
    return [f"organization {organization.id}"] if view.settings.organization_name else []


def _moments(began: datetime, ended: datetime | None) -> str:
    """Return from when to when, the day and the minute once where both are the same."""
    start, end = f"{began:%Y-%m-%d %H:%M}", f"{ended:%Y-%m-%d %H:%M}" if ended else "not finished"
    last = end if start[:10] != end[:10] else end[11:]
    return f"{start} UTC" if start == end else f"{start} to {last}{' UTC' if ended else ''}"


def verdict_words(view: View) -> str:
    """Return what the headline rate is of, or why there is none."""
    headline = view.summary.headline
    if view.nothing_to_assess:
        return "No headline rate: no evaluation is in this part"
    if headline is None:
        return "No headline rate: the run has no framework of which it holds all controls"
    counts = headline.rated.counts
    return (
        f"of {plain(headline.title)} {plain(headline.version)} is met: {counts.passed:,} of {counts.total:,} pairs "
        "of an account and an automated requirement pass"
    )
