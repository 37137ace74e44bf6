"""Controls on SQS queues."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.sqs import Queue, QueueEncryption, QueuePolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, require


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Restrict queue policies to named accounts and services, or to the organization with "
        "aws:PrincipalOrgID.",
        asset="Name the principals that may send and receive in the policy of queue {resource.name}.",
        command="aws sqs set-queue-attributes --region {region} --queue-url {resource.url} "
        "--attributes file://queue-attributes.json",
        preventive="Deny sqs:* to principals outside the organization with a resource control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def sqs_queue_policy_restricted(_queue: Queue, policy: Observed[QueuePolicy]) -> Verdict:
    """SQS queue policies do not allow public access.

    Public sending lets external principals inject messages into the systems that read the queue. Public receiving lets
    them read and remove messages.
    """
    return judge_policy(policy.value)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Encrypt all queues, with keys of KMS where other accounts or services must not read messages.",
        asset="Enable encryption for queue {resource.name}.",
        command="aws sqs set-queue-attributes --region {region} --queue-url {resource.url} --attributes "
        "SqsManagedSseEnabled=true",
        preventive="Create queues only from a template that does not disable their encryption.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def sqs_queue_encrypted(_queue: Queue, encryption: Observed[QueueEncryption]) -> Verdict:
    """SQS queues encrypt messages.

    Messages often hold personal data or tokens, and a queue keeps them for up to 14 days. New queues are encrypted
    unless somebody disables it.
    """
    seen = encryption.value
    return require(
        seen.encrypted.value,
        then=f"messages are encrypted with {f'KMS key {seen.key_id}' if seen.key_id else 'a key of SQS'}",
        otherwise="messages are not encrypted",
        kms_key=seen.key_id or None,
    )
