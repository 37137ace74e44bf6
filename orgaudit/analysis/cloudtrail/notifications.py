"""Whether an alarm's notification reaches a subscriber: through the topic's policy, its key and its subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from orgaudit.facts.cloudtrail.topics import AlarmTopic
from orgaudit.languages import iam_policy as policies
from orgaudit.model import Gap, Json, parse_arn

SERVICE = "cloudwatch.amazonaws.com"
USES = ("kms:Decrypt", "kms:GenerateDataKey")
"""What publishing to an encrypted topic needs: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"""


@dataclass(frozen=True, slots=True)
class NotificationDelivery:
    """Whether a topic delivers an alarm's notification to a subscriber; it does where nothing of this is set.

    `broken` is why it does not, as the predicate of a sentence about the topic, and `silent` shows that only a
    subscriber is missing. `gap` was not seen and may be a break. `unclear` is what a person has to decide.
    """

    broken: str | None = None
    gap: Gap | None = None
    unclear: str | None = None
    silent: bool = False


WORKS = NotificationDelivery()


@dataclass(frozen=True, slots=True)
class Notification:
    """What an alarm sends to a topic, and the organization of the alarm's account where it is in one."""

    topic: AlarmTopic
    alarm_arn: str
    organization_id: str | None = None

    @property
    def delivery(self) -> NotificationDelivery:
        """The delivery through the topic to a confirmed subscriber: what is broken for certain comes first."""
        if not self.topic.exists:
            return NotificationDelivery("does not exist")
        links = (self._published(), self._encrypted(), self._received())
        return (
            next((link for link in links if link.broken), None)
            or next((link for link in links if link.gap), None)
            or next((link for link in links if link.unclear), WORKS)
        )

    def _published(self) -> NotificationDelivery:
        if isinstance(self.topic.policy, Gap):
            return NotificationDelivery(gap=self.topic.policy)
        decision = self._decide(self.topic.policy.value, "sns:Publish", self.topic.arn)
        return _link(
            decision, f"has a policy that does not let {SERVICE} publish to it", "its policy lets CloudWatch publish"
        )

    def _encrypted(self) -> NotificationDelivery:
        if isinstance(self.topic.key, Gap):
            return NotificationDelivery(gap=self.topic.key)
        key = self.topic.key.value
        if key is None:
            return WORKS
        broken = f"is encrypted with the key {key.name}, "
        if key.managed_by_aws:
            return NotificationDelivery(f"{broken}which AWS manages: its policy does not let CloudWatch use it")
        if key.state != "Enabled":
            return NotificationDelivery(
                broken + (f"which is in state {key.state}" if key.state else "which does not exist")
            )
        links = [
            _link(
                self._decide(key.policy, action, key.arn),
                f"{broken}whose policy does not let {SERVICE} call {action}",
                f"the policy of its key {key.name} lets CloudWatch call {action}",
            )
            for action in USES
        ]
        return max(links, key=lambda link: (link.broken is not None, link.unclear is not None))

    def _received(self) -> NotificationDelivery:
        if self.topic.confirmed:
            return WORKS
        waiting = f"; {self.topic.pending} wait for confirmation" if self.topic.pending else ""
        return NotificationDelivery(f"has no confirmed subscriber{waiting}", silent=True)

    def _decide(self, document: Json, action: str, resource: str) -> policies.Decision:
        """Return what CloudWatch may do for the alarm; alarms are distinguished only where the policy does so."""
        text = msgspec.json.encode(document)
        alarm_arn = self.alarm_arn if b"sourcearn" in text.lower() else ""
        account_id = parse_arn(self.alarm_arn)[3]
        return _decision(text, _Call(action, resource, account_id, alarm_arn, self.organization_id))


@dataclass(frozen=True, slots=True)
class _Call:
    """What CloudWatch calls, on behalf of which account and alarm."""

    action: str
    resource: str
    account_id: str
    alarm_arn: str
    organization_id: str | None


@lru_cache(maxsize=1024)
def _decision(text: bytes, call: _Call) -> policies.Decision:
    """Return the decision of the policy in the text; null is a policy that does not exist.

    A service that calls for itself is not a principal of an account or organization, and uses no VPC endpoint:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    document = msgspec.json.decode(text)
    context: dict[str, str | Sequence[str]] = {
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": SERVICE,
        "aws:SecureTransport": "true",
        "aws:SourceAccount": call.account_id,
        "aws:SourceArn": call.alarm_arn,
        "aws:SourceOwner": call.account_id,
        **dict.fromkeys(("aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceVpc", "aws:SourceVpce"), ()),
    }
    if call.organization_id:
        context["aws:SourceOrgID"] = call.organization_id
    principal = policies.Principal(policies.PrincipalKind.SERVICE, SERVICE)
    request = policies.Request(action=call.action, resource=call.resource, principal=principal, context=context)
    return policies.decide([] if document is None else [policies.parse_policy(document)], request)


def _link(decision: policies.Decision, broken: str, subject: str) -> NotificationDelivery:
    if decision.outcome is policies.Outcome.ALLOWED:
        return WORKS
    if decision.outcome is policies.Outcome.UNKNOWN:
        return NotificationDelivery(unclear=f"whether {subject} depends on {', '.join(decision.depends_on)}")
    return NotificationDelivery(broken)
