"""Foreign entries arrive as drafts, all of a file or none, with no scope that takes more than was meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.register.exchange import prowler, spreadsheet
from orgaudit.register.exchange.days import read_day
from orgaudit.register.exchange.foreign import ImportResult, import_drafts, missing
from orgaudit.register.exchange.headers import guess
from orgaudit.register.exchange.tables import FlatTable, table
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import load_register
from orgaudit.register.match import Matcher
from orgaudit.register.names import KnownNames
from orgaudit.register.scope import ExceptionScope
from orgaudit.settings import framework_files
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.sections import RegisterSettings
from tests.register.making import ACCOUNTS, CONTROL, entry, finding

CONTROLS = frozenset(catalogue())
NAMES = KnownNames(
    controls=CONTROLS,
    frameworks=framework_files.load(PACKAGED),
    accounts={"111122223333": "Shop", "444455556666": "Bank", "011122223333": "Old Shop"},
    any_run=True,
)
MUTED = "vpc_flow_logs_enabled"
MFA = "iam_user_mfa_enabled_console_access"


def brought(
    tmp_path: Path,
    kind: str,
    file: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    day_first: bool | None = None,
    given: Mapping[str, str] | None = None,
    request: bool = False,
    names: KnownNames = NAMES,
) -> tuple[ImportResult, RegisterEditor]:
    editor = RegisterEditor.open(tmp_path / "exceptions.yaml")
    if kind == "prowler":
        foreign = prowler.read_mutes(file, CONTROLS)
    else:
        found = table(file, named=mapping or {})
        mapping = guess(found.headers) if mapping is None else mapping
        foreign = spreadsheet.read_rows(found, mapping, names, day_first=day_first, given=given)
    on, by = date(2026, 11, 21), "ana@example.com"
    result = import_drafts(
        foreign, editor, names, by=by, on=on, origin=file.name, longest_days=(lambda _: 365) if request else None
    )
    editor.save()
    return result, editor


def muted(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mutelist.yaml"
    file.write_text(text)
    return file


def test_the_pairs_name_controls_that_there_are() -> None:
    assert {control for ours in prowler.checks().values() for control in ours} <= CONTROLS


MUTES = """
Mutelist:
  Accounts:
    "111122223333":
      Checks:
        vpc_flow_logs_enabled:
          Regions: [eu-west-1]
          Resources: [vpc-0a1b, "vpc-.+-dev"]
          Tags: ["stage=dev", "team=shop|team=bank"]
          Description: The development network has no customers.
          Exceptions:
            Accounts: ["444455556666"]
            Tags: ["keep=yes"]
        made_up_check:
          Regions: ["*"]
          Resources: ["*"]
    "*":
      Checks:
        "*":
          Regions: ["*"]
          Resources: ["*"]
          Tags: ["nothing here"]
