"""An audit that looks again at a part of an earlier run: what it calls, what it takes over, and what it says of that."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from orgaudit.errors import ExitCode
from orgaudit.history.baseline import is_whole
from orgaudit.model import Status
from orgaudit.store import seal
from orgaudit.store.run import Run
from orgaudit.store.verify import verify
from tests.audit_runs import (
    CHOSEN,
    CONTROLS,
    LOG_ARCHIVE,
    MANAGEMENT,
    MOBILE,
    PAYMENTS,
    SANDBOX,
    TOOLING,
    WEBSHOP,
    Caller,
    Outcome,
    assert_adds_up,
    assert_same,
    by_fingerprint,
)
from tests.faults import Delay, Deny, FaultProxy, Throttle

ONE_BY_ONE = "concurrent_accounts = 1"


def looked_at(proxy: FaultProxy) -> set[str]:
    """Return the accounts that anything was called in or whose role was assumed."""
    in_account = {call.account for call in proxy.calls if call.service not in {"sts", "organizations"}}
    return {each for each in (*in_account, *(call.target for call in proxy.calls)) if each}


def again(caller: Caller, name: str, *options: str, accounts: tuple[str, ...] = CHOSEN) -> Outcome:
    """Run an audit under another run id than "run", with the same settings."""
    settings = Caller(caller.environment, caller.directory, accounts).configured()
    found = caller.call("audit", "--config", str(settings), "--run-id", name, *options)
    return Outcome(found.code, found.stdout, found.stderr, Run(caller.directory / "reports" / name))


def test_x(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Deny(action="GetTrailStatus", account=PAYMENTS))
    first = caller.audit()
    print(first.code, first.stderr, first.stdout)
    proxy.rules.clear()
    proxy.calls.clear()
    second = again(caller, "second", "--since", "run")
    print(second.code, second.stderr, second.stdout)
    print(looked_at(proxy), PAYMENTS)
    print(second.manifest.since)
    proxy.calls.clear()
    third = again(caller, "third", "--only-open", "second")
    print(third.code, third.stderr, third.stdout)
    print(
        looked_at(proxy), third.manifest.only_open, [a.id for a in third.manifest.accounts], third.manifest.supporting
    )
    print(len(proxy.calls))
    print(verify(second.run), verify(third.run))
    assert 0
