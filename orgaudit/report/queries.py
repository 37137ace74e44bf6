"""The SQL of every figure in a report, over the tables of `orgaudit.store.tables.opened`."""

from __future__ import annotations

from orgaudit.store.rates import (
    ACCEPTED,
    CELLS,
    EVALUATIONS,
    OUTLIVED,
    RATED,
    RATED_ACCOUNTS,
    UNSEEN,
    any_of,
    verdict,
)
from orgaudit.store.tables import ISSUE, SEVERITY_RANK

_COUNTS = """{
    'passed': count(*) FILTER (status = 'PASS'),
    'failed': count(*) FILTER (status = 'FAIL'),
    'covered': count(*) FILTER (covered),
    'not_assessed': count(*) FILTER (status = 'NOT_ASSESSED' AND NOT accepted),
    'not_applicable': count(*) FILTER (status = 'NOT_APPLICABLE'),
    'manual': count(*) FILTER (status = 'MANUAL'),
    'accepted': count(*) FILTER (accepted)
}"""

_COUNT_NAMES = ("passed", "failed", "covered", "not_assessed", "not_applicable", "manual", "accepted")
_NO_COUNTS = "{" + ", ".join(f"'{name}': 0" for name in _COUNT_NAMES) + "}"
_SUM_OF_COUNTS = "{" + ", ".join(f"'{name}': sum(counts.{name})::BIGINT" for name in _COUNT_NAMES) + "}"

_OPEN = """{
    'critical': count(*) FILTER (open AND severity = 'critical'),
    'high': count(*) FILTER (open AND severity = 'high'),
    'medium': count(*) FILTER (open AND severity = 'medium'),
    'low': count(*) FILTER (open AND severity = 'low')
}"""

_NO_OPEN = "{'critical': 0, 'high': 0, 'medium': 0, 'low': 0}"

_EXPIRED = f"count(*) FILTER {OUTLIVED}"

_KINDS = f"""
    count(*) FILTER (status = 'NOT_APPLICABLE') AS evaluations_not_applicable,
    count(*) FILTER ({UNSEEN} AND reason = 'SCP_DENIED') AS evaluations_blocked,
    count(*) FILTER ({ACCEPTED}) AS evaluations_accepted
"""

_COMPLETENESS = f"""
    CASE WHEN count(*) FILTER (status <> 'NOT_ASSESSED') = 0 THEN 'NOT_ASSESSED'
         WHEN count(*) FILTER ({UNSEEN}) > 0 THEN 'PARTIAL' ELSE 'COMPLETE' END
"""

_GAPS_PER_ACCOUNT = f"""
    SELECT account_id, string_agg(reason || ' (' || n || ')', ', ' ORDER BY n DESC, reason) AS reasons
    FROM (SELECT account_id, coalesce(reason, 'unknown') || if({ACCEPTED}, ' accepted', '') AS reason, count(*) AS n
          FROM coverage WHERE status = 'NOT_ASSESSED' GROUP BY ALL) GROUP BY account_id
"""  # noqa: S608 - constants only

ISSUES_TABLE = f"""
    CREATE OR REPLACE TEMP TABLE issues AS
    WITH found AS (
        SELECT account_id, max({SEVERITY_RANK}) AS rank, bool_or(counted) AS counted, min(due_on) AS due_on
        FROM findings WHERE open GROUP BY account_id, region, resource, family)
    SELECT account_id, a.ou_path, rank, counted, due_on, count(*) AS issues
    FROM found JOIN accounts a ON a.id = account_id GROUP BY ALL
"""  # noqa: S608 - constants only
"""Makes the table of how many open issues each account has, by rank of their highest severity and due date.

An issue is an account's failures of one family of controls at one resource. It is counted where any of them is.
"""

_ISSUES = """{
    'critical': coalesce(sum(issues) FILTER (rank = 4), 0)::BIGINT,
    'high': coalesce(sum(issues) FILTER (rank = 3), 0)::BIGINT,
    'medium': coalesce(sum(issues) FILTER (rank = 2), 0)::BIGINT,
    'low': coalesce(sum(issues) FILTER (rank = 1), 0)::BIGINT
}"""

