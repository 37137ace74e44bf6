"""What a run says of requirements by mapping: the state of each of their parts, and of the requirement as a whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

import duckdb
import msgspec

from orgaudit.report.evidence_parts import PartCounts, PartScore, PartState
from orgaudit.report.figures import RequirementScore, RequirementStatus
from orgaudit.settings.frameworks import Assessment
from orgaudit.store.rates import UNSEEN
from orgaudit.store.register_result import AttestedStatus
from orgaudit.store.tables import rows_of

_PARTS = f"""
    WITH parts AS (
        SELECT framework, id, generate_subscripts(parts, 1) AS number, unnest(parts) AS part
        FROM requirements WHERE kind = 'mapping'),
    asked AS (SELECT framework, id, number, unnest(part.controls) AS control FROM parts),
    cells AS (
        SELECT control, account_id, bool_or(failed > 0) AS failed, bool_or({UNSEEN}) AS unseen,
            bool_or(status IN ('PASS', 'FAIL', 'NOT_APPLICABLE')) AS answered, bool_or(passed > 0) AS passed
        FROM coverage WHERE control IN (SELECT control FROM asked) GROUP BY control, account_id),
    answers AS (
        SELECT control, bool_or(answered) AS answered, bool_or(passed) AS passed,
            bool_or(unseen) OR count(*) < (SELECT count(*) FROM accounts) AS unseen
        FROM cells GROUP BY control),
    controls_of_parts AS (
        SELECT framework, id, number, bool_or(coalesce(answered, false)) AS any_answered,
            bool_and(coalesce(answered, false)) AS all_answered, bool_or(coalesce(unseen, true)) AS unseen,
            bool_or(coalesce(passed, false)) AS passed
        FROM asked LEFT JOIN answers USING (control) GROUP BY framework, id, number),
    accounts_of_parts AS (
        SELECT framework, id, number, count(DISTINCT account_id) FILTER (failed) AS failing,
            count(DISTINCT account_id) FILTER (unseen) AS unseen_in
        FROM asked JOIN cells USING (control) GROUP BY framework, id, number)
    SELECT p.framework, p.id, p.part.title AS title, p.part.assessment AS assessment, p.part.controls AS controls,
        CASE WHEN p.part.assessment = 'manual' THEN 'MANUAL' WHEN len(p.part.controls) = 0 THEN 'NOT_COVERED'
             WHEN a.failing > 0 THEN 'FAIL' WHEN NOT c.any_answered THEN 'NOT_SEEN'
             WHEN c.unseen OR NOT c.all_answered THEN 'PARTLY_SEEN' WHEN c.passed THEN 'EVIDENCE'
             ELSE 'NOT_APPLICABLE' END AS state,
        coalesce(a.failing, 0) AS accounts_failing, coalesce(a.unseen_in, 0) AS accounts_not_seen
    FROM parts p LEFT JOIN controls_of_parts c USING (framework, id, number)
        LEFT JOIN accounts_of_parts a USING (framework, id, number)
    ORDER BY framework, id, number
"""  # noqa: S608 - constants only

_ATTESTED = {
    AttestedStatus.PASS: PartState.EVIDENCE,
    AttestedStatus.FAIL: PartState.FAIL,
    AttestedStatus.NOT_APPLICABLE: PartState.NOT_APPLICABLE,
}


def with_parts(connection: duckdb.DuckDBPyConnection, scores: Iterable[RequirementScore]) -> Iterator[RequirementScore]:
    """Yield requirements with the parts of those by mapping, as the tables of a run answer them."""
    parts: dict[tuple[str, str], list[PartScore]] = defaultdict(list)
    for found in rows_of(connection.cursor(), _PARTS):
        parts[found.pop("framework"), found.pop("id")].append(msgspec.convert(found, PartScore))
    for score in scores:
        own = parts.get((score.framework, score.id))
        yield _with(score, own) if own else score


def attested(score: RequirementScore, statuses: Mapping[str, AttestedStatus], accounts: int) -> RequirementScore:
    """Return a requirement by mapping with what people attested of the parts that controls do not answer.

    `statuses` are theirs by account, of as many `accounts` as the run has.
    """
    counts = Counter(statuses.values())
    if counts[AttestedStatus.FAIL]:
        state = PartState.FAIL
    elif counts.total() < accounts:
        state = PartState.MANUAL
    else:
        state = _ATTESTED[AttestedStatus.PASS if counts[AttestedStatus.PASS] else AttestedStatus.NOT_APPLICABLE]
    failing = counts[AttestedStatus.FAIL]
    return _with(
        score,
        [
            msgspec.structs.replace(part, state=state, accounts_failing=failing)
            if part.assessment == Assessment.MANUAL
            else part
            for part in score.parts
        ],
    )


def _with(score: RequirementScore, parts: Iterable[PartScore]) -> RequirementScore:
    found = msgspec.structs.replace(score, parts=tuple(parts))
    return msgspec.structs.replace(found, status=status_of(found.evidence))


def status_of(counts: PartCounts) -> RequirementStatus:
    """Return what parts say of their requirement: failing, else not seen, else left to people, else evidence.

    It has evidence where at least one part has; without any it does not apply, or nothing covers it.
    """
    found = (
        (counts.failing, RequirementStatus.FAIL),
        (counts.not_seen + counts.partly_seen, RequirementStatus.NOT_ASSESSED),
        (counts.manual, RequirementStatus.MANUAL),
        (counts.evidence, RequirementStatus.EVIDENCE),
        (counts.not_covered, RequirementStatus.NOT_COVERED),
    )
    return next((status for count, status in found if count), RequirementStatus.NOT_APPLICABLE)
