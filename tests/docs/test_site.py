"""The documentation as a site: built strictly, once, and read as a browser would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
from playwright.sync_api import sync_playwright

from orgaudit import cli
from orgaudit.query.meanings import MEANINGS
from orgaudit.report.formats import FORMATS
from orgaudit.settings.documents import fields_of, models_in
from orgaudit.settings.sections import Sections
from orgaudit.store.run import Run
from scripts.reference_api import API, fact_modules, fact_types
from scripts.reference_text import inline, paragraphs, table
from scripts.site_hook import AT_ROOT
from scripts.write_reference import every_command, setting_notes
from tests import commands, needs

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "link": "href",
    "source": "src",
    "video": "src",
    "embed": "src",
    "object": "data",
}
"""What a browser loads by itself, by the attribute that names it."""


@dataclass
class Document(HTMLParser):
    """One HTML file of the site."""

    links: list[str] = field(default_factory=list)
    navigation: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    prose: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    within: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            (self.navigation if "md-nav__link" in given.get("class", "") else self.links).append(given["href"])
        if LOADED.get(tag) in given:
            self.loads.append(given[LOADED[tag]])
        self.loads += re.findall(r"url\(([^)]+)\)", given.get("style", ""))
        if tag in {"p", "td", "li", "pre", "code", "script", "style"}:
            self.within.append(tag)
        if tag == "td":
            self.cells.append("")
        if tag == "p":
            self.prose.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.within:
            while self.within.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "td" in self.within:
            self.cells[-1] += data
        if self.within[-1:] == ["p"]:
            self.prose[-1] += data


@dataclass(frozen=True)
class Site:
    root: Path
    said: str
    documents: Mapping[str, Document]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    root = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", root],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    documents = {}
    for path in root.rglob("*.html"):
        document = documents[path.relative_to(root).as_posix()] = Document()
        document.feed(path.read_text("utf-8"))
    return Site(root, done.stdout + done.stderr, documents)


def text_of(site: Site, page: str) -> str:
    """The text of a page, without its markup."""
    return unescape(re.sub(r"<[^>]+>", "", (site.root / page).read_text("utf-8")))


def internal(page: str, link: str) -> tuple[str, str] | None:
    """The file and the anchor to which a link of a page leads; None for one that leaves the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = os.path.normpath(Path(page).parent / unquote(parts.path)) if parts.path else page
    return path, unquote(parts.fragment)


def test_the_build_warns_of_nothing(site: Site) -> None:
    """Strict mode counts the warnings that are logged: not those that --quiet leaves out."""
    assert "Documentation built" in site.said
    assert [line for line in site.said.splitlines() if not line.startswith("INFO ")] == []


def test_every_page_is_in_the_navigation(site: Site) -> None:
    document = site.documents["index.html"]
    found = {place[0] for link in document.navigation if (place := internal("index.html", link))}
    assert found >= set(site.documents) - {"404.html"}
    assert len(site.documents) > 20


def test_every_link_and_anchor_leads_somewhere(site: Site) -> None:
    wrong = []
    for page, document in site.documents.items():
        for link in {*document.links, *document.navigation}:
            place = internal(page, link)
            if page == "404.html" or place is None:
                continue
            file, anchor = place
            known = site.documents.get(file)
            if not (site.root / file).is_file() or (anchor and known and anchor not in known.ids):
                wrong.append((page, link))
    assert wrong == []


def test_a_browser_asks_nothing_of_another_host(site: Site) -> None:
    loads = [(page, each) for page, document in site.documents.items() for each in document.loads]
    assert len(loads) > 100
    assert [(page, each) for page, each in loads if urlsplit(each).scheme or urlsplit(each).netloc] == []
    for page, each in loads:
        if page != "404.html":
            assert (site.root / Path(page).parent / urlsplit(each).path).is_file(), (page, each)
    for sheet in site.root.rglob("*.css"):
        assert re.findall(r"(?:@import\s*|url\(\s*)[\"']?(?:https?:)?//[^)\s]+", sheet.read_text("utf-8")) == []


def test_pages_of_the_repository_are_all_there(site: Site) -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} | set(AT_ROOT)
    html = {page.removesuffix("README.md") + "index.html" if page.endswith("README.md") else page for page in pages}
    assert {page.replace(".md", ".html") for page in html} <= set(site.documents)


