"""Facts about identities, analyzers and contacts survive being written to a shard."""

from __future__ import annotations

import msgspec
import pytest

from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.shard import shard_decoder
from tests.factories import NOW
from tests.factories_iam import (
    a_group,
    a_key,
    a_policy,
    a_provider,
    a_root,
    a_user,
    an_analyzer,
    an_iam_role,
    an_identity_center,
    an_instance_profile,
    analyzers_in,
    credentials_of,
    devices_of,
    features,
    keys_of,
    named,
    root_used,
    unreadable,
)

ROOT, USER = a_root(), a_user()
FACTS: list[Resource | Detail] = [
    *named("x").values(),
    a_group(),
    an_iam_role(),
    an_instance_profile(),
    a_provider(),
    an_identity_center(),
    features("RootSessions"),
    a_policy(grants=unreadable()),
    analyzers_in("eu-west-1", an_analyzer()),
    credentials_of(USER, password_used_at=NOW),
    keys_of(USER, a_key()),
    devices_of(ROOT, "serial"),
    root_used(ROOT),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_round_trip(fact: Resource | Detail) -> None:
    assert shard_decoder({type(fact)}).decode(msgspec.json.encode(fact)) == fact
