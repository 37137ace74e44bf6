import re
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.register.file.load import load_register
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.sections import LongestDays, RegisterSettings
from tests.register.making import fields, register_file, registered

POLICY = RegisterSettings()


def test_the_packaged_register_is_empty_and_its_example_is_sound(tmp_path: Path) -> None:
    text = (PACKAGED / "exceptions.yaml").read_text()
    empty = load_register(PACKAGED / "exceptions.yaml", POLICY)
    assert (empty.exceptions, empty.drafts, empty.problems()) == ((), (), [])
    path = tmp_path / "exceptions.yaml"
    path.write_text(re.sub(r"^(  )# ", r"\1", text, flags=re.MULTILINE))
    shown = load_register(path, POLICY)
    assert [entry.id for entry in shown.exceptions] == ["EXC-2025-0001"]
    assert shown.problems() == []


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        *(
            ({key: None}, key, "is missing")
            for key in ("title", "type", "scope", "justification", "owner", "ticket", "starts_on", "expires_on")
        ),
        ({"requested_by": None}, "requested_by", "is missing"),
        ({"approved_by": None}, "", "go together"),
        ({"approved_on": None}, "", "go together"),
        ({"id": "EXC-25-1"}, "id", "must match"),
        ({"id": 7}, "id", "put it in quotes"),
        ({"title": "  "}, "title", "at least 1 character"),
        ({"type": "risk_acceptence"}, "type", "did you mean risk_acceptance"),
        ({"expries_on": "2025-01-01"}, "expries_on", "did you mean expires_on"),
        ({"expires_on": "31.03.2025"}, "expires_on", "not a date"),
        ({"expires_on": "2025-02-30"}, "expires_on", "not a date"),
        ({"expires_on": 0}, "expires_on", "not a date"),
        ({"expires_on": "2025-03-31T00:00:00"}, "expires_on", "not a date"),
        ({"expires_on": "2024-12-31"}, "", "before starts_on"),
        ({"expires_on": "2026-01-02"}, "expires_on", "lives 366 days"),
        ({"owner": "Ana <ana@>"}, "owner", "not an owner"),
        ({"approved_by": "Ana Silva <ANA@example.com>"}, "", "same person"),
        ({"requested_by": "Jo  Okafor", "approved_by": "jo okafor"}, "", "same person"),
        ({"scope": {}}, "scope", "is empty"),
        ({"scope": {"controls": []}}, "scope.controls", "at least 1 item"),
        ({"scope": {"controls": "x"}}, "scope.controls", "must be a list"),
        ({"scope": {"control": ["x"]}}, "scope.control", "did you mean controls"),
        ({"scope": {"controls": ["x"], "accounts": ["12345"]}}, "scope.accounts[0]", "12 digits"),
        ({"scope": {"controls": ["regex:(x"], "ous": ["a"]}}, "scope.controls[0]", "not a regular expression"),
        ({"scope": {"controls": ["x"], "ous": ["a"], "except": {}}}, "scope.except", "is empty"),
        ({"scope": {"controls": ["x"], "ous": ["a"], "except": {"except": {}}}}, "scope.except.except", "unknown key"),
        ({"max_findings": 0}, "max_findings", "greater than or equal to 1"),
        ({"milestones": [{"title": "x"}]}, "milestones[0].due_on", "is missing"),
        (
            {"history": [{"when": "2025-01-01", "who": "a", "what": "aproved", "why": "b"}]},
            "history[0].what",
            "approved",
        ),
        (
            {
                "history": [
                    {"when": day, "who": "a", "what": "changed", "why": "b"} for day in ("2025-01-02", "2025-01-01")
                ]
            },
            "history",
            "order of its dates",
        ),
    ],
)
def test_a_wrong_entry_is_set_aside_and_the_others_work(
    tmp_path: Path, changes: dict[str, object], key: str, words: str
) -> None:
    good = [fields(id=f"EXC-2025-000{n}") for n in (2, 3)]
    register = registered(tmp_path, good[0], fields(**changes), good[1])
    assert [entry.id for entry in register.exceptions] == ["EXC-2025-0002", "EXC-2025-0003"]
    [invalid] = register.invalid
    problem = invalid.problems[0]
    assert problem.key == ".".join(filter(None, ("exceptions[1]", key)))
    assert words in problem.sentence
    assert problem.file.endswith("exceptions.yaml")


def test_every_problem_of_the_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text(
        """exceptions:
  - id: EXC-2025-0001
    title: first
    title: second
    requested_by: ana
  - just a text
  - id: EXC-2025-0003
    requested_by: ana
    owner: "=cmd"
    type: [x]
"""
    )
    register = load_register(path, POLICY)
    assert not register.exceptions
    assert [(it.id, it.texts.get("title", ""), it.texts.get("owner", "")) for it in register.invalid] == [
        ("EXC-2025-0001", "first", ""),
        ("", "", ""),
        ("EXC-2025-0003", "", "=cmd"),
    ]
    found = {(problem.line, problem.sentence) for problem in register.problems()}
    assert (4, "the key is there twice, first on line 3; keep one") in found
    assert (6, "must be a table of keys and values; write keys, each with its value") in found
    assert (7, "is missing; add it") in found
    assert any(line == 10 for line, _ in found)


