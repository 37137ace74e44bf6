"""Macie for tests."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.macie import MacieDiscovery, MacieSession
from orgaudit.facts.shard import DetailGap
from tests.factories import HOME, MEMBER, denied, seen_all


def a_session(status: str = "ENABLED", *, account_id: str = MEMBER, region: str = HOME) -> MacieSession:
    arn = f"arn:aws:macie2:{region}:{account_id}:session"
    return seen_all(MacieSession, arn=arn, account_id=account_id, region=region, status=status)


def a_discovery(session: MacieSession, **changes: Any) -> MacieDiscovery:
    return MacieDiscovery(arn=session.arn, **changes)


def discovery_hidden(session: MacieSession) -> DetailGap:
    return DetailGap("MacieDiscovery", session.arn, denied("macie2:ListClassificationJobs"))
