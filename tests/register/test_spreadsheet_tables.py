"""Spreadsheets as people make them: where the table is, what its merged cells hold, and that no row of it is lost."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.register.exchange.accounts import account_ids
from orgaudit.register.exchange.days import read_day
from orgaudit.register.exchange.foreign import ImportResult, import_drafts
from orgaudit.register.exchange.headers import guess
from orgaudit.register.exchange.spreadsheet import read_rows
from orgaudit.register.exchange.tables import FlatTable, table
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.names import KnownNames
from tests.register.making import CONTROL

SHOP, BANK, OLD = "111122223333", "444455556666", "011122223333"
NAMES = KnownNames(
    controls=frozenset(catalogue()), accounts={SHOP: "Shop, online", BANK: "Bank", OLD: "Old Shop"}, any_run=True
)
HEADER = ["Exception", "AWS account", "Check", "Risk owner", "Valid until"]


def book(
    path: Path, *rows: Iterable[Any], merged: tuple[str, ...] = (), sheets: Mapping[str, list[list[Any]]] | None = None
) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for cells in merged:
        sheet.merged_cells.add(cells)
    for name, lines in (sheets or {}).items():
        other = workbook.create_sheet(name)
        for line in lines:
            other.append(line)
    workbook.save(path)
    return path


def text(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def imported(
    found: FlatTable, directory: Path, *, request: bool = False, given: Mapping[str, str] | None = None
) -> tuple[ImportResult, list[dict[str, Any]]]:
    editor = RegisterEditor.open(directory / "exceptions.yaml")
    foreign = read_rows(found, guess(found.headers), NAMES, given=given or {})
    on, by = date(2026, 11, 21), "ana@example.com"
    result = import_drafts(
        foreign, editor, NAMES, by=by, on=on, origin="risks", longest_days=(lambda _: 365) if request else None
    )
    editor.save()
    return result, [editor.entry(draft.id) for draft in result.drafts]


def test_the_header_is_found_below_a_title_and_what_is_above_is_listed(tmp_path: Path) -> None:
    rows = [["Register of risks, kept by the owner of AWS"], [], ["Status", "Draft"], HEADER, ["Trail", SHOP]]
    found = table(book(tmp_path / "a.xlsx", *rows, merged=("A1:E1",)))
    assert found.headers == tuple(HEADER)
    assert [place.rpartition("!")[2] for place, _ in found.rows] == ["5"]
    assert [it.place.rpartition("!")[2] for it in found.left_out] == ["1", "3"]
    assert all(it.reason.startswith("above the header row: ") for it in found.left_out)


def test_a_header_of_two_rows_is_read_by_its_lower_one(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Exception", "Scope", None, "Risk owner", "Valid until"],
        [None, "Account", "Check"],
        ["Trail", SHOP, CONTROL, "A team", "2027-03-31"],
    ]
    merged = ("B1:C1", "A1:A2", "D1:D2", "E1:E2")
    found = table(book(tmp_path / "a.xlsx", *rows, merged=merged))
    assert found.headers == ("Exception", "Account", "Check", "Risk owner", "Valid until")
    assert len(found.rows) == 1


def test_titles_above_the_header_of_a_csv_do_not_hide_what_separates_its_cells(tmp_path: Path) -> None:
    lines = ("Risks, accepted, of all, teams, and, units", "", ";".join(HEADER), f"Trail;{SHOP};{CONTROL};A team;soon")
    found = table(text(tmp_path / "a.csv", *lines))
    assert found.headers == tuple(HEADER)
    assert found.rows[0][0].endswith("a.csv:4")


def test_without_a_header_the_first_rows_are_shown_and_a_row_can_be_named(tmp_path: Path) -> None:
    file = text(tmp_path / "a.csv", "Stuff,Place,Thing", f"Trail,{SHOP},x", "Logs,y,z")
    with pytest.raises(ConfigError) as error:
        table(file)
    assert "--header-row N" in str(error.value)
    assert "  1: Stuff | Place | Thing" in str(error.value)
    assert table(file, header_row=1).headers == ("Stuff", "Place", "Thing")
    assert table(file, named=["Place"]).headers == ("Stuff", "Place", "Thing")
    assert len(table(file, header_row=2).left_out) == 1
    with pytest.raises(ConfigError, match="row 3 has no rows below it"):
        table(file, header_row=3)
    with pytest.raises(ConfigError, match="row 9 is empty"):
        table(file, header_row=9)


def test_the_sheet_with_a_table_is_read_and_the_others_are_listed(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", ["Rating", "Meaning"], ["red", "bad"], sheets={"Risks": [HEADER, ["Trail", SHOP]]})
    found = table(file)
    assert found.headers == tuple(HEADER)
    (other,) = found.left_out
    assert other.place.endswith("a.xlsx: Sheet")
    assert other.reason == "another sheet, with 2 rows; --sheet Sheet reads it"


def test_several_sheets_with_a_table_are_named_and_one_is_chosen(tmp_path: Path) -> None:
    rows = [HEADER, ["Trail", SHOP]]
    file = book(tmp_path / "a.xlsx", *rows, sheets={"Last year": [HEADER, ["Logs", BANK]]})
    with pytest.raises(ConfigError, match="2 sheets hold a table: 'Sheet', 'Last year'; choose one with --sheet"):
        table(file)
    assert table(file, sheet="Last year").rows[0][1]["Exception"] == "Logs"
    with pytest.raises(ConfigError, match=r"no sheet 'last yer'; did you mean Last year\?"):
        table(file, sheet="last yer")
    with pytest.raises(ConfigError, match="only a workbook has sheets"):
        table(text(tmp_path / "a.csv", "Title,Owner", "a,b"), sheet="Sheet")


def test_a_second_table_below_the_first_is_refused(tmp_path: Path) -> None:
    rows = [
        HEADER,
        ["Trail", SHOP, CONTROL],
        ["Ticket", "Region", "Owner", "Account"],
        ["SEC-1", "eu-west-1", "A", BANK],
    ]
    with pytest.raises(ConfigError, match="!3: is a second header row"):
        table(book(tmp_path / "a.xlsx", *rows))


FOOTERS = [
    (["Total", 12], "a total"),
    (["Grand total:", None, None, "=SUM(D2:D3)"], "a total"),
    (["Total: 12"], "a total"),
    (["Last updated", "2026-11-20"], "a footer"),
    (["Last updated on 20 November by Ana"], "a footer"),
    (["Confidential, internal use only"], "a footer"),
    (["Page 1 of 2"], "a footer"),
    (HEADER, "repeats the header"),
    (["Europe"], "only one cell"),
]


@pytest.mark.parametrize(("row", "reason"), FOOTERS)
def test_what_is_not_an_entry_is_listed_with_the_reason(tmp_path: Path, row: list[Any], reason: str) -> None:
    found = table(book(tmp_path / "a.xlsx", HEADER, ["Trail", SHOP], row, ["Logs", BANK]))
    assert [values["Exception"] for _, values in found.rows] == ["Trail", "Logs"]
    (left,) = found.left_out
    assert left.reason.startswith(reason)
    assert left.place.endswith("!3")


@pytest.mark.parametrize(
    "row",
    [
        ["Total loss of logs", "Shop, online", CONTROL],
        ["Total", SHOP],
        ["Last updated agents are missing", SHOP, CONTROL, "A team"],
        ["Summary missing", SHOP],
    ],
)
def test_an_entry_that_reads_like_a_total_is_one(tmp_path: Path, row: list[Any]) -> None:
    found = table(book(tmp_path / "a.xlsx", HEADER, row, ["Logs", BANK]))
    assert [values["Exception"] for _, values in found.rows] == [row[0], "Logs"]


def test_what_is_merged_over_rows_holds_for_each_of_them(tmp_path: Path) -> None:
    rows = [
        HEADER,
        ["Trail", SHOP, CONTROL, "A team", "2027-03-31"],
        ["Logs", BANK, CONTROL],
        ["Keys", SHOP, CONTROL, "B team", "2027-04-30"],
    ]
    found = table(book(tmp_path / "a.xlsx", *rows, merged=("D2:D3", "E2:E3")))
    _, entries = imported(found, tmp_path)
    assert [(it["owner"], str(it["expires_on"])) for it in entries] == [
        *(("A team", "2027-03-31"), ("A team", "2027-03-31")),
        ("B team", "2027-04-30"),
    ]


def test_what_is_merged_over_columns_stands_in_the_first(tmp_path: Path) -> None:
    found = table(book(tmp_path / "a.xlsx", HEADER, ["Trail", SHOP, CONTROL, "A team"], merged=("D2:E2",)))
    assert found.rows[0][1] == dict(zip(HEADER[:4], ["Trail", SHOP, CONTROL, "A team"], strict=True))


def test_a_merge_over_empty_rows_makes_no_entries(tmp_path: Path) -> None:
    found = table(book(tmp_path / "a.xlsx", HEADER, ["Trail", SHOP, CONTROL, "A"], merged=("A2:A1048576", "D2:D900")))
    assert len(found.rows) == 1


def test_what_a_merged_cell_hides_is_listed_and_not_read(tmp_path: Path) -> None:
    rows = [["Trail", SHOP, CONTROL, "A team"], ["Logs", BANK, CONTROL, "B team"]]
    found = table(book(tmp_path / "a.xlsx", HEADER, *rows, merged=("D2:D3",)))
    assert [values["Risk owner"] for _, values in found.rows] == ["A team", "A team"]
    (left,) = found.left_out
    assert (left.place.rpartition("!")[2], "B team" in left.reason) == ("D3", True)


def test_more_merged_cells_than_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgaudit.spreadsheet.cells.MOST_CELLS", 11)
    file = book(
        tmp_path / "a.xlsx", HEADER, ["Trail"], ["Logs"], ["Keys"], merged=tuple(f"{it}2:{it}4" for it in "ABCD")
    )
    with pytest.raises(ConfigError, match="Sheet: more is merged than there are cells"):
        table(file)


def test_a_cell_of_brackets_alone_is_read_in_no_time(tmp_path: Path) -> None:
    found = table(text(tmp_path / "a.csv", "Title,Owner,Check", f"{'(' * 120_000},A team,x"))
    assert len(found.rows) == 1


def test_an_empty_cell_of_a_csv_is_not_filled(tmp_path: Path) -> None:
    lines = (",".join(HEADER), f"Trail,{SHOP},{CONTROL},A team,2027-03-31", f"Logs,{BANK},{CONTROL},,")
    _, (_, logs) = imported(table(text(tmp_path / "a.csv", *lines)), tmp_path)
    assert not {"owner", "expires_on"} & logs.keys()


def test_a_cell_in_a_column_without_a_header_is_kept(tmp_path: Path) -> None:
    found = table(book(tmp_path / "a.xlsx", HEADER, ["Trail", SHOP, CONTROL, "A", "2027-03-31", None, "see Jo"]))
    _, (entry,) = imported(found, tmp_path)
    assert entry["comments"] == "(column G): see Jo"


def test_a_workbook_that_counts_days_from_1904_is_read_as_it_shows_them(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx")
    workbook = openpyxl.load_workbook(file)
    workbook.epoch = CALENDAR_MAC_1904
    sheet = workbook.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(["Trail", SHOP, CONTROL, "A", 45015])
    sheet.append(["Logs", SHOP, CONTROL, "A", datetime(2027, 3, 31)])  # noqa: DTZ001 - cells have no zone
    workbook.save(file)
    result, entries = imported(table(file), tmp_path)
    assert [entry["expires_on"] for entry in entries] == [date(2027, 3, 31)] * 2
    assert "expires_on: '45015' is read as 2027-03-31" in result.drafts[0].notes


PERIODS = [
    *(
        ("Q1 2027", "2027-01-01", "2027-03-31"),
        ("q4/27", "2027-10-01", "2027-12-31"),
        ("2028-Q1", "2028-01-01", "2028-03-31"),
    ),
    *(("1Q28", "2028-01-01", "2028-03-31"), ("H2 2027", "2027-07-01", "2027-12-31")),
    *(("June 2027", "2027-06-01", "2027-06-30"), ("Feb-2028", "2028-02-01", "2028-02-29")),
    *(
        ("2027-12", "2027-12-01", "2027-12-31"),
        ("06/2027", "2027-06-01", "2027-06-30"),
        ("Jun '27", "2027-06-01", "2027-06-30"),
    ),
    *(("end of June 2027", "2027-06-30", "2027-06-30"), ("start of Q2 2027", "2027-04-01", "2027-04-01")),
    *(("by the end of 2027", "2027-12-31", "2027-12-31"), ("45762", "2025-04-15", "2025-04-15")),
    *(("45762.0", "2025-04-15", "2025-04-15"), ("45762.75", "2025-04-15", "2025-04-15")),
]


@pytest.mark.parametrize(("cell", "first", "last"), PERIODS)
def test_a_quarter_a_month_or_a_number_is_a_date_that_is_said(cell: str, first: str, last: str) -> None:
    assert (str(read_day(cell, start=True).day), str(read_day(cell).day)) == (first, last)
    assert read_day(cell).derived


@pytest.mark.parametrize(
    "cell",
    [
        *("31 March 2027", "2027-03-31", "31/03/27", "March 31st, 2027", "2027-03-31T12:00:00+02:00", "31-Mar-27"),
        *("31.03.2027 23:59", "Wednesday, 31 March 2027", "31 March '27", "31st of March 2027", "Mar. 31, 2027"),
    ],
)
def test_a_day_is_read_as_it_stands(cell: str) -> None:
    assert read_day(cell).day == date(2027, 3, 31)
    assert not read_day(cell).derived


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "Jun-27",
            "June 27",
            "mid June 2027",
            "Q5 2027",
            "H3 2027",
            "Juniper 2027",
            "2027-13",
            "Q1",
            "FY27 Q1",
            "TBD",
        ),
        *(
            "Monday, 31 March 2027",
            "2027-03-31 or later",
            "31 March 2027 (tbc)",
            "99999",
            "12",
            "202712",
            "x" * 100_000,
        ),
    ],
)
def test_what_is_not_surely_a_date_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        read_day(cell)


def test_a_header_may_show_the_order_of_its_dates(tmp_path: Path) -> None:
    for form, expected in (("dd/mm/yyyy", date(2027, 4, 3)), ("MM/DD/YY", date(2027, 3, 4))):
        header = ",".join([*HEADER[:4], f"Valid until ({form})"])
        found = table(text(tmp_path / f"{form[:2]}.csv", header, f"{form},{SHOP},{CONTROL},A,03/04/2027"))
        _, (entry,) = imported(found, tmp_path)
        assert entry["expires_on"] == expected


ACCOUNT_CELLS: list[tuple[Any, list[str]]] = [
    *((f"{SHOP}.0", [SHOP]), (float(SHOP), [SHOP]), ("1.11122223333E+11", [SHOP]), ("1,11122223333E+11", [SHOP])),
    *(("1.1122223333E+10", [OLD]), ("1.11122223333000E+11", [SHOP])),
    *((11122223333, [OLD]), ("11122223333", [OLD]), ("1111-2222-3333", [SHOP]), ("1111 2222 3333", [SHOP])),
    *((f"{SHOP}, {BANK}", [SHOP, BANK]), (f"{SHOP}\n{BANK};{SHOP}", [SHOP, BANK]), (f"{SHOP} {BANK}", [SHOP, BANK])),
    *(("bank", [BANK]), ("Bank; Old  shop", [BANK, OLD]), ("Shop, Online", [SHOP])),
    *(
        (f"Bank ({BANK})", [BANK]),
        (f"{BANK} (Bank)", [BANK]),
        (f"Bank - {BANK}", [BANK]),
        (f"New one [{SHOP}]", [SHOP]),
    ),
]


@pytest.mark.parametrize(("cell", "expected"), ACCOUNT_CELLS)
def test_accounts_are_read_as_spreadsheets_leave_them(cell: Any, expected: list[str]) -> None:
    assert account_ids(cell, NAMES) == expected


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1.11122E+11", "has lost its last digits"),
        ("1.112E+10", "has lost its last digits"),
        (44455556666, "write 12 digits, also where it begins with zeros"),
        ("Banc", "did you mean Bank?"),
        (f"Bank ({SHOP})", "names two accounts"),
        ("all", "no account is called 'all'"),
        (f"{SHOP}, none", "no account is called 'none'"),
    ],
)
def test_an_account_that_is_not_sure_is_refused(cell: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        account_ids(cell, NAMES)


def test_a_name_that_nothing_knows_leaves_the_draft_without_a_scope(tmp_path: Path) -> None:
    lines = (",".join(HEADER), f"Trail,999988887777,{CONTROL},A,2027-03-31", f"Logs,{SHOP},cloudtrail_trail_loging,A,")
    result, (trail, logs) = imported(table(text(tmp_path / "a.csv", *lines)), tmp_path)
    assert "scope" not in trail
    assert "999988887777" in trail["comments"]
    assert any("no known account '999988887777'" in note for note in result.drafts[0].notes)
    assert "scope" not in logs
    assert any(f"did you mean {CONTROL}?" in note for note in result.drafts[1].notes)


WORDS = {
    "title": ["Exception", "Exception title", "Risk name", "Issue Title", "Summary", "exceptionName", "1. Title *"],
    "type": ["Type", "Exception type", "Risk treatment", "Category"],
    "justification": ["Business justification", "Rationale", "Reason for exception", "Business Need", "Justification*"],
    "owner": ["Risk Owner", "risk_owner", "Owner (name and mail)", "Responsible person", "Assigned to", "Owned by"],
    "requested_by": ["Requested by", "Requestor", "Submitted By"],
    "approved_by": ["Approver", "Approved by", "Sign-off", "Authorising officer approved by", "Accepted by"],
    "approved_on": ["Approval date", "Date approved", "Approved on"],
    "ticket": ["Jira", "JIRA ticket", "Ticket #", "Change request", "Risk ID", "Exception ID", "POA&M ID"],
    "starts_on": ["Start date", "Valid from", "Effective Date", "Effective from (dd/mm/yyyy)"],
    "expires_on": [
        "Valid Until",
        "Expiry",
        "Expiration Date",
        "End date",
        "Exception expiry",
        "Good until",
        "Due date",
    ],
    "controls": ["Control ID", "Rule", "Finding", "Check ID", "Security control", "Config rule"],
    "accounts": ["Account(s)", "AWS Account ID", "Account number", "Affected accounts", "AWS account name"],
    "regions": ["Region", "AWS Region(s)", "Affected regions"],
    "resources": ["Resource ARN", "Affected resource(s)", "Asset", "Resource ID"],
    "ous": ["OU", "Organizational unit"],
    "compensating_controls": ["Compensating controls", "Mitigation", "Mitigating factors"],
    "evidence": ["Evidence", "Link", "Supporting documents"],
    "risk_statement": ["Risk description", "Impact", "Business impact", "Description"],
    "review_by": ["Review date", "Next review", "Review by"],
    "comments": ["Notes", "Comments", "Remarks"],
}
WORDS["approved_by"].remove("Authorising officer approved by")


@pytest.mark.parametrize(("key", "header"), [(key, header) for key, headers in WORDS.items() for header in headers])
def test_header_words_of_registers_are_known(key: str, header: str) -> None:
    title = {} if key == "title" else {"Exception": "title"}
    assert guess([*title, header]) == title | {header: key}


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Severity",
            "Risk level",
            "Rating",
            "Adjusted severity",
            "severity_adjusted",
            "CVSS",
            "Criticality",
            "Priority",
        ),
        *("Status", "Environment", "Account owner", "Number of accounts", "Control description", "Date", "Stage", "#"),
    ],
)
def test_a_rating_or_an_unclear_header_is_not_guessed(header: str) -> None:
    assert guess(["Exception", header]) == {"Exception": "title"}


def test_the_header_that_says_it_best_has_the_key() -> None:
    headers = ["Risk ID", "Account name", "Jira", "AWS account ID", "Risk", "Due date", "Valid until"]
    assert guess(headers) == {
        "Jira": "ticket",
        "AWS account ID": "accounts",
        "Risk": "title",
        "Valid until": "expires_on",
    }


SET = {"type": "risk_acceptance", "starts_on": "2026-12-01"}
COMPLETE = ["Exception", "AWS account", "Check", "Risk owner", "Valid until", "Justification", "Jira"]


def test_what_is_given_for_all_rows_completes_them_and_what_is_complete_is_requested(tmp_path: Path) -> None:
    rows = [
        COMPLETE,
        ["Trail", "Bank", CONTROL, "A team", "Q1 2027", "old", "SEC-1"],
        ["Logs", SHOP, CONTROL, "A team"],
    ]
    found = table(book(tmp_path / "a.xlsx", *rows))
    result, (trail, logs) = imported(found, tmp_path, request=True, given=SET)
    assert [draft.requested for draft in result.drafts] == [True, False]
    assert (trail["requested_by"], trail["starts_on"]) == ("ana@example.com", date(2026, 12, 1))
    assert [event["what"] for event in trail["history"]] == ["created", "requested"]
    assert (logs["type"], "requested_by" in logs) == ("risk_acceptance", False)
    assert result.drafts[1].missing[:2] == ("justification", "requested_by")


def test_what_cannot_be_requested_says_why(tmp_path: Path) -> None:
    rows = [COMPLETE, ["Trail", "Bank", CONTROL, "A team", "Q1 2026", "old", "SEC-1"], ["Logs", "Bank"]]
    found = table(book(tmp_path / "a.xlsx", *rows))
    result, entries = imported(found, tmp_path, request=True, given=SET)
    assert any(note.startswith("not requested: ") and "before starts_on" in note for note in result.drafts[0].notes)
    assert "requested_by" not in entries[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tipe": "x"}, r"no key 'tipe'; did you mean type\?"),
        ({"type": "other"}, "'other' is not one of"),
        ({"owner": "A"}, "owner is the column 'Risk owner'; write the value into its empty cells"),
        ({"starts_on": "03/04/2027"}, "can be read two ways"),
        ({"approved_by": "Jo"}, "no key 'approved_by'"),
    ],
)
def test_a_value_for_all_rows_that_cannot_be_one_stops_the_import(
    tmp_path: Path, given: dict[str, str], said: str
) -> None:
    found = table(book(tmp_path / "a.xlsx", HEADER, ["Trail", SHOP, CONTROL, "A", "2027-03-31"]))
    with pytest.raises(ConfigError, match=said):
        imported(found, tmp_path, given=given)
    assert not (tmp_path / "exceptions.yaml").exists()


# The judge: what a date form stands for, written from the forms alone and not from the reader.
def _last(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


_QUARTER_ENDS = {1: (3, 31), 2: (6, 30), 3: (9, 30), 4: (12, 31)}


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


@st.composite
def dated_cells(draw: st.DrawFn) -> tuple[Any, date | None]:
    """Draw a cell of a date column and the day that it stands for; None where it stands for none."""
    day = draw(st.dates(min_value=date(2024, 1, 1), max_value=date(2035, 12, 31)))
    month, year = calendar.month_name[day.month], day.year
    quarter = (day.month - 1) // 3 + 1
    forms: list[tuple[Any, date | None]] = [
        (datetime(day.year, day.month, day.day), day),  # noqa: DTZ001 - cells have no zone
        ((day - date(1899, 12, 30)).days, day),
        (f"{(day - date(1899, 12, 30)).days}.0", day),
        (day.isoformat(), day),
        (f"{day.isoformat()}T23:59:00Z", day),
        (f"{day.day:02}.{day.month:02}.{year}", day),
        (f"{day.day} {month} {year}", day),
        (f"{month} {_ordinal(day.day)}, {year}", day),
        (f"{day.day:02}-{month[:3]}-{year % 100:02}", day),
        (f"{month} {year}", _last(year, day.month)),
        (f"end of {month} {year}", _last(year, day.month)),
        (f"Q{quarter} {year}", date(year, *_QUARTER_ENDS[quarter])),
        ("soon", None),
        (f"{month} {year} or later", None),
        (None, None),
    ]
    form: tuple[Any, date | None] = draw(st.sampled_from(forms))
    return form


_ENTRY = st.tuples(
    st.sampled_from(["Trail", "Total", "Last updated agents", "Logs of the shop", "=1", None]),
    st.sampled_from([SHOP, float(BANK), "Bank", "Shop, online", "nobody", None]),
    st.sampled_from([CONTROL, "made_up", None]),
    st.sampled_from(["A team", "=A1", None]),
    dated_cells(),
)
_OTHER = st.sampled_from([row for row, _ in FOOTERS] + [[], [None, None, "see above"]])


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    above=st.lists(st.sampled_from([["Register of risks"], [], ["Owner:", "Ana", "Status"]]), max_size=3),
    rows=st.lists(st.one_of(_ENTRY.map(list), _OTHER), min_size=1, max_size=12),
    merges=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11), st.integers(1, 4)), max_size=4),
    again=st.booleans(),
)
def test_no_row_is_lost(
    above: list[list[Any]], rows: list[list[Any]], merges: list[tuple[int, int, int]], *, again: bool
) -> None:
    """Every row that holds anything is a draft, is in the register already, or is left out with a reason."""
    plain = [[*row[:4], row[4][0]] if len(row) == 5 and isinstance(row[4], tuple) else row for row in rows]
    top = len(above) + 1
    taken: set[tuple[int, int]] = set()
    taken |= {(column, index) for index, row in enumerate(plain) if row == HEADER for column in range(5)}
    merged: list[str] = []
    covered: dict[tuple[int, int], tuple[int, int]] = {}
    for column, row, height in merges:
        cells = {(column, row + step) for step in range(height + 1)}
        if row + height < len(rows) and not cells & taken:
            taken |= cells
            covered |= {(column, row + step): (column, row) for step in range(1, height + 1)}
            first, last = top + 1 + row, top + 1 + row + height
            merged.append(f"{'ABCDE'[column]}{first}:{'ABCDE'[column]}{last}")
    holding = {
        top + 1 + index
        for index, row in enumerate(plain)
        if any(cell is not None and (column, index) not in covered for column, cell in enumerate(row))
    }
    holding |= {index for index, row in enumerate(above, 1) if row}
    with TemporaryDirectory() as name:
        directory = Path(name)
        file = book(directory / "risks.xlsx", *above, HEADER, *plain, merged=tuple(merged))
        if not {number for number in holding if number > top}:
            with pytest.raises(ConfigError, match="no row is recognized as the header"):
                table(file)
            return
        found = table(file)
        if again:
            imported(found, directory)
        result, entries = imported(found, directory)
        text_of_register = (directory / "exceptions.yaml").read_text() if result.drafts or result.present else ""
    hidden = {
        (int(left.place.rpartition("!")[2][1:]), left.place.rpartition("!")[2][0])
        for left in found.left_out
        if "hidden" in left.reason
    }
    assert hidden == {
        (top + 1 + index, "ABCDE"[column])
        for column, index in covered
        if len(plain[index]) > column and plain[index][column] is not None
    }
    places = [
        *(draft.place for draft in result.drafts),
        *(left.place for left in result.skipped),
        *(place for place, _ in result.present),
    ]
    listed = [place.rpartition("!")[2] for place in places]
    by_row = sorted(int(number) for number in listed if number.isdigit())
    assert by_row == sorted(holding)
    assert all(left.reason for left in result.skipped)
    assert not (again and result.drafts)
    for draft, entry in zip(result.drafts, entries, strict=True):
        index = int(draft.place.rpartition("!")[2]) - top - 1
        source = covered.get((4, index), (4, index))[1]
        cell = rows[source][4] if len(rows[source]) == 5 and isinstance(rows[source][4], tuple) else (None, None)
        assert entry.get("expires_on") == cell[1]
        if cell[0] is not None and cell[1] is None:
            assert str(cell[0]) in entry["comments"]
            assert str(cell[0]) in text_of_register
