"""The fault proxy: each rule as boto3 sees it with retries off, before the synthetic endpoint."""

import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from scripts.simulator.organization import MANAGEMENT
from scripts.simulator.server import serve
from tests.faults import (
    Cut,
    Delay,
    Deny,
    DenyByScp,
    ExpireToken,
    Fail,
    FaultProxy,
    Garble,
    Hang,
    RegionDisabled,
    Rule,
    ServerError,
    Throttle,
)

MEMBER = "100000000007"
KEY = f"ASIAORGA{MEMBER}"
ROLE = f"arn:aws:iam::{MEMBER}:role/org-audit"

Clients = Callable[..., Any]
Proxies = Callable[..., FaultProxy]

OPERATIONS = {
    "cloudtrail": "describe_trails",
    "account": "list_regions",
    "sts": "get_caller_identity",
    "ec2": "describe_regions",
    "s3": "list_buckets",
    "sns": "list_topics",
    "cloudwatch": "describe_alarms",
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve(accounts=10, regions=3) as served:
        yield served.url


@pytest.fixture
def proxied(upstream: str) -> Iterator[Proxies]:
    """A running proxy with these rules."""
    with ExitStack() as stack:
        yield lambda *rules, **options: stack.enter_context(FaultProxy(upstream, rules, **options))


@pytest.fixture
def client() -> Iterator[Clients]:
    """A client for an endpoint, a service, a Region and an access key; a long-lived key has no token."""
    session: Any = boto3.Session()
    with ExitStack() as stack:

        def make(
            proxy: FaultProxy,
            service: str,
            region: str = "us-east-1",
            *,
            key: str = KEY,
            is_temporary: bool = True,
            read_timeout: float = 5,
        ) -> Any:
            made = session.client(
                service,
                endpoint_url=proxy.url,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key="secret",
                aws_session_token="token" if is_temporary else None,
                config=Config(
                    retries={"total_max_attempts": 1}, read_timeout=read_timeout, s3={"addressing_style": "path"}
                ),
            )
            return stack.enter_context(closing(made))

        yield make


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def outcomes(call: Callable[..., Any], times: int) -> str:
    """One letter a call: "." answered, "x" refused."""

    def once(_: int) -> str:
        try:
            call()
        except ClientError:
            return "x"
        return "."

    return "".join(map(once, range(times)))


def test_without_rules_answers_pass_and_calls_are_recorded(proxied: Proxies, client: Clients) -> None:
    proxy = proxied()
    before = time.time()
    assert client(proxy, "cloudtrail", "eu-west-1").describe_trails()["trailList"][0]["Name"] == "audit"
    [call] = proxy.calls
    assert (call.access_key, call.service, call.region, call.action) == (
        KEY,
        "cloudtrail",
        "eu-west-1",
        "DescribeTrails",
    )
    assert (call.status, call.faults, call.temporary) == (200, [], True)
    assert before <= call.time <= time.time()


def test_an_error_of_the_endpoint_passes_unchanged(proxied: Proxies, client: Clients) -> None:
    proxy = proxied()
    code, status, _ = refusal(lambda: client(proxy, "iam").create_user(UserName="new"))
    assert (code, status) == ("UnknownOperationException", 400)
    assert proxy.calls[0].status == 400


def test_accounts_are_learnt_from_the_answers_that_pass(proxied: Proxies, client: Clients) -> None:
    proxy = proxied(accounts={"AKIAKNOWN": "111111111111"})
    sts = client(proxy, "sts", key="AKIABASE", is_temporary=False)
    sts.get_caller_identity()
    key = sts.assume_role(RoleArn=ROLE, RoleSessionName="audit")["Credentials"]["AccessKeyId"]
    client(proxy, "ec2", key=key).describe_regions()
    assert proxy.accounts == {"AKIAKNOWN": "111111111111", "AKIABASE": MANAGEMENT, key: MEMBER}
    assert [call.account for call in proxy.calls] == [None, MANAGEMENT, MEMBER]
    assert [call.target for call in proxy.calls] == [None, MEMBER, None]


@pytest.mark.parametrize(
    ("service", "method", "target", "action"),
    [
        ("account", "POST", "/listRegions", "ListRegions"),
        ("s3", "GET", "/", "ListBuckets"),
        ("s3", "GET", "/bucket?policy", "GetBucketPolicy"),
        ("s3", "GET", "/bucket?policyStatus", "GetBucketPolicyStatus"),
        ("s3", "GET", "/bucket?list-type=2&prefix=a", "ListObjectsV2"),
        ("s3", "GET", "/bucket?lifecycle", "GetBucketLifecycleConfiguration"),
        ("s3", "GET", "/bucket?notification", "GetBucketNotificationConfiguration"),
        ("s3", "HEAD", "/bucket", "HeadBucket"),
        ("s3", "GET", "/v20180820/configuration/publicAccessBlock", "GetPublicAccessBlock"),
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions"),
        ("securityhub", "GET", "/accounts", "DescribeHub"),
        ("access-analyzer", "GET", "/analyzer?type=ACCOUNT", "ListAnalyzers"),
        ("elasticfilesystem", "GET", "/2015-02-01/file-systems", "DescribeFileSystems"),
        ("eks", "GET", "/clusters/a%2Fb", "DescribeCluster"),
        ("account", "GET", "/unknown?x=1", "GET /unknown"),
        ("no-such-service", "GET", "/thing", "GET /thing"),
    ],
)
def test_rest_calls_are_named_by_the_service_model(
    proxied: Proxies, service: str, method: str, target: str, action: str
) -> None:
    proxy = proxied()
    scope = f"AWS4-HMAC-SHA256 Credential={KEY}/20250101/eu-west-1/{service}/aws4_request, SignedHeaders=host"
    send(proxy, method, target, {"Authorization": scope})
    assert (proxy.calls[0].service, proxy.calls[0].action) == (service, action)


def test_an_unsigned_call_is_recorded_too(proxied: Proxies) -> None:
    proxy = proxied()
    assert send(proxy, "GET", "/_calls", {}) == 200
    assert (proxy.calls[0].access_key, proxy.calls[0].action) == ("", "GET /_calls")


def send(proxy: FaultProxy, method: str, target: str, headers: dict[str, str]) -> int:
    with closing(http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=5)) as connection:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status


