"""Workbooks and mails by owner, unit and account: each of its own rows alone, all of them together the whole run."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orgaudit.errors import ConfigError
from orgaudit.model import EntryState, Status
from orgaudit.report import split as splitting
from orgaudit.report.part import Division, Part, parted
from orgaudit.report.part_names import LONGEST, file_names
from orgaudit.report.split import PartReport, split
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.settings.people import identity
from orgaudit.store import seal
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.verify import verify
from tests import needs
from tests.report.parts import AUDIT_TEAM, Changed, Kept, Seen, name_of, number, print_of, resource_of, written
from tests.report.recalculated import assert_computed_as_shown

ANN, ANN_AGAIN, BOB, TEAM = "Ann Ash <ann@example.org>", "ann@example.org", "Bob <bob@example.org>", "Team Blue"
ACCOUNTS = ((ANN, "Root/Shop"), (BOB, "Root/Shop"), ("", "Root/Lab"))


def reports(
    run: Run, division: Division, standing: Standing = Standing.NOT_SEALED, owner: str | None = None
) -> list[PartReport]:
    return list(split(run, division, standing=standing, audit_team=AUDIT_TEAM, owner=owner))


def by_key(found: Iterable[PartReport]) -> dict[str, PartReport]:
    return {report.part.key: report for report in found}


def opened_rows(report: PartReport) -> list[dict[str, object]]:
    """Return the rows of a workbook's sheet Open."""
    with closing(openpyxl.load_workbook(report.workbook, data_only=True, read_only=True)) as book:
        titles, *rows = book["Open"].iter_rows(min_row=4, values_only=True)
    return [dict(zip(map(str, titles), row, strict=True)) for row in rows if any(row)]


def prints(report: PartReport) -> list[object]:
    return [row["Fingerprint"] for row in opened_rows(report)]


