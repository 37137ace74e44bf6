"""How fast a large register is applied: entries over findings on one core, with the peak of memory.

    python scripts/bench_register.py --entries 5000 --findings 1000000

Both are invented: a thousand accounts in forty units, two hundred controls, eight regions. The entries take every kind
of scope, by turns: a control in an account, a resource by its ARN or name, a unit, tags, a pattern, a requirement, and
regions, some with a part left out again. Findings are made one at a time and dropped; what making them costs is
measured on its own and shown beside.
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.model import Account, Finding, Remediation, Remedy, RequirementRef, Severity, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.entries import ExceptionEntry
from orgaudit.register.file.load import Register
from orgaudit.settings.documents import Document
from orgaudit.settings.sections import RegisterSettings

ON = date(2026, 6, 1)
ACCOUNTS, UNITS, CONTROLS = 1000, 40, 200
SERVICES = ("cloudtrail", "s3", "iam", "kms", "ec2", "rds", "logs", "config")
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1", "ca-central-1", "global")
FRAMEWORKS = ("cis_4.0", "cis_3.0", "nist_800_53_r5", "pci_dss_4.0", "soc2", *(f"other_{n}" for n in range(15)))
SECONDS, MEBIBYTES = 60, 500
"""The bar: what 5,000 entries over 1,000,000 findings may take on one core."""


def account_id(number: int) -> str:
    """Return the id of an account."""
    return f"{100_000_000_000 + number % ACCOUNTS}"


def control(number: int) -> str:
    """Return the id of a control."""
    return f"{SERVICES[number % len(SERVICES)]}_thing_{number % CONTROLS}_holds"


def accounts() -> list[Account]:
    """Return the organization's accounts."""
    return [
        Account(
            id=account_id(n),
            name=f"account {n}",
            ou_path=f"Root/Division {n % 8}/Unit {n % UNITS}",
            ou_ids=("r-abcd", f"ou-abcd-{n % 8:08}", f"ou-abcd-{n % UNITS:08}"),
            tags={"stage": ("prod", "test")[n % 2], "team": f"team-{n % 50}"},
        )
        for n in range(ACCOUNTS)
    ]


def scope(n: int) -> dict[str, Any]:
    """Return the scope of an entry."""
    service = SERVICES[n % len(SERVICES)]
    arn = f"arn:aws:{service}:{REGIONS[n % 8]}:{account_id(n)}:thing/{n % 500}"
    kinds: tuple[dict[str, Any], ...] = (
        {"controls": [control(n)], "accounts": [account_id(n * 7)]},
        {"controls": [control(n)], "accounts": [account_id(n)], "resources": [arn]},
        {"controls": [control(n)], "ous": [f"Root/Division {n % 8}/Unit {n % UNITS}"], "regions": [REGIONS[n % 8]]},
        {"controls": [f"{service}_thing_{n % CONTROLS}*"], "accounts": [account_id(n), account_id(n + 1)]},
        {"controls": [control(n)], "account_tags": {"team": f"team-{n % 50}"}, "except": {"regions": ["us-*"]}},
        {"controls": [f"cis_4.0:{n % CONTROLS}"], "accounts": [account_id(n)], "resources": [f"{n % 500}"]},
        {"controls": [control(n)], "accounts": [account_id(n)], "resources": [f"*thing/{n % 50}?"]},
        {"controls": [control(n)], "resource_tags": {"app": f"app-{n % 90}"}, "accounts": [account_id(n), "*77"]},
    )
    return kinds[n // 8 % len(kinds)]


def requirements() -> dict[str, tuple[str, ...]]:
    """Return the requirements of all framework files by their controls; the findings carry those of one framework."""
    return {control(n): tuple(f"{name}:{n % CONTROLS}" for name in FRAMEWORKS) for n in range(CONTROLS * len(SERVICES))}


def register(count: int) -> Register:
    """Return a register of so many approved entries, of which some have expired."""
    entries = tuple(
        ExceptionEntry.model_validate(
            {
                "id": f"EXC-2026-{n:04}",
                "title": f"Accepted until replaced, {n}",
                "type": "risk_acceptance",
                "scope": scope(n),
                "justification": "It is replaced.",
                "owner": f"Owner {n % 40} <owner{n % 40}@example.com>",
                "requested_by": f"owner{n % 40}@example.com",
                "approved_by": "Jo <jo@example.com>",
                "approved_on": "2026-05-10",
                "ticket": f"RISK-{n}",
                "starts_on": "2026-05-10",
                "expires_on": "2026-05-20" if n % 10 == 0 else "2026-06-08",
            }
        )
        for n in range(count)
    )
    return Register(
        document=Document(file="exceptions.yaml", data=None, lines={}),
        policy=RegisterSettings(),
        time_zone="UTC",
        exceptions=entries,
    )


def findings(count: int) -> Iterator[Finding]:
    """Yield findings, account by account as a run has them; two of three fail."""
    remediation = Remediation(Remedy("a"), Remedy("b"), Remedy("c"))
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    severities = tuple(Severity)
    requirements = [[RequirementRef("cis_4.0", str(n))] for n in range(CONTROLS)]
    tags = [{"app": f"app-{n}"} for n in range(100)]
    each = -(-count // ACCOUNTS)
    for n in range(count):
        owner, kind = account_id(n // each), n % CONTROLS
        region = REGIONS[n // CONTROLS % len(REGIONS)]
        yield Finding(
            fingerprint=f"{n:032x}",
            control=control(kind),
            title="A thing holds",
            severity=severities[kind % 4],
            status=Status.FAIL if n % 3 else Status.PASS,
            reason="It does not.",
            account_id=owner,
            account_name="account",
            ou_path="",
            region=region,
            resource=f"arn:aws:{SERVICES[kind % len(SERVICES)]}:{region}:{owner}:thing/{n % 500}",
            resource_type="thing",
            resource_tags=tags[n % 100],
            requirements=requirements[kind],
            evidence={},
            remediation=remediation,
            assessed_at=moment,
        )


def drained(stream: Iterator[Finding]) -> float:
    """Return the CPU seconds that a stream takes to its end."""
    begun = time.process_time()
    deque(stream, maxlen=0)
    return time.process_time() - begun


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description="Measure how fast a large register is applied.")
    parser.add_argument("--entries", type=int, default=5000)
    parser.add_argument("--findings", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    application = AppliedRegister(register(options.entries), accounts(), ON, requirements=requirements())
    making = drained(findings(options.findings))
    whole = drained(application.apply(findings(options.findings)))
    peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.entries:,} entries over {options.findings:,} findings")
    print(f"applied               {whole - making:6.1f} s CPU, {(whole - making) / options.findings * 1e6:.1f} µs each")
    print(f"with making findings  {whole:6.1f} s CPU (bar {SECONDS} s)")
    print(f"peak memory           {peak:6.0f} MiB (bar {MEBIBYTES} MiB)")
    tally = application.tally
    print(
        f"marked                {tally.covered.total():,} covered, {tally.overdue.total():,} expired, "
        f"{tally.overlaps.total():,} overlaps, {tally.too_long.total():,} too long"
    )
    return int(whole > SECONDS or peak > MEBIBYTES)


if __name__ == "__main__":
    sys.exit(main())
