"""Controls on SQS queues."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.sqs import Queue, QueuePolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


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