def mail_of(report: PartReport) -> EmailMessage:
    assert report.mail
    found = email.message_from_bytes(report.mail.read_bytes(), policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def body_of(report: PartReport) -> str:
    part = mail_of(report).get_body()
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def whole_text(report: PartReport) -> str:
    """Return all that a workbook's parts and a mail's headers and body hold."""
    with zipfile.ZipFile(report.workbook) as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    if report.mail:
        texts += [f"{name}: {value}" for name, value in mail_of(report).items()] + [body_of(report)]
    return "\n".join(texts)


# Who has what


def test_one_person_is_one_part_however_the_owner_is_written(tmp_path: Path) -> None:
    seen = [Seen(name="one", owner=ANN), Seen(name="two", owner=ANN_AGAIN), Seen(name="three", owner=TEAM)]
    run = written(tmp_path, ACCOUNTS, seen)
    found = by_key(reports(run, Division.OWNER))
    assert list(found) == ["ann@example.org", "team blue"]
    assert (found["ann@example.org"].part.name, found["ann@example.org"].open) == (ANN, 2)
    assert prints(found["ann@example.org"]) == [print_of(seen[0]), print_of(seen[1])]


def summary_of(report: PartReport) -> list[str]:
    """Return the texts of page one, in their order."""
    with closing(openpyxl.load_workbook(report.workbook, data_only=True, read_only=True)) as book:
        rows = list(book["Summary"].iter_rows(values_only=True))
    return [cell for row in rows for cell in row if isinstance(cell, str)]


@pytest.mark.parametrize(
    ("division", "words"),
    [
        (Division.OWNER, {f"owner {ANN}", "owner Team Blue", "what has no owner"}),
        (Division.UNIT, {"unit Root/Shop", "the accounts in no unit"}),
        (Division.ACCOUNT, {f"account {name_of(n)} ({number(n)})" for n in range(3)}),
    ],
)
def test_title_band_and_document_say_whose_part_it_is(tmp_path: Path, division: Division, words: set[str]) -> None:
    accounts = ((ANN, "Root/Shop"), (TEAM, "Root/Shop"), ("", ""))
    seen = [Seen(name=f"thing{n}x", account=n, owner=owner) for n, (owner, _) in enumerate(accounts)]
    run = written(tmp_path, accounts, seen)
    found = reports(run, division)
    assert {report.part.words for report in found} == words
    for report in found:
        title, *_ = texts = summary_of(report)
        assert title.endswith(f"  ·  {report.part.words}")
        assert f"Complete  ·  of the part of {report.part.words} alone" in texts
        book = openpyxl.load_workbook(report.workbook)
        assert book.properties.title == f"AWS security audit, run {run.id}, {report.part.words}"


def test_page_one_names_only_sheets_that_the_workbook_has(tmp_path: Path) -> None:
    accounts = tuple((ANN, "Root") for _ in range(7))
    seen = [Seen(name=f"thing{n}x", account=n, owner=ANN, status=Status.NOT_ASSESSED) for n in range(7)]
    kept = [Kept(name=f"EXC-{n}", owner=ANN, state=EntryState.PENDING) for n in range(6)]
    kept += [Kept(name="EXC-UNUSED", owner=ANN)]
    [report] = reports(written(tmp_path, accounts, seen, kept=kept, changed=[]), Division.OWNER)
    texts = summary_of(report)
    assert [text for text in texts if " more: " in text] == [
        f"Missing: {'; '.join(f'{name_of(n)} ({number(n)}), in part' for n in range(5))}; "
        "and 2 more: in the whole report",
        "and 2 more: Exceptions, in the whole report",
    ]
    assert [text for text in texts if "earlier figures" in text] == [
        "Not compared: the earlier figures were counted over the whole run",
        *["no earlier figures of this part"] * 4,
        "\u2013 No change and no line: the earlier figures were counted over the whole run. "
        "What changed since 1 July 2026, run 2026-q2, is on the sheet Changes.",
    ]
    book = openpyxl.load_workbook(report.workbook, data_only=True)
    [effect] = [row[3] for row in book["Exceptions"].iter_rows(values_only=True) if row[0] == "EXC-UNUSED"]
    assert effect == "Covers nothing; the reason is in the whole report, Expiring and hygiene."
    for title in ("Open", "Actions"):
        assert str(book[title]["A2"].value).endswith(" Nothing is listed: this part has none.")


def test_page_one_of_exceptions_alone_shows_those_that_others_findings_outlived(tmp_path: Path) -> None:
    kept = [Kept(name="EXC-ANN", owner=ANN, state=EntryState.EXPIRED)]
    seen = [
        Seen(name="one", owner=BOB, exception="EXC-ANN"),
        Seen(name="two", owner=BOB, exception="EXC-ANN", control=1),
    ]
    found = by_key(reports(written(tmp_path, ACCOUNTS, seen, kept=kept), Division.OWNER))
    texts = summary_of(found["ann@example.org"])
    assert "critical: Exception EXC-ANN has ended: EXC-ANN-title" in texts
    assert f"Exceptions and changes alone: there was nothing to assess  ·  of the part of owner {ANN} alone" in texts
    assert not [text for text in texts if "INCOMPLETE" in text or "Nothing was assessed" in text]
    sheet = openpyxl.load_workbook(found["ann@example.org"].workbook, data_only=True)["Summary"]
    rows = [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]
    place = next(index for index, row in enumerate(rows) if "Overdue" in row)
    assert rows[place + 1][-1] == 1
    assert not [text for text in summary_of(found["bob@example.org"]) if "EXC-ANN" in text]


def test_a_scope_that_names_others_places_is_not_in_a_units_or_accounts_workbook(tmp_path: Path) -> None:
    scopes = {
        "EXC-1": f"accounts: {number(0)}, {number(2)}",
        "EXC-2": "ous: Root/Shop, Root/Lab",
        "EXC-3": f"resources: {resource_of('one')}, {resource_of('away')}",
        "EXC-4": f"ous: Root/Shop; except (accounts: {number(2)})",
        "EXC-5": "accounts: 999999999999, " + number(0),
        "EXC-6": f"accounts: {number(0)}; ous: Root, Root/Shop; resources: {resource_of('one')}",
    }
    kept = [Kept(name=name, owner=ANN, scope=scope) for name, scope in scopes.items()]
    seen = [Seen(name="one" if n == 6 else f"own{n}", account=0, exception=f"EXC-{n}") for n in range(1, 7)]
    seen += [Seen(name="away", account=2, status=Status.PASS)]
    run = written(tmp_path, ACCOUNTS, seen, kept=kept)
    for division in (Division.ACCOUNT, Division.UNIT):
        with parted(run, division) as parts, parts.view(parts.all[-1 if division is Division.UNIT else 0]) as view:
            shown = {score.entry.id: score.entry.scope for score in view.exceptions}
            assert shown == dict.fromkeys(scopes, "more than is in this workbook") | {"EXC-6": scopes["EXC-6"]}


def test_a_resource_in_anothers_account_is_all_that_its_owner_sees_and_is_rated_by(tmp_path: Path) -> None:
    seen = [
        Seen(name="bobs", account=0, owner=BOB, control=0, status=Status.PASS),
        Seen(name="anns", account=0, owner=ANN, control=0),
        Seen(name="more", account=0, owner=ANN, control=1, status=Status.PASS),
    ]
    run = written(tmp_path, ((ANN, "Root"),), seen)
    with viewing(run) as view:
        assert view.summary.headline
        assert (view.summary.headline.rated.counts.passed, view.summary.headline.rated.counts.failed) == (1, 1)
    with parted(run, Division.OWNER) as parts:
        rates = {}
        for part in parts.all:
            with parts.view(part) as view:
                assert view.summary.headline
                counts = view.summary.headline.rated.counts
                rates[part.key] = (counts.passed, counts.failed, counts.not_assessed, view.summary.coverage.share)
    assert rates == {"ann@example.org": (1, 1, 0, 1.0), "bob@example.org": (1, 0, 0, 1.0)}


def test_who_has_an_exception_alone_is_rated_by_nothing(tmp_path: Path) -> None:
    run = written(tmp_path, ((ANN, ""),), [Seen(name="one", owner=ANN)], kept=[Kept(name="EXC-1", owner=BOB)])
    with parted(run, Division.OWNER) as parts, parts.view(parts.all[1]) as view:
        assert parts.all[1].key == "bob@example.org"
        assert view.summary.headline
        assert view.summary.headline.rated.counts.rate is None
        assert view.summary.coverage.share is None
        assert (view.accounts, view.manifest.accounts) == ((), ())
        assert [score.entry.id for score in view.exceptions] == ["EXC-1"]


def test_what_was_not_seen_of_a_part_makes_it_incomplete(tmp_path: Path) -> None:
    seen = [
        Seen(name="one", account=0, owner=ANN, status=Status.NOT_ASSESSED),
        Seen(name="two", account=1, owner=BOB, status=Status.PASS),
    ]
    run = written(tmp_path, ACCOUNTS, seen)
    with parted(run, Division.OWNER) as parts:
        complete = {}
        for part in parts.all:
            with parts.view(part) as view:
                complete[part.key] = view.summary.coverage.complete
    assert complete == {"ann@example.org": False, "bob@example.org": True}
    assert "1 evaluation of 1 could not be made" in body_of(by_key(reports(run, Division.OWNER))["ann@example.org"])


def test_a_shared_resource_is_in_the_part_of_the_account_where_it_lives(tmp_path: Path) -> None:
    seen = [
        Seen(name="trail", account=0, owner=ANN),
        Seen(name="trail", account=1, owner=ANN, home=0),
        Seen(name="trail", account=2, owner=ANN, home=0),
        Seen(name="own", account=1, owner=BOB),
    ]
    run = written(tmp_path, ACCOUNTS, seen)
    found = by_key(reports(run, Division.ACCOUNT))
    assert {key: (report.open, prints(report)) for key, report in found.items()} == {
        number(0): (1, [print_of(seen[0])]),
        number(1): (1, [print_of(seen[3])]),
    }
    with viewing(run) as whole, parted(run, Division.ACCOUNT) as parts:
        rates = {score.id: score.rated for score in whole.accounts}
        for part in parts.all:
            with parts.view(part) as view:
                assert view.summary.headline
                counts = view.summary.headline.rated.with_exceptions
                assert (counts.total, counts.passed) == (rates[part.key].with_exceptions.total, 0), (
                    "an account is rated as in the whole workbook"
                )


def test_a_repetition_goes_with_the_row_that_counts_whoever_owns_the_account(tmp_path: Path) -> None:
    """The shared bucket has a tag, so its row is Bob's; what repeats it would be Ann's, who owns the account."""
    seen = [Seen(name="trail", account=0, owner=BOB), Seen(name="trail", account=1, owner=ANN, home=0)]
    run = written(tmp_path, ACCOUNTS, seen)
    [report] = reports(run, Division.OWNER)
    assert (report.part.key, report.open, prints(report)) == ("bob@example.org", 1, [print_of(seen[0])])
    assert "Ann" not in whole_text(report)


def test_another_persons_exception_shows_what_it_does_to_the_finding_alone(tmp_path: Path) -> None:
    kept = [Kept(name="EXC-BOB", owner=BOB, state=EntryState.EXPIRED)]
    run = written(tmp_path, ACCOUNTS, [Seen(name="one", owner=ANN, exception="EXC-BOB")], kept=kept)
    found = by_key(reports(run, Division.OWNER))
    [row] = opened_rows(found["ann@example.org"])
    assert row["Exception"] == "of another owner (expired)"
    text = whole_text(found["ann@example.org"])
    assert [word for word in ("EXC-BOB", "Bob", "bob@") if word in text] == []
    bobs = openpyxl.load_workbook(found["bob@example.org"].workbook)["Exceptions"]
    [exception] = [row for row in bobs.iter_rows(min_row=5, values_only=True) if row[0]]
    assert (exception[0], exception[5]) == ("EXC-BOB", 1), "it is his, with all that it covered"
    assert "ended 5 days ago, and its finding still fails" in body_of(found["bob@example.org"])


def test_an_exception_of_several_accounts_shows_each_its_own_share(tmp_path: Path) -> None:
    seen = [Seen(name="one", account=0, exception="EXC-1"), Seen(name="two", account=1, exception="EXC-1")]
    run = written(tmp_path, ACCOUNTS, seen, kept=[Kept(name="EXC-1", owner=ANN), Kept(name="EXC-2", owner=BOB)])
    for division, scope, covered in (
        (Division.ACCOUNT, "more than is in this workbook", 1),
        (Division.UNIT, "EXC-1-scope", 2),
    ):
        with parted(run, division) as parts:
            for part in parts.all:
                with parts.view(part) as view:
                    [score] = view.exceptions
                    assert (score.entry.id, score.entry.scope, score.covered) == ("EXC-1", scope, covered)


def test_changes_and_what_stays_open_are_counted_in_the_part(tmp_path: Path) -> None:
    seen = [Seen(name="one", owner=ANN, control=1), Seen(name="two", owner=ANN, control=1), Seen(name="x", owner=BOB)]
    changed = [
        Changed(name="one", owner=ANN, kind=Kind.NEW),
        Changed(name="gone", owner=ANN),
        Changed(name="away", owner=TEAM, account=2),
    ]
    run = written(tmp_path, ACCOUNTS, seen, changed=changed)
    with parted(run, Division.OWNER) as parts:
        counts = {}
        for part in parts.all:
            with parts.view(part) as view:
                assert len(list(view.changes())) == sum(
                    each.count for each in view.comparison.issues if each.kind is not Kind.PERSISTENT
                )
                counts[part.key] = {each.kind: each.count for each in view.comparison.issues if each.count}
                [point] = view.comparison.points
                assert (point.open, point.rate) == (view.summary.issues.total, counts_rate(view))
    assert counts == {
        "ann@example.org": {Kind.NEW: 1, Kind.RESOLVED: 1, Kind.PERSISTENT: 1},
        "bob@example.org": {Kind.PERSISTENT: 1},
        "team blue": {Kind.RESOLVED: 1},
    }


def counts_rate(view: View) -> float | None:
    return view.summary.headline.rated.counts.rate if view.summary.headline else None


# Nothing of another's: on random runs, held against an independent judge

OWNERS = ("", ANN, ANN_AGAIN, BOB, TEAM, "=cmd|' /C calc'!A0", "x\r\nBcc: all@example.org")
UNITS = ("", "Root", "Root/Shop", "Root/shop")


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[Seen], list[Kept], list[Changed]]:
    accounts = draw(st.lists(st.tuples(st.sampled_from(OWNERS), st.sampled_from(UNITS)), min_size=1, max_size=4))
    kept = [
        Kept(name=f"exc{n}x", owner=draw(st.sampled_from(OWNERS)), state=state)
        for n, state in enumerate(
            draw(st.lists(st.sampled_from([EntryState.ACTIVE, EntryState.EXPIRED, EntryState.PENDING]), max_size=3))
        )
    ]
    usable = ["", *(entry.name for entry in kept if entry.state is not EntryState.PENDING)]
    seen = []
    for n in range(draw(st.integers(1, 9))):
        account = draw(st.integers(0, len(accounts) - 1))
        own = Seen(
            name=f"thing{n}x",
            account=account,
            control=draw(st.integers(0, 2)),
            status=draw(st.sampled_from([Status.FAIL, Status.FAIL, Status.PASS, Status.NOT_ASSESSED])),
            owner=draw(st.sampled_from(OWNERS)),
            exception=draw(st.sampled_from(usable)),
            late=draw(st.booleans()),
        )
        seen.append(own)
        for other in draw(st.sets(st.integers(0, len(accounts) - 1), max_size=2)) - {account}:
            home = accounts[account][0]
            seen.append(replace(own, account=other, home=account, owner=home))
    changed = [
        Changed(
            name=f"moved{n}x",
            account=draw(st.integers(0, len(accounts) - 1)),
            owner=draw(st.sampled_from(OWNERS)),
            kind=draw(st.sampled_from([Kind.RESOLVED, Kind.NOT_CHECKED_AGAIN])),
        )
        for n in range(draw(st.integers(0, 3)))
    ]
    return accounts, seen, kept, changed