def test_a_reused_id_voids_every_entry_that_has_it(tmp_path: Path) -> None:
    draft = {"id": "EXC-2025-0001"}
    register = registered(tmp_path, fields(), fields(id="EXC-2025-0002"), draft)
    assert [entry.id for entry in register.exceptions] == ["EXC-2025-0002"]
    assert register.drafts == ()
    assert all("is also the id of the entry on line" in problem.message for problem in register.problems())
    assert len({problem.line for problem in register.problems()}) == 2


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"accounts": ["111122223333"]}, "all controls"),
        ({"accounts": ["111122223333"], "controls": ["*"]}, "all controls"),
        ({"accounts": ["111122223333"], "controls": ["x", "regex:.+"]}, "all controls"),
        ({"accounts": ["111122223333"], "controls": ["*:*"]}, "all controls"),
        ({"controls": ["x"]}, "all accounts"),
        ({"controls": ["x"], "accounts": ["????????????"]}, "all accounts"),
        ({"controls": ["x"], "accounts": [r"regex:\d{12}"]}, "all accounts"),
        ({"controls": ["x"], "ous": ["Root"]}, "all accounts"),
        ({"controls": ["x"], "ous": ["r-1a2b"]}, "all accounts"),
        ({"controls": ["x"], "ous": ["*"]}, "all accounts"),
        ({"regions": ["eu-west-1"]}, "all controls"),
    ],
)
def test_all_controls_or_all_accounts_must_be_said_to_be_broad(
    tmp_path: Path, scope: dict[str, list[str]], words: str
) -> None:
    [problem] = registered(tmp_path, fields(scope=scope)).problems()
    assert words in problem.message
    assert problem.remedy == "name some, or set broad: true"
    assert registered(tmp_path, fields(scope=scope, broad=True)).exceptions[0].broad


@pytest.mark.parametrize(
    "scope",
    [
        {"controls": ["s3_*"], "accounts": ["1111*"]},
        {"controls": ["cis_2.0:*"], "ous": ["Root/Sandbox"]},
        {"controls": ["x"], "account_tags": {"stage": "*"}},
    ],
)
def test_a_scope_that_leaves_something_out_is_not_broad(tmp_path: Path, scope: dict[str, object]) -> None:
    assert registered(tmp_path, fields(scope=scope)).problems() == []


def test_what_nobody_asked_for_is_a_draft_and_what_nobody_approved_an_entry(tmp_path: Path) -> None:
    draft = {"id": "EXC-2025-0001", "title": "To be written"}
    register = registered(tmp_path, draft, fields(id="EXC-2025-0002", approved_by=None, approved_on=None))
    assert [entry.id for entry in register.drafts] == ["EXC-2025-0001"]
    assert [entry.id for entry in register.exceptions] == ["EXC-2025-0002"]
    assert register.problems() == []


def test_the_longest_life_is_policy(tmp_path: Path) -> None:
    policy = RegisterSettings(longest_days=LongestDays(critical=1, high=2, medium=3, low=88))
    [problem] = registered(tmp_path, fields(), policy=policy).problems()
    assert "lives 89 days from 2025-01-01, and policy allows 88" in problem.message
    renewed = fields(approved_on="2025-01-02")
    assert registered(tmp_path, renewed, policy=policy).problems() == []


def test_account_ids_without_quotes_keep_their_zeros(tmp_path: Path) -> None:
    path = register_file(tmp_path, fields(scope={"controls": ["x"], "accounts": ["@"]}))
    path.write_text(path.read_text().replace('"@"', "012345678901"))
    assert load_register(path, POLICY).exceptions[0].scope.accounts == ("012345678901",)


def test_a_missing_file_is_empty_unless_it_must_exist(tmp_path: Path) -> None:
    assert load_register(tmp_path / "none.yaml", POLICY, must_exist=False).exceptions == ()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_register(tmp_path / "none.yaml", POLICY)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("exceptions: [\n", 2, "not valid YAML"),
        ("exeptions: []\n", 1, "did you mean exceptions"),
        ("time_zone: Mars\nexceptions: []\n", 1, "is not a time zone"),
        ("exceptions: {a: 1}\n", 1, "must be a list"),
        ("exceptions: []\nexceptions: []\n", 2, "twice"),
        ("- id: EXC-2025-0001\n", 1, "must be a table"),
    ],
)
def test_a_file_that_is_no_register_stops(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as raised:
        load_register(path, POLICY)
    assert raised.value.line == line


def test_the_files_time_zone_wins_over_the_settings(tmp_path: Path) -> None:
    policy = RegisterSettings(time_zone="Asia/Tokyo")
    assert load_register(register_file(tmp_path), policy).time_zone == "Asia/Tokyo"
    assert load_register(register_file(tmp_path, time_zone="America/Lima"), policy).time_zone == "America/Lima"
