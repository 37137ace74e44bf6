import email
import email.policy
import json
import re
import unicodedata
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from orgaudit.cli import orgaudit
from orgaudit.errors import ConfigError
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.mails import Sender, ids_of, mails
from orgaudit.register.notices import DueEvent, DueItem, Notice, calendar, due, text
from orgaudit.settings.people import ADDRESS, People
from tests.register.making import fields, register_file, registered

ON = date(2025, 3, 1)
NOW = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
SENDER = "Security <security@example.com>"
BOOK = b"the owner's workbook"


def told(tmp_path: Path, *exceptions: dict[str, Any], within: int = 30) -> list[Notice]:
    return due(registered(tmp_path, *exceptions), ON, within)


def events(notices: list[Notice]) -> list[tuple[str, DueEvent, int | None]]:
    return [(item.id, item.event, item.days) for notice in notices for item in notice.items]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"expires_on": "2025-03-31"}, [(DueEvent.EXPIRES, 30)]),
        ({"expires_on": "2025-04-01"}, []),
        ({"expires_on": "2025-03-01"}, [(DueEvent.EXPIRES, 0)]),
        ({"expires_on": "2025-02-28"}, [(DueEvent.EXPIRED, -1)]),
        ({"expires_on": "2025-06-01", "review_by": "2025-03-31"}, [(DueEvent.REVIEW, 30)]),
        ({"expires_on": "2025-06-01", "review_by": "2025-04-01"}, []),
        ({"expires_on": "2025-06-01", "review_by": "2025-02-20"}, [(DueEvent.REVIEW, -9)]),
        ({"expires_on": "2025-02-28", "review_by": "2025-02-20"}, [(DueEvent.EXPIRED, -1)]),
        ({"expires_on": "2025-03-02", "approved_by": None, "approved_on": None}, [(DueEvent.PENDING, None)]),
        (
            {
                "expires_on": "2025-03-02",
                "history": [{"when": "2025-02-01", "who": "jo", "what": "revoked", "why": "x"}],
            },
            [],
        ),
    ],
)
def test_what_falls_due(tmp_path: Path, changes: dict[str, Any], expected: list[tuple[DueEvent, int | None]]) -> None:
    assert events(told(tmp_path, fields(**changes))) == [("EXC-2025-0001", event, days) for event, days in expected]


def test_a_superseded_one_is_over_once_the_next_is_in_force(tmp_path: Path) -> None:
    old = fields(expires_on="2025-02-28")
    new = fields(id="EXC-2025-0002", supersedes="EXC-2025-0001", expires_on="2025-06-01")
    assert told(tmp_path, old, new) == []
    waiting = new | {"starts_on": "2025-03-05"}
    assert events(told(tmp_path, old, waiting)) == [("EXC-2025-0001", DueEvent.EXPIRED, -1)]


def test_owners_are_told_once_whatever_the_spelling(tmp_path: Path) -> None:
    notices = told(
        tmp_path,
        fields(id="EXC-2025-0001", owner="ANA@example.com"),
        fields(id="EXC-2025-0002", owner="Ana  Silva <ana@example.com>", expires_on="2025-03-10"),
        fields(id="EXC-2025-0003", owner="Platform team"),
    )
    assert [(notice.owner, len(notice.items)) for notice in notices] == [
        ("Ana Silva <ana@example.com>", 2),
        ("Platform team", 1),
    ]
    assert notices[0].address.casefold() == "ana@example.com"
    assert [item.id for item in notices[0].items] == ["EXC-2025-0002", "EXC-2025-0001"]
    assert notices[1].address == ""


def test_the_text_groups_by_owner_and_fits_80_columns(tmp_path: Path) -> None:
    lines = list(
        text(
            told(
                tmp_path,
                fields(title="A title that is much too long for a line of a terminal", expires_on="2025-02-27"),
                fields(id="EXC-2025-0002", owner="Platform team"),
            )
        )
    )
    assert lines == [
        "Ana <ana@example.com>",
        "  EXC-2025-0001  2025-02-27  expired 2 days ago       A title that is much too l",
        "",
        "Platform team (no address)",
        "  EXC-2025-0002  2025-03-31  expires in 30 days       The trail rests",
        "",
        "2 dates for 2 owners",
    ]
    assert max(map(len, lines)) <= 80


def unfolded(content: bytes) -> list[str]:
    """Return the content lines of an iCalendar file as its readers join them."""
    return content.replace(b"\r\n ", b"").decode().removesuffix("\r\n").split("\r\n")


