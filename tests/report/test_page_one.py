"""Page one of the workbook: what it shows of a run and its baseline, of none, and of names that fill it."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.errors import ConfigError
from orgaudit.history.conclude import conclude
from orgaudit.model import Cell, Finding, Status
from orgaudit.report.stage import written
from orgaudit.report.xlsx.formulas import half_up, percent
from orgaudit.report.xlsx.grid import COLUMN_WIDTH, lines, plain
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.settings.sections import ReportSettings
from orgaudit.spreadsheet.look import Look
from orgaudit.store.comparison import Comparison, Point, read_comparison, write_comparison
from orgaudit.store.manifest import BaselineRecord
from orgaudit.store.run import Run, write_lines
from orgaudit.store.seal import Standing
from tests import needs
from tests.report.page_one import INDEX, PageOne
from tests.report.recalculated import assert_computed_as_shown
from tests.report.small import AS_OF, REGISTER, Decided, decided, mark, store
from tests.settings.test_picture import jpeg, png
from tests.synthetic_run import STARTED, build

DAYS = {"critical": 15, "high": 30, "medium": 90, "low": 180}


def pair(path: Path, apply: Any = mark) -> Run:
    """Write a run and, a quarter earlier, its baseline, which found more; both are compared as an audit does it."""
    before, after = build(path / "2026-q2"), build(path / "2026-q3")
    start = STARTED - timedelta(days=92)
    old, new = before.read_manifest(), after.read_manifest()
    dated = {"remediation_days": DAYS, "narrowed_by": ()}
    before.write_manifest(msgspec.structs.replace(old, started_at=start, **dated))
    baseline = BaselineRecord(run_id=before.id, started_at=start)
    after.write_manifest(msgspec.structs.replace(new, baseline=baseline, **dated))

    def due(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in apply(findings):
            yield msgspec.structs.replace(finding, due_on=date(2026, 9, 1), owner="Kim <kim@x.example>")

    def worse(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            failing = finding.status is Status.PASS and finding.control == "iam_control_2_holds"
            yield msgspec.structs.replace(finding, status=Status.FAIL) if failing else finding

    for account in old.accounts:
        write_lines(before.findings_path(account.id), [*worse(before.findings(account.id))])
        write_lines(before.cells_path(account.id), [*worse_cells(before.cells(account.id))])
    store(before, decided())
    conclude(before, {})
    store(after, Decided(REGISTER.result, due))
    conclude(after, {})
    return after


def worse_cells(cells: Iterable[Cell]) -> Iterator[Cell]:
    for cell in cells:
        if cell.status is Status.PASS and cell.control == "iam_control_2_holds":
            cell = msgspec.structs.replace(cell, status=Status.FAIL, failed=cell.passed, passed=0)  # noqa: PLW2901
        yield cell


def book_of(run: Run, settings: ReportSettings | None = None, standing: Standing = Standing.NOT_SEALED) -> Path:
    with written(run, ["xlsx"], standing=standing, settings=settings) as (_, paths):
        return paths[0]


def page_of(path: Path) -> PageOne:
    return PageOne(openpyxl.load_workbook(path, data_only=True)["Summary"])


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def usual(compared: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the compared run, which tests only read."""
    return Path(shutil.copy(book_of(compared), tmp_path_factory.mktemp("usual") / "report.xlsx"))


@pytest.fixture
def stored(small: Run) -> Run:
    store(small, REGISTER)
    return small


def test_figures_have_their_change_and_a_line_over_the_runs(compared: Run, usual: Path) -> None:
    comparison = read_comparison(compared)
    before, now = comparison.points
    assert [before.rate, now.rate] == pytest.approx([5 / 20, 7 / 20]), "what the rest follows from"
    assert (before.critical + before.high, now.critical + now.high) == (8, 3)
    page = page_of(usual)
    assert page.tile("Headline rate") == (pytest.approx(7 / 20), 10.0, None, "35.0 % with exceptions")
    assert page.tile("Open critical and high issues")[:3] == (3, -5, None)
    assert page.tile("Coverage: what was assessed")[:3] == (pytest.approx(41 / 60), 0, None)
    assert page.tile("Overdue") == (7, 7, None, "6 issues past the due date, 1 exception past the last day")
    assert (page.sheet["R3"].value, page.sheet["U3"].value) == (10.0, "since 1 July 2026")
    assert any(text.startswith("▲ ▼ change since 1 July 2026, run 2026-q2; pt") for text in page.texts)
    with zipfile.ZipFile(usual) as archive:
        drawing = archive.read("xl/drawings/drawing1.xml").decode()
        charts = [archive.read(f"xl/charts/chart{n}.xml").decode() for n in (1, 2, 3, 4)]
    assert re.findall('descr="([^"]*)"', drawing) == [
        "Line chart. Headline rate over the last runs. 2026-07-01: 25.0%; 2026-10-01: 35.0%.",
        "Line chart. Open critical and high issues over the last runs. 2026-07-01: 8; 2026-10-01: 3.",
        "Line chart. Coverage: what was assessed over the last runs. 2026-07-01: 68.3%; 2026-10-01: 68.3%.",
        "Line chart. Overdue over the last runs. 2026-07-01: 0; 2026-10-01: 7.",
    ]
    assert all(len(re.findall("<(?:c:)?v>", chart.partition("numCache")[2])) >= 2 for chart in charts)


