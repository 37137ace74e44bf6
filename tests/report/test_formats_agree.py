"""Every format shows the same findings with the same verdicts, and the same figures, of any run."""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import junitparser
import openpyxl
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orgaudit.model import EntryState, Severity, Status, fingerprint
from orgaudit.report.formats import FORMATS
from orgaudit.report.viewing import viewing
from orgaudit.report.xlsx.tables import NOTHING
from tests.report import parts
from tests.report.pages import packed
from tests.report.parts import Kept, Seen

Row: TypeAlias = tuple[str, str | None]
"""What a format says of a finding: open, covered or its status; and its severity, None where it does not say."""
Rows: TypeAlias = dict[str, Row]
Files: TypeAlias = Sequence[Path]

OWNERS = ("Ann <ann@example.org>", "ann@EXAMPLE.org", "Team Storage", "")
KEPT = (
    Kept(name="EXC-1", owner="Bo <bo@example.org>"),
    Kept(name="EXC-2", owner="Bo", state=EntryState.EXPIRING),
    Kept(name="EXC-3", owner="", state=EntryState.EXPIRED),
)
ALL = frozenset({"open", "covered", *Status} - {Status.FAIL})
TO_ACT_ON = frozenset({"open", "covered", Status.NOT_ASSESSED})
FAILING = frozenset({"open", "covered"})


def _state(status: str, *, open_: bool) -> str:
    return status if status != Status.FAIL else "open" if open_ else "covered"


def _json(files: Files) -> Rows:
    found = json.loads(files[0].read_bytes())["findings"]
    return {it["fingerprint"]: (_state(it["status"], open_=it["open"]), it["severity"]) for it in found}


def _xlsx(files: Files) -> Rows:
    with closing(openpyxl.load_workbook(files[0], read_only=True)) as book:
        table = book["All evaluations"].iter_rows(values_only=True)
        heads = next(row for row in table if "Fingerprint" in row)
        rows = [dict(zip(heads, row, strict=True)) for row in table if len(row) == len(heads)]
    return {
        str(it["Fingerprint"]): (_state(str(it["Status"]), open_=it["Open"] == "yes"), str(it["Severity"]))
        for it in rows
        if it["Fingerprint"]
    }


def _defectdojo(files: Files) -> Rows:
    def read(item: dict[str, Any]) -> Row:
        if item["severity"] == "Info":
            return Status.NOT_ASSESSED, None
        return "covered" if item["risk_accepted"] else "open", item["severity"].lower()

    return {item["unique_id_from_tool"]: read(item) for item in json.loads(files[0].read_bytes())["findings"]}


def _sarif(files: Files) -> Rows:
    def read(result: dict[str, Any]) -> Row:
        if result["kind"] == "open":
            return Status.NOT_ASSESSED, result["properties"]["severity"]
        return "covered" if result["suppressions"] else "open", result["properties"]["severity"]

    runs = [run for file in files for run in json.loads(file.read_bytes())["runs"]]
    return {it["fingerprints"]["orgaudit/v1"]: read(it) for run in runs for it in run["results"]}


def _junit(files: Files) -> Rows:
    def read(case: junitparser.TestCase) -> Row:
        if not case.result:
            return Status.PASS, None
        (result,) = case.result
        if isinstance(result, junitparser.Failure):
            return "open", result.type
        if isinstance(result, junitparser.Error):
            return Status.NOT_ASSESSED, None
        return "covered" if result.type == "exception" else result.type.upper(), None

    def key(case: junitparser.TestCase) -> str:
        (account, control), (region, resource) = case.classname.split(".", 1), case.name.split(" ", 1)
        return fingerprint(control, account, region, resource)

    return {key(case): read(case) for suite in junitparser.JUnitXml.fromfile(str(files[0])) for case in suite}


def _flat(rows: Sequence[Mapping[str, Any]]) -> Rows:
    return {
        it["fingerprint"]: (_state(it["status"], open_=str(it["open"]).lower() == "true"), it["severity"])
        for it in rows
    }


