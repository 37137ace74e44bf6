"""How a control is made of a function, and how the catalogue finds it."""

from __future__ import annotations

import shlex
from types import ModuleType
from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls import declare
from orgaudit.controls.declare import Control, Fix, catalogue, control
from orgaudit.errors import ConfigError
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.model import Disruption, Effort, Gap, Observed, Scope, Seen, Severity, Status, Verdict, passed
from orgaudit.settings.thresholds import Thresholds
from tests.factories import a_status, a_trail, denied

FIX = Fix(
    service_wide="Do it everywhere.",
    asset="Mend {resource.name} in {region} of {account}.",
    command="aws remedy --name {resource.arn} --place {region} --note '{{ kept }}'",
    preventive="Keep {partition} mended.",
    preventive_command="aws keep --account {account}",
    effort=Effort.S,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)
PLACE = {"account": "222222222222", "region": "eu-west-1", "partition": "aws"}
LOW = control(Severity.LOW, fix=FIX)


@LOW
def example_trail_fine(trail: Trail, status: Observed[TrailStatus], thresholds: Thresholds) -> Verdict:
    """Trails are fine.

    What is not fine
    is bad.
    """
    return passed(f"logs: {status.value.logging}")


def test_said_once() -> None:
    made = example_trail_fine
    assert (made.id, made.service, made.title) == ("example_trail_fine", "test_declare", "Trails are fine")
    assert made.rationale == "What is not fine is bad."
    assert made.subject is Trail
    assert made.takes == (Trail, TrailStatus, Thresholds)
    assert made.facts == (Trail, TrailStatus)
    assert made.scope is Scope.REGIONAL
    assert made.actions == ("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus")


@control(Severity.LOW, fix=FIX, facts=(Trail, TrailSelectors))
def example_account_fine(account: AccountFacts, organization: Organization) -> Verdict:
    """Accounts are fine.

    What is not fine is bad.
    """
    return passed("fine")


def test_over_an_account() -> None:
    assert example_account_fine.scope is Scope.ACCOUNT
    assert example_account_fine.facts == (Trail, TrailSelectors)
    assert example_account_fine.actions == ("cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors")


def test_seen_value_is_judged() -> None:
    verdict = example_trail_fine(a_trail(), Seen(a_status(a_trail())), Thresholds())
    assert (verdict.status, verdict.reason, verdict.gap) == (Status.PASS, "logs: True", None)


def test_gap_is_not_assessed() -> None:
    gap: Gap = denied("cloudtrail:GetTrailStatus")
    verdict = example_trail_fine(a_trail(), gap, Thresholds())
    assert (verdict.status, verdict.gap) == (Status.NOT_ASSESSED, gap)
    assert gap.message in verdict.reason


def untitled(trail: Trail) -> Verdict:
    return passed("")


def reasonless(trail: Trail) -> Verdict:
    """Trails are fine."""
    return passed("")


def about_a_text(text: str) -> Verdict:
    """Texts are fine.

    They are.
    """
    return passed("")


def about_thresholds(thresholds: Thresholds) -> Verdict:
    """Thresholds are fine.

    They are.
    """
    return passed("")


def about_facts_unnamed(account: AccountFacts) -> Verdict:
    """Accounts are fine.

    They are.
    """
    return passed("")


@pytest.mark.parametrize(
    ("judge", "says"),
    [
        (untitled, "needs a docstring"),
        (reasonless, "needs a docstring"),
        (about_a_text, "no control can take"),
        (about_thresholds, "the first parameter is"),
        (about_facts_unnamed, "facts are named in the decorator"),
    ],
)
def test_what_no_control_can_be(judge: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        LOW(judge)


def test_detail_beside_an_account_is_refused() -> None:
    def judge(account: AccountFacts, status: Observed[TrailStatus]) -> Verdict:
        """Accounts are fine.

        They are.
        """
        return passed("")

    with pytest.raises(TypeError, match="facts are named in the decorator"):
        control(Severity.LOW, fix=FIX, facts=(Trail,))(judge)


# Remediation


@pytest.mark.parametrize("name", ["main", "a; rm -rf /", "it's", "$(reboot)", "a b", "{account}", "`x`"])
def test_values_in_commands_are_quoted(name: str) -> None:
    trail = a_trail(name)
    found = example_trail_fine.remediation(trail, None, PLACE)
    assert found.asset.command is not None
    words = shlex.split(found.asset.command)
    assert words == ["aws", "remedy", "--name", trail.arn, "--place", "eu-west-1", "--note", "{ kept }"]


def test_texts_are_filled_and_missing_commands_stay_missing() -> None:
    found = example_trail_fine.remediation(a_trail(), None, PLACE)
    assert found.asset.text == "Mend main in eu-west-1 of 222222222222."
    assert (found.service_wide.text, found.service_wide.command) == ("Do it everywhere.", None)
    assert (found.preventive.text, found.preventive.command) == ("Keep aws mended.", "aws keep --account 222222222222")


def test_command_of_a_verdict_replaces_the_own_one() -> None:
    found = example_trail_fine.remediation(a_trail(), "aws other {as it is}", PLACE)
    assert found.asset.command == "aws other {as it is}"
    assert found.asset.text == "Mend main in eu-west-1 of 222222222222."


# The catalogue


def offered(name: str, **values: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(values)
    return module


def loaded(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> dict[str, Control]:
    monkeypatch.setattr(declare, "offered_modules", lambda: list(modules))
    return catalogue.__wrapped__()


def test_offered_controls_are_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    found = loaded(monkeypatch, offered(__name__, mine=example_trail_fine, text="no control"))
    assert found["example_trail_fine"] is example_trail_fine
    assert set(found) == {*catalogue(), "example_trail_fine"}


def test_imported_controls_are_not_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "example_trail_fine" not in loaded(monkeypatch, offered("another", mine=example_trail_fine))


def test_second_control_of_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = offered(__name__, one=example_trail_fine)
    with pytest.raises(ConfigError, match=rf"two controls are called example_trail_fine: {__name__} .* and {__name__}"):
        loaded(monkeypatch, module, module)