def test_changes_are_coloured_by_what_is_better(usual: Path) -> None:
    sheet = openpyxl.load_workbook(usual)["Summary"]
    better = {}
    for cells in sheet.conditional_formatting:
        for rule in cells.rules:
            if rule.type == "cellIs" and rule.formula == ["0"]:
                better[str(cells.sqref), rule.operator] = rule.dxf.font.color.rgb[-6:]
    row = PageOne(sheet).place("Headline rate")[0] + 2
    green, red = "1E6B47", "9B1C31"
    assert better == {
        **{(f"{it}{row}", "greaterThan"): colour for it, colour in zip("BHNT", (green, red, green, red), strict=True)},
        **{(f"{it}{row}", "lessThan"): colour for it, colour in zip("BHNT", (red, green, red, green), strict=True)},
    }


def test_a_rate_of_another_framework_is_not_compared(compared: Run, tmp_path: Path) -> None:
    comparison = read_comparison(compared)
    before, now = comparison.points
    other = msgspec.structs.replace(before, framework="cis_3.0")
    write_comparison(compared, msgspec.structs.replace(comparison, points=(other, now)))
    try:
        page = page_of(book_of(compared))
    finally:
        write_comparison(compared, comparison)
    assert page.tile("Headline rate")[:3] == (pytest.approx(7 / 20), NOTHING, "no line: one figure")
    assert page.sheet["U3"].value == "Not compared: the headline framework of the baseline is cis_3.0"
    assert page.tile("Open critical and high issues")[1] == -5
    assert any("Headline rate: not compared: the headline framework" in text for text in page.texts)


def test_the_first_audit_compares_nothing_and_says_so(small: Run) -> None:
    store(small, REGISTER)
    conclude(small, {})
    page = page_of(book_of(small))
    assert [page.tile(it)[1:3] for it in ("Headline rate", "Open critical and high issues", "Overdue")] == [
        (NOTHING, "first audit")
    ] * 3
    why = read_comparison(small).why_none
    assert why
    assert f"{NOTHING} Not compared: {why}." in page.texts


def test_part_of_the_scope_has_no_line(stored: Run) -> None:
    point = Point(
        date=AS_OF,
        run=stored.id,
        whole_scope=False,
        framework="cis_4.0",
        rate=0.3,
        open=6,
        critical=1,
        high=2,
        medium=3,
        low=0,
        rate_with_exceptions=0.3,
        coverage=0.5,
        overdue_issues=None,
        overdue_exceptions=1,
    )
    write_comparison(stored, Comparison(why_none="the run has no baseline", points=(point,)))
    page = page_of(book_of(stored))
    assert page.tile("Headline rate")[1:3] == (NOTHING, "no line: a part of the scope")


def test_late_actions_and_frameworks_are_listed(usual: Path) -> None:
    page = page_of(usual)
    assert page.panel("Late")[1:] == [
        ("Kim <kim@x.example>", "critical: S3 resources keep promise 1", 30, 6),
        ("Ann Example", "medium: Exception EXC-2026-0002 has ended: Accepted until mended, 2", 42, 2),
    ]
    actions = page.panel("Do these first")
    assert [cells[0] for cells in actions[:5]] == [1, 2, 3, 4, 5]
    assert str(actions[0][1]).startswith("Turn it on here (account account 1): closes 1 issue in 1 account, effort ")
    assert actions[5] == (
        "These 5 actions remove 92.3 % of the risk: 24 of 26 points, 5 of 6 issues; 6 actions in all",
    )
    assert page.panel("Frameworks")[1:] == [("CIS AWS Foundations 4.0.0", pytest.approx(7 / 20), 10.0, "0 of 1")]