def test_no_markdown_is_left_as_text(site: Site) -> None:
    """Python-Markdown wants blank lines and indents that others do not: a list of theirs stays a paragraph here."""
    left = [
        (page, line)
        for page, document in site.documents.items()
        for text in document.prose
        for line in text.splitlines()
        if re.match(r"\s*([-*+] |\d+\. |\|.*\||```|#+ )", line) or re.search(r"\]\(|\*\*", line)
    ]
    assert left == []
    assert [cell for document in site.documents.values() for cell in document.cells if "](" in cell] == []


def test_every_command_and_option_is_in_the_reference(site: Site) -> None:
    page = site.documents["reference/commands.html"]
    text = text_of(site, "reference/commands.html")
    sections = re.split(r"^(?=(?:python -m )?orgaudit[\w -]*¶)", text, flags=re.MULTILINE)
    by_command = {section.split("¶")[0].strip(): section for section in sections[1:]}
    known = {context.command_path: command for command, context in every_command()}
    assert len(known) > 40
    assert set(by_command) == set(known)
    for path, command in known.items():
        assert path.replace(" ", "-") in page.ids
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert all(option in by_command[path] for option in parameter.opts), (path, parameter.name)
                words = (parameter.help or "").split()[:4]
                assert " ".join(words).replace("`", "") in by_command[path], (path, parameter.name)


def test_every_setting_is_in_the_reference_with_its_meaning_and_default(site: Site) -> None:
    text = text_of(site, "reference/settings.html")
    sections = dict(re.findall(r"^([a-z]+)¶\n(.*?)(?=^[a-z]+¶|\Z)", text, re.MULTILINE | re.DOTALL))
    notes = setting_notes()
    known = {
        (section, key): each
        for section, table in fields_of(Sections).items()
        for key, each in fields_of(models_in(table.annotation)[0]).items()
    }
    assert set(sections) == set(fields_of(Sections))
    assert {place for place in notes if place[1]} == set(known)
    for (section, key), each in known.items():
        rows = re.findall(rf"^{key}\n(.*)\n(.*)$", sections[section], re.MULTILINE)
        assert len(rows) == 1, (section, key)
        [(default, meaning)] = rows
        assert meaning == notes[section, key].replace("`", "")
        assert bool(default) == (each.default is not None), (section, key)
    assert re.search(r"^log_retention_days\n365\nthe shortest time", sections["thresholds"], re.MULTILINE)
    assert re.search(r'^formats\n\["xlsx", "html", "json"\]$', sections["run"], re.MULTILINE)
    assert re.search(r"^effort\n\{ S = 1, M = 4, L = 16 \}$", sections["actions"], re.MULTILINE)
    assert re.search(r'^file\n"owners.csv"$', sections["ownership"], re.MULTILINE)


def test_exit_codes_are_those_of_the_help(site: Site) -> None:
    text = text_of(site, "reference/exit-codes.html")
    for line in cli.EPILOG.splitlines()[2:]:
        code, meaning = re.split(r" {2,}", line.strip(), maxsplit=1)
        assert f"\n{code}\n{meaning}\n" in text


def test_every_table_and_column_of_a_query_is_in_the_reference(site: Site) -> None:
    text = text_of(site, "reference/tables.html")
    sections = dict(re.findall(r"^(\w+)¶\n(.*?)(?=^\w+¶|\Z)", text, re.MULTILINE | re.DOTALL))
    assert {"findings_flat", "changes", "actions"} <= set(MEANINGS) <= set(sections)
    for name, (row, columns) in MEANINGS.items():
        assert row in sections[name]
        for column, meaning in columns.items():
            assert f"\n{column}\n{meaning}\n" in sections[name], (name, column)


