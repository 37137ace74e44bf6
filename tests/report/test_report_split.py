"""Workbooks and mails by owner, unit and account: each of its own rows alone, all of them together the whole run."""

from __future__ import annotations

import email
import email.policy
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orgaudit.model import EntryState, Status
from orgaudit.report.part import Division, parted
from orgaudit.report.split import PartReport, split
from orgaudit.report.view import View, viewing
from orgaudit.settings.people import identity
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from tests.report.parts import AUDIT_TEAM, Changed, Kept, Seen, name_of, number, print_of, written

ANN, ANN_AGAIN, BOB, TEAM = "Ann Ash <ann@example.org>", "ann@example.org", "Bob <bob@example.org>", "Team Blue"
ACCOUNTS = ((ANN, "Root/Shop"), (BOB, "Root/Shop"), ("", "Root/Lab"))


def reports(run: Run, division: Division, standing: Standing = Standing.NOT_SEALED, **more: str) -> list[PartReport]:
    return list(split(run, division, standing=standing, audit_team=AUDIT_TEAM, **more))


def by_key(found: Iterable[PartReport]) -> dict[str, PartReport]:
    return {report.part.key: report for report in found}


def opened_rows(report: PartReport) -> list[dict[str, object]]:
    """Return the rows of a workbook's sheet Open."""
    rows = openpyxl.load_workbook(report.workbook, data_only=True)["Open"].iter_rows(min_row=4, values_only=True)
    titles = next(rows)
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
    run = written(tmp_path, ACCOUNTS, [Seen(name="one", owner=ANN)], kept=[Kept(name="EXC-1", owner=BOB)])
    with parted(run, Division.OWNER) as parts:
        with parts.view(next(part for part in parts.all if part.key == "bob@example.org")) as view:
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
            seen.append(msgspec_like(own, account=other, home=account, owner=home))
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


def msgspec_like(it: Seen, **changes: object) -> Seen:
    return Seen(**{**{name: getattr(it, name) for name in Seen.__dataclass_fields__}, **changes})  # type: ignore[arg-type]


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


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
            assert not re.search("7777|8888", text), "the figures of the whole run are in no part"
            listed.update(prints(report))
            own = {it.name for it in seen if judge.part_of(it) == key and print_of(it) in open_rows}
            late = {it.name for it in seen if judge.part_of(it) == key and print_of(it) in open_rows and it.late}
            assert (report.open, report.late) == (len(own), len(late))
            issues += report.open
        assert listed == Counter(dict.fromkeys(open_rows, 1))
        assert issues == total