ISSUES = f"SELECT unnest({_ISSUES}) FROM issues WHERE counted"  # noqa: S608 - constants only

HEADLINE = f"""
    SELECT {_COUNTS} AS counts, {_OPEN} AS open FROM findings WHERE counted
"""  # noqa: S608 - constants only

ACCOUNT_REGIONS = f"""
    WITH cells AS (
        SELECT account_id, region, {EVALUATIONS}, {_KINDS},
            {_COMPLETENESS} AS completeness,
            coalesce(mode(reason ORDER BY reason) FILTER (status = 'NOT_ASSESSED'), '') AS reason,
            coalesce(min(action) FILTER (status = 'NOT_ASSESSED'), '') AS action,
            coalesce(min(message) FILTER (status = 'NOT_ASSESSED'), '') AS message
        FROM coverage GROUP BY account_id, region)
    SELECT a.id AS account_id, a.name AS account_name, a.ou_path, region,
        CASE WHEN r.state = 'BLOCKED' AND c.evaluations_accepted > 0 THEN 'ACCEPTED'
             WHEN coalesce(r.state, 'AUDITED') <> 'AUDITED' THEN r.state
             WHEN coalesce(c.completeness, 'COMPLETE') = 'COMPLETE' THEN 'AUDITED' ELSE c.completeness END AS state,
        coalesce(r.gap.reason, c.reason, '') AS reason,
        coalesce(r.gap.action, c.action, '') AS action,
        coalesce(r.gap.message, c.message, '') AS message,
        coalesce(c.evaluations, 0) AS evaluations, coalesce(c.evaluations_assessed, 0) AS evaluations_assessed,
        coalesce(c.evaluations_not_applicable, 0) AS evaluations_not_applicable,
        coalesce(c.evaluations_blocked, 0) AS evaluations_blocked,
        coalesce(c.evaluations_accepted, 0) AS evaluations_accepted
    FROM cells c FULL JOIN account_regions r USING (account_id, region) JOIN accounts a ON a.id = account_id
    ORDER BY account_id, region
"""  # noqa: S608 - constants only

REGIONS = f"""
    SELECT region, count(*) FILTER (r.state <> 'ACCEPTED') AS accounts,
        count(*) FILTER (r.state IN ('AUDITED', 'PARTIAL')) AS accounts_assessed,
        count(*) FILTER (r.state = 'BLOCKED') AS accounts_blocked,
        count(*) FILTER (r.state = 'ACCEPTED') AS accounts_accepted
    FROM ({ACCOUNT_REGIONS}) r
    WHERE region <> 'global' AND r.state <> 'DISABLED'
        AND account_id IN (SELECT account_id FROM coverage WHERE status <> 'NOT_ASSESSED')
    GROUP BY region ORDER BY region
"""  # noqa: S608 - constants only

COVERAGE = f"""
    WITH per_account AS (
        SELECT a.id, {_COMPLETENESS} AS completeness FROM accounts a LEFT JOIN coverage c ON c.account_id = a.id
        GROUP BY a.id),
    regions AS ({REGIONS})
    SELECT
        (SELECT count(*) FROM accounts) AS accounts,
        (SELECT count(*) FROM per_account WHERE completeness <> 'NOT_ASSESSED') AS accounts_assessed,
        (SELECT count(*) FROM per_account WHERE completeness = 'PARTIAL') AS accounts_partial,
        (SELECT count(*) FROM regions WHERE accounts > 0) AS regions,
        (SELECT count(*) FROM regions WHERE accounts_assessed > 0) AS regions_assessed,
        (SELECT count(*) FROM regions WHERE accounts_blocked > 0) AS regions_blocked,
        (SELECT count(*) FROM regions WHERE accounts_accepted > 0) AS regions_accepted,
        (SELECT coalesce(sum(accounts), 0)::BIGINT FROM regions) AS account_regions,
        (SELECT coalesce(sum(accounts_assessed), 0)::BIGINT FROM regions) AS account_regions_assessed,
        {EVALUATIONS}, {_KINDS},
        count(*) FILTER (status <> 'NOT_ASSESSED' AND reason IS NULL) AS looked_at
    FROM coverage
"""  # noqa: S608 - constants only