def test_the_api_and_the_facts_are_in_the_reference(site: Site) -> None:
    ids = site.documents["reference/api.html"].ids
    text = text_of(site, "reference/api.html")
    for module, names in API.items():
        assert f"\n{module}¶" in text
        assert {name.lower() for name in names} <= ids
    assert "def require(holds: bool, *, then: str, otherwise: str, **evidence: Json) -> Verdict" in text
    assert "Return a PASS with the sentence then if the condition holds, else a FAIL with otherwise." in text
    modules = fact_modules()
    types = {each.name for module in modules for each in fact_types(module)}
    assert {"orgaudit.facts.s3.buckets", "orgaudit.facts.efs"} <= set(modules)
    assert {each.lower() for each in types} <= site.documents["reference/facts.html"].ids


def test_every_format_has_its_section(site: Site) -> None:
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    head, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    by_name = {section.split("\n")[0].strip("`"): section for section in sections}
    for name, each in FORMATS.items():
        assert f"[`{name}`](#{name})" in head, name
        assert each.file.replace("*", "0001") in head or each.file in head, name
        assert name in by_name, name
        assert f"--format {name}" in by_name[name], name
        assert name in site.documents["formats.html"].ids


def lines_of_commands(path: Path) -> Iterator[str]:
    """The commands on a page: what follows a prompt, and every line of a block of the shell's."""
    for language, block in re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        text = re.sub(r'"[^"]*"', lambda quoted: quoted[0].replace("\n", " "), block.replace("\\\n", " "))
        for line in text.splitlines():
            found = re.match(r"\$ (orgaudit .*)" if "$ " in block else r"(orgaudit .*)", line)
            if found and language != "text":
                yield found[1]


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_commands_on_the_pages_are_commands(name: str) -> None:
    for line in lines_of_commands(ROOT / "docs" / name):
        command: click.Command = cli.orgaudit
        words = list(takewhile(lambda word: word not in {"|", ">"}, shlex.split(line, comments=True)))[1:]
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found, line
            command = found
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, line


def test_the_first_questions_have_answers(demo_run: Run, tmp_path: Path) -> None:
    """The commands of the first audit's page on a run, in their order."""
    page = (ROOT / "docs" / "first-audit.md").read_text("utf-8")
    block = page.split("Three commands answer the first questions:")[1].split("```")[1].removeprefix("sh\n")
    lines = [shlex.split(line, comments=True)[1:] for line in block.strip().splitlines()]
    assert [line[0] for line in lines] == ["actions", "explain", "query"]
    for line in lines:
        words = [str(demo_run.path) if word == "latest" else word for word in line]
        done = commands.run(words, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, tmp_path)
        assert (done.returncode, len(done.stdout.splitlines()) > 3) == (0, True), done.stderr


@needs.chromium
def test_a_page_from_the_disk_can_be_searched(site: Site) -> None:
    """In a browser, whose every request is for a file of the site."""
    asked: list[str] = []

    def searched() -> str | None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.goto((site.root / "reference" / "commands.html").as_uri())
            page.click("input.md-search__input")
            page.keyboard.type("narrow_sessions")
            page.wait_for_selector("a.md-search-result__link", state="attached")
            found = page.get_attribute("a.md-search-result__link", "href")
            browser.close()
            return found

    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(searched).result()
    assert found
    assert "reference/settings.html" in found
    assert asked
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data", "about", "blob"}


# What the reference is written with


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("an <owner> of a*b and c|d", r"an &lt;owner&gt; of a\*b and c\|d"),
        ("`a|b` and `<x>` stay", r"`a\|b` and `<x>` stay"),
        ("an odd ` stays", "an odd ` stays"),
        ("NOT_ASSESSED, _private", r"NOT_ASSESSED, \_private"),
        ("see https://a.example/_b?c=d&e=f.", "see <https://a.example/_b?c=d&e=f>."),
        ("two\n   lines", "two lines"),
    ],
)
def test_plain_text_stays_text(text: str, markdown: str) -> None:
    assert inline(text) == markdown


def test_a_table_has_no_empty_columns() -> None:
    assert list(table(("a", "b", "c"), [("1", "", "2"), ("3", "", "")])) == [
        "| a | c |",
        "|---|---|",
        "| 1 | 2 |",
        "| 3 |  |",
        "",
    ]
    assert list(table(("a",), [])) == []


def test_paragraphs_of_a_docstring_are_kept() -> None:
    assert paragraphs("First.\n\n    Second\n    goes on.\n    ") == ["First.", "", "Second goes on.", ""]
