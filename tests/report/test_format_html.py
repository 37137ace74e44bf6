"""The page as a file: its policy, its words and figures, what it packs, what it leaves out, and hostile names."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from orgaudit.model import Finding, Status
from orgaudit.report import page, xlsx
from orgaudit.report.completeness import completeness_of, missing_names
from orgaudit.report.decisions import decisions
from orgaudit.report.framework_scores import framework_scores
from orgaudit.report.page import maps, packing
from orgaudit.report.viewing import viewing
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.settings.sections import ReportSettings
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.text import printable
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run, write_lines
from tests.report import hostile
from tests.report.page_one import PageOne
from tests.report.pages import DemoPage, changed, demo_page, packed, written
from tests.report.small import REGISTER, store, viewed
from tests.report.test_by_mapping import MAPPING

__all__ = ["demo_page"]

ASSETS = Path(page.__file__).parent / "assets"


class Texts(HTMLParser):
    """The elements of a page, and the text of each section as a browser has it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, list[str]] = {"": []}
        self._section = ""
        self._raw = ""
        self.feed(source)
        self._joined = {name: " ".join(" ".join(texts).split()) for name, texts in self.texts.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += attrs
        self._raw = tag if tag in {"script", "style"} else ""
        if tag == "section" and (name := dict(attrs).get("id")):
            self._section = name

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.texts.setdefault(self._section, []).append(data)

    def of(self, section: str = "") -> str:
        """Return the text of a section with single spaces."""
        return self._joined[section]


def texts_of(path: Path) -> Texts:
    return Texts(path.read_text(encoding="utf-8"))


def test_the_policy_permits_its_own_script_and_style_and_nothing_else(demo_page: DemoPage) -> None:
    source = demo_page.path.read_text(encoding="utf-8")
    (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="([^"]*)">', source)
    policy = policy.replace("&#39;", "'")
    hashes = {
        name: f"'sha256-{b64encode(hashlib.sha256(found.encode()).digest()).decode()}'"
        for name, found in re.findall("<(script|style)>(.*?)</", source, re.DOTALL)
    }
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": hashes["script"],
        "style-src": hashes["style"],
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    before = source.partition("Content-Security-Policy")[0]
    assert "<script" not in before
    assert "<style" not in before


def test_nothing_is_loaded_and_no_attribute_is_code(demo_page: DemoPage) -> None:
    found = texts_of(demo_page.path)
    assert found.elements["script"] == 3
    assert not {"img", "iframe", "object", "embed", "base", "audio", "video"} & set(found.elements)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in {"style", "src", "srcdoc"}]
    addresses = {value for name, value in found.attributes if name in {"href", "action", "formaction"}}
    assert {value for value in addresses if value and not value.startswith("#")} == {"data:,"}


def test_the_head_has_the_verdict_in_words(demo_page: DemoPage) -> None:
    head = texts_of(demo_page.path).of()
    with demo_page.viewed() as view:
        headline = view.summary.headline
        assert headline
        rated = headline.rated.counts
        assert not view.summary.coverage.complete
        for words in (
            f"{headline.title} {headline.version} is met: {rated.passed} of {rated.total} pairs",
            completeness_of(view),
            missing_names(view),
            view.manifest.run_id,
            "Not compared: no earlier audit of the whole scope is known",
        ):
            assert words in head
        assert "INCOMPLETE" in head
        assert view.manifest_sha256 in texts_of(demo_page.path).of("method")