def test_the_map_is_by_severity_where_sections_are_few(stored: Run) -> None:
    path = book_of(stored)
    assert page_of(path).panel("Where the issues are…", until="The redder") == [
        ("Unit", "Critical", "High", "Medium", "Low", "All open issues", "Rate"),
        ("Root/Workloads/Claims", 0, 2, 0, 0, 2, pytest.approx(2 / 5)),
        ("Root/Workloads/Payments", 1, 0, 0, 0, 1, pytest.approx(2 / 5)),
        ("Root", 0, 0, 3, 0, 3, pytest.approx(3 / 5)),
        ("Root/Sandbox", *[NOTHING] * 6),
        ("All units", 1, 2, 3, 0, 6, pytest.approx(7 / 20)),
    ]
    sheet = openpyxl.load_workbook(path)["Summary"]
    formats = [sheet[f"H{row}"].number_format for row in (29, 30, 31)]
    assert formats == ['#,##0"*"', '#,##0"*"', "#,##0"], "a star where a part was not assessed"


def test_the_map_has_the_top_sections_of_the_headline_framework(small: Run) -> None:
    manifest = small.read_manifest()
    (framework,) = manifest.frameworks
    sections = ("1 Logs", "2 Data / 2.1 S3", "3 People", "4 Keys", "2 Data / 2.2 EC2", "9 Training")
    requirements = tuple(
        msgspec.structs.replace(it, section=section)
        for it, section in zip(framework.requirements, sections, strict=True)
    )
    changed = msgspec.structs.replace(framework, requirements=requirements)
    small.write_manifest(msgspec.structs.replace(manifest, frameworks=(changed,)))
    store(small, REGISTER)
    assert page_of(book_of(small)).panel("Where the issues are…", until="The redder") == [
        ("Unit", "1 Logs", "2 Data", "3 People", "4 Keys", "All open issues", "Rate"),
        ("Root/Workloads/Claims", 0, 0, 2, 0, 2, pytest.approx(2 / 5)),
        ("Root/Workloads/Payments", 0, 1, 0, 0, 1, pytest.approx(2 / 5)),
        ("Root", 1, 2, 0, 0, 3, pytest.approx(3 / 5)),
        ("Root/Sandbox", *[NOTHING] * 6),
        ("All units", 1, 3, 2, 0, 6, pytest.approx(7 / 20)),
    ]


def test_the_threshold_of_the_settings_colours_rates_and_is_explained(stored: Run) -> None:
    path = book_of(stored, ReportSettings(pass_rate_threshold=0.455))
    sheet = openpyxl.load_workbook(path)["Summary"]
    rules = {
        str(cells.sqref): rule.formula
        for cells in sheet.conditional_formatting
        for rule in cells.rules
        if rule.operator == "lessThan"
    }
    rate, share = PageOne(sheet).place("Rate"), PageOne(sheet).place("Share met")
    assert rules == {f"W{rate[0] + 1}:W{rate[0] + 5}": ["0.455"], f"T{share[0] + 1}": ["0.455"]}
    assert any("is under 45.5 %, the threshold of the settings." in text for text in PageOne(sheet).texts)


def test_names_of_the_settings_and_a_logo_are_shown(stored: Run, tmp_path: Path) -> None:
    for name, content, size in (("png", png(300, 100), (174, 58)), ("jpeg", jpeg(100, 50), (116, 58))):
        logo = tmp_path / f"logo.{name}"
        logo.write_bytes(content)
        path = book_of(stored, ReportSettings(title="Q3 audit", organization_name='Ex "Ample" & Co', logo=logo))
        assert page_of(path).sheet["B1"].value == 'Ex "Ample" & Co  ·  Q3 audit'
        with zipfile.ZipFile(path) as archive:
            assert archive.read(f"xl/media/image1.{name}") == content
            drawing = archive.read("xl/drawings/drawing1.xml").decode()
            assert f'Extension="{name}"' in archive.read("[Content_Types].xml").decode()
        extent = re.search(r'<(?:xdr:)?ext cx="(\d+)" cy="(\d+)"', drawing)
        assert extent is not None
        assert tuple(int(it) / 9525 for it in extent.groups()) == size, "neither distorted nor larger than its place"
        shown = {each.get("descr") for each in ET.fromstring(drawing).iter()}  # noqa: S314 - our own file
        assert 'Logo of Ex "Ample" & Co.' in shown
        first = path.read_bytes()
        settings = ReportSettings(title="Q3 audit", organization_name='Ex "Ample" & Co', logo=logo)
        assert book_of(stored, settings).read_bytes() == first


