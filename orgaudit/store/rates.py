"""The SQL of coverage, rates and what outlived its exception, over a run's tables, for all that count them."""

from __future__ import annotations

ACCEPTED = "(status = 'NOT_ASSESSED' AND accepted > 0 AND not_assessed = 0)"
UNSEEN = f"(status = 'NOT_ASSESSED' AND NOT {ACCEPTED})"
OUTLIVED = "(open AND exception.state = 'expired')"
"""What is open since its exception ended."""

EVALUATIONS = f"""
    count(*) FILTER (status <> 'MANUAL' AND NOT {ACCEPTED}) AS evaluations,
    count(*) FILTER (status NOT IN ('MANUAL', 'NOT_ASSESSED')) AS evaluations_assessed
"""

_VERDICT = """
    CASE WHEN bool_or({failed}) THEN 'failed' WHEN bool_or(unseen) THEN 'not_assessed'
         WHEN bool_or(manual) THEN 'manual' WHEN bool_or(passed) THEN 'passed' ELSE 'not_applicable' END
"""


def _rated(verdict: str) -> str:
    names = ("passed", "failed", "not_assessed")
    return "{" + ", ".join(f"'{name}': count(*) FILTER ({verdict} = '{name}')" for name in names) + "}"


_VERDICTS = f"""
    WITH asked AS (
        SELECT framework, id, unnest(controls) AS control FROM requirements
        WHERE assessment = 'automated' AND kind <> 'mapping'),
    cells AS (
        SELECT control, account_id, bool_or(failed > 0) AS failed, bool_or({UNSEEN}) AS unseen,
            bool_or(passed > 0) AS passed, bool_or(manual > 0) AS manual
        FROM coverage GROUP BY control, account_id),
    seen AS (
        SELECT a.id AS account_id, framework, q.id, coalesce(failed, false) AS failed,
            u.control IS NOT NULL AS uncovered, coalesce(unseen, true) AS unseen, coalesce(passed, false) AS passed,
            coalesce(manual, false) AS manual
        FROM accounts a CROSS JOIN asked q
            LEFT JOIN cells c ON c.account_id = a.id AND c.control = q.control
            LEFT JOIN open_cells u ON u.account_id = a.id AND u.control = q.control),
    verdicts AS (
        SELECT framework, id, account_id, {_VERDICT.format(failed="failed")} AS verdict,
            {_VERDICT.format(failed="uncovered")} AS excepted
        FROM seen GROUP BY framework, id, account_id)
"""  # noqa: S608 - constants only

_COUNTED = f"{{'counts': {_rated('verdict')}, 'with_exceptions': {_rated('excepted')}}} AS rated"

RATED = f"{_VERDICTS} SELECT framework, id, {_COUNTED} FROM verdicts GROUP BY framework, id"  # noqa: S608 - constants only
"""Each automated requirement with the accounts that a rate counts.

A control of it that is not part of the run, or that left nothing of an account, was not assessed there. An account
where nothing applies, where the settings accept that nothing was seen, or where a person decides, is not counted. A
framework by mapping has no rate, so nothing of it is counted.
"""

RATED_ACCOUNTS = (
    f"{_VERDICTS} SELECT account_id, {_COUNTED} FROM verdicts WHERE framework = $framework GROUP BY account_id"  # noqa: S608
)
"""Each account with the automated requirements of one framework that its rate counts."""


def _share(counts: str) -> str:
    total = " + ".join(f"rated.{counts}.{name}" for name in ("passed", "failed", "not_assessed"))
    return f"sum(rated.{counts}.passed) / nullif(sum({total}), 0)"


RATES = f"""
    SELECT framework, {_share("counts")} AS rate, {_share("with_exceptions")} AS rate_with_exceptions
    FROM ({RATED}) GROUP BY framework
"""  # noqa: S608 - constants only
"""The rate of each framework, without and with exceptions, NULL where nothing is counted."""

COVERAGE_SHARE = f"SELECT evaluations_assessed / nullif(evaluations, 0) FROM (SELECT {EVALUATIONS} FROM coverage)"  # noqa: S608
"""The share of evaluations that were assessed, NULL where none was planned."""