def test_its_figures_are_those_of_the_workbooks_page_one(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        path = written(view, tmp_path)
        xlsx.write(view, tmp_path / "report.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx", data_only=True).worksheets[0]
    tiles, said = PageOne(sheet), texts_of(path).of("overview")
    for label, pattern in (
        ("Headline rate", "{:.1%}"),
        ("Open critical and high issues", "{:,}"),
        ("Coverage: what was assessed", "{:.1%}"),
        ("Overdue", "{:,}"),
    ):
        figure, _, _, note = tiles.tile(label)
        words = pattern.format(figure).replace("%", " %") if isinstance(figure, int | float) else figure
        assert f"{label} {words}" in said
        if not label.startswith("Open"):
            assert str(note) in re.sub(r"(?<=\d),(?=\d)", "", said)
    (heading,) = [text for text in tiles.texts if text.startswith("Decisions for you")]
    assert heading.replace("(", "").replace(")", "") in texts_of(path).of("decisions")


def test_decisions_actions_causes_frameworks_and_exceptions_are_whole(demo_page: DemoPage) -> None:
    found = texts_of(demo_page.path)
    with demo_page.viewed() as view:
        for it in decisions(view):
            assert all(words in found.of("decisions") for words in (it.otherwise, *it.subjects))
        for action in view.actions.actions:
            assert " ".join(action.what.split()) in found.of("actions")
        for cause in view.causes:
            assert cause.fix in found.of("coverage")
        for framework in view.manifest.frameworks:
            assert f"{framework.title} {framework.version}" in found.of("frameworks")
        assert all(score.id in found.of("frameworks") for score in view.requirements)
        assert all(score.id in found.of("accounts") for score in view.accounts)
        assert all(score.id in found.of("controls") for score in view.controls)
        for entry in (score.entry for score in view.kept):
            assert all(words in found.of("exceptions") for words in (entry.id, entry.title, entry.state))
        assert view.register_sha256 in found.of("method")


def test_a_framework_by_mapping_has_evidence_and_no_share(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    small.write_manifest(msgspec.structs.replace(manifest, frameworks=(*manifest.frameworks, MAPPING)))
    with viewed(small, REGISTER) as view:
        path = written(view, tmp_path)
        (score,) = [it for it in framework_scores(view) if it.evidence]
        wanted = [it.evidence.words for it in view.requirements if it.framework == MAPPING.id]
    assert score.evidence
    shares = texts_of(path).of("shares")
    assert f"Own 1 {score.evidence.words} {NOTHING} {NOTHING} {score.answered} of {score.manual}" in shares
    said = texts_of(path).of("frameworks")
    own = said.partition("Own 1: every requirement")[2]
    assert all(words in own for words in wanted)
    assert "%" not in own


def test_the_packed_findings_are_those_of_the_view(demo_page: DemoPage) -> None:
    listing, details = packed(demo_page.path, "list"), packed(demo_page.path, "details")
    assert listing["fingerprints"] == [found.fingerprint for found in demo_page.findings]
    assert listing["open"] == len(demo_page.open)
    lengths = {len(places) for columns in (listing, details) for places in columns["places"].values()}
    assert lengths == {len(demo_page.findings)}
    assert len(details["names"]["remedies"]) < len(demo_page.findings) / 2, "fixes are not said once"


def test_the_same_view_gives_the_same_bytes(demo_page: DemoPage, tmp_path: Path) -> None:
    with demo_page.viewed() as view:
        assert written(view, tmp_path).read_bytes() == demo_page.path.read_bytes()


@pytest.mark.parametrize(("most", "urgent"), [(1400, True), (100, True)])
def test_what_is_left_out_is_said_in_numbers(demo_page: DemoPage, tmp_path: Path, most: int, urgent: bool) -> None:
    first = [found for found in demo_page.open if found.severity in {"critical", "high"}][:most]
    with demo_page.viewed() as view:
        path = written(view, tmp_path, most=most)
        out, total = view.summary.counts.open - len(first), view.summary.counts.open
    listing = packed(path, "list")
    assert listing["fingerprints"] == [found.fingerprint for found in first]
    said = texts_of(path).of("findings")
    assert f"This page lists {len(first):,} findings, the critical and high ones. Left out are {out:,} of" in said
    assert f"{out:,} of {total:,} open findings" in said
    assert all(place in said for place in ("report.json", "report.xlsx", "orgaudit query"))


def test_where_all_open_findings_fit_only_excepted_ones_are_left_out(demo_page: DemoPage, tmp_path: Path) -> None:
    most = len(demo_page.findings) - 1
    covered = len(demo_page.findings) - len(demo_page.open)
    assert covered
    with demo_page.viewed() as view:
        path = written(view, tmp_path, most=most)
    assert packed(path, "list")["fingerprints"] == [it.fingerprint for it in demo_page.findings][:most]
    assert f"Left out are 1 of {covered} under an exception" in texts_of(path).of("findings")
    assert "Left out" not in texts_of(demo_page.path).of("findings")


def test_a_run_in_which_everything_passes_and_one_in_which_nothing_was_seen(small: Run, tmp_path: Path) -> None:
    for status, words in ((Status.PASS, "No action: no issue is open"), (Status.NOT_APPLICABLE, "No action")):
        for account in small.read_manifest().accounts:
            found: list[Finding] = [
                msgspec.structs.replace(each, status=status) if each.status is Status.FAIL else each
                for each in small.findings(account.id)
            ]
            write_lines(small.findings_path(account.id), found)
        with viewed(small, REGISTER) as view:
            path = written(view, tmp_path)
        listing = packed(path, "list")
        assert (listing["fingerprints"], listing["open"]) == ([], 0)
        assert words in texts_of(path).of("first")


def test_what_was_not_assessed_is_never_among_what_passes(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        path = written(view, tmp_path)
        unseen = {found.fingerprint for found in view.exported("status = 'NOT_ASSESSED'")}
        heat = maps.heat_map(view)
        blind = next(number for number, score in enumerate(view.accounts) if score.completeness == "NOT_ASSESSED")
        assert {[*line.cells][blind].text for line in heat.lines} == {NOTHING}
        covered = maps.coverage_map(view)
        assert {cell.text for cell in [*covered.lines][blind].cells} == {"not assessed"}
    assert unseen
    assert not unseen & set(packed(path, "list")["fingerprints"])


def test_maps_that_are_too_large_are_by_section_and_of_what_is_incomplete(demo_page: DemoPage) -> None:
    with demo_page.viewed() as view:
        by_account = maps.heat_map(view, most=100)
        assert by_account.corner == "Account"
        assert [line.detail for line in by_account.lines] == [score.id for score in view.accounts]
        seen = maps.coverage_map(view, most=20)
        names = [line.name for line in seen.lines]
        incomplete = [score.name for score in view.accounts if score.completeness != "COMPLETE"]
        assert names == incomplete[: 20 // len(seen.heads)]
        assert seen.left_out.startswith(f"{len(view.accounts) - len(names)} accounts are not shown")


def test_changes_are_there_with_their_kinds_meanings_and_issues(small: Run, tmp_path: Path) -> None:
    store(small, REGISTER)
    changes = changed(small)
    with viewing(small) as view:
        path = written(view, tmp_path)
    said = texts_of(path).of("changes")
    assert "Since" not in said
    assert "change since 1 July 2026" in said
    for kind in Kind:
        assert kind.meaning in said
    assert f"{Kind.NEW} 2 2 0 0 0 {Kind.NEW.meaning} open" in said
    assert said.count("arn:aws:s3:::changed") == changes
    overview = texts_of(path).of("overview")
    assert "▲ +" in overview
    assert "(worse)" in overview


def test_more_changes_than_a_page_lists_are_said(small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(small, REGISTER)
    changed(small)
    monkeypatch.setattr(page.sections, "MOST_CHANGES", 1)
    with viewing(small) as view:
        said = texts_of(written(view, tmp_path)).of("changes")
    assert said.count("arn:aws:s3:::changed") == 1
    assert "1 more are in the workbook, sheet Changes, and in report.json." in said


def test_hostile_names_are_text_and_make_no_element(hostile_run: Run, tmp_path: Path) -> None:
    ending = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)><!--"
    store(hostile_run, hostile.REGISTER)
    settings = ReportSettings(title=f"Audit {ending}", organization_name=f"Name {ending}")
    with viewing(hostile_run, settings=settings) as view:
        path = written(view, tmp_path)
    found = texts_of(path)
    assert not {"b", "img"} & set(found.elements)
    assert found.elements["script"] == 3
    assert ending in found.of()
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    source = path.read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", source)
    listing = packed(path, "list")
    assert all("\u2400" in name for _, name, _ in listing["names"]["account"])


def test_a_text_is_marked_and_filled_again_without_a_loss() -> None:
    found: Any = type("Found", (), {})()
    found.resource, found.account_id, found.region = "arn:aws:s3:eu-west-1:1234:a/bucket", "1234", "eu-west-1"
    marks = packing.Marks.of(found)
    for text in (
        "",
        found.resource,
        f"{found.resource} bucket in eu-west-1 of 1234",
        "\x01\x02 is a control character",
    ):
        marked = marks.within(text)
        assert marked is not None
        filled = marked.replace("\x04", "eu-west-1").replace("\x03", "1234").replace("\x02", "bucket")
        assert filled.replace("\x01", found.resource) == printable(text)
    assert marks.within(f"delete {found.resource}") == "delete \x01"
    assert marks.within(None) is None


def test_the_colours_are_those_of_the_workbook() -> None:
    css = (ASSETS / "page.css").read_text(encoding="utf-8")
    light = css.partition("@media (prefers-color-scheme: dark)")[0]
    known = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    tones = {name: look.TONES[word] for name, word in (("good", "PASS"), ("bad", "FAIL"), ("unseen", "NOT_ASSESSED"))}
    tones |= {"warn": look.TONES["high"], "light": look.TONES["medium"], "quiet": look.TONES["low"]}
    wanted = {name: fill for name, (fill, _) in tones.items()} | {
        f"{name}-ink": ink for name, (_, ink) in tones.items()
    }
    wanted |= {"ink": look.INK, "muted": look.MUTED, "head": look.NAVY, "line": look.LINE, "tile": look.TILE}
    wanted |= {"band": look.NAVY, "complete": look.COMPLETE, "incomplete": look.INCOMPLETE, **look.SEVERITIES}
    assert {name: known[name] for name in wanted} == {name: f"#{colour.lower()}" for name, colour in wanted.items()}
