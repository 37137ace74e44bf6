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

CONTROL_BITS = """
    WITH named AS (SELECT DISTINCT unnest(controls) AS control FROM requirements)
    SELECT control, set_bit(bitstring('0', (count(*) OVER ())::INTEGER), (row_number() OVER () - 1)::INTEGER, 1) AS bit
    FROM named
"""
"""Each control that requirements name as a bit of its own, the table `control_bits`.

A few sets of controls for each account take little memory, where a row for each of its requirements takes much.
"""

CELLS = f"""
    SELECT account_id, bit_or(bit) AS seen, bit_or(bit) FILTER (failed > 0) AS failed,
        bit_or(bit) FILTER ({UNSEEN}) AS unseen, bit_or(bit) FILTER (passed > 0) AS passed,
        bit_or(bit) FILTER (manual > 0) AS manual
    FROM coverage JOIN control_bits USING (control) GROUP BY account_id
"""  # noqa: S608 - constants only
"""Each account with the controls that have cells in it, those of which any cell failed, and so on; NULL for none."""


def any_of(controls: str) -> str:
    """Return the SQL of whether any control of a `mask` is among these."""
    return f"bit_count({controls} & mask) > 0"


def verdict(failed: str, unseen: str) -> str:
    """Return the SQL of what the controls of a `mask` make together of an account."""
    return f"""
        CASE WHEN {any_of(failed)} THEN 'failed' WHEN {unseen} THEN 'not_assessed'
             WHEN {any_of("manual")} THEN 'manual' WHEN {any_of("passed")} THEN 'passed' ELSE 'not_applicable' END
    """


def _rated(verdict: str) -> str:
    names = ("passed", "failed", "not_assessed")
    return "{" + ", ".join(f"'{name}': count(*) FILTER ({verdict} = '{name}')" for name in names) + "}"


_UNSEEN = f"({any_of('unseen')} OR coalesce(bit_count(seen & mask), 0) < bit_count(mask))"
_VERDICTS = f"""
    WITH asked AS (
        SELECT framework, id, bit_or(bit) AS mask
        FROM (SELECT framework, id, unnest(controls) AS control FROM requirements
              WHERE assessment = 'automated' AND kind <> 'mapping') JOIN control_bits USING (control)
        GROUP BY framework, id),
    uncovered AS (
        SELECT account_id, bit_or(bit) AS uncovered FROM open_cells JOIN control_bits USING (control)
        GROUP BY account_id),
    verdicts AS (
        SELECT framework, q.id, a.id AS account_id, {verdict("failed", _UNSEEN)} AS verdict,
            {verdict("uncovered", _UNSEEN)} AS excepted
        FROM accounts a LEFT JOIN ({CELLS}) c ON c.account_id = a.id LEFT JOIN uncovered u ON u.account_id = a.id
            CROSS JOIN asked q)
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
