"""What people attest of the requirements that the run leaves to them, and where it does not fit what the run found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from orgaudit.report import mapped
from orgaudit.report.figures import RequirementScore, RequirementStatus
from orgaudit.settings.frameworks import Assessment
from orgaudit.store.register_result import Answer, AttestationRow, Attested, AttestedStatus
from orgaudit.words import counted


@dataclass(frozen=True, slots=True)
class AttestationScore:
    """One attestation and its effect; `contradicted` are accounts attested as passing while findings fail there."""

    entry: AttestationRow
    effect: str
    contradicted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ManualReview:
    """The attestations of the register with their effect on the run, and the answers for single accounts."""

    attestations: tuple[AttestationScore, ...] = ()
    answers: tuple[Answer, ...] = ()


def answered(score: RequirementScore, attested: Attested, accounts: int) -> RequirementScore:
    """Return a requirement with what people attested of it, or of its parts, where the run leaves it to them.

    It fails where any account fails. Fewer answers than the run has accounts leave it MANUAL.
    """
    answers = attested.answers.get(f"{score.framework}:{score.id}")
    if not score.takes_attestations or not answers:
        return score
    if score.parts:
        return mapped.attested(score, {name: answer.status for name, answer in answers.items()}, accounts)
    counts = Counter(answer.status for answer in answers.values())
    if counts[AttestedStatus.FAIL]:
        status = RequirementStatus.FAIL
    elif counts.total() < accounts:
        status = RequirementStatus.MANUAL
    else:
        status = RequirementStatus.PASS if counts[AttestedStatus.PASS] else RequirementStatus.NOT_APPLICABLE
    return msgspec.structs.replace(
        score,
        status=status,
        accounts_failing=counts[AttestedStatus.FAIL],
        accounts_passing=counts[AttestedStatus.PASS],
        accounts_not_applicable=counts[AttestedStatus.NOT_APPLICABLE],
        accounts_not_assessed=0,
    )


def review(
    judged: Iterable[RequirementScore], attested: Attested, failing: Mapping[str, Iterable[str]]
) -> ManualReview:
    """Return the effect of every attestation on the requirements as the run alone judged them.

    `failing` are the accounts with findings that fail a control of a requirement, by framework:requirement.
    """
    by_name = {f"{score.framework}:{score.id}": score for score in judged}
    scores = tuple(_score(row, by_name.get(row.requirement), failing) for row in attested.rows)
    answers = tuple(
        answer
        for requirement in sorted(attested.answers)
        if requirement in by_name and by_name[requirement].takes_attestations
        for _, answer in sorted(attested.answers[requirement].items())
    )
    return ManualReview(scores, answers)


def _score(
    row: AttestationRow, score: RequirementScore | None, failing: Mapping[str, Iterable[str]]
) -> AttestationScore:
    """Return one attestation with its effect; findings contradict what is attested of a whole requirement alone."""
    passing = row.status == AttestedStatus.PASS and score is not None and score.takes_attestations and not score.parts
    contradicted = sorted({*failing.get(row.requirement, ())} & {*row.accounts}) if passing else []
    return AttestationScore(row, _effect(row, score, contradicted), tuple(contradicted))


def _effect(row: AttestationRow, score: RequirementScore | None, contradicted: list[str]) -> str:
    if not row.state.covers:
        return f"Answers nothing: it is {row.state}."
    if score is None or not score.takes_attestations:
        return f"Answers nothing: {_nothing_left(score)}."
    if not row.accounts:
        other = (
            f"{', '.join(row.instead)} is more specific or later" if row.instead else "none of its accounts is in scope"
        )
        return f"Answers nothing: {other}."
    accounts = counted(len(row.accounts), "account")
    if contradicted:
        return f"Attested as pass, but findings fail in {len(contradicted):,} of {accounts}: review it."
    if score.parts:
        left = sum(part.assessment == Assessment.MANUAL for part in score.parts)
        return f"Answers {left:,} of {counted(len(score.parts), 'part')} for {accounts}."
    return f"Answers for {accounts}."


def _nothing_left(score: RequirementScore | None) -> str:
    """Return why people cannot answer a requirement."""
    if score is None:
        return "the requirement is not part of the run"
    if score.status is RequirementStatus.NOT_COVERED:
        return "no control covers the requirement, and no person decides it"
    return "no part of it is left to people" if score.parts else f"the run itself found {score.status}"
