"""An action's title: what to do, what that closes, and what it takes, for people who do not know its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgaudit.actions.groups import Kind, Target
from orgaudit.actions.issues import FamilyFix, Issue
from orgaudit.actions.remedies import Remedy
from orgaudit.model import Disruption, Effort
from orgaudit.words import counted

INTERRUPTIONS: Mapping[Disruption | None, str] = {
    Disruption.NONE: "no interruption",
    Disruption.RESTART: "a restart",
    Disruption.REPLACEMENT: "a replacement",
    None: "interruption unknown",
}


def what_to_do(target: Target, remedy: Remedy, issues: Sequence[Issue]) -> str:
    """Return what to do, as the fix says it, and where: the whole of an action in one sentence without a period."""
    does = remedy.text.rstrip(".") or f"Fix {remedy.title}"
    others = len({(issue.account_id, issue.resource) for issue in issues}) - 1
    if target.kind in {Kind.ORGANIZATION, Kind.SETTING}:
        more = f" and {len(remedy.controls) - 1:,} more" if len(remedy.controls) > 1 else ""
        return f'{does} ("{remedy.title}"{more})'
    if target.kind is Kind.SHARED_RESOURCE:
        return f"{does} (shared by {counted(max(issue.shared_by for issue in issues), 'account')})"
    if target.kind is Kind.RESOURCE:
        return f"{does} (account {issues[0].account_name or issues[0].account_id})"
    same = f"; the same for {counted(others, 'more resource')}" if others else ""
    joined = " with" if target.kind is Kind.POLICY else " of"
    return f"{does}{same}{joined if others else ', in'} {target.words}"


def effort_words(effort: Effort | None, times: int) -> str:
    """Return an effort: S, 12 x S where it is made as often, and - where the run does not say."""
    size = effort.value if effort else "-"
    return f"{times:,} x {size}" if times > 1 else size


def title(what: str, fix: FamilyFix, times: int, *, issues: int, accounts: int) -> str:
    """Return the whole title: what to do, what that closes, and what it takes."""
    closes = f"closes {counted(issues, 'issue')} in {counted(accounts, 'account')}"
    parts = [closes, f"effort {effort_words(fix.effort, times)}", INTERRUPTIONS[fix.disruption]]
    return f"{what}: {', '.join(parts if fix.reversible else [*parts, 'cannot be undone'])}"