def test_the_calendar_has_an_all_day_event_for_each_date(tmp_path: Path) -> None:
    hard = fields(title="Trail; rests, \\ and\nwaits", review_by="2025-03-05")
    lines = unfolded(calendar(told(tmp_path, hard), ON))
    assert lines[:4] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//orgaudit//exceptions//EN", "METHOD:PUBLISH"]
    assert lines[4:10] == [
        "BEGIN:VEVENT",
        "UID:EXC-2025-0001-review-20250305@orgaudit",
        "DTSTAMP:20250301T000000Z",
        "DTSTART;VALUE=DATE:20250305",
        "DTEND;VALUE=DATE:20250306",
        r"SUMMARY:EXC-2025-0001 is due for review: Trail\; rests\, \\ and\nwaits",
    ]
    assert [line for line in lines if line.startswith(("UID:", "END:"))] == [
        "UID:EXC-2025-0001-review-20250305@orgaudit",
        "END:VEVENT",
        "UID:EXC-2025-0001-expiry-20250331@orgaudit",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_an_empty_calendar_is_still_one() -> None:
    assert unfolded(calendar([], ON))[-1] == "END:VCALENDAR"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(TEXTS)
def test_a_calendar_line_has_at_most_75_octets_and_reads_back(title: str) -> None:
    item = DueItem(id="EXC-2025-0001", title=title, event=DueEvent.EXPIRES, due_on=ON, days=0, ticket="T", scope="s")
    content = calendar([Notice(owner="x", address="", items=(item,))], ON)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    for line in content.split(b"\r\n"):
        line.decode()
    lines = unfolded(content)
    assert not any(ord(character) < 32 or character == "\x7f" for line in lines for character in line.replace("\t", ""))
    summary = next(line for line in lines if line.startswith("SUMMARY:"))
    escaped = summary.removeprefix("SUMMARY:EXC-2025-0001 expires: ")
    plain = (
        escaped.replace("\\\\", "\0").replace("\\n", "\n").replace("\\;", ";").replace("\\,", ",").replace("\0", "\\")
    )
    assert not unseen(plain)
    if not set(title) & INTRODUCERS:
        assert visible(plain) == visible(title)


INTRODUCERS = set("\x1b\x90\x98\x9b\x9d\x9e\x9f")
"""What begins a terminal's command, of which nothing is shown."""


def visible(value: str) -> list[str]:
    return [character for character in value if character.isprintable() and character != " "]


def unseen(value: str) -> set[str]:
    """Return the characters that a terminal or a mail acts on and does not show."""
    kinds = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    return {it for it in value if unicodedata.category(it) in kinds and it not in "\n\t\u200c\u200d"}


HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link",
    "a\r\nBcc: evil@example.com\r\n\r\nbody",
    "=cmd|'/c calc'!A1",
    "\u202egpj.exe\u2066\u2028\u2029\x85\x00",
    "👩\u200d🚒 Größe 东京",
    "x" * 30_000,
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_not_shown_leaves_text_mails_and_calendar(tmp_path: Path, hostile: str) -> None:
    owner = f"{hostile.replace('@', ' ')[:300]} <ana@example.com>"
    item = DueItem(
        id="EXC-2025-0001", title=hostile, event=DueEvent.EXPIRES, due_on=ON, days=0, ticket=hostile, scope=hostile
    )
    notices = [Notice(owner=owner, address="ana@example.com", items=(item,))]
    shown = list(text(notices))
    assert len(shown) == 4
    assert not any(unseen(line) or "\n" in line for line in shown)
    assert not unseen("\n".join(unfolded(calendar(notices, ON))))
    assert calendar(notices, ON).count(b"BEGIN:VEVENT") == 1
    [(name, content)] = sent(notices)
    message = parsed(content)
    assert (name, message["To"].addresses[0].addr_spec) == ("ana@example.com.eml", "ana@example.com")
    assert set(message.keys()) == {"From", "To", "Subject", "Date", "X-Unsent", "Content-Type", "MIME-Version"}
    assert not unseen(body_of(message))
    assert not unseen(str(message["To"]))
    assert [part.get_filename() for part in message.iter_attachments()] == ["your-exceptions.xlsx"]


@given(TEXTS, TEXTS)
def test_any_text_is_shown_on_one_line_and_adds_no_header(title: str, name: str) -> None:
    item = DueItem(id="EXC-2025-0001", title=title, event=DueEvent.DRAFT, ticket=name, scope=title)
    owner = f"{name} <ana@example.com>" if ADDRESS.search(name) is None else "ana@example.com"
    notices = [Notice(owner=owner, address="ana@example.com", items=(item,))]
    assert [line for line in text(notices) if unseen(line) or len(line.splitlines()) > 1] == []
    [(_, content)] = sent(notices)
    message = parsed(content)
    assert set(message.keys()) == {"From", "To", "Subject", "Date", "X-Unsent", "Content-Type", "MIME-Version"}
    assert [str(it.addr_spec) for it in message["To"].addresses] == ["ana@example.com"]
    assert not unseen(body_of(message))


def test_drafts_and_what_waits_are_listed_and_have_no_date(tmp_path: Path) -> None:
    draft = {"id": "EXC-2025-0001", "title": "Half done"}
    waiting = fields(
        id="EXC-2025-0002",
        approved_by=None,
        approved_on=None,
        history=[{"when": "2025-02-03", "who": "ana@example.com", "what": "requested", "why": "x"}],
    )
    scheduled = fields(id="EXC-2025-0003", starts_on="2025-03-20", approved_on="2025-02-01")
    notices = told(tmp_path, draft, waiting, scheduled)
    assert list(text(notices)) == [
        "Ana <ana@example.com>",
        "  EXC-2025-0002  -           pending since 2025-02-03 The trail rests",
        "",
        "no owner",
        "  EXC-2025-0001  -           draft: complete it       Half done",
        "",
        "0 dates and 2 waiting for 1 owner",
    ]
    assert [(notice.owner, notice.items[0].due_on, notice.items[0].since) for notice in notices] == [
        ("Ana <ana@example.com>", None, date(2025, 2, 3)),
        ("", None, None),
    ]
    assert b"EXC-" not in calendar(notices, ON)
    [(_, content)] = sent(notices)
    message = parsed(content)
    assert message["Subject"] == "1 security exception needs your attention as soon as you can"
    assert "EXC-2025-0002: The trail rests\n  pending since 2025-02-03, ticket SEC-1" in body_of(message)


def test_a_pending_renewal_or_change_is_listed_beside_the_date_that_still_holds(tmp_path: Path) -> None:
    asked = {"requested_by": "ana@example.com", "requested_on": "2025-02-20", "why": "x"}
    notices = told(
        tmp_path,
        fields(expires_on="2025-02-27", amendment={**asked, "changes": {"expires_on": "2025-06-30"}}),
        fields(id="EXC-2025-0002", expires_on="2025-09-01", amendment={**asked, "changes": {"title": "Another"}}),
        fields(
            id="EXC-2025-0003",
            expires_on="2025-09-01",
            amendment={**asked, "requested_on": "2025-03-02", "changes": {}},
        ),
    )
    assert events(notices) == [
        ("EXC-2025-0001", DueEvent.EXPIRED, -2),
        ("EXC-2025-0001", DueEvent.RENEWAL, None),
        ("EXC-2025-0002", DueEvent.AMENDMENT, None),
    ]
    assert [item.since for item in notices[0].items] == [None, date(2025, 2, 20), date(2025, 2, 20)]
    assert "  EXC-2025-0001  -           renewal pending          The trail rests" in list(text(notices))
    assert "  EXC-2025-0002  -           change pending           The trail rests" in list(text(notices))
    assert calendar(notices, ON).count(b"BEGIN:VEVENT") == 1
    [(_, content)] = sent(notices)
    assert "  renewal pending, requested on 2025-02-20, ticket SEC-1\n" in body_of(parsed(content))


def test_a_mail_says_in_two_sentences_what_to_do_by_when_and_names_who_approves(tmp_path: Path) -> None:
    notices = told(
        tmp_path,
        fields(expires_on="2025-03-20"),
        fields(id="EXC-2025-0002", expires_on="2025-06-01", review_by="2025-03-10"),
        fields(id="EXC-2025-0003", title="New", approved_by=None, approved_on=None),
    )
    settled = ("Ana <ana@example.com>", "Jo Okafor <jo.okafor@example.com>")
    [(_, content)] = sent(notices, approvers=settled)
    first, _, rest = body_of(parsed(content)).removeprefix("Hello,\n\n").partition("\n\n")
    assert " ".join(first.split()) == (
        "please open the attached workbook your-exceptions.xlsx and request a later last day or choose revoked, set "
        "the next review and see what waits for approval on its sheet Exceptions; the sheet Read me shows how. Send "
        "the file back to Security <security@example.com> by 2025-03-10: an expired exception covers nothing, and its "
        "findings are open again."
    )
    entries, _, footnote = rest.partition("\n-- \n")
    assert re.findall(r"(EXC\S+):.*\n.*\n.*\n  who approves: (.*)", entries) == [
        ("EXC-2025-0002", "jo@example.com"),
        ("EXC-2025-0001", "jo@example.com"),
        ("EXC-2025-0003", "Jo Okafor <jo.okafor@example.com>"),
    ]
    assert "orgaudit exceptions renew ID" in footnote
    assert "orgaudit" not in entries
    [(_, content)] = sent(notices)
    assert "who approves: another person than the one who requests it" in body_of(parsed(content))


def test_the_command_attaches_only_the_owners_entries_and_takes_them_back(tmp_path: Path) -> None:
    (tmp_path / "orgaudit.toml").write_text('[register]\napprovers = ["Jo Okafor <jo@example.com>"]\n')
    register = register_file(
        tmp_path,
        fields(),
        fields(id="EXC-2025-0002", owner="Bo <bo@example.com>"),
        fields(id="EXC-2025-0003", owner="ANA@example.com", expires_on="2025-09-01"),
        {"id": "EXC-2025-0004", "title": "Ownerless"},
        attestations=[
            {
                "id": "ATT-2025-0001",
                "requirement": "cis_2.0:1.1",
                "status": "pass",
                "accounts": ["111122223333"],
                "attested_by": "ana@example.com",
                "attested_on": "2025-01-01",
                "expires_on": "2025-06-30",
                "evidence": ["seen"],
            }
        ],
    )
    common = ["--config", str(tmp_path / "orgaudit.toml"), "--register", str(register), "--as-of", ON.isoformat()]
    out = tmp_path / "mails"
    done = CliRunner().invoke(
        orgaudit,
        ["exceptions", "due", *common, "--format", "eml", "--out", str(out), "--from", SENDER],
        catch_exceptions=False,
    )
    assert "no address, inform them otherwise: no owner (0 dates and 1 waiting)" in done.output
    assert sorted(path.name for path in out.iterdir()) == ["ana@example.com.eml", "bo@example.com.eml"]
    [attached] = parsed((out / "ana@example.com.eml").read_bytes()).iter_attachments()
    path = tmp_path / str(attached.get_filename())
    path.write_bytes(attached.get_content())
    book = load_workbook(path)
    assert [cell.value for cell in book["Exceptions"]["B"][3:6]] == ["EXC-2025-0001", "EXC-2025-0003", None]
    assert [cell.value for cell in book["Attestations"]["B"][3:5]] == ["ATT-2025-0001", None]
    guide = [str(cell.value) for row in book["Read me"].iter_rows() for cell in row if cell.value]
    assert any("Ana <ana@example.com>" in line for line in guide)
    assert any("Jo Okafor <jo@example.com>" in line for line in guide)
    titles = [cell.value for cell in book["Exceptions"][3]]
    book["Exceptions"].cell(5, titles.index("Ticket") + 1).value = "SEC-77"
    book.save(path)
    before = RegisterEditor.open(register)
    done = CliRunner().invoke(
        orgaudit, ["exceptions", "import", str(path), *common, "--by", "ana@example.com"], catch_exceptions=False
    )
    assert "EXC-2025-0003 changed: ticket" in done.output
    after = RegisterEditor.open(register)
    assert after.ids() == before.ids()
    assert after.ids("attestations") == before.ids("attestations")
    assert after.entry("EXC-2025-0003")["ticket"] == "SEC-77"
    for name in ("EXC-2025-0001", "EXC-2025-0002", "EXC-2025-0004"):
        assert after.entry(name) == before.entry(name)


def test_the_owner_of_an_invalid_entry_gets_it_too(tmp_path: Path) -> None:
    register = register_file(tmp_path, fields(owner="Ana  <ANA@example.com>", typ="x"), {"id": "EXC-2025-0002"})
    assert ids_of(RegisterEditor.open(register), "ana@example.com") == {"EXC-2025-0001"}
    assert ids_of(RegisterEditor.open(register), "") == {"EXC-2025-0002"}


def sent(notices: list[Notice], *, sender: str = SENDER, approvers: tuple[str, ...] = ()) -> list[tuple[str, bytes]]:
    by = Sender(person=sender, moment=NOW, approvers=approvers)
    return list(mails(notices, ON, by, lambda notice: BOOK + notice.address.encode()))


def body_of(message: EmailMessage) -> str:
    part = message.get_body()
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_each_owner_with_an_address_has_one_mail_ready_to_send(tmp_path: Path) -> None:
    notices = told(
        tmp_path,
        fields(title="Größe; rests", owner="Ana Šilva <ana@example.com>"),
        fields(id="EXC-2025-0002", owner="Platform team"),
        fields(id="EXC-2025-0003", owner="bo@example.com", expires_on="2025-02-27"),
    )
    [(ana, first), (bo, second)] = sent(notices)
    assert (ana, bo) == ("ana@example.com.eml", "bo@example.com.eml")
    message = parsed(first)
    assert (message["From"], message["To"]) == (SENDER, "Ana Šilva <ana@example.com>")
    assert message["Subject"] == "1 security exception needs your attention by 2025-03-31"
    assert message["Date"].datetime == NOW
    body = body_of(message)
    assert "EXC-2025-0001: Größe; rests" in body
    assert "expires in 30 days (2025-03-31), ticket SEC-1" in body
    assert "expired 2 days ago (2025-02-27)" in body_of(parsed(second))
    assert all(len(line) <= 998 and line.isascii() for line in first.split(b"\r\n"))


@pytest.mark.parametrize(
    ("owner", "to"),
    [
        ("Ana\n Silva <ana@example.com>", "Ana Silva <ana@example.com>"),
        ('A "B", C <ana@example.com>', r'"A \"B\", C" <ana@example.com>'),
    ],
)
def test_an_owners_name_cannot_add_headers(tmp_path: Path, owner: str, to: str) -> None:
    [(_, content)] = sent(told(tmp_path, fields(owner=owner)))
    message = parsed(content)
    assert str(message["To"]) == to
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "X-Unsent"),
        *("Content-Type", "MIME-Version"),
    }