class Judge:
    """Says which part everything is of, and which words belong to it."""

    def __init__(self, division: Division, accounts: list[tuple[str, str]], seen: list[Seen]) -> None:
        self._division, self._accounts = division, accounts
        self._counted = {(it.name, it.control): it for it in seen if it.home is None}

    def of_account(self, account: int) -> str:
        return self._accounts[account][1] if self._division is Division.UNIT else number(account)

    def part_of(self, it: Seen) -> str:
        if self._division is Division.OWNER:
            return identity(self._counted[it.name, it.control].owner)
        return self.of_account(it.account if it.home is None else it.home)

    def of_change(self, it: Changed) -> str:
        return identity(it.owner) if self._division is Division.OWNER else self.of_account(it.account)

    def has_account(self, key: str, account: int) -> bool:
        if self._division is Division.OWNER:
            return identity(self._accounts[account][0]) == key
        return self.of_account(account) == key


def words_of(
    judge: Judge,
    key: str,
    division: Division,
    accounts: list[tuple[str, str]],
    found: tuple[list[Seen], list[Kept], list[Changed]],
) -> set[str]:
    """Return the words that may be in a part's files: those of its rows, exceptions, changes and own accounts."""
    seen, kept, changed = found
    rows = [it for it in seen if judge.part_of(it) == key]
    own = {n for n in range(len(accounts)) if judge.has_account(key, n)}
    about = own | {it.account for it in rows if it.home is None}
    about |= {it.account for it in changed if judge.of_change(it) == key}
    words = {f"root{n}@" for n in own} | {f"tag{n}x" for n in own}
    words |= {word for n in about for word in (number(n), name_of(n))}
    words |= {word for it in rows for word in (f"{it.name}-", print_of(it))}
    words |= {f"{it.name}-" for it in changed if judge.of_change(it) == key}
    for entry in kept:
        if division is Division.OWNER:
            if identity(entry.owner) == key:
                words.add(entry.name)
        elif any(it.exception == entry.name and it.status is Status.FAIL for it in rows):
            words.add(entry.name)
    return words


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(found=runs())
def test_no_file_has_anything_of_another_part_and_together_they_are_the_run(
    tmp_path_factory: pytest.TempPathFactory,
    found: tuple[list[tuple[str, str]], list[Seen], list[Kept], list[Changed]],
) -> None:
    accounts, seen, kept, changed = found
    run = written(tmp_path_factory.mktemp("run"), accounts, seen, kept=kept, changed=changed)
    with viewing(run) as view:
        open_rows = {it.finding.fingerprint for it in view.findings() if it.open and it.counted}
        total = view.summary.issues.total
    for division in Division:
        judge, listed, issues = Judge(division, accounts, seen), Counter[object](), 0
        done = by_key(reports(run, division))
        keys = {judge.part_of(it) for it in seen} | {judge.of_change(it) for it in changed}
        if division is Division.OWNER:
            keys |= {identity(entry.owner) for entry in kept}
        assert done.keys() == keys
        words = {key: words_of(judge, key, division, accounts, (seen, kept, changed)) for key in done}
        everything = {word for each in words.values() for word in each} | {
            word for n in range(len(accounts)) for word in (number(n), name_of(n), f"root{n}@", f"tag{n}x")
        }
        for key, report in done.items():
            text = whole_text(report)
            assert [word for word in everything - words[key] if word in text] == []
            if division is Division.OWNER:
                others = {identity(each) for each in OWNERS} - {key, ""}
                assert [word for word in others if word.split("<")[-1] in text.casefold()] == []
            assert not re.search(r"\b(?:7979|9797)\b", text), "the figures of the whole run are in no part"
            listed.update(prints(report))
            own = {it.name for it in seen if judge.part_of(it) == key and print_of(it) in open_rows}
            late = {it.name for it in seen if judge.part_of(it) == key and print_of(it) in open_rows and it.late}
            assert (report.open, report.late) == (len(own), len(late))
            issues += report.open
        assert listed == Counter(dict.fromkeys(open_rows, 1))
        assert issues == total


