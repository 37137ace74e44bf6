"""The editor: what changes is written, what does not stays as it is, and no edit is lost."""

from __future__ import annotations

import multiprocessing
import string
from datetime import date
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from orgaudit.errors import ConfigError, ReportError
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import load_register
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.sections import RegisterSettings

TEXT = """# Who touches this asks first.
time_zone: Europe/Paris   # where the team is

exceptions:
  # the oldest
  - id: EXC-2025-0001   # the first
    # about the title
    title: 'It rests'
    scope:
      controls: [a_b, "c_d"]  # two
      accounts:
        - "111122223333"  # shop
        - "222222222222"  # bank
    justification: |
      Nothing runs.
      # not a comment

    expires_on: 2025-03-31  # end of quarter
    history:
      - {when: 2025-01-08, who: ana, what: requested, why: rests}
    # the end of the first

  # the second is short
  - {id: EXC-2025-0007, title: "Flow", starts_on: 2025-01-01}

attestations:
- id: ATT-2024-0003
  status: met
# the end
"""


def editor_of(tmp_path: Path, text: str = TEXT) -> RegisterEditor:
    path = tmp_path / "exceptions.yaml"
    path.write_bytes(text.encode())
    return RegisterEditor.open(path)


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that went and those that came."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def data_of(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_an_open_editor_is_the_file(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    assert editor.text() == TEXT
    assert editor.ids() == ["EXC-2025-0001", "EXC-2025-0007"]
    assert editor.ids("attestations") == ["ATT-2024-0003"]
    assert editor.entry("EXC-2025-0007") == {"id": "EXC-2025-0007", "title": "Flow", "starts_on": date(2025, 1, 1)}
    assert not editor.save()