def _csv(files: Files) -> Rows:
    (path,) = (file for file in files if "findings" in file.name)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return _flat(list(csv.DictReader(file, strict=True)))


def _parquet(files: Files) -> Rows:
    (path,) = (file for file in files if "findings" in file.name)
    with duckdb.connect() as connection:
        found = connection.execute("SELECT fingerprint, status, open, severity FROM read_parquet($1)", [str(path)])
        return _flat(
            [dict(zip(("fingerprint", "status", "open", "severity"), row, strict=True)) for row in found.fetchall()]
        )


def _ocsf(files: Files) -> Rows:
    statuses = {0: Status.NOT_ASSESSED, 1: Status.PASS, 2: Status.MANUAL, 3: Status.FAIL, 99: Status.NOT_APPLICABLE}

    def read(event: dict[str, Any]) -> Row:
        status = statuses[event["compliance"]["status_id"]]
        state = _state(status, open_=event["status_id"] == 1)
        return state, event["severity"].lower() if state in TO_ACT_ON else None

    return {event["finding_info"]["uid"]: read(event) for event in json.loads(files[0].read_bytes())}


def _prowler(files: Files) -> Rows:
    def read(event: dict[str, Any]) -> Row:
        codes = {"PASS": Status.PASS, "FAIL": Status.FAIL}
        status = codes.get(event["status_code"], event["unmapped"]["status"])
        return _state(status, open_=event["status_id"] == 1), event["severity"].lower()

    return {event["finding_info"]["uid"]: read(event) for event in json.loads(files[0].read_bytes())}


def _asff(files: Files) -> Rows:
    states = {"PASSED": Status.PASS, "WARNING": Status.MANUAL}

    def read(found: dict[str, Any]) -> Row:
        status, severity = found["Compliance"]["Status"], found["Severity"]
        if status != "FAILED":
            return states.get(status, found["ProductFields"]["orgaudit/Status"]), severity["Original"]
        assert found["RecordState"] == "ACTIVE"
        return {"NEW": "open", "SUPPRESSED": "covered"}[found["Workflow"]["Status"]], severity["Label"].lower()

    listed = (it for file in files for it in json.loads(file.read_bytes()))
    return {it["Id"].removeprefix("orgaudit/"): read(it) for it in listed}


def _oscal(files: Files) -> Rows:
    """Return the subjects of observations that are failures; the risk that names the observation says what they are."""
    (document,) = json.loads(files[0].read_bytes()).values()
    (part,) = document.get("results", [document])
    states = {"open": "open", "deviation-approved": "covered"}
    risks = {
        ref["observation-uuid"]: (states[risk["status"]], _said(risk)["severity"])
        for risk in part.get("risks", ())
        if risk["status"] in states
        for ref in risk["related-observations"]
    }
    return {
        said["fingerprint"]: risks[observation["uuid"]]
        for observation in part.get("observations", ())
        for subject in observation.get("subjects", ())
        if "fingerprint" in (said := _said(subject))
    }


def _said(part: Mapping[str, Any]) -> dict[str, str]:
    return {prop["name"]: prop["value"] for prop in part.get("props", ())}


def _html(files: Files) -> Rows:
    """Return what the page packs for its list, in which the first so many findings are open."""
    document = packed(files[0], "list")
    names, places = document["names"], document["places"]
    return {
        name: ("open" if index < document["open"] else "covered", names["severity"][places["severity"][index]])
        for index, name in enumerate(document["fingerprints"])
    }


@dataclass(frozen=True)
class Listing:
    """A format that lists findings: how they are read, which states it lists, and whether each resource once."""

    read: Callable[[Files], Rows]
    states: frozenset[str] = ALL
    once: bool = False