# Files


def parts_of(division: Division, *keys: str) -> list[Part]:
    return [Part(division=division, key=key, name=key, values=(), accounts=frozenset()) for key in keys]


HOSTILE = (
    *(
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "con",
        "CON",
        "aux.",
        "a" * 300,
        "a" * 299,
        "straße",
        "strasse",
        "名前",
        "a\x00b",
    ),
    *(
        "unassigned",
        "Unassigned",
        "-rf",
        "a b",
        "a-b",
        "x" * 40 + "-0123abcd",
        "a/b",
        "a\\b",
        "jo@example.com",
        "lpt1.x",
    ),
)


@given(st.lists(st.one_of(st.text(max_size=120), st.sampled_from(HOSTILE)), unique_by=str.casefold, max_size=40))
def test_names_of_files_are_safe_unique_and_do_not_depend_on_the_others(keys: list[str]) -> None:
    parts = parts_of(Division.OWNER, *dict.fromkeys(["", *map(str.casefold, keys)]))
    names = file_names(parts)
    assert len({name.casefold() for name in names.values()}) == len(parts)
    for part, name in names.items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9@._+-]*", name)
        assert len(name) <= LONGEST
        assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)
        assert not name.endswith((".", " "))
        assert file_names([part]) == {part: name}


def test_names_of_files_can_be_read() -> None:
    [nobody, mail, team] = file_names(parts_of(Division.OWNER, "", "jo+a@example.com", "Team Blue")).values()
    assert (nobody, mail) == ("unassigned", "jo+a@example.com")
    assert re.fullmatch(r"team-blue-[0-9a-f]{8}", team)
    [account] = [
        Part(division=Division.ACCOUNT, key="111122223333", name="Shop: Größe", values=(), accounts=frozenset())
    ]
    assert file_names([account])[account] == "111122223333-shop-groe"
    [root, lower] = file_names(parts_of(Division.UNIT, "Root", "root")).values()
    assert (root[:5], lower) == ("root-", "root")