def test_a_logo_that_cannot_be_shown_is_an_error_before_anything_is_written(stored: Run, tmp_path: Path) -> None:
    before = {path.name for path in stored.path.iterdir()}
    with pytest.raises(ConfigError, match=r"none\.png: report\.logo: cannot be read"):
        book_of(stored, ReportSettings(logo=tmp_path / "none.png"))
    assert {path.name for path in stored.path.iterdir()} == before


def test_a_changed_run_is_unverified_in_words_and_colour(stored: Run) -> None:
    sheet = openpyxl.load_workbook(book_of(stored, standing=Standing.UNVERIFIED))["Summary"]
    assert sheet["B4"].value == ("UNVERIFIED: changed after it was sealed  ·  INCOMPLETE: 19 evaluations not assessed")
    assert sheet["B4"].fill.start_color.rgb[-6:] == "9B1C31"


def nothing_seen(run: Run) -> None:
    for account in run.read_manifest().accounts:
        write_lines(run.findings_path(account.id), [])
        write_lines(
            run.cells_path(account.id),
            [
                msgspec.structs.replace(
                    it, status=Status.NOT_ASSESSED, passed=0, failed=0, manual=0, not_applicable=0, not_assessed=1
                )
                for it in run.cells(account.id)
            ],
        )


def test_where_nothing_was_seen_no_figure_is_a_zero_that_looks_good(small: Run) -> None:
    nothing_seen(small)
    store(small, decided())
    path = book_of(small)
    page = page_of(path)
    assert str(page.sheet["B4"].value).startswith("INCOMPLETE: nothing was assessed")
    assert page.sheet["B4"].fill.start_color.rgb[-6:] == "4F3A78"
    assert page.below("Coverage: what was assessed") == 0
    units = page.panel("Where the issues are…", until="The redder")[1:]
    assert len(units) == 5
    assert all(cells[1:] == (NOTHING,) * 6 for cells in units)
    assert page.below("Open critical and high issues") == NOTHING
    assert page.panel("Do these first")[0] == (f"{NOTHING} Nothing was assessed, so what to do first is not known.",)
    assert page.panel("Late") == [(f"{NOTHING} Nothing was assessed, so what is late is not known.",)]


def test_no_finding_at_all_leaves_a_whole_page(small: Run) -> None:
    def passed(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            yield msgspec.structs.replace(finding, status=Status.PASS, gap=None)

    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [*passed(small.findings(account.id))])
        cells = [
            msgspec.structs.replace(it, status=Status.PASS, passed=1, failed=0, not_assessed=0, reason=None)
            for it in small.cells(account.id)
        ]
        write_lines(small.cells_path(account.id), cells)
    manifest = small.read_manifest()
    records = tuple(msgspec.structs.replace(it, gap=None) for it in manifest.records)
    small.write_manifest(msgspec.structs.replace(manifest, records=records, remediation_days=DAYS))
    store(small, decided())
    page = page_of(book_of(small))
    assert page.sheet["B4"].value == "Complete"
    assert page.sheet["B4"].fill.start_color.rgb[-6:] == "1E6B47"
    assert page.sheet["B5"].value is None
    assert page.tile("Overdue")[0] == 0
    assert page.panel("Decisions for you (0)")[1] == ("Nothing waits for a decision.",)
    assert page.panel("Do these first")[0] == ("No action: no issue is open in what was assessed.",)
    assert page.panel("Late") == [
        ("Nothing is past its due date, and no exception is past its last day with failures.",)
    ]


def crowd(path: Path) -> Run:
    """Write a run of 240 accounts whose names, units and owners are as long as AWS lets them be."""
    run = build(path / "2026-q3", accounts=240, regions=1, controls=2)
    manifest = run.read_manifest()
    gap = manifest.records[-1].gap
    accounts = tuple(
        msgspec.structs.replace(
            it,
            name=f"{n} {'An account whose name takes all the room '[:44]}",
            ou_path="/".join(["Root", *(f"{n % 40} {'A unit of which the name is long ' * 3}"[:100],) * 3]),
        )
        for n, it in enumerate(manifest.accounts)
    )
    records = tuple(msgspec.structs.replace(it, gap=gap) if n % 3 == 0 else it for n, it in enumerate(manifest.records))
    run.write_manifest(msgspec.structs.replace(manifest, accounts=accounts, records=records, remediation_days=DAYS))
    return run


