"""The file of owners: what is read of it, and each thing that is wrong in it, with its line."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.settings import ownership
from orgaudit.settings.ownership import MOST_PROBLEMS, OwnerRow, owners_of, read_owners
from orgaudit.settings.people import Owner
from orgaudit.settings.settings import Settings, load

HEADER = "account,unit,owner,mail,environment\n"
JO = Owner("Jo Okafor", "jo@example.com")


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "owners.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def settings(tmp_path: Path, text: str = "") -> Settings:
    path = tmp_path / "orgaudit.toml"
    path.write_text(text)
    return load(path, {}, {})


def errors(tmp_path: Path, content: str | bytes) -> list[str]:
    path = written(tmp_path, content)
    with pytest.raises(ConfigError) as raised:
        read_owners(path)
    return [line.removeprefix(f"{path}") for line in str(raised.value).splitlines()]


def test_rows_have_their_lines_and_their_owners(tmp_path: Path) -> None:
    text = HEADER + (
        "111122223333,,Jo Okafor,JO@example.com,prod\n"
        "\n"
        '"Log\nArchive",,"Okafor, Jo <jo@example.com>",,\n'
        ",Root/Workloads/,Payments,,test\n"
        "1111-2222-4444,,,ann@example.com,\n"
    )
    path = written(tmp_path, text)
    found = read_owners(path)
    assert found.rows == (
        OwnerRow(line=2, account="111122223333", owner=JO, environment="prod"),
        OwnerRow(line=4, account="Log Archive", owner=Owner("Okafor, Jo", "jo@example.com")),
        OwnerRow(line=6, unit="Root/Workloads", owner=Owner("Payments"), environment="test"),
        OwnerRow(line=7, account="111122224444", owner=Owner(mail="ann@example.com")),
    )
    assert found.sha256 == sha256(path.read_bytes()).hexdigest()
    assert found.people == {"jo@example.com": "Jo Okafor"}


@pytest.mark.parametrize("cell", ["1.11122223333E+11", "111122223333.0", "1111 2222 3333"])
def test_an_id_that_a_spreadsheet_rewrote_whole_is_read(tmp_path: Path, cell: str) -> None:
    [row] = read_owners(written(tmp_path, f"{HEADER}{cell},,Jo,,\n")).rows
    assert row.account == "111122223333"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_headers_are_read_in_the_words_and_forms_of_spreadsheets(
    tmp_path: Path, delimiter: str, mark: str, end: str
) -> None:
    lines = (
        ("Account ID", "Owner Name", "E-Mail", "ENV", ""),
        ("111122223333", "Jo Okafor", "jo@example.com", "prod", ""),
    )
    text = mark + "".join(delimiter.join(line) + end for line in lines)
    [row] = read_owners(written(tmp_path, text)).rows
    assert row == OwnerRow(line=2, account="111122223333", owner=JO, environment="prod")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",,Jo,,", ": names neither an account nor a unit; write one of the two"),
        ("shop,,,,", ": has neither owner, mail nor environment; write one, or remove the row"),
        ("shop,,Jo,jo.example.com,", ": mail: 'jo.example.com' is not a mail address"),
        ("shop,,Jo,jo@a@b,", ": mail: 'jo@a@b' is not a mail address"),
        ("shop,,Jo,jo..o@example.com,", ": mail: 'jo..o@example.com' is not a mail address"),
        ("shop,,Jo,Jo <jo@example.com>,", ": mail: 'Jo <jo@example.com>' is not a mail address"),
        ("shop,,Jo jo@example.com,,", ": owner: 'Jo jo@example.com' is not an owner"),
        ("shop,,Team <EU>,eu@example.com,", ": owner: 'Team <EU>' is not an owner; write < and > around"),
        ("shop,,Jo <jo@example.com>,al@example.com,", ": mail: 'al@example.com' is another address than"),
        (
            "shop,,Okafor, Jo,jo@example.com,prod",
            ": has 6 cells where the header has 5; put text with commas in quotes",
        ),
        ("11122223333,,Jo,,", "has 11 digits and an account id has 12; did you mean 011122223333?"),
        ("1111222233334,,Jo,,", "has 13 digits; write the 12"),
        ("1.11122E+11,,Jo,,", "'1.11122E+11' has lost its last digits; format the column as text"),
        ("sh\u200bop,,Jo,,", ": account: holds the invisible character U+200B; remove it"),
        (f"shop,,{'J' * 501},,", ": owner: has 501 characters; at most 500 are read"),
        ('shop,,"Jo"x,,', ": is not CSV"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path: Path, row: str, words: str) -> None:
    [error] = errors(tmp_path, f"{HEADER}other,,Jo,,\n\n{row}\n")
    assert error.startswith(":4: ")
    assert words in error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: no column is called account or unit; name the columns in the first row"),
        ("owner,mail\nJo,\n", ":1: no column is called account or unit"),
        ("account\nshop\n", ":1: no column is called owner or mail or environment"),
        ("account,onwer\nshop,Jo\n", ":1: onwer: unknown column 'onwer'; did you mean owner?"),
        ("account,cost\nshop,3\n", "the columns are account, unit, owner, mail, environment"),
        ("account,owner,team\nshop,Jo,A\n", ":1: team: a second column for owner; keep one"),
        (f"{HEADER}shop,,Jo,,\nSHOP,,Al,,\n", ":3: account: is there twice, first on line 2; keep one row"),
        (f"{HEADER},Root/A,Jo,,\n,Root/A/,Al,,\n", ":3: unit: is there twice, first on line 2"),
        (f"{HEADER}shop,,J\xf6,,\n".encode("latin-1"), ":2: is not UTF-8; save it in that encoding"),
        (f"{HEADER}shop,,Jo,,\n".encode("utf-16"), ":1: is not UTF-8"),
        (HEADER.encode() + b"x" * (8 << 20), ": is larger than 8 MB"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    [error] = errors(tmp_path, text)
    assert words in error


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    found = errors(tmp_path, f"{HEADER},,,x,\nshop,,Jo,,\nshop,,Al,,\n")
    assert [line.split(": ")[0] for line in found] == [":2", ":2", ":4"]


def test_a_thousand_problems_are_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    found = errors(tmp_path, HEADER + "shop,,Jo,x,\n" * (MOST_PROBLEMS + 7))
    assert len(found) == MOST_PROBLEMS + 1
    assert "7 more problems are not listed" in found[-1]


def test_rows_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "MOST_ROWS", 3)
    text = HEADER + "".join(f"shop {number},,Jo,,\n" for number in range(3))
    assert len(read_owners(written(tmp_path, text)).rows) == 3
    [error] = errors(tmp_path, f"{text}\nlast,,Jo,,\n")
    assert error == ": has more than 3 rows; name accounts by their unit"


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("Jo Okafor <JO@example.com>", JO),
        ("Jo Okafor - jo@example.com", JO),
        ("jo@example.com", Owner(mail="jo@example.com")),
        ("<jo@example.com>", Owner(mail="jo@example.com")),
        ("Team (EU) <eu@example.com>", Owner("Team (EU)", "eu@example.com")),
        ("  Team   (EU) ", Owner("Team (EU)")),
        ("@payments", Owner("@payments")),
        ("", Owner()),
    ],
)
def test_an_owner_is_read_from_text_and_again_from_what_it_is_shown_as(text: str, owner: Owner) -> None:
    assert Owner.of(text) == owner
    assert Owner.of(str(owner)) == owner
    assert bool(owner) == bool(text)


def test_the_file_is_beside_the_settings_and_must_exist_only_where_it_is_named(tmp_path: Path) -> None:
    assert owners_of(settings(tmp_path)).rows == ()
    with pytest.raises(ConfigError, match=r"people\.csv: cannot be read"):
        owners_of(settings(tmp_path, "[ownership]\nfile = 'people.csv'\n"))
    written(tmp_path, f"{HEADER}shop,,Jo,,\n")
    found = settings(tmp_path)
    assert owners_of(found).rows == (OwnerRow(line=2, account="shop", owner=Owner("Jo")),)
    assert found.hashes()["owners.csv"] == owners_of(found).sha256


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("owner_tag = ['x']", "did you mean owner_tags"),
        ("owner_tags = 'owner'", "must be a list"),
        ("contact_tags = ['']", "is empty"),
        ("environment_tags = [3]", "put it in quotes"),
        ("audit_team = 'Audit'", "has no mail address; write name@example.com"),
        ("audit_team = 'Audit audit@example.com'", "is not an owner; write Name <name@example.com>"),
    ],
)
def test_wrong_settings_name_their_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        settings(tmp_path, f"[ownership]\n\n{text}\n")
    assert raised.value.line == 3
