"""What one huge account takes: peak memory beside its bar, and CPU time a resource, from the first call to the reports.

    python scripts/bench_huge.py --share 1 --kind volumes

An endpoint like that of scripts/endpoint.py runs as a child: one account in one region, which has very many resources
of one kind, in pages. `orgaudit audit` runs as another, with every control over that kind, up to the workbook and the
JSON. `--share 0.1` serves a tenth of the resources.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import endpoint
from scripts.bench_calls import Cost, environment, measure_audit
from scripts.bench_history import figure
from scripts.synthetic_aws import HOME, LOG_GROUP, Request, elements, json_body

BAR = 700
"""MiB that the process may take at its peak."""
RULES_OF_A_GROUP = 50
CREATED = "2020-01-01T00:00:00Z"

Page = Callable[[Request, range, str], bytes]
"""The answer to a request: the resources of these numbers, and the token of the next page, empty for the last."""


@dataclass(frozen=True, slots=True)
class Huge:
    """A kind of which there are many: how many, the type of its facts, and who lists so many of it in one answer."""

    count: int
    fact: str
    action: str
    per_page: int
    token: str
    page: Page


def log_groups(request: Request, numbers: range, token: str) -> bytes:
    """The log groups whose names begin as that of the trail, which is the last."""
    names = [f"{LOG_GROUP}-{number:07}" for number in numbers]
    groups = [
        {"logGroupName": name, "arn": f"arn:aws:logs:{HOME}:{request.account}:log-group:{name}:*"}
        for name in (names if token else [*names, LOG_GROUP])
    ]
    return json_body({"logGroups": groups, **({"nextToken": token} if token else {})})


def security_groups(request: Request, numbers: range, token: str) -> bytes:
    """Security groups with 50 rules each."""
    return _ec2("DescribeSecurityGroups", "securityGroupInfo", [_group(request, number) for number in numbers], token)


def _group(request: Request, number: int) -> str:
    rules = "".join(
        f"<item><ipProtocol>tcp</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort><groups/><ipRanges><item>"
        f"<cidrIp>10.{number % 256}.0.0/16</cidrIp></item></ipRanges><ipv6Ranges/><prefixListIds/></item>"
        for port in range(1024, 1024 + RULES_OF_A_GROUP)
    )
    named = {"ownerId": request.account, "groupId": f"sg-{number:017x}", "groupName": f"group-{number}"}
    return f"{elements(named)}<vpcId>vpc-1</vpcId><ipPermissions>{rules}</ipPermissions><ipPermissionsEgress/>"


def volumes(_request: Request, numbers: range, token: str) -> bytes:
    """Volumes, of which every second is encrypted."""
    items = [
        elements({"volumeId": f"vol-{number:017x}", "encrypted": "true" if number % 2 else "false", "status": "in-use"})
        for number in numbers
    ]
    return _ec2("DescribeVolumes", "volumeSet", items, token)


def _ec2(action: str, member: str, items: Sequence[str], token: str) -> bytes:
    rows = "".join(f"<item>{item}</item>" for item in items)
    following = f"<nextToken>{token}</nextToken>" if token else ""
    body = f"<requestId>synthetic</requestId><{member}>{rows}</{member}>{following}"
    return f"<{action}Response>{body}</{action}Response>".encode()


def roles(request: Request, numbers: range, token: str) -> bytes:
    """Roles with an inline policy and five attached ones."""
    trust = quote(json.dumps(_policy("sts:AssumeRole", {"Principal": {"Service": "ec2.amazonaws.com"}})))
    inline = quote(json.dumps(_policy("s3:GetObject", {"Resource": "arn:aws:s3:::bucket/*"})))
    attached = "".join(
        f"<member><PolicyName>P{each}</PolicyName><PolicyArn>arn:aws:iam::aws:policy/P{each}</PolicyArn></member>"
        for each in range(5)
    )
    found = "".join(
        f"<member><Path>/</Path><RoleName>role-{number}</RoleName><RoleId>AROA{number:017}</RoleId>"
        f"<Arn>arn:aws:iam::{request.account}:role/role-{number}</Arn><CreateDate>{CREATED}</CreateDate>"
        f"<AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument><InstanceProfileList/>"
        f"<RolePolicyList><member><PolicyName>inline</PolicyName><PolicyDocument>{inline}</PolicyDocument></member>"
        f"</RolePolicyList><AttachedManagedPolicies>{attached}</AttachedManagedPolicies></member>"
        for number in numbers
    )
    more = f"<IsTruncated>true</IsTruncated><Marker>{token}</Marker>" if token else "<IsTruncated>false</IsTruncated>"
    return _query(
        "GetAccountAuthorizationDetails",
        f"<UserDetailList/><GroupDetailList/><RoleDetailList>{found}</RoleDetailList><Policies/>{more}",
    )


def _policy(action: str, more: Mapping[str, object]) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]}


def topics(request: Request, numbers: range, token: str) -> bytes:
    """SNS topics, each of which has a policy to be read."""
    found = "".join(
        f"<member><TopicArn>arn:aws:sns:{HOME}:{request.account}:topic-{number}</TopicArn></member>"
        for number in numbers
    )
    return _query("ListTopics", f"<Topics>{found}</Topics>" + (f"<NextToken>{token}</NextToken>" if token else ""))


def topic_policy(request: Request) -> bytes:
    """The attributes of a topic with a policy that lets its own account publish."""
    arn = str(request.parameters["TopicArn"])
    own = {"Principal": {"AWS": f"arn:aws:iam::{request.account}:root"}, "Resource": arn}
    entry = f"<entry><key>Policy</key><value>{json.dumps(_policy('sns:Publish', own))}</value></entry>"
    return _query("GetTopicAttributes", f"<Attributes>{entry}</Attributes>")


def _query(action: str, result: str) -> bytes:
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>".encode()


KINDS = {
    "log groups": Huge(300_000, "TrailLogGroup", "logs:DescribeLogGroups", 50, "nextToken", log_groups),
    "security groups": Huge(
        50_000 // RULES_OF_A_GROUP, "SecurityGroup", "ec2:DescribeSecurityGroups", 1000, "NextToken", security_groups
    ),
    "roles": Huge(20_000, "Role", "iam:GetAccountAuthorizationDetails", 100, "Marker", roles),
    "volumes": Huge(1_000_000, "Volume", "ec2:DescribeVolumes", 1000, "NextToken", volumes),
    "topics": Huge(1_000_000, "SnsTopic", "sns:ListTopics", 100, "NextToken", topics),
}


def paged(kind: Huge, count: int) -> Callable[[Request], bytes]:
    """Return what answers the listing of a kind page by page; a token is the number of its first resource."""

    def answer(request: Request) -> bytes:
        begin = int(request.parameters.get(kind.token) or 0)
        end = min(begin + kind.per_page, count)
        return kind.page(request, range(begin, end), str(end) if end < count else "")

    return answer


class HugeEndpoint(endpoint.Endpoint):
    """The endpoint with one account that has very many resources of one kind."""

    def __init__(self, kind: Huge, count: int) -> None:
        super().__init__(accounts=1, regions=1)
        self.handlers |= {kind.action: paged(kind, count), "sns:GetTopicAttributes": topic_policy}


async def run(kind: Huge, count: int) -> None:
    """Listen on 127.0.0.1 until cancelled; prints the URL once the socket is open."""
    served = HugeEndpoint(kind, count)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: endpoint.Connection(served), "127.0.0.1", 0, backlog=1024)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


@contextmanager
def serve(name: str, count: int) -> Iterator[endpoint.Served]:
    """Run the endpoint as a child process for as long as the context lasts."""
    options = [sys.executable, __file__, "--serve", name, "--count", str(count)]
    with subprocess.Popen(options, stdout=subprocess.PIPE, text=True) as child:
        try:
            url = child.stdout.readline().strip() if child.stdout else ""
            if not url:
                raise RuntimeError("the endpoint did not start; its standard error says why")
            yield endpoint.Served(url, child.pid)
        finally:
            child.terminate()


def controls_over(fact: str) -> list[str]:
    """Return the ids of the controls that need the facts of a type."""
    from orgaudit.controls.declare import catalogue  # noqa: PLC0415 - the endpoint needs none of it

    return [name for name, each in catalogue().items() if fact in {kind.__name__ for kind in each.facts}]


def audit(name: str, count: int, directory: Path) -> Cost:
    """Audit the account that has so many of a kind, into a directory, and return what that took."""
    options = [option for control in controls_over(KINDS[name].fact) for option in ("--control", control)]
    with serve(name, count) as served:
        return measure_audit(directory, "run", options, environment(served.url))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print a line for each kind."""
    parser = argparse.ArgumentParser(description="Measure what one account with very many resources takes.")
    parser.add_argument("--kind", choices=sorted(KINDS), action="append", help="one kind; all without it")
    parser.add_argument("--share", type=float, default=1, help="the part of each kind's number that is served")
    parser.add_argument("--serve", choices=sorted(KINDS), help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        asyncio.run(run(KINDS[options.serve], options.count))
        return
    print(f"kind                  resources   peak MiB   bar {BAR}   CPU s   µs a resource")
    for name in options.kind or KINDS:
        count = max(1, round(KINDS[name].count * options.share))
        with TemporaryDirectory() as directory:
            cost = audit(name, count, Path(directory))
        verdict = "ok" if cost.peak < BAR else "OVER"
        each = cost.cpu / count * 1e6
        print(f"{name:<20} {count:>10,} {cost.peak:>10.0f}   {verdict:<7} {cost.cpu:>7.1f} {each:>10.0f}")
        print(figure(f"peak MiB, {name}", cost.peak), flush=True)


if __name__ == "__main__":
    main()
