"""Every format shows the same findings with the same verdicts, and the same figures, of any run."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import junitparser
import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orgaudit.model import EntryState, Status, fingerprint
from orgaudit.report.formats import FORMATS
from orgaudit.report.viewing import viewing
from tests.report import parts
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


FINDINGS: dict[str, tuple[Callable[[Files], Rows], frozenset[str]]] = {
    "json": (_json, ALL),
    "xlsx": (_xlsx, ALL),
    "defectdojo": (_defectdojo, TO_ACT_ON),
    "sarif": (_sarif, TO_ACT_ON),
    "junit": (_junit, ALL),
    "csv": (_csv, ALL),
    "parquet": (_parquet, ALL),
    "ocsf": (_ocsf, ALL),
    "ocsf-prowler": (_prowler, ALL - {Status.NOT_APPLICABLE}),
}
"""Formats that list findings: how they are read, and which they list."""


def _summed(head: str) -> Callable[[Files], dict[str, int]]:
    def read(files: Files) -> dict[str, int]:
        with files[0].open(encoding="utf-8", newline="") as file:
            return {"issues": sum(int(row[head]) for row in csv.DictReader(file, strict=True))}

    return read


def _of_json(files: Files) -> dict[str, int]:
    summary = json.loads(files[0].read_bytes())["summary"]
    opened = {f"open {severity}": count for severity, count in summary["open_by_severity"].items()}
    names = ("open", "covered", "not_assessed")
    return {**{name: summary["counts"][name] for name in names}, **opened, "issues": summary["open_issues"]}


def _of_junit(files: Files) -> dict[str, int]:
    suite = next(iter(junitparser.JUnitXml.fromfile(str(files[0]))))
    said = {each.name: each.value for each in suite.properties()}  # type: ignore[no-untyped-call]
    names = ("open", "covered", "not_assessed")
    return {**{name: int(said[f"{name}_findings"]) for name in names}, "issues": int(said["open_issues"])}


def _of_oscal(files: Files) -> dict[str, int]:
    (result,) = json.loads(files[0].read_bytes())["assessment-results"]["results"]
    said = {prop["name"]: prop["value"] for prop in result["props"]}
    names = {"open": "open", "covered": "covered", "not-assessed": "not_assessed", "open-issues": "issues"}
    return {ours: int(said[name]) for name, ours in names.items()}


FIGURES: dict[str, Callable[[Files], dict[str, int]]] = {
    "json": _of_json,
    "junit": _of_junit,
    "jira-csv": _summed("Issues"),
    "servicenow-csv": _summed("issues"),
    "oscal-ar": _of_oscal,
}
"""Formats that say figures in which each shared resource counts once, and how these are read."""

WITHOUT_READER: frozenset[str] = frozenset({"asff", "oscal-poam", "fedramp-poam", "html"})
"""Formats that nothing reads here yet."""


@st.composite
def runs(draw: st.DrawFn) -> list[Seen]:
    """Return findings: resources of an account or shared, of which every account says the same."""
    homes = {name: draw(st.sampled_from((None, 0, 1))) for name in "abc"}
    places = draw(st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(0, 2)), max_size=12))
    shared: dict[tuple[str, int], Seen] = {}
    found = []
    for name, account, control in sorted(places):
        it = _drawn(draw, name, account, control)
        home = homes[name]
        if home is not None:
            like = shared.setdefault((name, control), it)
            it = Seen(
                name=name,
                account=account,
                control=control,
                status=like.status,
                owner=like.owner,
                exception=like.exception,
                home=None if account == home else home,
            )
        found.append(it)
    return found


def _drawn(draw: st.DrawFn, name: str, account: int, control: int) -> Seen:
    status = draw(st.sampled_from((Status.FAIL, *Status)))
    exceptions = ("", *(kept.name for kept in KEPT)) if status is Status.FAIL else ("",)
    return Seen(
        name=name,
        account=account,
        control=control,
        status=status,
        owner=draw(st.sampled_from(OWNERS)),
        exception=draw(st.sampled_from(exceptions)),
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


def expected_figures(seen: Sequence[Seen]) -> dict[str, int]:
    """Return the figures: what several accounts say of one resource is said once."""
    once = {(it.account if it.home is None else it.home, it.name, it.control): parts.print_of(it) for it in seen}
    said = expected(seen)
    rows = [said[each] for each in once.values()]
    states, opened = (
        Counter(state for state, _ in rows),
        Counter(severity for state, severity in rows if state == "open"),
    )
    return {
        "open": states["open"],
        "covered": states["covered"],
        "not_assessed": states[Status.NOT_ASSESSED],
        "issues": states["open"],  # each control of these runs is a family of its own
        **{f"open {severity}": opened[severity] for severity in ("critical", "high", "medium", "low")},
    }


def test_every_format_has_a_reader() -> None:
    assert FORMATS.keys() <= FINDINGS.keys() | FIGURES.keys() | WITHOUT_READER
    assert not WITHOUT_READER & (FINDINGS.keys() | FIGURES.keys())


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=runs())
def test_all_formats_say_the_same_of_any_run(seen: list[Seen]) -> None:
    rows, figures = expected(seen), expected_figures(seen)
    accounts = ((OWNERS[0], "Root/Payments"), ("", "Root/Claims"), ("Team Storage", "Root"))
    with tempfile.TemporaryDirectory() as directory:
        run = parts.written(Path(directory), accounts, seen, kept=KEPT)
        with viewing(run) as view:
            written = {name: each.write(view, Path(directory)) for name, each in FORMATS.items()}
        for name, (read, states) in FINDINGS.items():
            if name in written:
                assert_same(name, read(written[name]), {k: row for k, row in rows.items() if row[0] in states})
        for name, read_figures in FIGURES.items():
            if name in written:
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