FINDINGS = {
    "json": Listing(_json),
    "xlsx": Listing(_xlsx),
    "html": Listing(_html, FAILING, once=True),
    "defectdojo": Listing(_defectdojo, TO_ACT_ON),
    "sarif": Listing(_sarif, TO_ACT_ON),
    "junit": Listing(_junit),
    "csv": Listing(_csv),
    "parquet": Listing(_parquet),
    "ocsf": Listing(_ocsf),
    "ocsf-prowler": Listing(_prowler, ALL - {Status.NOT_APPLICABLE}),
    "asff": Listing(_asff),
    "oscal-ar": Listing(_oscal, FAILING),
    "oscal-poam": Listing(_oscal, FAILING),
}
"""How the findings of every format that lists them are read."""


def _summed(head: str) -> Callable[[Files], dict[str, int]]:
    def read(files: Files) -> dict[str, int]:
        with files[0].open(encoding="utf-8", newline="") as file:
            return {"issues": sum(int(row[head]) for row in csv.DictReader(file, strict=True))}

    return read


def _of_json(files: Files) -> dict[str, int]:
    document = json.loads(files[0].read_bytes())
    summary, totals = document["summary"], document["coverage"]["totals"]
    opened = {f"open {severity}": count for severity, count in summary["open_by_severity"].items()}
    issues = {f"issues {severity}": count for severity, count in summary["open_issues_by_severity"].items()}
    unseen = totals["evaluations"] - totals["evaluations_assessed"]
    names = ("open", "covered", "not_assessed")
    counts = {name: summary["counts"][name] for name in names}
    return {**counts, **opened, **issues, "issues": summary["open_issues"], "evaluations": unseen}


def _of_junit(files: Files) -> dict[str, int]:
    suite = next(iter(junitparser.JUnitXml.fromfile(str(files[0]))))
    said = {each.name: each.value for each in suite.properties()}  # type: ignore[no-untyped-call]
    names = ("open", "covered", "not_assessed")
    return {**{name: int(said[f"{name}_findings"]) for name in names}, "issues": int(said["open_issues"])}


def _of_oscal(files: Files) -> dict[str, int]:
    (result,) = json.loads(files[0].read_bytes())["assessment-results"]["results"]
    said = _said(result)
    names = {"open": "open", "covered": "covered", "not-assessed": "not_assessed", "open-issues": "issues"}
    issues = {f"issues {it}": int(said[f"open-issues-{it}"]) for it in Severity}
    unseen = int(said["evaluations"]) - int(said["evaluations-assessed"])
    return {**{ours: int(said[name]) for name, ours in names.items()}, **issues, "evaluations": unseen}


def _of_plan(files: Files) -> dict[str, int]:
    """Return what the risks count: each weakness without the repetitions, and each cause of what was not seen."""
    plan = json.loads(files[0].read_bytes())["plan-of-action-and-milestones"]
    counts = {"open": 0, "covered": 0, "evaluations": 0, **{f"open {it}": 0 for it in Severity}}
    for risk in plan.get("risks", ()):
        said = _said(risk)
        if risk["status"] == "investigating":
            counts["evaluations"] += int(said["evaluations"])
        elif risk["status"] == "deviation-approved":
            counts["covered"] += int(said["counted"])
        else:
            counts["open"] += int(said["counted"])
            counts[f"open {said['severity']}"] += int(said["counted"])
    return counts


def _of_fedramp(files: Files) -> dict[str, int]:
    """Return what the rows say in words: all findings of each weakness, repetitions too, and what was not assessed."""
    with closing(openpyxl.load_workbook(files[0], read_only=True)) as book:
        heads, *table = book["Open POA&M Items"].iter_rows(min_row=5, values_only=True)
        rows = [dict(zip(heads, row, strict=True)) for row in table if row and row[0]]
    counts = {f"{state} rows": 0 for state in FAILING} | {"evaluations": 0}
    for row in rows:
        if str(row["POAM ID"]).startswith("NOT-ASSESSED/"):
            counts["evaluations"] += _number(r"([\d,]+) evaluation", str(row["Weakness Name"]))
        else:
            state = {"Yes": "covered", "No": "open"}[str(row["Operational Requirement"])]
            assert bool(row["Deviation Rationale"]) == (state == "covered")
            counts[f"{state} rows"] += _number(r"([\d,]+) finding", str(row["Comments"]))
    return counts


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, (pattern, text)
    return int(found[1].replace(",", ""))