"""


def test_a_mute_becomes_a_draft_with_its_scope(tmp_path: Path) -> None:
    found, editor = brought(tmp_path, "prowler", muted(tmp_path, MUTES))
    first, second = found.drafts
    data = editor.entry(first.id)
    scope = data["scope"]
    assert scope["controls"] == list(prowler.checks()["vpc_flow_logs_enabled"])
    assert scope["accounts"] == ["111122223333"]
    assert scope["regions"] == ["eu-west-1"]
    assert scope["resources"] == ["*vpc-0a1b*", "regex:.*(?:vpc-.+-dev).*"]
    assert scope["resource_tags"] == {"stage": "dev", "team": "regex:shop|bank"}
    assert scope["except"] == {"accounts": ["444455556666"], "resource_tags": {"keep": "yes"}}
    assert data["justification"] == "The development network has no customers."
    assert first.missing == (
        *("type", "owner", "requested_by", "ticket", "starts_on", "expires_on", "approved_by", "approved_on"),
    )
    assert first.place.endswith("mutelist.yaml:6")
    assert "scope" in second.missing
    assert "nothing here" in second.notes[0]
    (left,) = found.skipped
    assert "made_up_check" in left.reason
    register = load_register(editor.path, RegisterSettings())
    assert (len(register.drafts), register.exceptions, register.problems()) == (2, (), [])


def test_what_mutes_everything_says_that_it_is_broad(tmp_path: Path) -> None:
    text = 'Mutelist: {Accounts: {"*": {Checks: {"*": {Regions: ["*"], Resources: ["*"]}}}}}'
    found, editor = brought(tmp_path, "prowler", muted(tmp_path, text))
    assert "broad" in found.drafts[0].missing
    assert editor.entry(found.drafts[0].id)["scope"] == {"controls": ["*"]}


def test_a_glob_of_checks_names_our_controls(tmp_path: Path) -> None:
    text = 'Mutelist: {Accounts: {"111122223333": {Checks: {"vpc_flow*": {Regions: ["*"], Resources: ["*"]}}}}}'
    found, editor = brought(tmp_path, "prowler", muted(tmp_path, text))
    assert editor.entry(found.drafts[0].id)["scope"]["controls"] == list(prowler.checks()["vpc_flow_logs_enabled"])


@pytest.mark.parametrize(
    "mute",
    [
        '{Resources: ["*"], Tags: ["a=b", "a=c"]}',
        '{Resources: ["*"], Tags: ["a=b|c=d"]}',
        '{Resources: ["("]}',
        '{Resources: "one"}',
        '{Exceptions: {Checks: ["x"]}}',
        "{Until: 2026-01-01}",
    ],
)
def test_what_no_scope_can_say_leaves_the_draft_without_one(tmp_path: Path, mute: str) -> None:
    text = f'Mutelist: {{Accounts: {{"111122223333": {{Checks: {{vpc_flow_logs_enabled: {mute}}}}}}}}}'
    found, editor = brought(tmp_path, "prowler", muted(tmp_path, text))
    data = editor.entry(found.drafts[0].id)
    assert "scope" not in data
    assert "Prowler mutes here" in data["comments"]
    assert "by hand" in found.drafts[0].notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "no key Mutelist"),
        ("Mutelist: {}", "table"),
        ("Mutelist: {Accounts: {'1': {Checks: [a]}}}", "table"),
        ("Mutelist: {Accounts: {'1': {Checks: {vpc_flow_logs_enabled: [a]}}}}", "table"),
        ("Mutelist: &a {Accounts: *a}", "aliases"),
        ("[", "YAML"),
    ],
)
def test_what_is_no_mute_list_is_refused_whole(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        brought(tmp_path, "prowler", muted(tmp_path, text))
    assert not (tmp_path / "exceptions.yaml").exists()


@given(part=st.text("abc-./", min_size=1, max_size=4), name=st.text("abc-./", max_size=8))
def test_a_part_of_a_name_is_muted_as_prowler_mutes_it(part: str, name: str) -> None:
    import re  # noqa: PLC0415 - the oracle of this test alone

    scoped = entry(scope={"resources": [prowler._part(part)], "accounts": ["111122223333"], "controls": [CONTROL]})
    matched = Matcher([scoped], ACCOUNTS).matching(finding(resource=name))
    assert bool(matched) == bool(re.search(part, name))


def test_the_same_file_brought_twice_adds_nothing(tmp_path: Path) -> None:
    first, editor = brought(tmp_path, "prowler", muted(tmp_path, MUTES))
    text = editor.path.read_text()
    again, _ = brought(tmp_path, "prowler", muted(tmp_path, MUTES))
    assert again.drafts == ()
    assert [name for _, name in again.present] == [entry.id for entry in first.drafts]
    assert editor.path.read_text() == text


SHEET = """Exception;AWS account;Check;Risk owner;Expiry date;Approver;Ticket;Severity band
Shop trail rests;111122223333;{control};Ana <ana@example.com>;31.03.2027;Jo;SEC-1;amber
Shop flow logs;1111-2222-3333;vpc_flow_logs_enabled;Platform team;2027-02-28;;SEC-2;
;;;;;;;
Bank;Production;{control};Platform team;soon;;SEC-3;
Shop;111122223333;no_such_control;a@b@c;01/12/2026;;SEC-4;
;;;;;;;green
"""
MAPPING = {
    "Exception": "title",
    "AWS account": "accounts",
    "Check": "controls",
    "Risk owner": "owner",
    "Expiry date": "expires_on",
    "Approver": "approved_by",
    "Ticket": "ticket",
}


def sheet(tmp_path: Path, text: str = SHEET, name: str = "risks.csv", encoding: str = "utf-8") -> Path:
    file = tmp_path / name
    file.write_bytes(text.replace("{control}", CONTROL).encode(encoding))
    return file


def test_rows_become_drafts_and_what_is_missing_is_listed(tmp_path: Path) -> None:
    found, editor = brought(tmp_path, "spreadsheet", sheet(tmp_path), MAPPING, day_first=True)
    trail, logs, bank, wrong = (editor.entry(draft.id) for draft in found.drafts)
    assert trail["scope"] == {"accounts": ["111122223333"], "controls": [CONTROL]}
    assert trail["expires_on"] == date(2027, 3, 31)
    assert "approved_by" not in trail
    assert "Approver: Jo" in trail["comments"]
    assert "Severity band: amber" in trail["comments"]
    assert found.drafts[0].missing == (
        *("type", "justification", "requested_by", "starts_on", "approved_by", "approved_on"),
    )
    assert logs["scope"]["controls"] == list(prowler.checks()["vpc_flow_logs_enabled"])
    assert "scope" not in bank
    assert "AWS account: Production" in bank["comments"]
    assert f"controls: {CONTROL}" in bank["comments"]
    assert any(
        "no account is called 'Production'; known: Bank, Old Shop, Shop" in note for note in found.drafts[2].notes
    )
    assert any("'soon' is not a date" in note for note in found.drafts[2].notes)
    assert "scope" not in wrong
    assert "owner: a@b@c" in wrong["comments"]
    assert wrong["expires_on"] == date(2026, 12, 1)
    (left,) = found.skipped
    assert left.place.endswith("risks.csv:7")
    register = load_register(editor.path, RegisterSettings())
    assert (len(register.drafts), register.problems()) == (4, [])


def test_a_workbook_is_read_like_a_table_of_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["Exception", "AWS account", "Check", "Expiry date", "Ticket"])
    page.append(["Trail", 11122223333, CONTROL, datetime(2027, 3, 31), "=1+1"])  # noqa: DTZ001 - cells have no zone
    file = tmp_path / "risks.xlsx"
    book.save(file)
    found, editor = brought(
        tmp_path,
        "spreadsheet",
        file,
        {key: MAPPING[key] for key in MAPPING if key not in {"Risk owner", "Approver"}},
    )
    data = editor.entry(found.drafts[0].id)
    assert data["scope"]["accounts"] == ["011122223333"]
    assert data["expires_on"] == date(2027, 3, 31)
    assert "ticket" not in data
    assert any("formula" in note for note in found.drafts[0].notes)
    assert found.drafts[0].place.endswith("!2")


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"Expiry": "expires_on"}, "did you mean Expiry date"),
        ({"Ticket": "tickets"}, "did you mean ticket"),
        ({"Ticket": "title", "Exception": "title"}, "two columns become title"),
        ({}, "no column becomes any key"),
        ({"Ticket": "-"}, "no column becomes any key"),
    ],
)
def test_a_wrong_mapping_imports_nothing(tmp_path: Path, mapping: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        brought(tmp_path, "spreadsheet", sheet(tmp_path), mapping)
    assert not (tmp_path / "exceptions.yaml").exists()


def test_a_date_that_can_be_read_two_ways_stops_the_import(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"risks.csv:6: Expiry date: '01/12/2026' can be read two ways; give --dates"):
        brought(tmp_path, "spreadsheet", sheet(tmp_path), MAPPING)
    assert not (tmp_path / "exceptions.yaml").exists()


@pytest.mark.parametrize(("other", "expected"), [("31/12/2026", date(2026, 12, 1)), ("12/31/2026", date(2026, 1, 12))])
def test_another_date_of_the_column_decides(tmp_path: Path, other: str, expected: date) -> None:
    file = sheet(tmp_path, f"Title,Until\na,01/12/2026\nb,{other}\n")
    found, editor = brought(tmp_path, "spreadsheet", file, {"Title": "title", "Until": "expires_on"})
    assert editor.entry(found.drafts[0].id)["expires_on"] == expected


@pytest.mark.parametrize(
    "text",
    [
        *("2027-03-05", "2027/3/5", "2027.03.05", "20270305", "05.03.2027", "5.3.27", "5 Mar 2027", "5th March, 2027"),
        *("March 5, 2027", "Mar 5th 2027", "5-Mar-27", "2027-03-05T00:00:00Z", "2027-03-05 00:00"),
    ],
)
def test_dates_in_usual_notations(text: str) -> None:
    assert read_day(text).day == date(2027, 3, 5)


@pytest.mark.parametrize("text", ["", "soon", "2027-02-30", "31.02.2027", "5 Foo 2027", "2027", "13/13/2027"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        read_day(text)


@given(st.dates(min_value=date(2001, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_is_read_in_every_notation(value: date) -> None:
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %b %Y", "%B %d, %Y"):
        assert read_day(value.strftime(form), day_first=True).day == value
    assert read_day(value.strftime("%m/%d/%Y"), day_first=False).day == value


def test_headers_are_guessed() -> None:
    headers = [
        "Exception",
        "AWS Account ID",
        "Risk Owner",
        "Expiry-Date",
        "Unheard of",
        "Name",
        "Good until",
        "AWS region name",
    ]
    assert guess(headers) == {
        "Exception": "title",
        "AWS Account ID": "accounts",
        "Risk Owner": "owner",
        "Expiry-Date": "expires_on",
        "AWS region name": "regions",
    }
    assert guess(["Good until"]) == {"Good until": "expires_on"}


@pytest.mark.parametrize(("encoding", "name"), [("utf-8-sig", "a.csv"), ("utf-16", "b.csv"), ("cp1252", "c.csv")])
def test_the_encodings_that_spreadsheets_write(tmp_path: Path, encoding: str, name: str) -> None:
    found = table(sheet(tmp_path, "Title\tOwner\nStraße\tJosé\n", name, encoding))
    assert isinstance(found, FlatTable)
    assert (found.headers, found.rows[0][1]) == (("Title", "Owner"), {"Title": "Straße", "Owner": "José"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"Title,Owner,Title\n1,2,3\n", "two columns are called 'Title'"),
        (b"a,b\n" + b"\0\1", "not text"),
        (b'a,b\n"1,2\n', "not CSV"),
        (b"a\n" + b"1\n" * 20_001, "more than 20000 rows"),
        (b"a" + b"," * 300 + b"\n", "more than 200 columns"),
        (b"x" * (16 * 1024 * 1024 + 1), "larger than 16 MB"),
    ],
)
def test_a_hostile_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "risks.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        table(file)


def test_a_draft_lacks_what_an_entry_needs() -> None:
    assert missing({"id": "EXC-2026-0001", "scope": {"controls": ["*"], "accounts": ["111122223333"]}})[-1] == "broad"
    assert ExceptionScope.model_validate({"controls": ["*"]}).all_controls


SHOP = replace(
    NAMES, accounts={"111122223333": "Shop Prod", "444455556666": "Lab"}, units=frozenset({"Root"}), any_run=True
)


def test_a_scope_with_an_unknown_name_is_left_out_with_a_suggestion_and_kept_as_a_comment(tmp_path: Path) -> None:
    file = muted(tmp_path, f"Mutelist: {{Accounts: {{'111122223334': {{Checks: {{{MUTED}: {{}}}}}}}}}}")
    found, editor = brought(tmp_path, "prowler", file, names=SHOP)
    (draft,) = found.drafts
    assert draft.notes[0].startswith("accounts: no known account '111122223334'; did you mean 111122223333?")
    assert "scope" in draft.missing
    data = editor.entry(draft.id)
    assert "scope" not in data
    assert "accounts: 111122223334" in data["comments"]
    again, _ = brought(tmp_path, "prowler", file, names=SHOP)
    assert (again.drafts, [name for _, name in again.present]) == ((), [draft.id])


def test_one_row_with_an_unknown_unit_does_not_stop_the_others(tmp_path: Path) -> None:
    file = tmp_path / "risks.csv"
    file.write_text(f"Title,Control,Unit\nGood,{CONTROL},Root\nBad,{CONTROL},Rot\nNew,cis_4.0:99.9,Root\n")
    columns = {"Title": "title", "Control": "controls", "Unit": "ous"}
    found, editor = brought(tmp_path, "spreadsheet", file, columns, names=SHOP)
    assert [editor.entry(draft.id).get("scope") for draft in found.drafts] == [
        {"controls": [CONTROL], "ous": ["Root"]},
        None,
        None,
    ]
    assert [draft.notes for draft in found.drafts] == [
        (),
        ("ous: no known unit 'Rot'; did you mean Root? (--unknown accepts it)",),
        (
            "controls: cis_4.0 has no requirement '99.9'; --unknown accepts it",
            "scope: left out, since without that part it would cover more; write it by hand",
        ),
    ]


def test_unknown_names_of_a_foreign_file_are_accepted_where_that_is_chosen(tmp_path: Path) -> None:
    file = muted(tmp_path, f"Mutelist: {{Accounts: {{'111122223334': {{Checks: {{{MUTED}: {{}}}}}}}}}}")
    found, editor = brought(tmp_path, "prowler", file, names=replace(SHOP, accept_unknown=True))
    assert editor.entry(found.drafts[0].id)["scope"]["accounts"] == ["111122223334"]
    assert found.warnings == ()


def test_without_a_run_all_accounts_of_a_foreign_file_are_in_one_warning(tmp_path: Path) -> None:
    accounts = f"'111122223334': {{Checks: {{{MUTED}: {{}}}}}}, '111122223335': {{Checks: {{{MUTED}: {{}}}}}}"
    file = muted(tmp_path, f"Mutelist: {{Accounts: {{{accounts}}}}}")
    found, _ = brought(tmp_path, "prowler", file, names=replace(NAMES, accounts={}, any_run=False))
    assert len(found.drafts) == 2
    assert found.warnings == ("no run is stored, so the accounts 111122223334, 111122223335 were not checked",)