def test_an_entry_is_a_copy(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    editor.entry("EXC-2025-0001")["scope"]["controls"].append("more")
    assert editor.entry("EXC-2025-0001")["scope"]["controls"] == ["a_b", "c_d"]


@pytest.mark.parametrize(
    ("changes", "gone", "came"),
    [
        (
            {"expires_on": date(2025, 6, 30)},
            ["    expires_on: 2025-03-31  # end of quarter"],
            ["    expires_on: 2025-06-30  # end of quarter"],
        ),
        ({"title": "It sleeps"}, ["    title: 'It rests'"], ["    title: 'It sleeps'"]),
        ({"title": "It's: # new"}, ["    title: 'It rests'"], ["    title: 'It''s: # new'"]),
        ({"title": None}, ["    title: 'It rests'"], []),
        ({"ticket": "SEC-1"}, [], ["    ticket: SEC-1"]),
        (
            {"scope": {"controls": ["a_b", "e_f"], "accounts": ["222222222222"]}},
            ['      controls: [a_b, "c_d"]  # two', '        - "111122223333"  # shop'],
            ['      controls: [a_b, "e_f"]  # two'],
        ),
        ({"justification": "Nothing runs.\n# not a comment\n", "expires_on": date(2025, 3, 31)}, [], []),
        ({"max_findings": 3, "broad": True}, [], ["    max_findings: 3", "    broad: true"]),
    ],
)
def test_set_writes_only_what_changes(
    tmp_path: Path, changes: dict[str, Any], gone: list[str], came: list[str]
) -> None:
    editor = editor_of(tmp_path)
    editor.set("EXC-2025-0001", changes)
    assert changed_lines(TEXT, editor.text()) == (gone, came)
    for key, value in changes.items():
        assert editor.entry("EXC-2025-0001").get(key) == value


def test_new_keys_stand_where_an_entry_has_them(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    editor.set("EXC-2025-0001", {"approved_by": "jo", "approved_on": date(2025, 1, 10), "x_computed": 1})
    keys = list(editor.entry("EXC-2025-0001"))
    assert keys == [
        *("id", "title", "scope", "justification", "approved_by", "approved_on"),
        *("expires_on", "x_computed", "history"),
    ]


def test_note_appends_one_line(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    event = {"when": date(2025, 1, 10), "who": "jo", "what": "approved", "why": "seen: twice"}
    editor.note("EXC-2025-0001", event)
    editor.note("EXC-2025-0007", event)
    assert changed_lines(TEXT, editor.text()) == (
        ['  - {id: EXC-2025-0007, title: "Flow", starts_on: 2025-01-01}'],
        [
            '      - {when: 2025-01-10, who: jo, what: approved, why: "seen: twice"}',
            '  - {id: EXC-2025-0007, title: "Flow", starts_on: 2025-01-01, '
            'history: [{when: 2025-01-10, who: jo, what: approved, why: "seen: twice"}]}',
        ],
    )
    assert editor.entry("EXC-2025-0001")["history"][-1] == event


def test_add_stands_behind_the_last_of_its_section(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    editor.add({"id": "EXC-2025-0008", "scope": {"accounts": ["012345678901"]}, "starts_on": date(2025, 1, 1)})
    editor.add({"id": "ATT-2025-0001", "status": "met"}, "attestations")
    new = '\n  - id: EXC-2025-0008\n    scope:\n      accounts:\n        - "012345678901"\n    starts_on: 2025-01-01\n'
    flow_entry = '  - {id: EXC-2025-0007, title: "Flow", starts_on: 2025-01-01}\n'
    expected = TEXT.replace(flow_entry, flow_entry + new).replace(
        "  status: met\n", "  status: met\n\n- id: ATT-2025-0001\n  status: met\n"
    )
    assert editor.text() == expected
    editor.set("EXC-2025-0008", {"title": "late"})
    assert data_of(editor.text())["exceptions"][2]["title"] == "late"


def test_what_is_twice_in_an_entry_is_written_twice(tmp_path: Path) -> None:
    editor, shared = editor_of(tmp_path), ["a_b"]
    editor.add({"id": "EXC-2025-0008", "evidence": shared, "compensating_controls": shared})
    assert "&" not in editor.text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "---\n",
        "exceptions:\n",
        "exceptions: []  # none\n",
        "exceptions: null\nattestations: []\n",
        "exceptions:\n  # - id: EXC-2025-0001\n\n# about the zone\ntime_zone: UTC\n",
        "time_zone: UTC\n...\n",
        "{}",
        '{"exceptions": []}',
        '{"time_zone": "UTC", "exceptions": null}',
        "exceptions:\r\n- id: EXC-2024-0009",
        "\ufeffexceptions:\n",
        "exceptions: [\n  {id: EXC-2024-0001},  # c\n]\n",
    ],
)
def test_the_first_entry_of_a_section(tmp_path: Path, text: str) -> None:
    editor = editor_of(tmp_path, text)
    before = editor.ids()
    for number in (1, 2):
        editor.add({"id": f"EXC-2025-000{number}", "title": "t", "starts_on": date(2025, 1, number)})
        editor.add({"id": f"ATT-2025-000{number}", "title": "t"}, "attestations")
    assert editor.save()
    again = RegisterEditor.open(editor.path)
    assert again.ids() == [*before, "EXC-2025-0001", "EXC-2025-0002"]
    assert again.ids("attestations") == ["ATT-2025-0001", "ATT-2025-0002"]
    assert [line for line in text.splitlines() if "#" in line and line[line.index("#") :] not in again.text()] == []
    assert again.text().count("\ufeff") == text.count("\ufeff")
    assert ("\r\n" in text) == ("\r\n" in again.text())
    if "\r\n" in text:
        assert again.text().count("\n") == again.text().count("\r\n")


def test_the_header_and_the_example_of_the_packaged_register_stay(tmp_path: Path) -> None:
    text = (PACKAGED / "exceptions.yaml").read_text()
    editor = editor_of(tmp_path, text)
    editor.add({"id": "EXC-2026-0001", "title": "first"})
    assert editor.text() == f"{text}  - id: EXC-2026-0001\n    title: first\n"
    editor.save()
    assert [draft.id for draft in load_register(editor.path, RegisterSettings()).drafts] == ["EXC-2026-0001"]


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    editor = editor_of(tmp_path, f"{TEXT}# EXC-2025-0012 was taken out in a hurry\n")
    assert editor.next_id(2025) == "EXC-2025-0013"
    assert editor.next_id(2026) == "EXC-2026-0001"
    assert editor.next_id(2024, "attestations") == "ATT-2024-0004"
    with pytest.raises(ConfigError, match="never used again"):
        editor.add({"id": "EXC-2025-0007"})
    with pytest.raises(ConfigError, match="has no id"):
        editor.add({"title": "nameless"})


def test_what_is_not_there_is_not_edited(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    with pytest.raises(KeyError):
        editor.entry("ATT-2024-0003")
    with pytest.raises(KeyError):
        editor.set("EXC-2025-0002", {"title": "x"})
    with pytest.raises(TypeError, match="not plain data"):
        editor.set("EXC-2025-0001", {"title": object()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exceptions: 7\n", ":1: exceptions: must be a list"),
        ("- id: x\n", "not a register"),
        ("a: [\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_register_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        editor_of(tmp_path, text)


def test_a_missing_file_is_an_empty_editor(tmp_path: Path) -> None:
    editor = RegisterEditor.open(tmp_path / "config" / "exceptions.yaml")
    assert (editor.revision, editor.ids(), editor.save()) == ("", [], False)
    editor.add({"id": "EXC-2025-0001"})
    assert editor.save()
    assert editor.path.read_text() == "exceptions:\n  - id: EXC-2025-0001\n"
    assert not editor.save()


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    editor = editor_of(tmp_path)
    editor.path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(editor.path)
    linked = RegisterEditor.open(link)
    linked.set("EXC-2025-0001", {"title": "x"})
    assert linked.save()
    assert link.is_symlink()
    assert editor.path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.glob(".*")) == []


def test_a_file_that_changed_underneath_is_left_alone(tmp_path: Path) -> None:
    first, second = editor_of(tmp_path), RegisterEditor.open(tmp_path / "exceptions.yaml")
    first.set("EXC-2025-0001", {"title": "mine"})
    second.set("EXC-2025-0007", {"title": "yours"})
    assert first.save()
    with pytest.raises(ConfigError, match="nothing was written; repeat the command"):
        second.save()
    assert first.path.read_text() == first.text()
    first.set("EXC-2025-0001", {"title": "mine again"})
    assert first.save()


def test_a_file_that_appeared_underneath_is_left_alone(tmp_path: Path) -> None:
    editor = RegisterEditor.open(tmp_path / "exceptions.yaml")
    editor_of(tmp_path)
    editor.add({"id": "EXC-2025-0002"})
    with pytest.raises(ConfigError, match="was changed meanwhile"):
        editor.save()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    editor = RegisterEditor.open(tmp_path / "exceptions.yaml")
    editor.path = tmp_path / "file" / "exceptions.yaml"
    editor.add({"id": "EXC-2025-0002"})
    with pytest.raises(ReportError, match="cannot write"):
        editor.save()


def _edit_often(path: Path, who: str, barrier: Barrier) -> None:
    barrier.wait()
    done = 0
    while done < 15:
        editor = RegisterEditor.open(path)
        editor.add({"id": editor.next_id(2026), "title": f"{who} {done}"})
        try:
            done += editor.save()
        except ConfigError:
            continue


def test_of_two_processes_edits_each_is_kept_or_told(tmp_path: Path) -> None:
    path = editor_of(tmp_path).path
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=_edit_often, args=(path, who, barrier)) for who in ("ana", "jo")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    editor = RegisterEditor.open(path)
    titles = {editor.entry(name)["title"] for name in editor.ids() if name.startswith("EXC-2026")}
    assert titles == {f"{who} {number}" for who in ("ana", "jo") for number in range(15)}


# Random edits

texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=20),
    st.text(string.ascii_letters + " :#-'\"{}[],|>\n&*!%@`", max_size=20),
    st.sampled_from(["=1+1", "2025-01-01", "0123", "null", "yes", "~", "1e3", "- a", "a: b", "a #b", " x", "x ", "\n"]),
)
scalars = st.one_of(texts, st.booleans(), st.integers(-5, 5), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
keys = st.sampled_from(["title", "scope", "justification", "owner", "expires_on", "evidence", "comments", "x_own"])


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(keys, st.none() | values), min_size=1, max_size=5), st.sampled_from(["1", "7", "8"]))
def test_an_edit_never_touches_another_entry(edits: list[tuple[str, Any]], last: str) -> None:
    editor = RegisterEditor(Path("exceptions.yaml"), TEXT.encode())
    editor.add({"id": "EXC-2025-0008", "title": "new"})
    before, name = editor.text(), f"EXC-2025-000{last}"
    expected = editor.entry(name)
    for key, value in edits:
        editor.set(name, {key: value})
        expected = {**expected, key: value} if value is not None else {k: v for k, v in expected.items() if k != key}
        assert editor.entry(name) == expected
    again = RegisterEditor(Path("exceptions.yaml"), editor.text().encode())
    assert again.entry(name) == expected
    assert again.ids() == ["EXC-2025-0001", "EXC-2025-0007", "EXC-2025-0008"]
    start = before.index(f"id: {name}")
    behind = {"1": "    # the end of the first", "7": "\n\n  - id: EXC-2025-0008", "8": "\n\nattestations:"}[last]
    assert editor.text().startswith(before[:start])
    assert editor.text().endswith(before[before.index(behind) :])


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(keys, values, max_size=5))
@example({"title": "="})
@example({"<<": "<<"})
def test_an_added_entry_reads_back(entry: dict[str, Any]) -> None:
    editor = RegisterEditor(Path("exceptions.yaml"), TEXT.encode())
    editor.add({"id": "EXC-2025-0008", **entry})
    again = RegisterEditor(Path("exceptions.yaml"), editor.text().encode())
    assert again.entry("EXC-2025-0008") == {"id": "EXC-2025-0008", **entry}
    assert [line for line in TEXT.splitlines() if line not in editor.text()] == []


@pytest.mark.parametrize("value", ["=", "!secret x"])
def test_a_value_whose_tag_is_not_read_is_an_error(tmp_path: Path, value: str) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text(f"exceptions:\n  - {{id: EXC-2025-0001, title: {value}}}\n  - id: EXC-2025-0002\n")
    editor = RegisterEditor.open(path)
    with pytest.raises(ConfigError, match=r"exceptions.yaml: has a tag that is not read: .*; quote the value"):
        editor.entry("EXC-2025-0001")
    assert editor.entry("EXC-2025-0002") == {"id": "EXC-2025-0002"}


def test_an_entry_that_names_itself_is_not_edited_and_leaves_the_others_to_be(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text("exceptions:\n  - &a {id: EXC-2025-0001, title: *a}\n  - id: EXC-2025-0002\n    title: x\n")
    editor = RegisterEditor.open(path)
    with pytest.raises(ConfigError, match=r"exceptions.yaml: aliases are not read; write the value out"):
        editor.entry("EXC-2025-0001")
    assert editor.entry("EXC-2025-0002") == {"id": "EXC-2025-0002", "title": "x"}
