"""How many calls an audit makes: one ordinary account in three regions, by the controls of a framework.

    python scripts/count_calls.py --framework cis_4.0

The account is seeded in the emulated AWS: 12 roles, 8 users with 9 access keys, 6 buckets, 9 KMS keys, and a
multi-region trail with its log group, metric filter, alarm and topic. Calls are counted as the access layer sends them.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit import audit
from orgaudit.aws.transport import Traffic
from orgaudit.demo import running
from orgaudit.model import Account, AccountRecord
from orgaudit.settings import settings
from scripts.bench_history import figure

HOME, REGIONS = "us-east-1", ("us-east-1", "eu-west-1", "eu-central-1")
ACCOUNT = "123456789012"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
WRITE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}],
    }
)


def client(service: str, region: str = HOME) -> Any:  # noqa: ANN401 - clients are generated at run time
    """Return an SDK client of the emulated AWS."""
    sdk: Any = boto3  # its stubs, where they are installed, know no service that is named at run time
    return sdk.client(service, region_name=region)


def seed_identities() -> None:
    """Create 12 roles, and 8 users with 9 access keys."""
    iam = client("iam")
    for number in range(12):
        iam.create_role(RoleName=f"role-{number}", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="role-0", PolicyName="deliver", PolicyDocument=WRITE)
    for number in range(8):
        iam.create_user(UserName=f"user-{number}")
        iam.create_access_key(UserName=f"user-{number}")
    iam.create_access_key(UserName="user-0")


def seed_data() -> None:
    """Create 6 buckets, and 3 keys in each region."""
    for number in range(6):
        client("s3").create_bucket(Bucket=f"bucket-{number}")
    for region in REGIONS:
        for _ in range(3):
            client("kms", region).create_key()


def seed_trail() -> None:
    """Create a multi-region trail with a log group, a filter, an alarm and a topic."""
    logs, topic = client("logs"), client("sns").create_topic(Name="alerts")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="security@example.com")
    logs.create_log_group(logGroupName="trail")
    metric = {"metricName": "TrailChanges", "metricNamespace": "Security", "metricValue": "1"}
    pattern = "{ $.eventSource = cloudtrail.amazonaws.com }"
    logs.put_metric_filter(
        logGroupName="trail", filterName="changes", filterPattern=pattern, metricTransformations=[metric]
    )
    client("cloudwatch").put_metric_alarm(
        AlarmName="changes",
        MetricName="TrailChanges",
        Namespace="Security",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[topic],
    )
    trail = client("cloudtrail")
    trail.create_trail(
        Name="trail",
        S3BucketName="bucket-0",
        IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:trail:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/role-0",
    )
    trail.start_logging(Name="trail")


class Counting(audit.Silence):
    """Keeps the traffic of the run."""

    def __init__(self) -> None:
        self.traffic = Traffic()

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Remember what was sent so far."""
        del account, record
        self.traffic = traffic or self.traffic


def count(framework: str, environment: Mapping[str, str]) -> Traffic:
    """Return the traffic of an audit by one framework."""
    with TemporaryDirectory() as directory:
        scope = {"frameworks": (framework,), "regions": REGIONS}
        chosen = settings.load(None, environment, {"scope": scope, "run": {"out": Path(directory)}})
        watching = Counting()
        asyncio.run(audit.Auditor(chosen, progress=watching).audit("count"))
        return watching.traffic


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, seed, audit, and print the calls by action and altogether."""
    parser = argparse.ArgumentParser(description="Count the calls of an audit of one ordinary account.")
    parser.add_argument("--framework", default="cis_4.0")
    framework = parser.parse_args(arguments).framework
    with running("empty") as emulated:
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(emulated.environment)
        for seed in (seed_identities, seed_data, seed_trail):
            seed()
        traffic = count(framework, emulated.environment)
    for action, number in sorted(traffic.by_action.items(), key=lambda item: (-item[1], item[0])):
        print(f"{number:4}  {action}")
    print(f"{traffic.calls:4}  calls, {traffic.retries} of them repeated: {framework}, {len(REGIONS)} regions")
    print(figure(f"{framework}: calls", traffic.calls))


if __name__ == "__main__":
    main()
