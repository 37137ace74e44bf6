"""What the controls on policies of queues, topics, functions, vaults, secrets and event buses say."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.eventbridge import eventbridge_bus_policy_restricted as bus_restricted
from orgaudit.controls.glacier import glacier_vault_policy_restricted as vault_restricted
from orgaudit.controls.lambda_ import lambda_function_policy_restricted as function_restricted
from orgaudit.controls.secretsmanager import secretsmanager_secret_policy_restricted as secret_restricted
from orgaudit.controls.sns import sns_topic_policy_restricted as topic_restricted
from orgaudit.controls.sqs import sqs_queue_policy_restricted as queue_restricted
from tests.factories import MEMBER, NASTY, OUTSIDER, Case, asking, denied, every, failing, name_of, passing, unseen
from tests.factories_resource_policies import (
    FUNCTION,
    QUEUE,
    SECRET,
    TOPIC,
    VAULT,
    Argued,
    a_bus,
    a_function,
    a_queue,
    a_secret,
    a_topic,
    a_vault,
    allow,
    bus_with,
    deny,
)

ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-example1234"}}
OTHERS = {"StringNotEquals": {"aws:PrincipalOrgID": "o-example1234"}}
TAGGED = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def common(given: Argued) -> tuple[Case, ...]:
    """What holds for the policy of every kind of resource."""
    return (
        passing("no policy", *given(), says="no resource policy"),
        passing("named account", *given(allow({"AWS": OUTSIDER})), says="does not allow public access"),
        passing("only a Deny for everyone", *given(deny())),
        failing("everyone", *given(allow()), says="statement open allows sqs:SendMessage to the public"),
        failing("everyone, as a bare star", *given(allow("*")), says="to the public"),
        failing("one statement of two", *given(allow({"AWS": MEMBER}), allow()), says="to the public"),
        failing("everyone but one", *given(allow({"AWS": MEMBER}) | {}, _all_but(OUTSIDER)), says="to the public"),
        failing(
            "a condition that holds nobody off",
            *given(allow(Condition={"Bool": {"aws:SecureTransport": "true"}})),
            says="under Bool aws:SecureTransport",
        ),
        passing("everyone of the organization", *given(allow(Condition=ORGANIZATION))),
        passing(
            "everyone of an account",
            *given(allow(Condition={"StringEquals": {"AWS:SourceOwner": MEMBER}})),
        ),
        failing(
            "any account",
            *given(allow(Condition={"StringLike": {"aws:SourceAccount": "*"}})),
            says="under StringLike aws:SourceAccount *",
        ),
        asking(
            "a condition of unclear reach",
            *given(allow(Condition={"StringEquals": {"es:unknown": "red"}})),
            says="a person must review",
        ),
        passing("a Deny for other organizations", *given(allow(), deny(Condition=OTHERS))),
        failing(
            "a tag that callers give themselves", *given(allow(Condition=TAGGED)), says="aws:PrincipalTag/team red"
        ),
        asking(
            "a wildcard that AWS does not document",
            *given(allow({"AWS": "arn:aws:iam::*:root"})),
            says="AWS does not document (AWS arn:aws:iam::*:root)",
        ),
        passing("a Deny for everyone", *given(allow(), deny())),
        asking(
            "a Deny of unclear reach",
            *given(allow(), deny(Condition={"StringEquals": {"es:unknown": "red"}})),
            says="to the public, unless shut denies it",
        ),
        passing("a Deny for all but one", *given(allow(), _deny_all_but(MEMBER))),
        failing("a Deny of plain HTTP", *given(allow(), deny(Condition=PLAIN_HTTP)), says="to the public"),
        failing(
            "a Deny for other organizations that come by plain HTTP",
            *given(allow(), deny(Condition=OTHERS | PLAIN_HTTP)),
            says="to the public",
        ),
        failing("a Deny for the own organization", *given(allow(), deny(Condition=ORGANIZATION)), says="to the public"),
        failing(
            "a Deny for one account", *given(allow(), deny({"AWS": OUTSIDER}, Condition=OTHERS)), says="to the public"
        ),
    )


def _all_but(account_id: str) -> dict[str, Any]:
    statement = allow()
    return {
        **{key: value for key, value in statement.items() if key != "Principal"},
        "NotPrincipal": {"AWS": account_id},
    }


def _deny_all_but(account_id: str) -> dict[str, Any]:
    return _all_but(account_id) | {"Effect": "Deny", "Sid": "shut"}


def service(name: str, action: str = "lambda:InvokeFunction", **more: Any) -> dict[str, Any]:
    return allow({"Service": name}, action=action, **more)


def by_services(given: Argued, action: str) -> tuple[Case, ...]:
    """What holds for services that call a function, a queue or a topic."""

    def s3(operator: str = "", key: str = "", value: str = "") -> tuple[Any, ...]:
        return given(service("s3.amazonaws.com", action, **({"Condition": {operator: {key: value}}} if key else {})))

    on_behalf = "to s3.amazonaws.com on behalf of any account"
    return (
        failing("buckets of any account", *s3(), says=on_behalf),
        passing("buckets of an account", *s3("StringEquals", "AWS:SourceAccount", MEMBER)),
        passing("buckets of the organization", *s3("StringEquals", "aws:SourceOrgID", "o-example1234")),
        passing("one bucket", *s3("ArnLike", "aws:SourceArn", "arn:aws:s3:::data")),
        passing("one bucket, with stars for empty parts", *s3("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:data")),
        failing("buckets of any name", *s3("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"), says=on_behalf),
        failing("any account by condition", *s3("StringLike", "aws:SourceAccount", "*"), says=on_behalf),
        failing("TLS, which every service speaks", *s3("Bool", "aws:SecureTransport", "true"), says=on_behalf),
        failing("all accounts but one", *s3("StringNotEquals", "aws:SourceAccount", MEMBER), says=on_behalf),
        asking("an account, if given", *s3("StringEqualsIfExists", "aws:SourceAccount", MEMBER), says=on_behalf),
        asking(
            "another service", *given(service("logs.amazonaws.com", action)), says="logs.amazonaws.com on behalf of any"
        ),
        passing("a service that is denied", *given(service("s3.amazonaws.com", action) | {"Effect": "Deny"})),
        passing(
            "a service that is denied for other accounts",
            *given(
                service("s3.amazonaws.com", action),
                deny(Condition={"StringNotEquals": {"aws:SourceAccount": MEMBER}}),
            ),
        ),
        asking("any service", *given(allow({"Service": "*"}, action=action)), says="does not document (Service *)"),
    )


def by_url(kind: str, **more: str) -> dict[str, Any]:
    condition = {"StringEquals": {"lambda:FunctionUrlAuthType": kind, **more}}
    return allow("*", action="lambda:InvokeFunctionUrl", Condition=condition)


OF_FUNCTIONS = (
    *by_services(FUNCTION, "lambda:InvokeFunction"),
    passing(
        "one skill of Alexa",
        *FUNCTION(service("alexa-appkit.amazon.com", Condition={"StringEquals": {"lambda:EventSourceToken": "s-1"}})),
    ),
    failing("a URL for everyone", *FUNCTION(by_url("NONE")), says="to the public"),
    failing("a URL for every AWS account", *FUNCTION(by_url("AWS_IAM")), says="to the public"),
    passing("a URL for the organization", *FUNCTION(by_url("AWS_IAM", **{"aws:PrincipalOrgID": "o-example1234"}))),
    failing(
        "everyone, and a service of unclear reach",
        *FUNCTION(allow(), service("logs.amazonaws.com")),
        says="to the public",
    ),
)


CASES: dict[Control, tuple[Case, ...]] = {
    queue_restricted: (
        *common(QUEUE),
        *by_services(QUEUE, "sqs:SendMessage"),
        unseen("denied", a_queue(), denied("sqs:GetQueueAttributes")),
    ),
    topic_restricted: (
        *common(TOPIC),
        *by_services(TOPIC, "sns:Publish"),
        unseen("denied", a_topic(), denied("sns:GetTopicAttributes")),
    ),
    function_restricted: (
        *common(FUNCTION),
        *OF_FUNCTIONS,
        unseen("denied", a_function(), denied("lambda:GetPolicy")),
    ),
    vault_restricted: (*common(VAULT), unseen("denied", a_vault(), denied("glacier:GetVaultAccessPolicy"))),
    secret_restricted: (*common(SECRET), unseen("denied", a_secret(), denied("secretsmanager:GetResourcePolicy"))),
    bus_restricted: common(bus_with),
}
NASTY_RESOURCES = (a_queue(NASTY), a_topic(NASTY), a_function(NASTY), a_vault(NASTY), a_secret(NASTY), a_bus(NASTY))


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason


def test_conditions_are_in_the_evidence() -> None:
    """Whoever reads a PASS sees what it rests on."""
    verdict = queue_restricted(*QUEUE(allow(Condition=ORGANIZATION)))
    assert verdict.evidence["conditions"] == ["StringEquals aws:PrincipalOrgID o-example1234"]


def test_url_of_a_function_is_in_the_evidence() -> None:
    verdict = function_restricted(*FUNCTION(by_url("NONE")))
    assert verdict.evidence["conditions"] == ["StringEquals lambda:FunctionUrlAuthType NONE"]
