"""What the tables of a run and their columns mean, as `orgaudit query --tables` lists them."""

from __future__ import annotations

from orgaudit.query.facts import LISTINGS
from orgaudit.report import flat

_ACCOUNT = {
    "account_id": "The account, 12 digits.",
    "account_name": "The account's name.",
    "ou_path": "The account's unit, by the names from the root on.",
}
_FIX = {
    "effort": "Of its fix: S up to an hour, M up to a day, L more.",
    "disruption": "What its fix interrupts: none, restart or replacement.",
    "reversible": "Whether its fix can be undone.",
}
_FLAT = {column.name: column.meaning for column in flat.FINDINGS.columns}
_ISSUE = {name: _FLAT[name] for name in ("severity", "region", "resource", "family", "title", "owner")}

MEANINGS: dict[str, tuple[str, dict[str, str]]] = {
    "findings": (
        "One row a finding, with nested values; findings_flat has the same without.",
        {
            **{
                name: _FLAT[name]
                for name in (
                    *("fingerprint", "control", "title", "severity", "status", "reason", "account_id", "account_name"),
                    *("ou_path", "region", "resource", "resource_type", "inherited_from", "accepted", "owner"),
                    *("assessed_at", "family", "first_seen", "reopened", "due_on", "covered", "open", "counted"),
                )
            },
            "resource_tags": "The resource's tags, by key.",
            "requirements": "The requirements that it decides, each with framework and id.",
            "evidence": "The values that decided, as JSON.",
            "remediation": "Three ways to fix it, each with text and command: asset, service_wide and preventive.",
            "exception": "The exception of the register: id, owner, expires_on, state and days_overdue.",
            "gap": "Why it was not assessed, or why nothing can be there: action, reason and message.",
        },
    ),
    **{table.name: (table.meaning, {column.name: column.meaning for column in table.columns}) for table in flat.TABLES},
    "coverage": (
        "One row an account, region and control of the plan: whether it was assessed.",
        {
            **_ACCOUNT,
            "region": _FLAT["region"],
            "control": "The control.",
            "status": "NOT_ASSESSED where any part was not seen, else FAIL, PASS, MANUAL or NOT_APPLICABLE.",
            "reason": _FLAT["gap_reason"],
            "action": _FLAT["gap_action"],
            "message": _FLAT["gap_message"],
            "passed": "Findings that passed.",
            "failed": "Findings that failed.",
            "not_assessed": "Findings that were not assessed.",
            "not_applicable": "Findings that are not applicable.",
            "manual": "Findings that a person decides.",
            "accepted": "Findings not assessed in a region that the settings accept as not audited.",
            "inherited_from": _FLAT["inherited_from"],
        },
    ),
    "accounts": (
        "One row an account in scope.",
        {
            "id": "The account, 12 digits.",
            "name": "The account's name.",
            "state": "AWS's state of it, such as ACTIVE or SUSPENDED.",
            "email": "The mail address of its root user.",
            "ou_path": _ACCOUNT["ou_path"],
            "tags": "Its tags by key; nothing where they could not be read.",
            "collected": "Whether the audit has a record of it.",
            "regions_source": "What listed its regions.",
            "calls": "Calls to AWS.",
            "throttles": "Calls that AWS throttled.",
            "retries": "Calls that were made again.",
            "gap": "Why the account could not be entered; nothing where it could.",
            "owner": "Who owns it.",
            "contact": "Whom to ask.",
            "environment": "Its environment.",
        },
    ),
    "account_regions": (
        "One row a region of an account.",
        {
            "account_id": _ACCOUNT["account_id"],
            "region": "The region.",
            "state": "AUDITED, DISABLED, BLOCKED, UNREACHABLE or NOT_ASSESSED.",
            "gap": "Why it is anything but AUDITED: action, reason and message.",
        },
    ),
    "controls": (
        "One row a control of the run.",
        {
            "id": "The control.",
            "service": "Its AWS service.",
            "severity": _FLAT["severity"],
            "scope": "account or regional: how often it is asked in an account.",
            "title": _FLAT["title"],
            "rationale": "Why it matters.",
            "actions": "The IAM actions that it needs.",
            "family": _FLAT["family"],
            "digest": "A hash of its code and thresholds, and one of its requirements.",
            **_FIX,
            "per_resource": "Whether the effort is that of each resource.",
        },
    ),
    "requirements": (
        "One row a requirement of a framework of the run.",
        {
            "framework": "The framework's id.",
            "framework_title": "The framework's title.",
            "version": "The framework's version.",
            "kind": "controls, or mapping where it has no rate.",
            "position": "Its place in the framework.",
            "id": "Its number in the framework.",
            "title": "Its title.",
            "level": "Its level or profile, where the framework has them.",
            "assessment": "automated, or manual where a person decides.",
            "section": "Its section.",
            "controls": "The controls that decide it.",
            "coverage": "none where a machine could decide it and no control does.",
            "parts": "Of a mapping, what it asks for, each with the controls that give evidence.",
        },
    ),
    "changes": (
        "One row an issue that changed since the baseline.",
        {
            "kind": "new, resolved, persistent, regressed …: what became of it.",
            **_ACCOUNT,
            **_ISSUE,
            "controls": "The controls that fail.",
            "first_seen": _FLAT["first_seen"],
            "due_on": _FLAT["due_on"],
        },
    ),
    "actions": (
        "One row an action, in the order in which to do them: what one change closes.",
        {
            "rank": "Its place in the order.",
            "id": "The same in every run for the same thing to change.",
            "kind": "What is changed.",
            "title": "The action in words, with what it closes.",
            "what": "What to do.",
            "issues": "Issues that it closes and none before it does.",
            "findings": "Their findings.",
            "resources": "Their resources.",
            "accounts": "How many accounts they are in.",
            "points": "Their risk points.",
            "effort": "Of one fix: S, M or L; nothing where the run does not say.",
            "times": "How often the fix is made.",
            "cost": "The effort of the whole action in numbers.",
            "disruption": _FIX["disruption"],
            "reversible": _FIX["reversible"],
            "points_so_far": "The points up to this action.",
            "cost_so_far": "The cost up to this action.",
            "share_so_far": "The share of the points of all open issues up to this action, 0 to 1.",
            "owners": "Who owns the issues, with how many.",
            "families": "The families of controls that it fixes.",
            "controls": "The controls that fail.",
            "text": "How to do it.",
            "preventive": "How to keep it from coming back.",
            "preventive_command": "The command for that.",
            "commands": "The commands, each with its account.",
            "account_ids": "The accounts.",
            "fingerprints": "The findings that it closes.",
        },
    ),
    "exceptions": (
        "One row an exception of the register.",
        {
            "id": "The exception.",
            "title": "Its title.",
            "type": "Its type, such as risk_acceptance.",
            "state": "draft, pending, scheduled, active, expiring, expired, rejected, revoked or invalid.",
            "owner": "Who owns it.",
            "approved_by": "Who approved it.",
            "ticket": "Its ticket.",
            "starts_on": "Its first day.",
            "expires_on": "Its last day.",
            "days_left": "Days to its last day; below 0 it has ended.",
            "scope": "What it is for.",
            "broad": "Whether it is for all controls or all accounts.",
            "review_by": "The day of its next review.",
            "ending": "When, by whom and why it was closed.",
            "amendment": "What of it waits for approval.",
            "renewal_pending": "Whether that is a later last day.",
            "failing": "Findings that fail in its scope.",
            "not_scanned": "What of its scope was not assessed; nothing where that is not known.",
            "covered": "Findings that it covers.",
            "overdue": "Findings that it covered until it ended.",
        },
    ),
    LISTINGS: (
        "One row a listing of resources: how many it saw, or why it could not be read.",
        {
            "table_name": "The table of the resources.",
            "account_id": "The account that was looked at; one that could not be entered has a row without a region.",
            "region": "The region that was looked at.",
            "resources": "How many were seen; nothing where it could not be read.",
            "gap_reason": "Why it could not be read, or why nothing can be there.",
            "gap_action": _FLAT["gap_action"],
            "gap_message": _FLAT["gap_message"],
            "listed_at": "When it ended, in UTC.",
        },
    ),
}
"""What a row of each table is, and what each of its columns means; the tables of facts are beside these."""
