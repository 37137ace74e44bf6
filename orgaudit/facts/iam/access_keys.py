"""The access keys of users as they are now; the credential report may be hours old and does not name them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orgaudit.facts.declare import Aws, Detail, detail
from orgaudit.facts.iam.authorization import User
from orgaudit.model import key_hint


class AccessKey(msgspec.Struct, frozen=True):
    """An access key of a user; `id` is its id's first and last four characters, which identify it among the user's.

    A whole id is half of what signs requests, and reveals the account and the user.
    """

    id: str
    active: bool
    created_at: datetime


class UserAccessKeys(Detail, frozen=True, kw_only=True):
    """All access keys of a user, active or not."""

    keys: tuple[AccessKey, ...] = ()

    @property
    def active(self) -> tuple[AccessKey, ...]:
        """The keys that work."""
        return tuple(key for key in self.keys if key.active)


@detail(actions=("iam:ListAccessKeys",))
async def user_access_keys(aws: Aws, user: User) -> UserAccessKeys:
    """Return the user's access keys; a user that is gone by now has none."""
    answer = await aws.find("iam", "ListAccessKeys", ("NoSuchEntity",), UserName=user.name)
    found = answer["AccessKeyMetadata"] if answer else ()
    keys = tuple(AccessKey(key_hint(key["AccessKeyId"]), key["Status"] == "Active", key["CreateDate"]) for key in found)
    return UserAccessKeys(arn=user.arn, keys=keys)
