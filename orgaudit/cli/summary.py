"""What is printed when a run ends: the figures of the summary sheet, in a few lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from orgaudit.errors import ExitCode
from orgaudit.report.completeness import completeness_of
from orgaudit.report.formats import named
from orgaudit.report.framework_scores import by_mapping
from orgaudit.report.view import View
from orgaudit.store.copies import address_of, shown
from orgaudit.words import counted, rate

ENDINGS = {
    ExitCode.CLEAN: "clean",
    ExitCode.FINDINGS: "there are open findings",
    ExitCode.INCOMPLETE: "incomplete: not everything that was expected was assessed",
}
MOST_ACTIONS = 3
"""How many missing permissions are named for a reason; the reports name all."""


def print_summary(view: View, paths: Iterable[Path], code: ExitCode, notes: Iterable[str] = ()) -> None:
    """Print coverage first, then the headline rate, open issues, exceptions, which register that is, and the reports.

    `notes` are what else there is to know of the register.
    """
    manifest = view.manifest
    organization = manifest.organization.id if manifest.organization else f"account {manifest.caller.account_id}"
    click.echo(f"Run {manifest.run_id} · {organization} · as of {view.as_of.isoformat()}")
    for name, lines in (
        ("Coverage", _coverage(view)),
        ("Not seen", _not_seen(view)),
        ("Rate", _rates(view)),
        ("By mapping", by_mapping(view)),
        ("Open", _open(view)),
        ("Exceptions", _exceptions(view)),
        ("Register", [_register(view), *notes]),
        ("Reports", _places(paths)),
        ("Exit code", [f"{int(code)}, {ENDINGS[code]}"]),
    ):
        for number, line in enumerate(lines):
            click.echo(f"{'' if number else name:<11} {line}")


def _places(paths: Iterable[Path]) -> list[str]:
    """Return where the reports are; several of one pattern are one line."""
    found = list(paths)
    if any(address_of(path) for path in found):
        return [shown(str(each)) for each in named(found)]
    return [str(each) for each in named(Path(os.path.relpath(path)) for path in found)]


def _coverage(view: View) -> Sequence[str]:
    seen = view.summary.coverage
    blocked = f", of which {seen.evaluations_blocked:,} blocked by policy" if seen.evaluations_blocked else ""
    return [
        f"{seen.accounts_assessed:,} of {counted(seen.accounts, 'account')}, "
        f"{seen.regions_assessed:,} of {counted(seen.regions, 'region')}, "
        f"{rate(seen.share)} of evaluations",
        f"{seen.evaluations_assessed:,} assessed, of which {seen.evaluations_not_applicable:,} not applicable · "
        f"{seen.evaluations - seen.evaluations_assessed:,} not assessed{blocked}",
        completeness_of(view),
    ]


def _not_seen(view: View) -> Iterator[str]:
    """Yield a line for each reason with all that it kept from being assessed, so that the numbers add up."""
    for unseen in view.unseen:
        actions = [item.action for item in view.missing_permissions if item.reason is unseen.reason]
        more = f" and {len(actions) - MOST_ACTIONS} more" if len(actions) > MOST_ACTIONS else ""
        named = f": {', '.join(actions[:MOST_ACTIONS])}{more}" if actions else ""
        counts = f"{counted(unseen.evaluations, 'evaluation')} in {counted(unseen.accounts, 'account')}"
        yield f"{unseen.reason}: {counts}{named}"


def _rates(view: View) -> Sequence[str]:
    """Return the headline rate, and what of it was not assessed."""
    found = view.summary.headline
    if found is None:
        return ["– (no framework of which all controls were in the run)"]  # noqa: RUF001 - as in every report
    counts, excepted = found.rated.counts, found.rated.with_exceptions
    return [
        f"{rate(counts.rate)} of {found.framework}, with exceptions {rate(excepted.rate)}",
        f"{counts.passed:,} of {counts.total:,} requirements x accounts pass; "
        f"{counts.failed:,} fail, {counts.not_assessed:,} not assessed",
    ]


def _open(view: View) -> Sequence[str]:
    issues, findings = view.summary.issues, view.summary.open.total
    severities = f"{issues.critical} critical · {issues.high} high · {issues.medium} medium · {issues.low} low"
    return [f"{severities} ({counted(issues.total, 'issue')}, {counted(findings, 'finding')})"]


def _exceptions(view: View) -> Sequence[str]:
    totals = view.summary.exceptions
    states = f"{totals.active} active · {totals.expiring} expiring · {totals.expired} expired"
    problems = [f"{problem.place}: {problem.key}: {problem.message}" for problem in view.problems]
    return [f"{states} · {totals.unused} covering nothing", *problems]


def _register(view: View) -> str:
    """Return which register the result is of: its file, the date it was applied for, and its hash."""
    source = view.source
    known = f"SHA-256 {source.sha256[:12]}" if source.sha256 else "no such file, so it is empty"
    return f"{source.file}, as of {source.as_of.isoformat()}, {known}"