class _Shown(HTMLParser):
    """Keeps what a page shows without its script: the rows of its tables by caption, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._caption, self._inside = "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        if tag in {"td", "th"}:
            self.tables[self._caption][-1].append("")
        elif tag == "tr":
            self.tables[self._caption].append([])
        elif tag == "caption":
            self._caption = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass
        if tag == "caption":
            self.tables[self._caption] = []

    def handle_data(self, data: str) -> None:
        if "script" in self._inside or "style" in self._inside:
            return
        if "caption" in self._inside:
            self._caption += data
        elif {"td", "th"} & {*self._inside}:
            self.tables[self._caption][-1][-1] += data
        else:
            self.text += data

    def rows(self, caption: str) -> list[dict[str, str]]:
        """Return the rows of a table by their heads."""
        heads, *rows = self.tables[caption]
        return [dict(zip(heads, row, strict=True)) for row in rows]

    def sum(self, caption: str, head: str, **only: str) -> int:
        """Return the sum of a column, of the rows that have these values; a dash is no number and adds nothing."""
        rows = [row for row in self.rows(caption) if only.items() <= row.items()]
        return sum(int(row[head].replace(",", "")) for row in rows if row[head] != NOTHING)


def _of_html(files: Files) -> dict[str, int]:
    """Return the figures that the page shows by itself: its tiles, and the sums of its tables."""
    page = _Shown()
    page.feed(files[0].read_text(encoding="utf-8"))
    text = " ".join(page.text.split())
    controls, accounts = "Controls, the worst first", "Accounts, the worst first"
    sums = {"Open": "open", "Excepted": "covered", "Not assessed": "not_assessed"}
    counts = {ours: page.sum(controls, title) for title, ours in sums.items()}
    assert _number(r"The list of ([\d,]+) finding", text) == counts["open"] + counts["covered"]
    return {
        **counts,
        **{f"open {it}": page.sum(controls, "Open", Severity=it) for it in Severity},
        **{f"issues {it}": _number(rf"{it} ([\d,]+)", text) for it in Severity},
        "issues": _number(r"of ([\d,]+) open issue", text),
        "evaluations": _number(r"([\d,]+) evaluations? not assessed", text),
        "open rows": page.sum(accounts, "Open issues"),  # a scorecard counts what its account inherits, too
    }


FIGURES: dict[str, Callable[[Files], dict[str, int]]] = {
    "json": _of_json,
    "html": _of_html,
    "junit": _of_junit,
    "jira-csv": _summed("Issues"),
    "servicenow-csv": _summed("issues"),
    "oscal-ar": _of_oscal,
    "oscal-poam": _of_plan,
    "fedramp-poam": _of_fedramp,
}
"""How the figures of every format that says any are read; each shared resource counts once."""


@st.composite
def runs(draw: st.DrawFn) -> list[Seen]:
    """Return findings: resources of an account or shared, of which every account says the same.

    Exceptions are of a finding, so that one may cover only some rows of a shared resource.
    """
    homes = {name: draw(st.sampled_from((None, 0, 1))) for name in "abc"}
    places = draw(st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(0, 2)), max_size=12))
    shared: dict[tuple[str, int], Seen] = {}
    found = []
    for name, account, control in sorted(places):
        it, home = _drawn(draw, name, account, control), homes[name]
        if home is not None:
            like = shared.setdefault((name, control), it)
            it = replace(like, account=account, exception=it.exception, home=None if account == home else home)
        found.append(it if it.status is Status.FAIL else replace(it, exception=""))
    return found


def _drawn(draw: st.DrawFn, name: str, account: int, control: int) -> Seen:
    return Seen(
        name=name,
        account=account,
        control=control,
        status=draw(st.sampled_from((Status.FAIL, *Status))),
        owner=draw(st.sampled_from(OWNERS)),
        exception=draw(st.sampled_from(("", *(kept.name for kept in KEPT)))),
        late=draw(st.booleans()),
    )


def expected(seen: Sequence[Seen]) -> Rows:
    """Return what is to be said of each finding."""
    covering = {kept.name for kept in KEPT if kept.state.covers}
    return {
        parts.print_of(it): (
            _state(it.status, open_=it.exception not in covering),
            parts.SEVERITIES[it.control].value,
        )
        for it in seen
    }


def counted(seen: Sequence[Seen]) -> dict[str, Row]:
    """Return the rows that count: of a shared resource an open one if any is, then that of its account, then the first.

    An issue is open if any of its rows is.
    """
    said = expected(seen)
    rows: dict[tuple[int, str, int], list[Seen]] = {}
    for it in seen:
        rows.setdefault((it.account if it.home is None else it.home, it.name, it.control), []).append(it)

    def order(it: Seen) -> tuple[bool, bool, int]:
        return said[parts.print_of(it)][0] != "open", it.home is not None, it.account

    return {(name := parts.print_of(min(found, key=order))): said[name] for found in rows.values()}


def expected_figures(seen: Sequence[Seen]) -> dict[str, int]:
    """Return the figures: what several accounts say of one resource is said once, but in those of rows."""
    once, every = counted(seen).values(), Counter(state for state, _ in expected(seen).values())
    states, opened = Counter(state for state, _ in once), Counter(row[1] for row in once if row[0] == "open")
    return {
        "open": states["open"],
        "covered": states["covered"],
        "not_assessed": states[Status.NOT_ASSESSED],
        "issues": states["open"],  # each control of these runs is a family of its own
        **{f"{what} {severity}": opened[severity] for severity in Severity for what in ("open", "issues")},
        "open rows": every["open"],
        "covered rows": every["covered"],
        "evaluations": len({(it.account, it.control) for it in seen if it.status is Status.NOT_ASSESSED}),
    }


def test_every_format_has_a_reader() -> None:
    assert FORMATS.keys() == FINDINGS.keys() | FIGURES.keys()


SHARED = Seen(name="a", account=0, owner=OWNERS[0], exception="EXC-1")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=runs())
@example(seen=[SHARED, replace(SHARED, account=1, exception="", home=0)])
@example(seen=[SHARED, replace(SHARED, account=1, home=0), replace(SHARED, account=2, exception="EXC-3", home=0)])
@example(seen=[replace(SHARED, account=1, home=0), replace(SHARED, account=2, exception="", home=0)])
def test_all_formats_say_the_same_of_any_run(seen: list[Seen]) -> None:
    rows, once, figures = expected(seen), counted(seen), expected_figures(seen)
    accounts = ((OWNERS[0], "Root/Payments"), ("", "Root/Claims"), ("Team Storage", "Root"))
    with tempfile.TemporaryDirectory() as directory:
        run = parts.written(Path(directory), accounts, seen, kept=KEPT)
        with viewing(run) as view:
            written = {name: each.write(view, Path(directory)) for name, each in FORMATS.items()}
            assert view.actions.open.issues == figures["issues"]
        for name, listing in FINDINGS.items():
            wanted = once if listing.once else rows
            listed = {key: row for key, row in wanted.items() if row[0] in listing.states}
            assert_same(name, listing.read(written[name]), listed)
        for name, read_figures in FIGURES.items():
            said = read_figures(written[name])
            assert said, name
            assert (name, said) == (name, {each: figures[each] for each in said})


def assert_same(name: str, said: Rows, wanted: Rows) -> None:
    """Fail where a format does not list these findings with these states, and with their severities if it says any."""
    assert (name, said.keys()) == (name, wanted.keys())
    for key, (state, severity) in wanted.items():
        assert (name, key, said[key]) in {(name, key, (state, severity)), (name, key, (state, None))}
    told = {state for state, severity in said.values() if severity is not None}
    assert (name, told >= {state for state, _ in wanted.values() if state == "open"}) == (name, True)
