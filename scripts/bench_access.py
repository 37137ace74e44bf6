"""What a call costs: CPU time of the access layer beside a bare SDK loop over the same calls and the same endpoint.

    python scripts/bench_access.py --accounts 20 --regions 3 --rounds 7

Both keep one client for each service and region, the SDK's retries off, and the same number of calls in flight. Pacing
is set so high that nothing waits.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.aws.access import Access
from orgaudit.aws.actions import iam_action
from orgaudit.settings.limits import Limits, load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from scripts.bench_history import figure
from scripts.replay import WIDTH, Bare, Call, measure
from scripts.simulator.answers.logging import LOG_GROUP, TOPIC_ARN, TRAIL_ARN
from scripts.simulator.organization import ACCOUNT, HOME, KEY_PREFIX, REGIONS, account_id, account_of
from scripts.simulator.server import serve

REPEATS = 4
"""How often the mix is asked in each region of each account."""
UNPACED = '[default]\nrate = 1e9\nburst = 1e9\nper = "account-region"\n'


def mix(accounts: int, regions: int) -> list[Call]:
    """Return the calls that an audit of the trails and their alarms makes, in every region of every account."""
    calls: list[Call] = []
    for number in range(1, accounts + 1):
        account = account_id(number)
        trail, topic = (arn.replace(ACCOUNT, account) for arn in (TRAIL_ARN, TOPIC_ARN))
        asked: list[tuple[str, str, dict[str, Any]]] = [
            ("cloudtrail", "DescribeTrails", {"includeShadowTrails": True}),
            ("cloudtrail", "GetTrailStatus", {"Name": trail}),
            ("cloudtrail", "GetEventSelectors", {"TrailName": trail}),
            ("logs", "DescribeLogGroups", {"logGroupNamePrefix": LOG_GROUP}),
            ("logs", "DescribeMetricFilters", {"logGroupName": LOG_GROUP}),
            ("cloudwatch", "DescribeAlarms", {"AlarmTypes": ["MetricAlarm"]}),
            ("sns", "ListSubscriptionsByTopic", {"TopicArn": topic}),
            ("sns", "GetTopicAttributes", {"TopicArn": topic}),
            ("iam", "GetRole", {"RoleName": "delivery"}),
            ("iam", "ListAttachedRolePolicies", {"RoleName": "delivery"}),
            ("iam", "GetRolePolicy", {"RoleName": "delivery", "PolicyName": "write-logs"}),
        ]
        key = f"{KEY_PREFIX}{account}"
        calls += [Call(key, region, *each) for region in REGIONS[:regions] for each in asked] * REPEATS
    random.Random(0).shuffle(calls)  # noqa: S311 - the same order in every run
    return calls


def unpaced_file(path: Path) -> None:
    """Write limits that never make a call wait."""
    packaged = (Path(__file__).resolve().parents[1] / "config" / "limits.toml").read_text()
    names = [line.split("=")[0].strip() for line in packaged.splitlines() if line.startswith('"')]
    entries = (f'{name} = {{ rate = 1e9, burst = 1e9, per = "account-region" }}' for name in names)
    path.write_text(UNPACED + "[limits]\n" + "\n".join(entries))


def unpaced() -> Limits:
    """Return limits that never make a call wait."""
    with TemporaryDirectory() as directory:
        unpaced_file(Path(directory) / "limits.toml")
        return load_limits(Path(directory) / "limits.toml")


async def measure_access(access: Access, calls: Sequence[Call]) -> float:
    """Return the CPU seconds of this process that the calls take through the access layer, in accounts once entered."""
    accounts = {each.key: await access.member(account_of(each.key)) for each in calls}
    start = time.process_time()
    await asyncio.gather(
        *(
            accounts[each.key].region(each.region).call(each.service, each.operation, **each.parameters)
            for each in calls
        )
    )
    return time.process_time() - start


async def compare(accounts: int, regions: int, rounds: int) -> tuple[float, float]:
    """Return the median CPU seconds a call of both, taken in turn; the first round only warms up."""
    calls = mix(accounts, regions)
    bare = Bare()
    actions = {iam_action(each.service, each.operation) for each in calls}
    run = RunSettings(concurrent_calls=WIDTH)
    await bare.prepare(calls)
    try:
        async with Access(AccessSettings(), run, unpaced(), actions=sorted(actions)) as access:
            taken = [(await measure(bare, calls), await measure_access(access, calls)) for _ in range(rounds + 1)]
    finally:
        await bare.close()
    by_bare, by_access = zip(*taken[1:], strict=True)
    return statistics.median(by_bare) / len(calls), statistics.median(by_access) / len(calls)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, run the simulator as a child and print CPU time a call for both and their ratio."""
    parser = argparse.ArgumentParser(description="Compare the access layer's CPU time a call with the bare SDK's.")
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with serve(accounts=options.accounts + 1, regions=options.regions) as served:
        os.environ |= {
            "AWS_ENDPOINT_URL": served.url,
            "AWS_ACCESS_KEY_ID": "AKIASYNTHETIC",
            "AWS_SECRET_ACCESS_KEY": "synthetic",
            "AWS_REGION": HOME,
            "NO_PROXY": "127.0.0.1",
        }
        bare, access = asyncio.run(compare(options.accounts, options.regions, options.rounds))
    print(f"CPU time a call, median of {options.rounds} rounds")
    print(f"bare SDK {bare * 1e6:7.0f} µs")
    print(f"access   {access * 1e6:7.0f} µs")
    print(f"ratio    {access / bare:7.2f}")
    print(figure("a call: ratio to the bare SDK", access / bare))


if __name__ == "__main__":
    main()
