"""What has a policy of its own: keys, queues, topics, functions, secrets and event buses."""

import json
from collections.abc import Mapping

from moto.awslambda.models import lambda_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from orgaudit.demo.organization import account_named
from orgaudit.demo.roles import add_role, document

_EMPTY_ARCHIVE = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
_WEBSHOP, _PAYMENTS = ("Webshop Production", "eu-west-1"), ("Payments Production", "eu-central-1")
_SANDBOX, _SCIENCE = ("Sandbox Platform", "us-east-1"), ("Sandbox Data Science", "eu-west-1")
_TESTS = ("Payments Development", "eu-west-1")

_KEYS = (
    (*_WEBSHOP, "orders", True, False),
    (*_PAYMENTS, "ledger", True, False),
    (*_TESTS, "ledger-test", False, False),
    (*_SANDBOX, "shared-by-all", False, True),
)
"""Keys by alias: whether they rotate, and whether everyone may use them."""
_QUEUES = ((*_WEBSHOP, "orders", False), (*_SCIENCE, "inbox", True))
_TOPICS = ((*_PAYMENTS, "settlements", False), (*_SANDBOX, "broadcast", True))
_SECRETS = ((*_PAYMENTS, "ledger/password", False), (*_SANDBOX, "demo/password", True))
"""Queues, topics and secrets, and whether everyone may use them."""
_FUNCTIONS = ((*_WEBSHOP, "resize-images", False), (*_TESTS, "callback", True))
"""Functions, and whether everyone may invoke them."""
_OPEN_BUS = _SCIENCE


def seed() -> None:
    """Create all of it."""
    for name, region, alias, rotates, shared in _KEYS:
        add_key(account_named(name).id, region, alias, rotates=rotates, shared=shared)
    for name, region, queue, shared in _QUEUES:
        made = sqs_backends[account_named(name).id][region].create_queue(queue)
        if shared:
            made.policy = _everyone("sqs:SendMessage", made.queue_arn)
    for name, region, topic, shared in _TOPICS:
        added = sns_backends[account_named(name).id][region].create_topic(topic)
        if shared:
            added.policy = _everyone("sns:Publish", added.arn)
    for name, region, secret, shared in _SECRETS:
        backend = secretsmanager_backends[account_named(name).id][region]
        backend.create_secret(secret, "not-a-real-one", None, None, [], None, None, [], False)
        if shared:
            backend.put_resource_policy(secret, _everyone("secretsmanager:GetSecretValue", "*"))
    for name, region, function, shared in _FUNCTIONS:
        _function(account_named(name).id, region, function, shared=shared)
    name, region = _OPEN_BUS
    account_id = account_named(name).id
    bus = f"arn:aws:events:{region}:{account_id}:event-bus/default"
    policy = _everyone("events:PutEvents", bus)
    events_backends[account_id][region].put_permission("", "", "", "", {}, policy)


def add_key(account: str, region: str, alias: str, *, rotates: bool, shared: bool = False) -> str:
    """Create a symmetric key with an alias, and return its ARN; a shared one may be used by everyone."""
    kms = kms_backends[account][region]
    key = kms.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", alias, None)
    kms.create_alias(key.id, f"alias/{alias}")
    if rotates:
        kms.enable_key_rotation(key.id)
    if shared:
        kms.put_key_policy(key.id, _everyone("kms:*", "*"))
    return key.arn


def _everyone(action: str, resource: str) -> str:
    statement: Mapping[str, object] = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
    return document([{"Sid": "Everyone", **statement}])


def _function(account: str, region: str, name: str, *, shared: bool) -> None:
    role = add_role(iam_backends[account]["aws"], f"{name}-function", {"Service": "lambda.amazonaws.com"})
    function = lambda_backends[account][region].create_function({
        "FunctionName": name,
        "Runtime": "python3.12",
        "Handler": "main.handle",
        "Role": role,
        "Code": {"ZipFile": _EMPTY_ARCHIVE},
    })  # fmt: skip
    permission = {"StatementId": "invoke", "Action": "lambda:InvokeFunction"}
    if shared:
        permission |= {"Principal": "*"}
    else:
        permission |= {"Principal": "s3.amazonaws.com", "SourceAccount": account}
    function.policy.add_statement(json.dumps(permission))
