"""Which names an entry may use, what each unknown one is answered, and what cannot be checked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from orgaudit.errors import ConfigError
from orgaudit.register.names import KnownNames
from orgaudit.settings.frameworks import Assessment, Framework, Requirement

FRAMEWORK = Framework(
    id="cis_1.4",
    title="CIS",
    version="1.4.0",
    requirements=(
        Requirement(id="3.1", title="Trails log", assessment=Assessment.AUTOMATED, controls=("cloudtrail_logging",)),
        Requirement(id="1.1", title="Contacts are current", assessment=Assessment.MANUAL),
    ),
)
NAMES = KnownNames(
    controls=frozenset({"cloudtrail_logging", "s3_bucket_versioned"}),
    aliases={"cloudtrail_on": "cloudtrail_logging"},
    frameworks={FRAMEWORK.id: FRAMEWORK},
    accounts={
        "111122223333": "Shop Prod",
        "444455556666": "Sandbox",
        "777788889999": "sandbox",
        "123412341234": "[eu] lab",
    },
    units=frozenset({"r-abcd", "ou-abcd-work1234", "Root", "Root/Workloads"}),
    any_run=True,
)
NO_RUN = KnownNames(controls=NAMES.controls)


@pytest.mark.parametrize("text", ["Shop Prod", "shop prod", " SHOP  PROD ", "111122223333"])
def test_an_account_is_found_by_its_name_in_any_case_and_an_id_stays(text: str) -> None:
    assert NAMES.account(text) == "111122223333"


def test_an_id_that_nothing_knows_stays_too() -> None:
    assert NAMES.account("000000000001") == "000000000001"
    assert NO_RUN.account("000000000001") == "000000000001"


@pytest.mark.parametrize(
    ("names", "text", "answer"),
    [
        (NAMES, "Shop Prd", "no account is called 'Shop Prd'; did you mean Shop Prod?"),
        (NAMES, "Sandbox", "2 accounts are called 'Sandbox'; write the id: 444455556666, 777788889999"),
        (NAMES, "1234", "no account is called '1234'; known: Sandbox, Shop Prod, [eu] lab, sandbox"),
        (NO_RUN, "Shop Prod", "'Shop Prod' is not an account id; write 12 digits"),
        (NO_RUN, "1111", "'1111' is not an account id; write 12 digits"),
    ],
)
def test_an_unknown_or_ambiguous_account_name_is_refused(names: KnownNames, text: str, answer: str) -> None:
    with pytest.raises(ValueError, match=re.escape(answer)):
        names.account(text)


def test_an_account_without_a_name_is_not_found_by_an_empty_one() -> None:
    with pytest.raises(ValueError, match="not an account id"):
        replace(NAMES, accounts={"111122223333": ""}).account("")


@pytest.mark.parametrize("text", ["cloudtrail_logging", "cloudtrail_on", "cis_1.4:3.1", "s3_*", "cis_1.4:3*"])
def test_a_control_answers_to_its_ids_and_requirements(text: str) -> None:
    assert NAMES.control(text) == text
    assert NAMES.check({"controls": [text]}).problems() == ()


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("cloudtrail_loging", "no control 'cloudtrail_loging'", "did you mean cloudtrail_logging?"),
        ("cis_1.5:3.1", "no framework 'cis_1.5'", "did you mean cis_1.4?"),
        ("cis_1.4:3.11", "cis_1.4 has no requirement '3.11'", "did you mean 3.1?"),
        ("cis_1.4:1.1", "no control decides cis_1.4:1.1, so an exception cannot cover it", "attestations add"),
        ("rds_*", "'rds_*' matches no known control", ""),
        ("regex:rds_.*", "'regex:rds_.*' matches no known control", ""),
        ("cis_1.4:9.*", "'cis_1.4:9.*' matches no known control", ""),
    ],
)
def test_an_unknown_control_is_a_problem_with_a_suggestion(text: str, message: str, remedy: str) -> None:
    (problem,) = NAMES.check({"controls": ["s3_bucket_versioned", text]}).problems()
    assert problem.path == ("controls", 1)
    assert problem.message == message
    assert remedy in problem.remedy
    with pytest.raises(ValueError, match=re.escape(message)):
        NAMES.control(text)


@pytest.mark.parametrize(
    "scope",
    [
        {"controls": ["s3_*", "regex:cloud.*", "cis_1.4:*"], "accounts": ["1111*", "*"], "ous": ["Root/*", "Root"]},
        {"ous": ["ou-abcd-work1234", "r-abcd"], "regions": ["mars-1"], "resources": ["nothing"]},
        {"controls": "a text", "accounts": [111122223333, None], "ous": {"a": "mapping"}, "except": ["a list"]},
        {"controls": ["regex:("]},
    ],
    ids=["patterns", "units and what is not checked", "of a wrong form", "not a pattern"],
)
def test_what_matches_something_is_no_problem_and_a_wrong_form_is_left_to_the_model(scope: dict[str, Any]) -> None:
    found = NAMES.check(scope)
    assert (found.problems(), found.warnings, found.scope) == ((), (), scope)


def test_all_problems_are_found_at_once_also_in_what_is_left_out() -> None:
    found = NAMES.check(
        {
            "controls": ["s3_bucket_versiond"],
            "accounts": ["000000000001", "Shop Prd", "9999*"],
            "ous": ["Workloads", "ou-none-*"],
            "except": {"controls": ["nothing_at_all"], "accounts": ["nobody"], "ous": ["Root/Other"]},
        }
    )
    assert [it.path for it in found.problems()] == [
        ("accounts", 0),
        ("accounts", 1),
        ("accounts", 2),
        ("controls", 0),
        ("except", "accounts", 0),
        ("except", "controls", 0),
        ("except", "ous", 0),
        ("ous", 0),
        ("ous", 1),
    ]
    assert {it.path: it.sentence for it in found.problems()}["ous", 0] == (
        "no known unit 'Workloads'; did you mean Root/Workloads?"
    )


def test_unknown_names_can_be_accepted_but_not_a_text_that_cannot_be_an_account() -> None:
    found = NAMES.check({"controls": ["nothing"], "accounts": ["000000000001", "nobody"], "ous": ["Root/Other"]})
    assert [it.path for it in found.problems(unknown=True)] == [("accounts", 1)]
    with pytest.raises(ConfigError) as error:
        found.accept(remedy="or give --unknown")
    assert str(error.value).count("--unknown") == 3
    assert "no account is called 'nobody'" in str(error.value)
    assert NAMES.check({"controls": ["nothing"]}).accept(unknown=True) == {"controls": ["nothing"]}


def test_names_of_accounts_become_ids_also_in_what_is_left_out() -> None:
    scope = {"accounts": ["shop prod", "[EU] lab", "444455556666"], "except": {"accounts": ["Shop Prod"]}}
    assert NAMES.check(scope).accept() == {
        "accounts": ["111122223333", "123412341234", "444455556666"],
        "except": {"accounts": ["111122223333"]},
    }
    assert scope["accounts"] == ["shop prod", "[EU] lab", "444455556666"]


def test_without_a_run_accounts_and_units_are_accepted_with_a_warning() -> None:
    found = NO_RUN.check({"accounts": ["111122223333", "4444*"], "ous": ["Root/Other"]})
    assert found.problems() == ()
    assert found.warnings == (
        "no run is stored, so the accounts 111122223333, 4444* were not checked",
        "no run is stored, so the unit Root/Other was not checked",
    )


def test_runs_that_know_no_unit_leave_units_unchecked() -> None:
    found = replace(NAMES, units=frozenset()).check({"ous": ["Root/Other"], "accounts": ["000000000001"]})
    assert found.warnings == ("no stored run knows units, so the unit Root/Other was not checked",)
    assert [it.path for it in found.problems()] == [("accounts", 0)]