def test_two_addresses_that_look_alike_have_two_files(tmp_path: Path) -> None:
    notices = told(
        tmp_path,
        fields(id="EXC-2025-0001", owner="a+b@example.com"),
        fields(id="EXC-2025-0002", owner="a/b@example.com"),
    )
    assert [name for name, _ in sent(notices)] == ["a_b@example.com.eml", "a_b@example.com-2.eml"]


def test_a_wrong_sender_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a sender"):
        sent(told(tmp_path, fields()), sender="Security")


def test_what_has_no_owner_goes_to_the_audit_team(tmp_path: Path) -> None:
    register = registered(tmp_path, {"id": "EXC-2025-0002", "title": "Whose"})
    [notice] = due(register, ON, 30, audit_team="Audit <audit@example.com>")
    assert (notice.owner, notice.address) == ("", "audit@example.com")
    assert next(iter(text([notice]))) == "no owner, to the audit team: audit@example.com"
    [(name, content)] = mails([notice], ON, Sender(person=SENDER, moment=NOW), lambda _: BOOK)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert (name, message["To"]) == ("audit@example.com.eml", "audit@example.com")
    body = message.get_body()
    assert body is not None
    assert "These entries have no owner; name one for each in the workbook." in body.get_content()


def test_the_file_of_owners_completes_who_owns_an_exception(tmp_path: Path) -> None:
    entries = [fields(owner="payments"), fields(id="EXC-2025-0002", owner="PAY@example.com")]
    person = People({"pay@example.com": "Payments"}).person
    [notice] = due(registered(tmp_path, *entries), ON, 30, person=person)
    assert (notice.owner, notice.address) == ("Payments <pay@example.com>", "pay@example.com")
    editor = RegisterEditor.open(tmp_path / "exceptions.yaml")
    assert ids_of(editor, notice.owner, person) == {"EXC-2025-0001", "EXC-2025-0002"}
    assert ids_of(editor, notice.owner) == {"EXC-2025-0002"}