def test_an_endpoint_that_is_down_answers_502(client: Clients) -> None:
    with FaultProxy("http://127.0.0.1:9") as proxy:
        _, status, _ = refusal(client(proxy, "cloudtrail").describe_trails)
    assert status == 502


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        (
            Throttle,
            {
                "cloudtrail": ("ThrottlingException", 400),
                "account": ("TooManyRequestsException", 429),
                "sts": ("Throttling", 400),
                "cloudwatch": ("Throttling", 400),
                "ec2": ("RequestLimitExceeded", 503),
                "s3": ("SlowDown", 503),
            },
        ),
        (
            ServerError,
            {
                "cloudtrail": ("InternalServerError", 500),
                "account": ("InternalServerException", 500),
                "sts": ("InternalFailure", 500),
                "ec2": ("InternalError", 500),
                "s3": ("InternalError", 500),
            },
        ),
        (
            Deny,
            {
                "cloudtrail": ("AccessDeniedException", 400),
                "account": ("AccessDeniedException", 403),
                "sts": ("AccessDenied", 403),
                "cloudwatch": ("AccessDenied", 403),
                "sns": ("AuthorizationError", 403),
                "ec2": ("UnauthorizedOperation", 403),
                "s3": ("AccessDenied", 403),
            },
        ),
        (
            RegionDisabled,
            {
                "cloudtrail": ("UnrecognizedClientException", 400),
                "account": ("UnrecognizedClientException", 403),
                "sts": ("InvalidClientTokenId", 403),
                "ec2": ("AuthFailure", 401),
                "s3": ("InvalidToken", 400),
            },
        ),
        (
            lambda: ExpireToken(after=0),
            {
                "cloudtrail": ("ExpiredTokenException", 400),
                "account": ("ExpiredTokenException", 403),
                "sts": ("ExpiredToken", 403),
                "ec2": ("RequestExpired", 400),
                "s3": ("ExpiredToken", 400),
            },
        ),
    ],
    ids=["throttle", "server-error", "deny", "region-disabled", "expire-token"],
)
def test_a_refusal_has_the_code_and_status_of_each_protocol(
    proxied: Proxies, client: Clients, rule: Callable[[], Rule], codes: dict[str, tuple[str, int]]
) -> None:
    proxy = proxied(rule())
    seen = {service: refusal(getattr(client(proxy, service), OPERATIONS[service])) for service in codes}
    assert {service: answer[:2] for service, answer in seen.items()} == codes
    assert [call.status for call in proxy.calls] == [status for _, status in codes.values()]
    assert all(len(call.faults) == 1 for call in proxy.calls)