def late_and_owned(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        owner = (
            f"{finding.account_id} {'Team of a very long name ' * 3}<team-{finding.account_id}@a-long-domain.example>"
        )
        title = "A control whose title says at length what must hold of every resource everywhere " * 2
        yield msgspec.structs.replace(finding, owner=owner, title=title, due_on=date(2026, 1, 1))


def wanted_height(sheet: Worksheet, row: int) -> float:
    """Return how high a row must be for the longest of its wrapped texts, counted with other numbers than the page."""
    spans = {str(area).partition(":")[0]: area.max_col - area.min_col + 1 for area in sheet.merged_cells.ranges}
    heights = [0.0]
    for cell in sheet[row]:
        if not isinstance(cell.value, str) or not cell.alignment.wrap_text:
            continue
        points = spans.get(cell.coordinate, 1) * (COLUMN_WIDTH * 7 + 5) * 0.75
        size = float(cell.font.size)
        room = points / (size * 0.52)
        count = sum(max(1, -(-len(line) // int(room))) for line in cell.value.split("\n"))
        heights.append(count * size * 1.15)
    return max(heights)


def test_hundreds_of_accounts_with_long_names_fit_on_the_page(tmp_path: Path) -> None:
    run = crowd(tmp_path)
    store(run, decided(late_and_owned))
    path = book_of(run, ReportSettings(organization_name="An organization " * 12, title="A title " * 20))
    page = page_of(path)
    missing = str(page.sheet["B5"].value)
    assert re.fullmatch(r"Missing: (?:[^;]+ \(\d{12}\)(?:, in part)?; ){5}and [\d,]+ more: Coverage", missing)
    assert "…" not in missing, "the first names stand there in full"
    units = page.panel("Where the issues are…", until="The redder")[1:]
    assert [str(cells[0]) for cells in units[-2:]] == ["33 other units", "All units"]
    assert len(units) == 9
    assert sum(int(str(cells[-2])) for cells in units[:-1] if cells[-2] != NOTHING) == units[-1][-2]
    late = page.panel("Late")
    assert re.fullmatch(r"and \d+ more: \w+", str(late[-1][0]))
    assert len(late) == 7
    sheet = openpyxl.load_workbook(path)["Summary"]
    last = PageOne(sheet).last
    low = {
        row: (sheet.row_dimensions[row].height, wanted_height(page.sheet, row))
        for row in range(1, last + 1)
        if (sheet.row_dimensions[row].height or 15) < wanted_height(page.sheet, row)
    }
    assert low == {}


def test_the_page_is_printed_alone_on_one_and_the_index_is_below(stored: Run) -> None:
    sheet = openpyxl.load_workbook(book_of(stored))["Summary"]
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (
        *("landscape", 1),
        1,
    )
    page = PageOne(sheet)
    assert page.place("The redder…")[0] == page.last
    assert page.place(INDEX)[0] > page.last


@needs.libreoffice
def test_libreoffice_computes_what_the_page_shows(usual: Path, tmp_path: Path) -> None:
    assert_computed_as_shown(usual, tmp_path)


@pytest.mark.parametrize(
    ("number", "digits", "expected"),
    [(0.25, 1, 0.3), (-0.25, 1, -0.3), (24.999999999, 0, 25), (2.5, 0, 3), (-0.04, 1, 0.0), (0.0, 1, 0.0)],
)
def test_halves_are_rounded_away_from_zero(number: float, digits: int, expected: float) -> None:
    assert half_up(number, digits) == expected
    assert percent(0.4325) == "43.3 %"


def test_lines_are_counted_as_words_wrap_and_wide_letters_as_two() -> None:
    style = Look(size=9)
    assert lines("word " * 3, style, 4) == 1
    assert lines("x" * 100, style, 4) == lines("会" * 50, style, 4) == 3
    assert lines("a\nb\nc", style, 4) == 3
    assert lines("x" * 100, replace(style, size=18), 4) == 6
    assert plain("a\n\tb\u202ec") == "a bc"
    assert plain("0123456789" * 5, 30) == "01234567890123456789 … 0123456789"
