"""The consolidated tables: what they hold, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from orgaudit.errors import ConfigError, ReportError
from orgaudit.model import ExceptionRef, Finding
from orgaudit.store import tables
from orgaudit.store.consolidation import consolidate
from orgaudit.store.run import Run, write_lines
from tests.synthetic_run import MANAGEMENT, account_id, build


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = build(tmp_path / "run")
    consolidate(run, lambda _: (iter, None))
    return run


def rows(run: Run, sql: str) -> list[tuple[object, ...]]:
    with tables.opened(run) as connection:
        return connection.execute(sql).fetchall()


def test_every_finding_and_cell_is_in_the_tables(run: Run) -> None:
    accounts = [account.id for account in run.read_manifest().accounts]
    findings = [finding for account in accounts for finding in run.findings(account)]
    cells = [cell for account in accounts for cell in run.cells(account)]
    assert sorted(rows(run, "SELECT fingerprint FROM findings")) == sorted((f.fingerprint,) for f in findings)
    assert rows(run, "SELECT count(*), sum(passed + failed) FROM coverage") == [
        (len(cells), sum(cell.passed + cell.failed for cell in cells))
    ]


def test_findings_are_in_the_order_of_reports(run: Run) -> None:
    order = rows(run, "SELECT status, severity FROM findings")
    statuses = list(dict.fromkeys(status for status, _ in order))
    assert statuses == ["FAIL", "NOT_ASSESSED", "PASS", "NOT_APPLICABLE"]
    assert list(dict.fromkeys(order))[:3] == [("FAIL", "critical"), ("FAIL", "high"), ("FAIL", "medium")]


def test_coverage_is_in_the_order_of_accounts_and_regions(run: Run) -> None:
    order = rows(run, "SELECT account_id, region, control FROM coverage")
    assert order == sorted(order)


def test_nested_values_can_be_queried(run: Run) -> None:
    sql = """
        SELECT DISTINCT resource_tags['owner'], resource_tags['=cost'], evidence->>'retention_days',
            evidence->>'ok', requirements[1].framework, remediation.asset.command IS NOT NULL, gap.action
        FROM findings WHERE status = 'FAIL'
    """
    assert rows(run, sql) == [("team-a", "12", "90", None, "cis_4.0", True, None)]
    assert rows(run, "SELECT DISTINCT gap.reason FROM findings WHERE status = 'NOT_ASSESSED' ORDER BY ALL") == [
        ("ACCOUNT_UNAVAILABLE",),
        ("DENIED",),
    ]


def test_the_manifest_is_there_as_tables(run: Run) -> None:
    assert rows(run, "SELECT count(*), count(*) FILTER (gap IS NOT NULL) FROM accounts") == [(4, 1)]
    assert rows(run, "SELECT DISTINCT state FROM account_regions ORDER BY state") == [
        ("AUDITED",),
        ("DISABLED",),
        ("NOT_ASSESSED",),
    ]
    assert rows(run, "SELECT severity FROM controls WHERE id = 's3_control_1_holds'") == [("critical",)]
    assert rows(run, "SELECT framework, id, level, controls FROM requirements ORDER BY position DESC LIMIT 1") == [
        ("cis_4.0", "9.9", None, [])
    ]


@pytest.mark.parametrize(("state", "covered"), [("active", 6), ("expiring", 6), ("expired", 0), ("revoked", 0)])
def test_only_active_and_expiring_exceptions_cover(tmp_path: Path, state: str, covered: int) -> None:
    def apply(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            if finding.account_id == account_id(2):
                yield finding
            else:
                yield msgspec.structs.replace(finding, exception=ExceptionRef("EXC-1", "Ann", "2026-12-31", state))

    run = build(tmp_path / "run")
    consolidate(run, lambda _: (apply, None))
    sql = "SELECT count(*) FILTER (status = 'FAIL'), count(*) FILTER (covered), count(*) FILTER (open) FROM findings"
    assert rows(run, sql) == [(9, covered, 9 - covered)]
    assert rows(run, "SELECT open FROM findings LIMIT 9") == [(True,)] * (9 - covered) + [(False,)] * covered


def test_a_shared_resource_counts_once_in_its_owner(run: Run) -> None:
    sql = "SELECT account_id, counted FROM findings WHERE control = 'cloudtrail_control_0_holds' AND status = 'FAIL'"
    assert sorted(rows(run, sql)) == [(MANAGEMENT, True), (account_id(1), False), (account_id(2), False)]


def test_a_shared_resource_counts_in_the_first_heir_where_its_owner_is_out_of_scope(tmp_path: Path) -> None:
    run = build(tmp_path / "run")
    manifest = run.read_manifest()
    run.write_manifest(msgspec.structs.replace(manifest, accounts=manifest.accounts[1:]))
    consolidate(run, lambda _: (iter, None))
    sql = "SELECT counted, count(*) FROM findings WHERE inherited_from IS NOT NULL GROUP BY counted ORDER BY counted"
    assert rows(run, sql) == [(False, 1), (True, 1)]


@pytest.mark.parametrize(
    ("excepted", "counted"), [((0,), 1), ((0, 1), 2), ((0, 1, 2), 0), ((1,), 0), ((1, 2), 0), ((), 0)]
)
def test_the_row_that_counts_is_open_if_any_row_of_a_shared_resource_is(
    tmp_path: Path, excepted: tuple[int, ...], counted: int
) -> None:
    accounts = (MANAGEMENT, account_id(1), account_id(2))
    exempt = {accounts[number] for number in excepted}

    def apply(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            reference = ExceptionRef("EXC-1", "Ann", "2026-12-31", "active") if finding.account_id in exempt else None
            yield msgspec.structs.replace(finding, exception=reference)

    run = build(tmp_path / "run")
    consolidate(run, lambda _: (apply, None))
    sql = "SELECT account_id, open, counted FROM findings WHERE control = 'cloudtrail_control_0_holds'"
    found = {account: (is_open, is_counted) for account, is_open, is_counted in rows(run, f"{sql} AND status = 'FAIL'")}
    assert {account: is_open for account, (is_open, _) in found.items()} == {it: it not in exempt for it in accounts}
    assert [account for account, (_, is_counted) in found.items() if is_counted] == [accounts[counted]]
    left = {account for account, (is_open, _) in found.items() if not is_open} - {accounts[counted]}
    assert rows(run, "SELECT count(*) FROM findings WHERE inherited_from IS NULL AND NOT counted") == [
        (int(MANAGEMENT in left),)
    ]


@pytest.mark.parametrize(("excepted", "counted"), [(1, 2), (2, 1)])
def test_without_its_owner_an_open_row_of_a_shared_resource_counts_first(
    tmp_path: Path, excepted: int, counted: int
) -> None:
    def apply(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            is_exempt = finding.account_id == account_id(excepted)
            reference = ExceptionRef("EXC-1", "Ann", "2026-12-31", "active") if is_exempt else None
            yield msgspec.structs.replace(finding, exception=reference)

    run = build(tmp_path / "run")
    manifest = run.read_manifest()
    run.write_manifest(msgspec.structs.replace(manifest, accounts=manifest.accounts[1:]))
    consolidate(run, lambda _: (apply, None))
    sql = "SELECT account_id FROM findings WHERE inherited_from IS NOT NULL AND counted"
    assert rows(run, sql) == [(account_id(counted),)]


def test_the_same_run_makes_the_same_rows_whatever_order_they_came_in(tmp_path: Path) -> None:
    run = build(tmp_path / "run", resources=3)
    consolidate(run, lambda _: (iter, None))
    first = rows(run, "SELECT * FROM findings")
    for account in run.read_manifest().accounts:
        write_lines(run.findings_path(account.id), reversed(list(run.findings(account.id))))
    consolidate(run, lambda _: (iter, None))
    assert rows(run, "SELECT * FROM findings") == first


def test_a_run_without_findings_makes_empty_tables(tmp_path: Path) -> None:
    run = build(tmp_path / "run")
    for account in run.read_manifest().accounts:
        write_lines(run.findings_path(account.id), [])
        write_lines(run.cells_path(account.id), [])
    consolidate(run, lambda _: (iter, None))
    assert rows(run, "SELECT count(*) FROM findings") == [(0,)]


def test_nothing_but_the_two_files_is_left_behind(run: Run) -> None:
    rows(run, "SELECT 1")
    names = sorted(path.name for path in run.path.iterdir())
    assert names == ["coverage", "coverage.parquet", "findings", "findings.parquet", "run.json"]


def test_a_run_that_is_not_evaluated_is_refused(tmp_path: Path) -> None:
    run = build(tmp_path / "run")
    run.findings_path(account_id(1)).unlink()
    with pytest.raises(ConfigError, match="orgaudit evaluate"):
        consolidate(run, lambda _: (iter, None))


def test_a_run_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="orgaudit report"):
        rows(build(tmp_path / "run"), "SELECT 1")


def test_a_directory_that_cannot_be_written_is_an_error_of_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    run = build(tmp_path / "run")
    monkeypatch.setattr("orgaudit.store.tables.tempfile.TemporaryDirectory", full)
    with pytest.raises(ReportError, match="No space left"):
        consolidate(run, lambda _: (iter, None))


def test_too_little_memory_is_an_error_of_output_and_leaves_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build(tmp_path / "run")
    monkeypatch.setattr(tables, "MEMORY_LIMIT", "1MB")
    with pytest.raises(ReportError):
        consolidate(run, lambda _: (iter, None))
    assert not tables.findings_table(run).exists()