@pytest.mark.parametrize("service", ["cloudtrail", "account", "sts", "ec2", "s3"])
def test_a_refusal_carries_a_request_id(proxied: Proxies, client: Clients, service: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client(proxied(Throttle()), service), OPERATIONS[service])()
    assert refused.value.response["ResponseMetadata"]["RequestId"].startswith("fault-")


@pytest.mark.parametrize(
    ("rule", "service", "message"),
    [
        (
            Deny,
            "cloudwatch",
            "User: {user} is not authorized to perform: cloudwatch:DescribeAlarms on resource: * "
            "because no identity-based policy allows the cloudwatch:DescribeAlarms action",
        ),
        (
            Deny,
            "ec2",
            "You are not authorized to perform this operation. User: {user} is not authorized to perform: "
            "ec2:DescribeRegions because no identity-based policy allows the ec2:DescribeRegions action",
        ),
        (
            DenyByScp,
            "cloudtrail",
            "User: {user} is not authorized to perform: cloudtrail:DescribeTrails on resource: * "
            "with an explicit deny in a service control policy",
        ),
    ],
)
def test_a_denial_names_who_what_and_which_policy(
    proxied: Proxies, client: Clients, rule: type[Deny], service: str, message: str
) -> None:
    proxy = proxied(rule(service={"cloudwatch": "monitoring"}.get(service, service)))
    sts = client(proxy, "sts", key="AKIABASE", is_temporary=False)
    key = sts.assume_role(RoleArn=ROLE, RoleSessionName="audit")["Credentials"]["AccessKeyId"]
    user = f"arn:aws:sts::{MEMBER}:assumed-role/org-audit/audit"
    denied = refusal(getattr(client(proxy, service, key=key), OPERATIONS[service]))
    assert denied[2] == message.format(user=user)


def test_a_denied_role_is_the_resource_and_its_account_the_target(proxied: Proxies, client: Clients) -> None:
    sts = client(proxied(Deny(action="AssumeRole", target=MEMBER)), "sts")
    assert (
        f"sts:AssumeRole on resource: {ROLE} because"
        in refusal(sts.assume_role, RoleArn=ROLE, RoleSessionName="audit")[2]
    )
    assert sts.assume_role(RoleArn=ROLE.replace(MEMBER, MANAGEMENT), RoleSessionName="audit")


def test_any_error_can_be_given(proxied: Proxies, client: Clients) -> None:
    proxy = proxied(Fail(code="Throttled", status=429, message="Rate <exceeded> & more"))
    assert refusal(client(proxy, "sns").list_topics) == ("Throttled", 429, "Rate <exceeded> & more")


