"""One command takes many entries a step further: all of them, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_exceptions_commands import Desk, desk, write
from tests.register.making import fields

__all__ = ["desk"]

IDS = tuple(f"EXC-2026-000{number}" for number in range(1, 5))
JO = ("--by", "jo@example.com", "--why", "seen")


def entry(name: str, **changes: Any) -> dict[str, Any]:
    dates = {"starts_on": "2026-02-01", "expires_on": "2026-03-31", "approved_on": "2026-02-01"}
    return fields(id=name, title=f"About {name}", **(dates | changes))


def pending(name: str, **changes: Any) -> dict[str, Any]:
    return entry(name, **({"approved_by": None, "approved_on": None} | changes))


@pytest.mark.parametrize(("verb", "then"), [("approve", "active"), ("reject", "rejected")])
def test_many_ids_are_decided_at_once(desk: Desk, verb: str, then: str) -> None:
    write(desk, *map(pending, IDS))
    shown = desk(verb, *IDS[:2], IDS[0], *JO)
    assert [desk.state(name) for name in IDS] == [then, then, "pending", "pending"]
    assert [len(desk.entry(name)["history"]) for name in IDS[:2]] == [1, 1]
    assert shown.count("written to") == 1


def test_many_ids_are_renewed_requested_and_revoked_at_once(desk: Desk) -> None:
    write(desk, *map(entry, IDS))
    desk("renew", *IDS, "--until", "2026-04-30", "--why", "slow")
    assert all(desk.entry(name)["amendment"]["changes"] for name in IDS)
    desk("revoke", *IDS, *JO)
    desk("request", *IDS, "--why", "again")
    assert [desk.state(name) for name in IDS] == ["pending"] * 4


def test_one_that_cannot_is_named_and_nothing_is_written(desk: Desk) -> None:
    write(desk, pending(IDS[0]), entry(IDS[1]), pending(IDS[2], requested_by="jo@example.com"), pending(IDS[3]))
    before = desk.register.read_bytes()
    refused = desk("approve", *IDS, *JO, code=2)
    assert f"{IDS[1]} is approved by jo@example.com" in refused
    assert f"jo@example.com requested {IDS[2]}" in refused
    assert "nothing was written" in refused
    assert desk.register.read_bytes() == before


def test_all_that_waits_is_listed_and_decided_once_it_is_confirmed(desk: Desk) -> None:
    write(desk, pending(IDS[0]), entry(IDS[1]), pending(IDS[2], requested_by="jo@example.com"), entry(IDS[3]))
    desk("renew", IDS[3], "--until", "2026-04-30", "--why", "slow")
    asks = desk("approve", "--all-pending", *JO, code=2)
    assert "confirm with --yes to approve 2 exceptions" in asks
    shown = desk("approve", "--all-pending", "--yes", *JO)
    assert f"left out: jo@example.com requested {IDS[2]}" in shown
    assert f"{IDS[0]} until 2026-03-31; Ana <ana@example.com> About {IDS[0]}" in shown
    assert f"{IDS[3]} renewal until 2026-04-30" in shown
    assert [desk.state(name) for name in IDS] == ["active", "active", "pending", "active"]
    assert str(desk.entry(IDS[3])["expires_on"]) == "2026-04-30"
    assert "nothing to approve" in desk("approve", "--all-pending", "--yes", *JO)


def test_a_terminal_is_asked_before_all_is_decided(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write(desk, *map(pending, IDS))
    monkeypatch.setattr("orgaudit.cli.exceptions.lifecycle._is_asked", lambda: True)
    desk("reject", "--all-pending", *JO, asked="y\n")
    assert [desk.state(name) for name in IDS] == ["rejected"] * 4


@pytest.mark.parametrize("arguments", [(), (IDS[0], "--all-pending")])
def test_ids_or_all_that_waits_but_one_of_the_two(desk: Desk, arguments: tuple[str, ...]) -> None:
    assert "give the ids of exceptions, or --all-pending" in desk("approve", *arguments, *JO, code=2)


def test_an_amendment_that_is_wrong_counts_for_nothing_and_the_entry_stands(desk: Desk, tmp_path: Path) -> None:
    changes = {"expires_on": "2026-01-01", "owner": "x"}
    wrong = {"requested_by": "kim@example.com", "requested_on": "2026-02-02", "why": "later", "changes": changes}
    write(desk, entry(IDS[0], amendment=wrong), entry(IDS[1], amendment={"why": "later"}))
    assert [desk.state(name) for name in IDS[:2]] == ["active", "active"]
    shown = desk("check", code=2)
    assert "exceptions[0].amendment.changes.owner: is not a key that an amendment changes" in shown
    assert "exceptions[1].amendment.requested_by: is missing" in shown
    assert "2 sound, 0 invalid" in shown
    assert "correct it first" in desk("approve", IDS[0], *JO, code=2)