UNITS = f"""
    WITH scores AS (
        SELECT a.ou_path, {_OPEN} AS open FROM findings f JOIN accounts a ON a.id = f.account_id
        WHERE counted AND open GROUP BY a.ou_path),
    per_unit AS (SELECT ou_path, {_ISSUES} AS issues, sum(issues) AS total FROM issues WHERE counted GROUP BY ou_path)
    SELECT ou_path AS unit, open, issues FROM scores JOIN per_unit USING (ou_path) ORDER BY total DESC, unit
"""  # noqa: S608 - constants only

_NOT_RATED = "{'passed': 0, 'failed': 0, 'not_assessed': 0}"

ACCOUNTS = f"""
    WITH scores AS (
        SELECT account_id, {_COUNTS} AS counts, {_OPEN} AS open, {_EXPIRED} AS expired FROM findings
        GROUP BY account_id),
    cells AS (SELECT account_id, {EVALUATIONS}, {_COMPLETENESS} AS completeness FROM coverage GROUP BY account_id),
    gaps AS ({_GAPS_PER_ACCOUNT}),
    all_issues AS (SELECT account_id, {_ISSUES} AS issues FROM issues GROUP BY account_id),
    counted AS (SELECT account_id, {_ISSUES} AS issues FROM issues WHERE counted GROUP BY account_id),
    late AS (
        SELECT account_id, coalesce(sum(issues), 0)::BIGINT AS overdue FROM issues WHERE due_on < $as_of
        GROUP BY account_id)
    SELECT a.id, a.name, a.ou_path, a.state, coalesce(completeness, 'NOT_ASSESSED') AS completeness,
        coalesce(a.gap.reason || ': ' || a.gap.message, gaps.reasons,
                 CASE WHEN a.collected THEN '' ELSE 'no record of this account' END) AS reason,
        coalesce(evaluations, 0) AS evaluations, coalesce(evaluations_assessed, 0) AS evaluations_assessed,
        coalesce(counts, {_NO_COUNTS}) AS counts, coalesce(open, {_NO_OPEN}) AS open, coalesce(expired, 0) AS expired,
        coalesce(i.issues, {_NO_OPEN}) AS issues, coalesce(n.issues, {_NO_OPEN}) AS counted_issues,
        a.owner, a.contact, a.environment,
        coalesce(rated, {{'counts': {_NOT_RATED}, 'with_exceptions': {_NOT_RATED}}}) AS rated,
        if($dated, coalesce(overdue, 0), NULL) AS overdue
    FROM accounts a LEFT JOIN scores s ON s.account_id = a.id LEFT JOIN cells c ON c.account_id = a.id
        LEFT JOIN gaps ON gaps.account_id = a.id
        LEFT JOIN all_issues i ON i.account_id = a.id LEFT JOIN counted n ON n.account_id = a.id
        LEFT JOIN ({RATED_ACCOUNTS}) r ON r.account_id = a.id LEFT JOIN late ON late.account_id = a.id
    ORDER BY i.issues.critical DESC NULLS LAST, i.issues.high DESC NULLS LAST, i.issues.medium DESC NULLS LAST,
        i.issues.low DESC NULLS LAST, a.id
"""  # noqa: S608 - constants only

