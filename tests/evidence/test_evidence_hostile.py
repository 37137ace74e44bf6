"""Names that people or attackers chose do nothing in a pack: not as a path, a text, a spreadsheet or on a terminal."""

from __future__ import annotations

import re
from pathlib import Path
from unicodedata import category

import msgspec
import pytest

from orgaudit.errors import ConfigError
from orgaudit.evidence.requirements import Wanted, wanted
from orgaudit.evidence.verify import verify
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.run import Run
from tests.evidence.made import Opened, evidence_run, packed

HOSTILE = "\x1b]0;owned\x07\x9b2Jname\r\n\r\nVerdict: PASS\u202e\u2028</pre><script>alert(1)</script>"
IDS = ("../../../etc/passwd", "C:\\x", "a/b", "..", "a b", "é", "x" * 300, "1.1", "1.1 ", "-rf", "CON", "\x1b[2J", "/")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    directory = tmp_path_factory.mktemp("hostile")
    run = evidence_run(directory, name=HOSTILE)
    rename(run, IDS)
    return packed(run, directory / "pack.zip")


def rename(run: Run, ids: tuple[str, ...]) -> None:
    """Give the run's framework requirements with these ids, all decided by one control."""
    manifest = run.read_manifest()
    (framework,) = manifest.frameworks
    first = framework.requirements[1]
    requirements = tuple(msgspec.structs.replace(first, id=each, title=f"=1+1 {HOSTILE}") for each in ids)
    changed = msgspec.structs.replace(framework, requirements=requirements, title=HOSTILE)
    run.write_manifest(msgspec.structs.replace(manifest, frameworks=(changed,)))


def test_every_path_is_plain_and_inside(pack: Opened) -> None:
    names = [entry["document"] for entry in pack.index["requirements"]]
    assert [entry["name"] for entry in pack.index["requirements"]] == [f"cis_4.0:{each}" for each in IDS]
    assert len({name.casefold() for name in names}) == len(IDS)
    for name in pack.files:
        assert re.fullmatch(r"(requirements/|accounts/)?[A-Za-z0-9][A-Za-z0-9._-]{0,119}", name), name
    assert verify(pack.path, None)[0] == []


def test_no_text_holds_anything_that_acts(pack: Opened) -> None:
    texts = [content.decode() for name, content in pack.files.items() if name.endswith(".txt")]
    assert len(texts) == len(IDS) + 1
    for text in texts:
        assert {character for character in text if category(character) in {"Cc", "Cf", "Zl", "Zp"}} <= {"\n"}
        assert "name Verdict: PASS" in text or "=1+1" in text
        assert not re.search(r"^Verdict: PASS", text.split("number", 1)[0], re.MULTILINE)


def test_a_name_never_makes_a_line_of_its_own(pack: Opened) -> None:
    (text, *_) = [
        content.decode() for name, content in pack.files.items() if name.startswith("requirements/cis_4.0-1.1.t")
    ]
    document = pack.document("cis_4.0:1.1")
    verdicts = re.findall(r"^Verdict: (\w+)", text, re.MULTILINE)
    assert verdicts == [each["status"] for each in document["evaluations"]]


def test_json_shows_what_cannot_be_seen_as_escapes_and_reads_as_it_was(pack: Opened) -> None:
    for name, content in pack.files.items():
        if name.endswith(".json"):
            assert {each for each in content.decode() if category(each) in {"Cc", "Cf", "Zl", "Zp"}} <= {"\n"}, name
    names = {each["account_name"] for each in pack.document("cis_4.0:1.1")["evaluations"]}
    assert names == {f"{HOSTILE} {number}" for number in range(4)}


def test_two_names_that_make_the_same_file_are_refused() -> None:
    requirements = tuple(Requirement(id=each, title="T", assessment=Assessment.MANUAL) for each in ("A.1", "a.1"))
    framework = Framework(id="own", title="Own", version="1", requirements=requirements)
    assert Wanted(framework, requirements[0]).stem == "own-A.1"

    class Listed(msgspec.Struct):
        frameworks: tuple[Framework, ...]
        headline_framework: str | None = None

    with pytest.raises(ConfigError, match=r"'own:A\.1' and 'own:a\.1' differ in letter case only"):
        wanted(Listed((framework,)), ["own"])  # type: ignore[arg-type]  # the two that it reads
    assert [each.name for each in wanted(Listed((framework,)), ["own:a.1"])] == ["own:a.1"]  # type: ignore[arg-type]


def test_a_value_that_looks_like_a_formula_is_text_in_the_population(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    manifest = run.read_manifest()
    account = manifest.accounts[1].id
    pack = packed(run, tmp_path / "pack.zip", "cis_4.0:1.2")
    assert all(not row["resource"].startswith(("'", "=")) for row in pack.population("cis_4.0:1.2"))
    from orgaudit.evidence.stage import _row  # noqa: PLC0415 - no resource of AWS's is named so

    finding = next(run.findings(account))
    row = _row(1, msgspec.structs.replace(finding, resource="=HYPERLINK(1)"), included=True)
    assert row[5] == "'=HYPERLINK(1)"
