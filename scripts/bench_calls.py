"""What a call costs: CPU time of the access layer beside a bare SDK loop over the same calls and the same endpoint.

    python scripts/bench_calls.py --accounts 20 --regions 3 --rounds 7

Both keep one client for each service and region, the SDK's retries off, and the same number of calls in flight. The
bare loop signs everything with one static key. Pacing is set so high that nothing waits.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import xform_name

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.aws.access import Access
from orgaudit.aws.actions import iam_action
from orgaudit.settings import AccessSettings, Limits, RunSettings, load_limits
from scripts import endpoint

WIDTH = 64
"""Calls in flight."""
REPEATS = 4
"""How often the mix is asked in each region of each account."""
UNPACED = '[default]\nrate = 1e9\nburst = 1e9\nper = "account-region"\n'


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the mix."""

    account: str
    region: str
    service: str
    operation: str
    parameters: Mapping[str, Any]


def mix(accounts: int, regions: int, signer: str | None = None) -> list[Call]:
    """Return the calls that an audit of the trails and their alarms makes, in every region of every account.

    `signer` is the account in which they are all made, if one key signs them.
    """
    calls: list[Call] = []
    for number in range(1, accounts + 1):
        account = str(int(endpoint.MANAGEMENT) + number)
        trail, topic = (arn.replace("@account@", signer or account) for arn in (endpoint.TRAIL_ARN, endpoint.TOPIC_ARN))
        asked: list[tuple[str, str, dict[str, Any]]] = [
            ("cloudtrail", "DescribeTrails", {"includeShadowTrails": True}),
            ("cloudtrail", "GetTrailStatus", {"Name": trail}),
            ("cloudtrail", "GetEventSelectors", {"TrailName": trail}),
            ("logs", "DescribeLogGroups", {"logGroupNamePrefix": endpoint.LOG_GROUP}),
            ("logs", "DescribeMetricFilters", {"logGroupName": endpoint.LOG_GROUP}),
            ("cloudwatch", "DescribeAlarms", {"AlarmTypes": ["MetricAlarm"]}),
            ("sns", "ListSubscriptionsByTopic", {"TopicArn": topic}),
            ("sns", "GetTopicAttributes", {"TopicArn": topic}),
            ("iam", "GetRole", {"RoleName": "delivery"}),
            ("iam", "ListAttachedRolePolicies", {"RoleName": "delivery"}),
            ("iam", "GetRolePolicy", {"RoleName": "delivery", "PolicyName": "write-logs"}),
        ]
        calls += [Call(account, region, *each) for region in endpoint.REGIONS[:regions] for each in asked] * REPEATS
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


class Bare:
    """The bare SDK, with clients that exist before anything is measured."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._methods: dict[tuple[str, str, str], Any] = {}

    async def prepare(self, calls: Sequence[Call]) -> None:
        """Create the clients of these calls."""
        session: Any = AioSession()  # its stubs know no service that is named at run time
        config = AioConfig(retries={"total_max_attempts": 1}, max_pool_connections=WIDTH)
        clients: dict[tuple[str, str], Any] = {}
        for service, region, operation in {(each.service, each.region, each.operation) for each in calls}:
            if (service, region) not in clients:
                context = session.create_client(service, region_name=region, config=config)
                clients[service, region] = await self._stack.enter_async_context(context)
            self._methods[service, region, operation] = getattr(clients[service, region], xform_name(operation))

    async def send(self, calls: Sequence[Call]) -> None:
        """Make all the calls, WIDTH at a time."""
        slots = asyncio.Semaphore(WIDTH)

        async def one(call: Call) -> None:
            async with slots:
                await self._methods[call.service, call.region, call.operation](**call.parameters)

        await asyncio.gather(*(one(call) for call in calls))

    async def close(self) -> None:
        """Close the clients."""
        await self._stack.aclose()


async def measure_bare(bare: Bare, calls: Sequence[Call]) -> float:
    """Return the CPU seconds of this process that the calls take through the bare SDK."""
    start = time.process_time()
    await bare.send(calls)
    return time.process_time() - start


async def measure_access(access: Access, calls: Sequence[Call]) -> float:
    """Return the CPU seconds of this process that the calls take through the access layer, in accounts once entered."""
    accounts = {each.account: await access.guest(each.account) for each in calls}
    start = time.process_time()
    await asyncio.gather(
        *(
            accounts[each.account].region(each.region).call(each.service, each.operation, **each.parameters)
            for each in calls
        )
    )
    return time.process_time() - start


async def compare(accounts: int, regions: int, rounds: int) -> tuple[float, float]:
    """Return the median CPU seconds a call of both, taken in turn; the first round only warms up."""
    calls, alone = mix(accounts, regions), mix(accounts, regions, endpoint.MANAGEMENT)
    bare = Bare()
    actions = {iam_action(each.service, each.operation) for each in calls}
    run = RunSettings(concurrent_calls=WIDTH)
    await bare.prepare(alone)
    try:
        async with Access(AccessSettings(), run, unpaced(), actions=sorted(actions)) as access:
            taken = [(await measure_bare(bare, alone), await measure_access(access, calls)) for _ in range(rounds + 1)]
    finally:
        await bare.close()
    by_bare, by_access = zip(*taken[1:], strict=True)
    return statistics.median(by_bare) / len(calls), statistics.median(by_access) / len(calls)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, run the endpoint as a child and print CPU time a call for both and their ratio."""
    parser = argparse.ArgumentParser(description="Compare the access layer's CPU time a call with the bare SDK's.")
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with endpoint.serve(accounts=options.accounts + 1, regions=options.regions) as served:
        os.environ |= {
            "AWS_ENDPOINT_URL": served.url,
            "AWS_ACCESS_KEY_ID": "AKIASYNTHETIC",
            "AWS_SECRET_ACCESS_KEY": "synthetic",
            "AWS_REGION": endpoint.HOME,
            "NO_PROXY": "127.0.0.1",
        }
        bare, access = asyncio.run(compare(options.accounts, options.regions, options.rounds))
    print(f"CPU time a call, median of {options.rounds} rounds")
    print(f"bare SDK {bare * 1e6:7.0f} µs")
    print(f"access   {access * 1e6:7.0f} µs")
    print(f"ratio    {access / bare:7.2f}")


if __name__ == "__main__":
    main()