CONTROLS = f"""
    WITH scores AS (SELECT control, {_COUNTS} AS counts FROM findings WHERE counted GROUP BY control),
    failing AS (SELECT control, count(DISTINCT account_id) AS accounts FROM findings WHERE open GROUP BY control),
    cells AS (SELECT control, {EVALUATIONS} FROM coverage GROUP BY control),
    asked AS (
        SELECT control, list(framework || ' ' || id ORDER BY framework, position) AS requirements
        FROM (SELECT framework, id, position, unnest(controls) AS control FROM requirements) GROUP BY control)
    SELECT c.id, c.service, c.severity, c.title, coalesce(requirements, []) AS requirements,
        coalesce(counts, {_NO_COUNTS}) AS counts, coalesce(accounts, 0) AS accounts_failing,
        coalesce(evaluations, 0) AS evaluations, coalesce(evaluations_assessed, 0) AS evaluations_assessed
    FROM controls c LEFT JOIN scores ON scores.control = c.id LEFT JOIN failing ON failing.control = c.id
        LEFT JOIN cells ON cells.control = c.id LEFT JOIN asked ON asked.control = c.id
    ORDER BY coalesce(counts.failed - counts.covered, 0) DESC, {SEVERITY_RANK} DESC, c.id
"""  # noqa: S608 - constants only

REQUIREMENTS = f"""
    WITH numbered AS (SELECT *, row_number() OVER (ORDER BY framework, position) AS q FROM requirements),
    asked AS (SELECT q, unnest(controls) AS control FROM numbered),
    by_control AS (SELECT control, {_COUNTS} AS counts FROM findings GROUP BY control),
    scores AS (SELECT q, {_SUM_OF_COUNTS} AS counts FROM asked JOIN by_control USING (control) GROUP BY q),
    masks AS (SELECT q, bit_or(bit) AS mask FROM asked JOIN control_bits USING (control) GROUP BY q),
    verdicts AS (
        SELECT q, {verdict("failed", any_of("unseen"))} AS verdict
        FROM masks CROSS JOIN ({CELLS}) WHERE {any_of("seen")}),
    accounts_by_verdict AS (
        SELECT q,
            count(*) FILTER (verdict = 'failed') AS failing, count(*) FILTER (verdict = 'not_assessed') AS not_assessed,
            count(*) FILTER (verdict = 'passed') AS passing, count(*) FILTER (verdict = 'manual') AS manual,
            count(*) FILTER (verdict = 'not_applicable') AS not_applicable
        FROM verdicts GROUP BY q),
    chosen AS (
        SELECT q, count(c.id) < count(*) AS unasked
        FROM asked a LEFT JOIN controls c ON c.id = a.control GROUP BY q)
    SELECT n.framework, n.id, n.title, n.section, n.level, n.assessment, n.controls,
        CASE WHEN n.coverage = 'none' THEN 'NOT_COVERED' WHEN n.assessment = 'manual' THEN 'MANUAL'
             WHEN v.failing > 0 THEN 'FAIL' WHEN v.not_assessed > 0 OR unasked THEN 'NOT_ASSESSED'
             WHEN v.manual > 0 THEN 'MANUAL' WHEN v.passing > 0 THEN 'PASS'
             WHEN v.not_applicable > 0 THEN 'NOT_APPLICABLE' ELSE 'MANUAL' END AS status,
        coalesce(s.counts, {_NO_COUNTS}) AS counts,
        coalesce(v.failing, 0) AS accounts_failing, coalesce(v.not_assessed, 0) AS accounts_not_assessed,
        coalesce(v.passing, 0) AS accounts_passing, coalesce(v.not_applicable, 0) AS accounts_not_applicable,
        coalesce(r.rated, {{'counts': {_NOT_RATED}, 'with_exceptions': {_NOT_RATED}}}) AS rated
    FROM numbered n LEFT JOIN scores s USING (q) LEFT JOIN accounts_by_verdict v USING (q)
        LEFT JOIN chosen USING (q) LEFT JOIN ({RATED}) r ON r.framework = n.framework AND r.id = n.id
    ORDER BY q
"""  # noqa: S608 - constants only

UNSEEN_REASONS = f"""
    SELECT coalesce(reason, 'DEFECT') AS reason, count(DISTINCT account_id) AS accounts, count(*) AS evaluations
    FROM coverage WHERE {UNSEEN} GROUP BY ALL ORDER BY evaluations DESC, reason
"""  # noqa: S608 - constants only

