"""Controls on SQS queues."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.sqs import Queue, QueuePolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Let queue policies name accounts and services, or tie them to aws:PrincipalOrgID.",
        asset="Name in the policy of queue {resource.name} who may send and receive.",
        command="aws sqs set-queue-attributes --region {region} --queue-url {resource.url} "
        "--attributes file://queue-attributes.json",
        preventive="Let a resource control policy deny sqs:* to principals of other organizations.",
    ),
)
def sqs_queue_policy_restricted(_queue: Queue, policy: Observed[QueuePolicy]) -> Verdict:
    """Queue policies name who may use the queue.

    Strangers who may send can feed whatever reads the queue; those who may receive take messages away from it.
    """
    return judge_policy(policy.value)
