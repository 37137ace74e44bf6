"""What a verdict costs: judging a million resources on one core, findings built, reading and writing left out.

    python scripts/bench_evaluate.py --verdicts 1000000

One account with many resources of several services is judged by the ordinary evaluation, again and again.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.controls.declare import catalogue
from orgaudit.evaluate.account import findings_of
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.s3.buckets import BucketVersioning
from orgaudit.facts.shard import ListingResult
from orgaudit.model import GLOBAL, Status
from scripts.bench_history import figure
from tests.evaluated import context_of
from tests.factories import HOME, facts_of
from tests.factories_ec2 import a_group, an_instance
from tests.factories_kms import a_key, described, rotating
from tests.factories_rds import an_instance as a_database
from tests.factories_s3 import a_bucket, deny, policy_of

CONTROLS = (
    "ec2_instance_imdsv2_required",
    "ec2_security_group_admin_ports_closed_to_ipv4_internet",
    "kms_key_rotation_enabled",
    "rds_instance_storage_encrypted",
    "s3_bucket_mfa_delete_enabled",
    "s3_bucket_tls_required",
)
EACH = 2_000
"""Resources of each kind in the account."""
BAR = 15.0
"""Microseconds that a verdict may take."""


def resources() -> list[Resource | Detail]:
    """Return the account's resources with their details."""
    lines: list[Resource | Detail] = []
    for number in range(EACH):
        bucket, key = a_bucket(f"bucket-{number}"), a_key(f"key-{number}")
        policy = policy_of(bucket, deny({"Bool": {"aws:SecureTransport": "false"}}))
        lines += [bucket, BucketVersioning(arn=bucket.arn, enabled=True, mfa_delete=False), policy]
        lines += [key, described(key), rotating(key)]
        lines += [a_group(group_id=f"sg-{number}"), an_instance(f"i-{number}"), a_database(f"database-{number}")]
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, judge, and print microseconds a verdict, by control and altogether."""
    parser = argparse.ArgumentParser(description="Measure what a verdict costs.")
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    wanted = parser.parse_args(arguments).verdicts
    lines = resources()
    kinds = {type(line).__name__ for line in lines if isinstance(line, Resource)}
    listed = [ListingResult(kind, region) for kind in kinds for region in (HOME, GLOBAL)]
    facts = facts_of("222222222222", *listed, *lines)
    taken = made = 0.0
    for control in (catalogue()[name] for name in CONTROLS):
        context = context_of(control, facts)
        count, start = 0, time.process_time()
        while count < wanted / len(CONTROLS):
            findings = list(findings_of(facts, context, []))
            count += sum(finding.status in {Status.PASS, Status.FAIL} for finding in findings)
        seconds = time.process_time() - start
        taken, made = taken + seconds, made + count
        print(f"{control.id:<58} {seconds / count * 1e6:6.1f} µs a verdict ({count} verdicts)")
    print(f"{'altogether':<58} {taken / made * 1e6:6.1f} µs a verdict ({made:.0f} verdicts); the bar is {BAR:.0f} µs")
    print(figure("microseconds a verdict", taken / made * 1e6))


if __name__ == "__main__":
    main()
