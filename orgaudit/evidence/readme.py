"""The index of a pack that people read first, as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orgaudit.evidence.form import (
    INDEX,
    NAMESPACE,
    README,
    SCHEMA,
    SIGNATURE,
    SUMS,
    Entry,
    SampledRun,
    Sampling,
)
from orgaudit.evidence.text import STANDINGS, heading, joined, moment, said
from orgaudit.spreadsheet.text import one_line


def readme(run: SampledRun, sampling: Sampling | None, entries: Sequence[Entry]) -> bytes:
    """Return the index that people read first."""
    return joined([*_about(run, sampling), *_table(entries, sampling), *_checking(entries), *_limits()])


def _about(run: SampledRun, sampling: Sampling | None) -> Iterator[str]:
    yield f"Evidence of run {one_line(run.id)}"
    yield "=" * len(f"Evidence of run {one_line(run.id)}")
    yield from heading("What was audited")
    yield from said("Organization", run.organization_id or "none: the accounts were named in the settings")
    yield from said("Management account", run.management_account_id or "-")
    yield from said("Accounts in scope", run.accounts)
    yield from said("Left out by the command", ", ".join(run.narrowed_by) if run.narrowed_by else "nothing")
    yield from said("Caller", f"{run.caller.arn} (account {run.caller.account_id})")
    yield from said("Role assumed in each account", f"{run.role_name}, session {run.session_name}")
    yield from said("Began", moment(run.started_at))
    yield from said("Facts read until", moment(run.collected_at))
    yield from said("Evaluated", moment(run.evaluated_at))
    yield from said("Made by", f"orgaudit {run.tool_version}")
    yield from said("Exceptions and attestations as of", run.register_as_of.isoformat())
    yield from said("SHA-256 of the register's file", run.register_sha256 or "no register")
    yield from said("SHA-256 of run.json", run.manifest_sha256)
    yield from said("The run's files", STANDINGS[run.standing])
    for gap in run.discovery_gaps:
        yield from said("Not read of the organization", f"{gap.action}: {gap.reason}: {gap.message}")
    yield from heading("How evaluations were chosen")
    if sampling is None:
        yield from said("", "All evaluations of each requirement are in this pack; nothing was sampled.")
    else:
        yield from said("Method", sampling.method)
        yield from said("SEED", sampling.seed)
        yield from said("SIZE", f"{sampling.size} of each requirement, or all where it has fewer")
        yield from said("Population", "all evaluations of the requirement's controls: in requirements/*.population.csv")


def _table(entries: Sequence[Entry], sampling: Sampling | None) -> Iterator[str]:
    yield from heading("Requirements")
    chosen = "drawn" if sampling else "shown"
    yield f"{'status':<15} {'population':>10} {chosen:>7}  requirement"
    for entry in entries:
        title = one_line(f"{entry.name} {entry.title}")
        yield f"{entry.status:<15} {entry.population:>10,} {entry.included:>7,}  {title}"
        yield f"{'':<35}{entry.text}"


def _checking(entries: Sequence[Entry]) -> Iterator[str]:
    yield from heading("How to check this pack")
    example = entries[0].text if entries else "requirements/"
    yield from (
        f"1. {INDEX} lists every file with its SHA-256. Where {SIGNATURE} is there, check who signed it, with OpenSSH:",
        f"       ssh-keygen -Y verify -f ALLOWED_SIGNERS -I IDENTITY -n {NAMESPACE} -s {SIGNATURE} < {INDEX}",
        f"   Compare the SHA-256 of {SUMS} with the one that {INDEX} lists, then check all other files:",
        f"       sha256sum --check {SUMS}",
        "   `orgaudit verify PACK --allowed-signers ALLOWED_SIGNERS --identity IDENTITY` does all of this.",
        "2. Compare the SHA-256 of run.json above with the one that the delivered reports print (sheet Method).",
        "   run.json lists the SHA-256 of every file of the run, and this pack those of the files it was made from.",
        "3. Draw the sample again from the population files by the method above.",
        f"4. Read a requirement: {example}. The .json beside it holds the same for programs, and {SCHEMA} its form.",
        "5. Find a read in the account's own CloudTrail: by the session's ARN, the operation and the time.",
        "   accounts/*.json lists, for every account, the session, the times, and in each region every listing of the",
        "   types of facts that these requirements need.",
    )


def _limits() -> Iterator[str]:
    yield from heading("What to know")
    yield from (
        "- A fact is what the run stored of AWS's answer: the parts that controls judge, under orgaudit's names.",
        "- The time of a fact is when its listing ended, or when all details of its resource had been read.",
        "- An operation is one that the reader of that type of fact may call; it can call no other.",
        "- External ids in policies are masked (***). The accounts' own mail addresses are left out. Names and",
        "  addresses of people are in exceptions, attestations, and facts about contacts.",
        "- Why an exception was accepted, and its history, is in the register's file, whose SHA-256 is above.",
        "- In *.population.csv a value that a spreadsheet could take for a formula begins with an apostrophe.",
        f"- {README} and the other texts shorten long facts; the .json files do not.",
    )