@pytest.mark.parametrize(
    ("limits", "acted"),
    [
        ({"service": "sts"}, [True, False, False, False]),
        ({"action": "DescribeTrails"}, [False, True, True, True]),
        ({"region": "eu-west-1"}, [False, False, True, False]),
        ({"access_key": "ASIAOTHER"}, [False, False, False, True]),
        ({"account": "222222222222"}, [False, False, False, True]),
        ({"action": "DescribeTrails", "region": "us-east-1", "account": MEMBER}, [False, True, False, False]),
        ({"service": "sts", "region": "eu-west-1"}, [False] * 4),
    ],
)
def test_a_rule_is_limited_by_every_field_it_names(
    proxied: Proxies, client: Clients, limits: dict[str, str], acted: list[bool]
) -> None:
    proxy = proxied(Throttle(**limits), accounts={KEY: MEMBER, "ASIAOTHER": "222222222222"})  # type: ignore[arg-type]
    outcomes(client(proxy, "sts").get_caller_identity, 1)
    outcomes(client(proxy, "cloudtrail").describe_trails, 1)
    outcomes(client(proxy, "cloudtrail", "eu-west-1").describe_trails, 1)
    outcomes(client(proxy, "cloudtrail", key="ASIAOTHER").describe_trails, 1)
    assert [bool(call.faults) for call in proxy.calls] == acted


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([Throttle(every=3)], "..x..x..x"),
        ([Throttle(times=2)], "xx......."),
        ([Throttle(every=2, times=2)], ".x.x....."),
        ([Throttle(share=0.0)], "........."),
        ([Throttle(action="Other"), ServerError(every=4)], "...x...x."),
        ([Throttle(every=2), ServerError(every=2)], ".xxx.xxx."),
    ],
)
def test_a_rule_acts_as_often_as_it_says(proxied: Proxies, client: Clients, rules: list[Rule], expected: str) -> None:
    assert outcomes(client(proxied(*rules), "sts").get_caller_identity, 9) == expected


def test_a_share_is_drawn_alike_in_every_run_and_otherwise_with_another_seed(proxied: Proxies, client: Clients) -> None:
    def draw(seed: int) -> str:
        return outcomes(client(proxied(ServerError(share=0.3, seed=seed)), "sts").get_caller_identity, 100)

    assert draw(1) == draw(1) != draw(2)
    assert 15 <= draw(1).count("x") <= 45


def test_the_draw_does_not_depend_on_the_order_of_other_calls(proxied: Proxies, client: Clients) -> None:
    def thrice(aws: Any) -> None:
        outcomes(getattr(aws, OPERATIONS[aws.meta.service_model.service_name]), 3)

    def hit(workers: int) -> list[tuple[str, str]]:
        proxy = proxied(ServerError(share=0.4, seed=3), accounts={KEY: MEMBER})
        clients = [
            client(proxy, service, region)
            for service in ("cloudtrail", "sts", "ec2")
            for region in ("us-east-1", "us-west-2", "eu-west-1")
        ]
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(thrice, clients))
        return sorted((call.region, call.action) for call in proxy.calls if call.faults)

    assert hit(1) == hit(6) != []


@pytest.mark.parametrize("service", ["cloudtrail", "sts"])
def test_a_connection_is_cut_before_the_answer(proxied: Proxies, client: Clients, service: str) -> None:
    proxy = proxied(Cut(times=1))
    aws = client(proxy, service)
    with pytest.raises(ConnectionClosedError):
        getattr(aws, OPERATIONS[service])()
    assert (proxy.calls[0].status, proxy.calls[0].faults) == (None, ["Cut"])
    assert getattr(aws, OPERATIONS[service])()


@pytest.mark.parametrize("service", ["cloudtrail", "sts"])
def test_a_connection_is_cut_in_mid_body(proxied: Proxies, client: Clients, service: str) -> None:
    proxy = proxied(Cut(at="body", times=1))
    aws = client(proxy, service)
    with pytest.raises((ConnectionClosedError, ResponseStreamingError, HTTPClientError)):
        getattr(aws, OPERATIONS[service])()
    assert (proxy.calls[0].status, proxy.calls[0].faults) == (None, ["Cut"])
    assert getattr(aws, OPERATIONS[service])()


@pytest.mark.parametrize("service", ["sts", "ec2", "cloudwatch"])
def test_truncated_xml_does_not_parse(proxied: Proxies, client: Clients, service: str) -> None:
    with pytest.raises(ResponseParserError):
        getattr(client(proxied(Garble()), service), OPERATIONS[service])()