def test_due_reads_the_owners_beside_the_settings(tmp_path: Path) -> None:
    register = register_file(tmp_path, fields(owner="Payments"), {"id": "EXC-2025-0002", "title": "Whose"})
    config = tmp_path / "orgaudit.toml"
    config.write_text("[ownership]\naudit_team = 'audit@example.com'\n")
    owners = tmp_path / "owners.csv"
    owners.write_text("account,owner,mail\nshop,Payments,pay@example.com\n")
    arguments = ["exceptions", "due", "--config", str(config), "--register", str(register), "--as-of", "2025-03-01"]
    done = CliRunner().invoke(orgaudit, [*arguments, "--format", "json"])
    assert done.exit_code == 0, done.output
    found = [(each["owner"], each["address"]) for each in json.loads(done.stdout)["owners"]]
    assert found == [("Payments <pay@example.com>", "pay@example.com"), ("", "audit@example.com")]
    out = tmp_path / "mails"
    done = CliRunner().invoke(orgaudit, [*arguments, "--format", "eml", "--out", str(out), "--from", SENDER])
    assert sorted(path.name for path in out.iterdir()) == ["audit@example.com.eml", "pay@example.com.eml"]
    owners.write_text("account,owner,mail\nshop,Payments,pay\n")
    done = CliRunner().invoke(orgaudit, arguments)
    assert isinstance(done.exception, ConfigError)
    assert "owners.csv:2: mail: 'pay' is not a mail address" in str(done.exception)
