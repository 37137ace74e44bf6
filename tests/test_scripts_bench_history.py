"""The history of benchmarks: what is read from a benchmark's output, kept, and compared."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from scripts import bench_history
from scripts.bench_history import BENCHMARKS, COLUMNS, HISTORY, Entry, append, changes, figure, figures, read

OLD = Entry("2026-01-02", "abc", "bench_calls", "one: ratio", 2.0)
NEW = Entry("2026-02-03", "def", "bench_calls", "one: ratio", 1.5)


def test_figures_are_found_among_what_people_read() -> None:
    output = f"CPU a call   12\n{figure('CIS 4.0: calls', 7024)}\nnothing 3\n{figure('ratio', 1.23456)}\n"
    assert list(figures(output)) == [("CIS 4.0: calls", 7024), ("ratio", 1.235)]


def test_a_history_grows_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "bench.csv"
    assert read(path) == []
    append(path, [OLD])
    append(path, [NEW])
    assert read(path) == [OLD, NEW]
    assert path.read_text().count("benchmark,figure") == 1


def test_the_change_is_the_one_since_the_last_entry_of_the_figure() -> None:
    other = Entry("2026-01-09", "xyz", "bench_calls", "two", 9)
    zero = Entry("2026-01-09", "xyz", "bench_calls", "zero", 0)
    lines = list(changes([OLD, NEW, other, zero], [Entry("2026-03-04", "fff", "bench_calls", "one: ratio", 3)]))
    assert re.search(r"3 +\+100\.0% since 2026-02-03 \(def\)$", lines[0])
    [first] = changes([OLD], [other])
    assert first.endswith("first entry")
    [from_zero] = changes([zero], [Entry("2026-03-04", "fff", "bench_calls", "zero", 2)])
    assert "from 0 since 2026-01-09" in from_zero


def test_a_benchmark_that_fails_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "bench_calls.py").write_text("print('figure a 1'); raise SystemExit(3)")
    monkeypatch.setattr(bench_history, "ROOT", tmp_path)
    monkeypatch.setattr(bench_history, "HISTORY", tmp_path / "bench.csv")
    monkeypatch.setattr(bench_history, "commit", lambda: "abc")
    with pytest.raises(SystemExit, match="exit code 3"):
        bench_history.main(["bench_calls"])
    assert not (tmp_path / "bench.csv").exists()


def test_figures_of_a_benchmark_are_kept_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "bench_calls.py").write_text("print('for people'); print('figure one: ratio 1.5')")
    monkeypatch.setattr(bench_history, "ROOT", tmp_path)
    monkeypatch.setattr(bench_history, "HISTORY", tmp_path / "bench.csv")
    monkeypatch.setattr(bench_history, "commit", lambda: "abc")
    append(tmp_path / "bench.csv", [OLD])
    bench_history.main(["bench_calls"])
    assert [(entry.commit, entry.value) for entry in read(tmp_path / "bench.csv")] == [("abc", 2.0), ("abc", 1.5)]
    said = capsys.readouterr().out
    assert said.startswith("for people\n")
    assert "-25.0% since 2026-01-02" in said


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_reports_figures(name: str) -> None:
    assert "print(figure(" in (HISTORY.parents[1] / "scripts" / f"{name}.py").read_text()


def test_the_tracked_history_says_nothing_of_a_machine() -> None:
    with HISTORY.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert rows
    for date, commit, benchmark, name, value in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
        assert re.fullmatch(r"[0-9a-f]{7,12}\+?", commit)
        assert benchmark in BENCHMARKS
        assert "/" not in name
        assert float(value) >= 0