@pytest.mark.parametrize(("service", "key"), [("cloudtrail", "trailList"), ("account", "Regions")])
def test_truncated_json_is_an_answer_without_members_to_botocore(
    proxied: Proxies, client: Clients, service: str, key: str
) -> None:
    answer = getattr(client(proxied(Garble(how="truncated")), service), OPERATIONS[service])()
    assert key not in answer
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("service", "seen"),
    [("cloudtrail", TypeError), ("account", TypeError), ("cloudwatch", KeyError), ("sts", KeyError)],
)
def test_the_wrong_shape_breaks_botocore_in_its_own_ways(
    proxied: Proxies, client: Clients, service: str, seen: type[Exception]
) -> None:
    with pytest.raises(seen):
        getattr(client(proxied(Garble(how="shape")), service), OPERATIONS[service])()


def test_the_wrong_shape_from_ec2_is_an_answer_without_members(proxied: Proxies, client: Clients) -> None:
    assert "Regions" not in client(proxied(Garble(how="shape")), "ec2").describe_regions()


def test_a_body_of_ones_own_replaces_the_answer(proxied: Proxies, client: Clients) -> None:
    proxy = proxied(Garble(action="DescribeTrails", body=b'{"trailList": [{"Name": "mine"}]}'))
    assert client(proxy, "cloudtrail").describe_trails()["trailList"] == [{"Name": "mine"}]
    assert client(proxy, "cloudtrail").get_trail_status(Name="audit")["IsLogging"]


def test_a_region_that_hangs_holds_up_nothing_else(upstream: str, client: Clients) -> None:
    with ThreadPoolExecutor(1) as pool:
        with FaultProxy(upstream, [Hang(region="eu-west-1")]) as proxy:
            waiting = pool.submit(client(proxy, "sts", "eu-west-1").get_caller_identity)
            wait_for(lambda: bool(proxy.calls))
            assert client(proxy, "sts").get_caller_identity()["Account"] == MEMBER
            assert not waiting.done()
            assert [(call.status, call.faults) for call in proxy.calls] == [(None, ["Hang"]), (200, [])]
            left = time.monotonic()
        assert time.monotonic() - left < 9
        assert isinstance(waiting.exception(timeout=30), ConnectionClosedError)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_service_that_hangs_runs_into_the_timeout_of_the_client(proxied: Proxies, client: Clients) -> None:
    with pytest.raises(ReadTimeoutError):
        client(proxied(Hang(service="sts")), "sts", read_timeout=0.2).get_caller_identity()


def test_a_delay_answers_late_and_lets_the_rules_after_it_act(proxied: Proxies, client: Clients) -> None:
    proxy = proxied(Delay(seconds=0.3, times=2), Throttle(every=2))
    sts = client(proxy, "sts")
    began = time.monotonic()
    assert outcomes(sts.get_caller_identity, 2) == ".x"
    assert 0.6 <= time.monotonic() - began < 30
    assert [call.faults for call in proxy.calls] == [["Delay"], ["Delay", "Throttle"]]


def test_a_token_expires_after_its_uses_until_a_new_key_comes(proxied: Proxies, client: Clients) -> None:
    proxy = proxied(ExpireToken(after=2))
    assert outcomes(client(proxy, "sts").get_caller_identity, 5) == "..xxx"
    assert outcomes(client(proxy, "ec2").describe_regions, 1) == "x"
    assert outcomes(client(proxy, "sts", key="ASIAFRESH").get_caller_identity, 3) == "..x"
    assert outcomes(client(proxy, "sts", key="AKIALONGLIVED", is_temporary=False).get_caller_identity, 4) == "...."


def test_rules_can_be_changed_while_the_proxy_runs(proxied: Proxies, client: Clients) -> None:
    proxy = proxied(Throttle())
    sts = client(proxy, "sts")
    assert outcomes(sts.get_caller_identity, 2) == "xx"
    proxy.rules.clear()
    assert outcomes(sts.get_caller_identity, 2) == ".."
