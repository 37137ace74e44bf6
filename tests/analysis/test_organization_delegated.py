"""Who administers which service for the organization, as a control sees it."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.analysis.organization_facts import Organization
from orgaudit.model import NotSeenError
from tests.factories import MANAGEMENT, SECURITY


def organization(**more: Any) -> Organization:
    return Organization([], management_account_id=MANAGEMENT, load=lambda _: None, **more)


def test_administrators_by_service_principal() -> None:
    delegated = {"access-analyzer.amazonaws.com": (SECURITY,)}
    assert organization(delegated=delegated).delegated == delegated


def test_nobody_is_delegated_without_being_told() -> None:
    assert dict(organization().delegated) == {}


def test_administrators_that_could_not_be_read_are_not_seen() -> None:
    with pytest.raises(NotSeenError, match="delegated administrators could not be read") as error:
        _ = organization(delegated=None).delegated
    assert (error.value.gap.account_id, error.value.gap.action) == (
        MANAGEMENT,
        "organizations:ListDelegatedAdministrators",
    )
