"""What the controls on stages of APIs, on queues and on event buses say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls import apigateway, apigatewayv2
from orgaudit.controls.declare import Control
from orgaudit.controls.eventbridge import eventbridge_bus_policy_attached
from orgaudit.controls.sqs import sqs_queue_encrypted
from orgaudit.facts.apigateway import StageIntegrations
from orgaudit.facts.eventbridge import EventBus
from orgaudit.facts.sqs import QueueEncryption
from orgaudit.model import Observed, Seen
from tests.factories import Case, denied, every, failing, idle, name_of, passing, unseen
from tests.factories_front_ends import a_rest_stage, a_stage
from tests.factories_resource_policies import a_bus, a_queue, allow, text

STAGE, QUEUE = a_rest_stage(), a_queue()
OFF = {"*/*": "ERROR", "~1pets/GET": "OFF"}


def socket(**changes: Any) -> Any:
    return a_stage(protocol="WEBSOCKET", **changes)


def backends(*types: str) -> Seen[StageIntegrations]:
    return Seen(StageIntegrations(arn=STAGE.arn, types=types))


def encrypted(seen: Observed[bool], key: str = "") -> Seen[QueueEncryption]:
    return Seen(QueueEncryption(arn=QUEUE.arn, encrypted=seen, key_id=key))


def bus_without_sight() -> EventBus:
    bus = a_bus()
    return EventBus(arn=bus.arn, account_id=bus.account_id, region=bus.region, policy=denied())


CASES: dict[Control, tuple[Case, ...]] = {
    apigateway.apigateway_stage_execution_logging_enabled: (
        passing("INFO", STAGE, says="level INFO"),
        passing("ERROR", a_rest_stage(log_levels={"*/*": "ERROR", "~1pets/GET": "INFO"}), says="level ERROR"),
        failing("a method is off", a_rest_stage(log_levels=OFF), says="disabled for ~1pets/GET"),
        failing("off", a_rest_stage(log_levels={"*/*": "OFF"}), says="is not enabled"),
        failing("no settings", a_rest_stage(log_levels={}), says="is not enabled"),
        failing("one method only", a_rest_stage(log_levels={"~1pets/GET": "INFO"}), says="is not enabled"),
        unseen("unseen", a_rest_stage(log_levels=denied())),
    ),
    apigatewayv2.apigatewayv2_websocket_stage_execution_logging_enabled: (
        passing("INFO", socket()),
        failing("off", socket(log_levels={"*": "OFF"}), says="is not enabled"),
        failing("a route is off", socket(log_levels={"*": "INFO", "$connect": "OFF"}), says="disabled for $connect"),
        idle("HTTP", a_stage(log_levels=denied()), says="HTTP APIs"),
        unseen("unseen", socket(log_levels=denied())),
    ),
    apigateway.apigateway_stage_client_certificate_used: (
        passing("certificate", STAGE, backends("HTTP", "MOCK"), says="abcdef"),
        failing("none", a_rest_stage(client_certificate=""), backends("HTTP"), says="no client certificate"),
        idle("other backends", STAGE, backends("AWS_PROXY", "HTTP_PROXY", "MOCK"), says="of type HTTP"),
        unseen("denied", STAGE, denied()),
    ),
    apigateway.apigateway_stage_tracing_enabled: (
        passing("on", STAGE),
        failing("off", a_rest_stage(traced=False), says="is not enabled"),
        unseen("unseen", a_rest_stage(traced=denied())),
    ),
    apigateway.apigateway_stage_waf_attached: (
        passing("WAF", STAGE, says="webacl/api/1"),
        failing("none", a_rest_stage(web_acl=""), says="no web ACL"),
        failing("private without", a_rest_stage(web_acl="", private=True), says="no web ACL"),
    ),
    apigateway.apigateway_stage_cache_encrypted: (
        passing("encrypted", STAGE),
        failing("a method", a_rest_stage(caches={"*/*": True, "~1pets/GET": False}), says="for ~1pets/GET"),
        idle("no cache", a_rest_stage(has_cache=False, caches=denied()), says="the stage has no cache"),
        idle("nothing cached", a_rest_stage(caches={}), says="no method"),
        unseen("cache unseen", a_rest_stage(has_cache=denied())),
        unseen("methods unseen", a_rest_stage(caches=denied())),
    ),
    sqs_queue_encrypted: (
        passing("SQS", QUEUE, encrypted(Seen(True)), says="a key of SQS"),
        passing("KMS", QUEUE, encrypted(Seen(True), "alias/queues"), says="KMS key alias/queues"),
        failing("off", QUEUE, encrypted(Seen(False)), says="not encrypted"),
        unseen("denied", QUEUE, denied()),
        unseen("attribute unseen", QUEUE, encrypted(denied())),
    ),
    eventbridge_bus_policy_attached: (
        passing("policy", a_bus(policy=text(allow()))),
        failing("none", a_bus(), says="no policy"),
        failing("named like the default one", a_bus("team/default"), says="no policy"),
        idle("default", a_bus("default"), says="default bus"),
        idle("partner", a_bus("aws.partner/example.com/1/orders"), says="bus of a partner"),
        unseen("unseen", bus_without_sight()),
    ),
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason
