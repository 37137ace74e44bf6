"""The steps of an exception's life: each changes what it should, and each rule refuses what it forbids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from orgaudit.model import EntryState
from orgaudit.register import lifecycle
from orgaudit.register.entries import EXCEPTIONS
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.state import state_of
from tests.register.making import fields

ON = date(2025, 2, 1)
ANA, JO, KIM = "ana@example.com", "Jo <jo@example.com>", "kim@example.com"


def approved(**changes: Any) -> dict[str, Any]:
    return fields(approved_on=date(2025, 1, 1), starts_on=date(2025, 1, 1), expires_on=date(2025, 3, 31)) | changes


def pending(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in approved(**changes).items() if key not in {"approved_by", "approved_on"}}


def draft(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in pending(**changes).items() if key != "requested_by"}


def after(entry: dict[str, Any], change: EntryChange) -> dict[str, Any]:
    """Return an entry as the register has it after a change."""
    merged = {**entry, **change.changes, "history": [*entry.get("history", []), change.event]}
    return {key: value for key, value in merged.items() if value is not None}


def state(entry: dict[str, Any], on: date = ON) -> EntryState:
    return state_of(EXCEPTIONS.model_of(entry).model_validate(entry), on, 30)


def closed(what: str) -> dict[str, Any]:
    return approved(history=[{"when": date(2025, 1, 20), "who": JO, "what": what, "why": "no"}])


STEPS: dict[str, Callable[[dict[str, Any]], EntryChange]] = {
    "request": lambda entry: lifecycle.requested(EXCEPTIONS, entry, Step(ANA, ON, "why")),
    "approve": lambda entry: lifecycle.approved(EXCEPTIONS, entry, Step(JO, ON, "why")),
    "reject": lambda entry: lifecycle.rejected(EXCEPTIONS, entry, Step(JO, ON, "why")),
    "revoke": lambda entry: lifecycle.revoked(EXCEPTIONS, entry, Step(JO, ON, "why")),
    "renew": lambda entry: lifecycle.renewed(EXCEPTIONS, entry, date(2025, 4, 30), Step(ANA, ON, "why")),
}


def renewing(entry: dict[str, Any], until: date = date(2025, 4, 30), by: str = ANA) -> dict[str, Any]:
    """Return an approved entry with a renewal that waits for approval."""
    return after(entry, lifecycle.renewed(EXCEPTIONS, entry, until, Step(by, ON, "slow")))


@pytest.mark.parametrize(
    ("step", "entry", "then", "what"),
    [
        ("request", draft(), EntryState.PENDING, "requested"),
        ("request", closed("rejected"), EntryState.PENDING, "requested"),
        ("request", closed("revoked"), EntryState.PENDING, "requested"),
        ("approve", pending(), EntryState.ACTIVE, "approved"),
        ("reject", pending(), EntryState.REJECTED, "rejected"),
        ("revoke", approved(), EntryState.REVOKED, "revoked"),
        ("approve", pending(starts_on=date(2025, 2, 2)), EntryState.SCHEDULED, "approved"),
        ("renew", approved(), EntryState.ACTIVE, "amended"),
        ("renew", approved(expires_on=date(2025, 1, 15)), EntryState.EXPIRED, "amended"),
        ("approve", renewing(approved()), EntryState.ACTIVE, "renewed"),
        ("approve", renewing(approved(expires_on=date(2025, 1, 15))), EntryState.ACTIVE, "renewed"),
        ("reject", renewing(approved()), EntryState.ACTIVE, "amendment_rejected"),
        ("reject", renewing(approved(expires_on=date(2025, 1, 15))), EntryState.EXPIRED, "amendment_rejected"),
        ("revoke", renewing(approved()), EntryState.REVOKED, "revoked"),
    ],
)
def test_a_step_leads_to_its_state(step: str, entry: dict[str, Any], then: EntryState, what: str) -> None:
    change = STEPS[step](entry)
    assert state(after(entry, change)) is then
    assert (change.event["when"], change.event["what"]) == (ON, what)
    assert change.event["why"].endswith("why")


@pytest.mark.parametrize(
    ("step", "entry", "message"),
    [
        ("request", pending(), "was requested before"),
        ("request", approved(), "was requested before"),
        ("request", draft(ticket=None), "ticket"),
        ("approve", draft(), "request it before you approve it"),
        ("approve", approved(), "is approved by jo@example.com; renew it"),
        ("approve", closed("rejected"), "request it again"),
        ("approve", closed("revoked"), "request it again"),
        ("approve", pending(requested_by="JO@example.com"), "another person must approve"),
        ("approve", pending(expires_on=date(2025, 1, 31)), "ended on 2025-01-31"),
        ("reject", draft(), "request it before you reject it"),
        ("reject", approved(), "revoke it"),
        ("revoke", pending(), "was never in force; reject it"),
        ("revoke", draft(), "was never in force"),
        ("revoke", closed("revoked"), "is revoked already"),
        ("renew", pending(), "was not approved yet"),
        ("renew", closed("revoked"), "request it again"),
        ("renew", approved(expires_on=date(2025, 4, 30)), "a renewal ends later"),
        (
            "renew",
            renewing(approved()),
            "has an amendment already .renewal until 2025-04-30; requested on 2025-02-01 by",
        ),
        ("approve", renewing(approved(), by=JO), "another person must approve"),
        ("approve", closed("revoked") | {"amendment": renewing(approved())["amendment"]}, "request it again"),
        ("reject", closed("revoked") | {"amendment": renewing(approved())["amendment"]}, "request it again"),
    ],
)
def test_a_step_that_a_rule_forbids_is_refused(step: str, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        STEPS[step](entry)


def test_what_is_missing_is_named_together() -> None:
    with pytest.raises(ValueError, match=r"title is missing.*owner is missing"):
        lifecycle.requested(
            EXCEPTIONS,
            {"id": "EXC-2025-0001", "scope": {"controls": ["a"], "accounts": ["111122223333"]}},
            Step(ANA, ON, "w"),
        )


@pytest.mark.parametrize(("days", "refused"), [(58, False), (57, True)])
def test_a_life_longer_than_policy_is_refused(days: int, *, refused: bool) -> None:
    entry = pending()  # approved on 1 February, it ends on 31 March: 58 days
    if refused:
        with pytest.raises(ValueError, match="would live 58 days, and policy allows 57"):
            lifecycle.approved(EXCEPTIONS, entry, Step(JO, ON, "why"), longest_days=days)
    else:
        assert lifecycle.approved(EXCEPTIONS, entry, Step(JO, ON, "why"), longest_days=days).changes == {
            "approved_by": JO,
            "approved_on": ON,
        }


def test_a_renewal_needs_another_approval_by_somebody_else_and_is_counted() -> None:
    entry = approved()
    for number, until in enumerate((date(2025, 4, 30), date(2025, 5, 31)), start=1):
        was = entry["expires_on"]
        renewal = lifecycle.renewed(EXCEPTIONS, entry, until, Step(JO, ON, "slow"))
        assert renewal.event["why"] == f"until {until}, was {was}: slow"
        entry = after(entry, renewal)
        assert (entry["expires_on"], entry["requested_by"], entry["approved_on"]) == (was, *signature(entry))
        assert lifecycle.renewals(entry) == number - 1
        with pytest.raises(ValueError, match="another person"):
            lifecycle.approved(EXCEPTIONS, entry, Step("jo@example.com", ON, "mine"))
        entry = after(entry, lifecycle.approved(EXCEPTIONS, entry, Step(KIM, ON, "fine")))
        assert (entry["expires_on"], entry["requested_by"], entry["approved_by"]) == (until, JO, KIM)
        assert "amendment" not in entry
        assert lifecycle.renewals(entry) == number
        assert state(entry) is EntryState.ACTIVE


def signature(entry: dict[str, Any]) -> tuple[object, object]:
    """Return who requested an entry and when it was approved, as the step before left it."""
    return (JO if lifecycle.renewals(entry) else fields()["requested_by"]), entry["approved_on"]


def test_an_amendment_of_more_than_the_last_day_counts_as_a_renewal_where_it_ends_later() -> None:
    entry = after(pending(), lifecycle.approved(EXCEPTIONS, pending(), Step(JO, ON, "fine")))
    longer = {**entry, "expires_on": date(2025, 4, 30), "title": "Another"}
    entry = after(entry, lifecycle.edited(EXCEPTIONS, entry, longer, Step(ANA, ON, "edited")))
    entry = after(entry, lifecycle.approved(EXCEPTIONS, entry, Step(JO, ON, "fine")))
    assert (entry["title"], entry["expires_on"], lifecycle.renewals(entry)) == ("Another", date(2025, 4, 30), 1)
    assert entry["history"][-1]["what"] == "approved"


@pytest.mark.parametrize(("days", "refused"), [(88, False), (87, True)])
def test_the_life_of_a_renewal_counts_from_its_request_and_the_longest_day_is_named(
    days: int, *, refused: bool
) -> None:
    step = Step(ANA, ON, "slow")  # until 30 April it is 88 days
    if refused:
        with pytest.raises(ValueError, match="policy allows 87 for what it covers; set expires_on to 2025-04-29"):
            lifecycle.renewed(EXCEPTIONS, approved(), date(2025, 4, 30), step, longest_days=days)
    else:
        renewal = lifecycle.renewed(EXCEPTIONS, approved(), date(2025, 4, 30), step, longest_days=days)
        assert renewal.changes["amendment"]["changes"] == {"expires_on": date(2025, 4, 30)}


def test_a_renewal_that_is_approved_late_leaves_the_days_between_uncovered() -> None:
    entry = after(pending(), lifecycle.approved(EXCEPTIONS, pending(), Step(JO, ON, "fine")))
    entry = renewing(entry)
    entry = after(entry, lifecycle.approved(EXCEPTIONS, entry, Step(JO, date(2025, 4, 10), "late")))
    states = [
        state(entry, day) for day in (ON, date(2025, 3, 31), date(2025, 4, 1), date(2025, 4, 9), date(2025, 4, 10))
    ]
    assert states == ["active", "expiring", "expired", "expired", "expiring"]


def test_before_an_approval_of_other_terms_nothing_is_known_to_be_covered() -> None:
    entry = after(pending(), lifecycle.approved(EXCEPTIONS, pending(), Step(JO, ON, "fine")))
    edit = lifecycle.edited(EXCEPTIONS, entry, {**entry, "scope": NEW_VALUES["scope"]}, Step(ANA, ON, "wider"))
    entry = after(entry, edit)
    assert state(entry) is EntryState.ACTIVE
    entry = after(entry, lifecycle.approved(EXCEPTIONS, entry, Step(JO, date(2025, 2, 5), "fine")))
    assert [state(entry, date(2025, 2, day)) for day in (4, 5)] == ["pending", "active"]


def test_a_renewal_until_a_day_that_is_over_is_refused() -> None:
    with pytest.raises(ValueError, match="2025-01-20 is over"):
        lifecycle.renewed(EXCEPTIONS, approved(expires_on=date(2025, 1, 10)), date(2025, 1, 20), Step(ANA, ON, "late"))


NEW_VALUES: dict[str, Any] = {
    "title": "Another",
    "type": "false_positive",
    "scope": {"controls": ["b_c"], "accounts": ["111122223333"]},
    "justification": "Other.",
    "requested_by": KIM,
    "starts_on": date(2025, 1, 2),
    "expires_on": date(2025, 4, 30),
    "severity_adjusted": "low",
    "risk_statement": "None.",
    "compensating_controls": ["A lock"],
    "max_findings": 3,
    "broad": True,
    "supersedes": "EXC-2024-0001",
}


def test_every_approved_field_is_tried() -> None:
    assert set(NEW_VALUES) == EXCEPTIONS.substance


@pytest.mark.parametrize("key", sorted(NEW_VALUES.keys() - {"requested_by", "starts_on"}))
def test_an_edit_of_an_approved_field_waits_for_another_approval(key: str) -> None:
    change = lifecycle.edited(EXCEPTIONS, approved(), approved(**{key: NEW_VALUES[key]}), Step(JO, ON, "edited"))
    waits = {"requested_by": JO, "requested_on": ON, "why": "edited", "changes": {key: NEW_VALUES[key]}}
    assert change.changes == {"amendment": waits}
    assert change.event["what"] == "amended"
    assert ("until 2025-04-30" if key == "expires_on" else key) in change.event["why"]
    entry = after(approved(), change)
    assert state(entry) is EntryState.ACTIVE
    again = lifecycle.edited(EXCEPTIONS, entry, {**entry, key: NEW_VALUES[key]}, Step(JO, ON, "edited"))
    assert again == EntryChange(), "what waits already is not requested twice"
    other = {**entry, "title": "A third"}
    with pytest.raises(ValueError, match="has an amendment already"):
        lifecycle.edited(EXCEPTIONS, entry, other, Step(JO, ON, "edited"))
    entry = after(entry, lifecycle.approved(EXCEPTIONS, entry, Step(KIM, ON, "fine")))
    assert (entry[key], entry["approved_by"], entry["requested_by"]) == (NEW_VALUES[key], KIM, JO)


def test_an_edit_changes_what_needs_no_approval_at_once() -> None:
    new = approved(ticket="SEC-2", title="Another")
    change = lifecycle.edited(EXCEPTIONS, approved(), new, Step(JO, ON, "edited"))
    assert change.changes["ticket"] == "SEC-2"
    assert change.changes["amendment"]["changes"] == {"title": "Another"}


def test_a_scheduled_exception_may_start_on_another_day() -> None:
    entry = approved(starts_on=date(2025, 2, 10))
    change = lifecycle.edited(EXCEPTIONS, entry, {**entry, "starts_on": date(2025, 2, 5)}, Step(ANA, ON, "sooner"))
    assert change.changes["amendment"]["changes"] == {"starts_on": date(2025, 2, 5)}


@pytest.mark.parametrize(
    "edit",
    [
        {"owner": "Kim <kim@example.com>"},
        {"ticket": "SEC-2"},
        {"comments": "x"},
        {"evidence": ["https://example.com/1"]},
        {"review_by": date(2025, 3, 1)},
        {"expires_on": date(2025, 3, 1)},
    ],
)
def test_an_edit_of_anything_else_stays_approved(edit: dict[str, Any]) -> None:
    change = lifecycle.edited(EXCEPTIONS, approved(), approved(**edit), Step(KIM, ON, "told so"))
    assert change.changes == edit
    until = {"until": edit["expires_on"]} if "expires_on" in edit else {}
    assert change.event == {"when": ON, "who": KIM, "what": "changed", "why": f"{next(iter(edit))}: told so", **until}
    assert state(after(approved(), change)).covers


def test_who_edits_a_pending_exception_may_not_approve_it() -> None:
    change = lifecycle.edited(EXCEPTIONS, pending(), pending(scope=NEW_VALUES["scope"]), Step(JO, ON, "edited"))
    with pytest.raises(ValueError, match="another person"):
        lifecycle.approved(EXCEPTIONS, after(pending(), change), Step(JO, ON, "mine"))


def test_a_draft_is_edited_without_ado_and_requested_by_naming_who_asks() -> None:
    change = lifecycle.edited(EXCEPTIONS, draft(), draft(title="Other"), Step(JO, ON, "edited"))
    assert (change.changes, change.event["what"]) == ({"title": "Other"}, "changed")
    asked = lifecycle.edited(EXCEPTIONS, draft(), pending(), Step(ANA, ON, "edited"))
    assert (asked.event["what"], state(after(draft(), asked))) == ("requested", EntryState.PENDING)


def test_no_edit_is_no_event() -> None:
    same = approved(expires_on="2025-03-31")
    assert lifecycle.edited(EXCEPTIONS, same, approved(), Step(JO, ON, "edited")) == EntryChange()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (pending(), approved(), "approved_by of EXC-2025-0001 is not edited by hand"),
        (approved(), approved(approved_on=date(2025, 1, 9)), "approved_on"),
        (approved(), approved(id="EXC-2025-0002"), "id of"),
        (closed("rejected"), approved(), "history of"),
        (closed("revoked"), closed("revoked") | {"title": "x"}, "is revoked, so title cannot change"),
        (approved(), approved(expires_on=date(2024, 1, 1)), "before starts_on"),
        (approved(), approved(owner=""), "owner"),
        (approved(), approved(requested_by=KIM), "is approved, so its requested_by does not change"),
        (approved(), approved(starts_on=date(2025, 1, 2)), "began on 2025-01-01, so its starts_on cannot change"),
        (
            approved(),
            approved(amendment={"changes": {"title": "x"}}),
            "amendment of EXC-2025-0001 is not edited by hand",
        ),
    ],
)
def test_an_edit_that_a_rule_forbids_is_refused(old: dict[str, Any], new: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lifecycle.edited(EXCEPTIONS, old, new, Step(JO, ON, "edited"))


@pytest.mark.parametrize(("by", "why"), [("", "why"), (" ", "why"), (JO, ""), (JO, " ")])
def test_a_step_says_who_and_why(by: str, why: str) -> None:
    with pytest.raises(ValueError, match="who does this and why"):
        lifecycle.rejected(EXCEPTIONS, pending(), Step(by, ON, why))


def test_history_is_not_written_for_days_before_its_end() -> None:
    entry = pending(history=[{"when": date(2025, 2, 2), "who": ANA, "what": "commented", "why": "x"}])
    with pytest.raises(ValueError, match="goes on to 2025-02-02"):
        lifecycle.rejected(EXCEPTIONS, entry, Step(JO, ON, "why"))


def test_a_draft_begins_with_an_event() -> None:
    assert lifecycle.created(EXCEPTIONS, {"id": "EXC-2025-0001"}, Step(ANA, ON, "added")).event["what"] == "created"
    with pytest.raises(ValueError, match="unknown key"):
        lifecycle.created(EXCEPTIONS, {"id": "EXC-2025-0001", "titel": "x"}, Step(ANA, ON, "added"))