def test_hashes_that_are_alike_become_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgaudit.report.part_names._DIGITS", 1)
    names = file_names(parts_of(Division.OWNER, *(f"Team {n}" for n in range(200))))
    assert len(set(names.values())) == 200
    assert {len(name.rpartition("-")[2]) for name in names.values()} <= {1, 64}


def test_every_part_of_many_owners_has_its_files_and_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten parts are copied in two groups of four and what is left, and listed so, too."""
    monkeypatch.setattr(splitting, "TOGETHER", 4)
    seen = [Seen(name=f"thing{n}x", owner=f"Owner {n} <o{n}@example.org>") for n in range(10)]
    run = written(tmp_path, ACCOUNTS, seen, sealed=True)
    done = by_key(reports(run, Division.OWNER, Standing.VERIFIED))
    assert len(done) == 10
    assert all(report.mail and report.mail.is_file() for report in done.values())
    for n in range(10):
        found = done[f"o{n}@example.org"]
        assert [row["Resource"] for row in opened_rows(found)] == [resource_of(f"thing{n}x")]
    assert verify(run) == []


def test_the_workbook_has_page_one_and_four_sheets_and_no_link_leads_nowhere(tmp_path: Path) -> None:
    seen = [Seen(name="one", owner=ANN), Seen(name="two", owner=ANN, exception="EXC-1")]
    run = written(
        tmp_path, ACCOUNTS, seen, kept=[Kept(name="EXC-1", owner=ANN)], changed=[Changed(name="x", owner=ANN)]
    )
    [report] = reports(run, Division.OWNER)
    book = openpyxl.load_workbook(report.workbook)
    assert [sheet.title for sheet in book if sheet.sheet_state == "visible"] == [
        *("Summary", "Open", "Actions", "Exceptions", "Changes")
    ]
    with zipfile.ZipFile(report.workbook) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name)
    targets = set(re.findall(r"location=\"'([^']+)'!", text))
    assert targets
    assert targets <= set(book.sheetnames)


@needs.libreoffice
def test_every_formula_of_a_part_gives_what_it_shows(tmp_path: Path) -> None:
    seen = [Seen(name="one", owner=ANN), Seen(name="two", owner=ANN, control=1), Seen(name="x", account=1, owner=BOB)]
    run = written(
        tmp_path, ACCOUNTS, seen, kept=[Kept(name="EXC-1", owner=ANN)], changed=[Changed(name="x", owner=ANN)]
    )
    report = by_key(reports(run, Division.OWNER))["ann@example.org"]
    assert_computed_as_shown(report.workbook, tmp_path, least=20)


# Delivered reports stay


def contents(run: Run) -> dict[str, tuple[str, int]]:
    files = [path for path in run.path.rglob("*") if path.is_file() and path.name != "reports.json"]
    return {
        str(path.relative_to(run.path)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
    }


def test_delivered_files_are_listed_verified_and_stay(tmp_path: Path) -> None:
    run = written(tmp_path, ACCOUNTS, [Seen(name="one", owner=ANN), Seen(name="two", owner=TEAM)], sealed=True)
    done = reports(run, Division.OWNER, Standing.VERIFIED)
    ledger = seal.read_ledger(run.path)
    assert ledger
    files = {path for report in done for path in (report.workbook, report.mail) if path}
    assert ledger.newest().keys() == {path.relative_to(run.path).as_posix() for path in files}
    assert (len(files), verify(run)) == (3, [])
    before = contents(run)
    assert reports(run, Division.OWNER, Standing.VERIFIED) == done
    assert contents(run) == before
    assert seal.read_ledger(run.path) == ledger
    done[0].workbook.write_bytes(b"x")
    assert [problem for problem in verify(run) if done[0].workbook.name in problem]
    (done[0].workbook.parent / "other.xlsx").write_bytes(b"x")
    assert [problem for problem in verify(run) if "other.xlsx: is not in reports.json" in problem]


def test_what_was_lost_is_written_again_to_the_byte(tmp_path: Path) -> None:
    run = written(tmp_path, ACCOUNTS, [Seen(name="one", owner=ANN), Seen(name="two", owner=BOB)], sealed=True)
    done = reports(run, Division.OWNER, Standing.VERIFIED)
    before = {name: digest for name, (digest, _) in contents(run).items()}
    for report in done:
        report.workbook.unlink()
        assert report.mail
        report.mail.unlink()
    reports(run, Division.OWNER, Standing.VERIFIED)
    assert {name: digest for name, (digest, _) in contents(run).items()} == before
    assert verify(run) == []


def test_who_is_killed_between_two_parts_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "TOGETHER", 1)
    seen = [Seen(name=f"thing{n}x", owner=f"o{n}@example.org") for n in range(4)]
    run = written(tmp_path, ACCOUNTS, seen, sealed=True)
    going = split(run, Division.OWNER, standing=Standing.VERIFIED, audit_team=AUDIT_TEAM)
    assert isinstance(going, Generator)
    first, second = next(going), next(going)
    going.close()
    assert verify(run) == []
    before = contents(run)
    done = reports(run, Division.OWNER, Standing.VERIFIED)
    assert done[:2] == [first, second]
    assert {name: contents(run)[name] for name in before} == before
    assert (len(done), verify(run)) == (4, [])


# Mails


def test_a_mail_is_a_draft_to_the_owner_that_carries_the_workbook(tmp_path: Path) -> None:
    seen = [
        Seen(name="one", owner=ANN, late=True),
        Seen(name="two", owner=ANN, control=1),
        Seen(name="three", owner=ANN, control=1),
    ]
    run = written(tmp_path, ACCOUNTS, seen, kept=[Kept(name="EXC-1", owner=ANN, state=EntryState.EXPIRING)])
    [report] = reports(run, Division.OWNER)
    message = mail_of(report)
    assert (message["From"], message["To"], message["X-Unsent"]) == (AUDIT_TEAM, ANN, "1")
    assert message["Subject"] == "Security audit of 2026-10-01: 3 open issues, 1 late (Ann Ash)"
    assert message["Date"].datetime == datetime(2026, 10, 1, tzinfo=UTC)
    assert re.fullmatch(r"<[0-9a-f]{32}@orgaudit>", message["Message-ID"])
    [attached] = message.iter_attachments()
    assert attached.get_filename() == report.workbook.name
    assert attached.get_content() == report.workbook.read_bytes()
    body = body_of(report)
    for words in (
        *("3 open issues:", "1  critical", "2  high", "Past the due date: 1.", "Do first:\n  1. ", "  3. "),
        "EXC-1: EXC-1-title; ends on 2026-12-31, in 9 days",
        f"Attached is {report.workbook.name}",
    ):
        assert words in body
    assert all(len(line) <= 78 for line in body.splitlines())
    assert report.mail
    assert all(len(line) <= 998 and line.isascii() for line in report.mail.read_bytes().split(b"\r\n"))


@pytest.mark.parametrize(
    ("owner", "to"),
    [
        ("x\r\nBcc: all@example.org <ann@example.org>", "all@example.org"),  # who they are is the first address
        ('A "B", C <ann@example.org>', "ann@example.org"),
        ("=?utf-8?q?x?= <ann@example.org>", "ann@example.org"),
        ("ann@example.org\r\nBcc: all@example.org", "ann@example.org"),
    ],
)
def test_an_owners_name_cannot_add_headers(tmp_path: Path, owner: str, to: str) -> None:
    [report] = reports(written(tmp_path, ACCOUNTS, [Seen(name="one", owner=owner)]), Division.OWNER)
    message = mail_of(report)
    assert [address.addr_spec for address in message["To"].addresses] == [to]
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "X-Unsent", "MIME-Version", "Content-Type")
    }


def test_who_gets_the_mail_of_a_part(tmp_path: Path) -> None:
    accounts = ((ANN, "Root/One"), (BOB, "Root/Two"), (ANN_AGAIN, "Root/One"), (ANN, "Root/Two"), (TEAM, "Root/Three"))
    seen = [Seen(name=f"thing{n}x", account=n, owner=owner) for n, owner in enumerate(("", TEAM, BOB, "", ""))]
    run = written(tmp_path, accounts, seen)
    got = {report.part.key: report.to for division in Division for report in reports(run, division)}
    assert {key: identity(to) for key, to in got.items()} == {
        "": "audit@example.org",
        "team blue": "",
        "bob@example.org": "bob@example.org",
        "Root/One": "ann@example.org",
        "Root/Two": "audit@example.org",
        "Root/Three": "audit@example.org",
        number(0): "ann@example.org",
        number(1): "bob@example.org",
        number(2): "ann@example.org",
        number(3): "ann@example.org",
        number(4): "audit@example.org",
    }
    assert not (run.path / "split-owner").joinpath("team-blue.eml").exists()
    without = {report.part.key: report.mail for report in split(run, Division.OWNER, standing=Standing.NOT_SEALED)}
    assert without[""] is None


def test_a_workbook_too_large_for_a_mail_is_named_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "LARGEST", 10)
    [report] = reports(written(tmp_path, ACCOUNTS, [Seen(name="one", owner=ANN)]), Division.OWNER)
    assert not list(mail_of(report).iter_attachments())
    assert "The workbook is too large to be attached." in body_of(report)


def test_one_owner_alone(tmp_path: Path) -> None:
    run = written(tmp_path, ACCOUNTS, [Seen(name="one", owner=ANN), Seen(name="two", owner=BOB), Seen(name="three")])
    for wanted, key in (("ANN@example.org", "ann@example.org"), ("ann ash", "ann@example.org"), ("unassigned", "")):
        [report] = reports(run, Division.OWNER, owner=wanted)
        assert report.part.key == key
    with pytest.raises(
        ConfigError, match=r"nothing in the run is of owner 'bab@example.org'; did you mean bob@example"
    ):
        reports(run, Division.OWNER, owner="bab@example.org")
