"""The settings of Systems Manager in each region of an account."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import Row
from orgaudit.model import Observed, Scope

ACTION = "ssm:GetServiceSetting"
PUBLIC_SHARING = "/ssm/documents/console/public-sharing-permission"
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-ssm-sharing.html"""


class DocumentSharing(Resource, frozen=True, kw_only=True):
    """Whether documents of a region can be made public: Enable, which is the default, or Disable."""

    permission: Observed[str]


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def document_sharing(aws: Aws) -> AsyncIterator[DocumentSharing]:
    """Yield the one setting of the region, whether it has documents or not."""
    answer = await aws.call("ssm", "GetServiceSetting", SettingId=PUBLIC_SHARING)
    yield DocumentSharing(
        arn=f"arn:{aws.partition}:ssm:{aws.region}:{aws.account_id}:servicesetting{PUBLIC_SHARING}",
        **here(aws),
        permission=Row(aws, ACTION, answer).member("ServiceSetting.SettingValue", str),
    )