MISSING = f"""
    SELECT control, coalesce(action, '') AS action, coalesce(reason, 'DEFECT') AS reason,
        count(DISTINCT account_id) AS accounts, count(DISTINCT region) AS regions, count(*) AS evaluations,
        min(message) AS example
    FROM coverage WHERE {UNSEEN} GROUP BY ALL ORDER BY evaluations DESC, control, action, reason
"""  # noqa: S608 - constants only

_CLASS = r"""
    CASE reason WHEN 'DENIED' THEN ''
        WHEN 'SCP_DENIED' THEN regexp_extract(message, 'service_control_policy/(p-[0-9a-z]+)', 1)
        ELSE regexp_replace(regexp_replace(replace(message, coalesce(action, ''), '*'), 'arn:[^ ]*', '*', 'g'),
                            '[0-9a-fA-F-]{8,}|[0-9]+', '*', 'g') END
"""
"""What is the same in the messages of one cause: the policy that denies, or all but the action, ARNs and numbers."""

CAUSES = f"""
    WITH cells AS (
        SELECT coalesce(reason, 'DEFECT') AS reason, coalesce(action, '') AS action, account_id, region, message,
            {_CLASS} AS class,
            CASE WHEN reason = 'ACCOUNT_UNAVAILABLE' AND state <> 'ACTIVE' THEN state ELSE '' END AS state
        FROM coverage LEFT JOIN (SELECT id AS account_id, state FROM accounts) USING (account_id) WHERE {UNSEEN}),
    places AS (
        SELECT reason, class, action, CASE WHEN reason IN ('DENIED', 'SCP_DENIED')
            THEN string_agg(DISTINCT account_id || region, ' ' ORDER BY account_id || region) ELSE '' END AS places
        FROM cells GROUP BY reason, class, action),
    causes AS (
        SELECT reason, class, places, state, account_id, region, action, message
        FROM cells JOIN places USING (reason, class, action))
    SELECT reason, list(DISTINCT action ORDER BY action) FILTER (action <> '') AS actions,
        list(DISTINCT account_id ORDER BY account_id) AS accounts, list(DISTINCT region ORDER BY region) AS regions,
        count(*) AS evaluations, min(message) AS example, state AS account_state
    FROM causes GROUP BY reason, class, places, state
    ORDER BY evaluations DESC, reason, example
"""  # noqa: S608 - constants only
"""What was not assessed by cause: one reason with one kind of message and state of the accounts, for permissions also
the same places."""

MISSING_PERMISSIONS = f"""
    SELECT action, reason, count(DISTINCT account_id) AS accounts, count(DISTINCT control) AS controls,
        count(*) AS evaluations
    FROM coverage WHERE {UNSEEN} AND action IS NOT NULL
        AND reason IN ('DENIED', 'SCP_DENIED', 'ACCOUNT_UNAVAILABLE')
    GROUP BY ALL ORDER BY evaluations DESC, action, reason
"""  # noqa: S608 - constants only

EXCEPTIONS = f"""
    SELECT exception.id, count(*) FILTER (covered), {_EXPIRED}
    FROM findings WHERE exception IS NOT NULL GROUP BY 1
"""  # noqa: S608 - constants only

OUTLIVED_EXCEPTIONS = f"""
    SELECT exception.id, max({SEVERITY_RANK}), count(DISTINCT ({ISSUE})) FROM findings
    WHERE {OUTLIVED} GROUP BY 1
"""  # noqa: S608 - constants only

FAILING_ACCOUNTS = """
    SELECT framework || ':' || id AS requirement, list(DISTINCT account_id) AS accounts
    FROM (SELECT framework, id, unnest(controls) AS control FROM requirements) JOIN coverage USING (control)
    WHERE failed > 0 GROUP BY requirement
"""

ACCOUNT_CHANGES = """
    SELECT account_id, count(*) FILTER (kind IN (SELECT unnest($opening))) AS opened,
        count(*) FILTER (kind IN (SELECT unnest($closing))) AS closed
    FROM changes GROUP BY account_id
"""
