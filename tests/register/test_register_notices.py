import email
import email.policy
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.register.notices import DueEvent, DueItem, Notice, calendar, due, mails, text
from tests.register.making import fields, registered

ON = date(2025, 3, 1)
NOW = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
SENDER = "Security <security@example.com>"


def told(tmp_path: Path, *exceptions: dict[str, Any], within: int = 30) -> list[Notice]:
    return due(registered(tmp_path, *exceptions), ON, within)


def events(notices: list[Notice]) -> list[tuple[str, DueEvent, int]]:
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
        ({"expires_on": "2025-03-02", "approved_by": None, "approved_on": None}, []),
        (
            {
                "expires_on": "2025-03-02",
                "history": [{"when": "2025-02-01", "who": "jo", "what": "revoked", "why": "x"}],
            },
            [],
        ),
    ],
)
def test_what_falls_due(tmp_path: Path, changes: dict[str, Any], expected: list[tuple[DueEvent, int]]) -> None:
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
    lines_of_title = title.replace("\r\n", "\n").replace("\r", "\n")
    assert plain == "".join(" " if (ord(c) < 32 and c not in "\n\t") or c == "\x7f" else c for c in lines_of_title)


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
    [(ana, first), (bo, second)] = mails(notices, ON, SENDER, NOW)
    assert (ana, bo) == ("ana@example.com.eml", "bo@example.com.eml")
    message = parsed(first)
    assert (message["From"], message["To"]) == (SENDER, "Ana Šilva <ana@example.com>")
    assert message["Subject"] == "1 security exception needs your attention"
    assert message["Date"].datetime == NOW
    body = message.get_content()
    assert "EXC-2025-0001: Größe; rests" in body
    assert "expires in 30 days (2025-03-31), ticket SEC-1" in body
    assert "expired 2 days ago (2025-02-27)" in parsed(second).get_content()
    assert all(len(line) <= 998 and line.isascii() for line in first.split(b"\r\n"))


@pytest.mark.parametrize(
    ("owner", "to"),
    [
        ("Ana\n Silva <ana@example.com>", "Ana Silva <ana@example.com>"),
        ('A "B", C <ana@example.com>', r'"A \"B\", C" <ana@example.com>'),
    ],
)
def test_an_owners_name_cannot_add_headers(tmp_path: Path, owner: str, to: str) -> None:
    [(_, content)] = mails(told(tmp_path, fields(owner=owner)), ON, SENDER, NOW)
    message = parsed(content)
    assert str(message["To"]) == to
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "X-Unsent"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }


def test_two_addresses_that_look_alike_have_two_files(tmp_path: Path) -> None:
    notices = told(
        tmp_path,
        fields(id="EXC-2025-0001", owner="a+b@example.com"),
        fields(id="EXC-2025-0002", owner="a/b@example.com"),
    )
    assert [name for name, _ in mails(notices, ON, SENDER, NOW)] == ["a_b@example.com.eml", "a_b@example.com-2.eml"]


def test_a_wrong_sender_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a sender"):
        list(mails(told(tmp_path, fields()), ON, "Security", NOW))
