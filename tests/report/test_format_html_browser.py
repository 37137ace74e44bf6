"""The page in headless Chromium: it asks nobody, its panel has every text, it is printed, and everyone can use it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from orgaudit.report import page
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.viewing import viewing
from orgaudit.spreadsheet.text import printable
from orgaudit.store.run import Run
from tests import needs
from tests.report import hostile
from tests.report.browser import Chromium, browsing, chromium
from tests.report.pages import FAILING, DemoPage, changed, count_of, demo_page, go, written
from tests.report.small import REGISTER, store, viewed

__all__ = ["chromium", "demo_page"]

ASSETS = Path(page.__file__).parent / "assets"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""The rules of axe-core that are asked: WCAG up to 2.2 AA, and its best practices."""

READ_ALL = """
async ([source, list, details]) => {
  for (const [id, text] of [["packed-list", list], ["packed-details", details]]) {
    const element = document.body.appendChild(document.createElement("div"));
    element.id = id;
    element.textContent = text;
  }
  const { Findings, unpacked } = new Function(`${source}; return { Findings, unpacked };`)();
  const findings = new Findings(await unpacked("packed-list"));
  const rows = [...Array(findings.count).keys()];
  return Promise.all(rows.map(async (row) => {
    const { type, evidence, remedies } = await findings.opened(row);
    const [account, name, unit] = findings.value("account", row);
    return {
      fingerprint: findings.listing.fingerprints[row], title: findings.title(row), open: findings.isOpen(row),
      resource: findings.resource(row), reason: findings.reason(row), account, name, unit, type, evidence, remedies,
      region: findings.value("region", row), severity: findings.value("severity", row),
      owner: findings.value("owner", row), first_seen: findings.value("first_seen", row),
      due_on: findings.value("due_on", row), exception: findings.value("exception", row),
    };
  }));
}
"""
"""Reads every finding with the page's own script, on a blank page."""


def shown_of(found: ExportedFinding) -> dict[str, Any]:
    """Return what a page knows of a finding; what it shows of evidence, it makes printable when it does."""
    exception = (found.exception_id, found.exception_owner, found.exception_expires, found.exception_state)
    return {
        "fingerprint": found.fingerprint,
        "title": printable(found.title),
        "open": found.open,
        "resource": printable(found.resource),
        "reason": printable(found.reason),
        "account": found.account_id,
        "name": printable(found.account_name),
        "unit": printable(found.ou_path),
        "type": printable(found.resource_type),
        "evidence": msgspec.json.decode(found.evidence),
        "region": printable(found.region),
        "severity": found.severity,
        "owner": printable(found.owner),
        "first_seen": found.first_seen and found.first_seen.isoformat(),
        "due_on": found.due_on and found.due_on.isoformat(),
        "exception": [printable(part or "") for part in exception] if found.exception_id else None,
    }


def seen(value: Any) -> Any:
    """Return evidence with its texts as they are shown."""
    if isinstance(value, dict):
        return {printable(name): seen(each) for name, each in value.items()}
    if isinstance(value, list):
        return [seen(each) for each in value]
    return printable(value) if isinstance(value, str) else value


def read_all(chromium: Chromium, path: Path) -> list[dict[str, Any]]:
    source = path.read_text(encoding="utf-8")
    blocks = [source.partition(f'id="packed-{name}">')[2].partition("</script>")[0] for name in ("list", "details")]
    blank = chromium.browser.new_page()
    try:
        found: list[dict[str, Any]] = blank.evaluate(READ_ALL, [(ASSETS / "unpack.js").read_text(), *blocks])
    finally:
        blank.close()
    return found


@needs.chromium
@browsing
def test_the_page_asks_nobody_for_anything_and_complains_of_nothing(demo_page: DemoPage, chromium: Chromium) -> None:
    with chromium.opened(demo_page.path) as opened:
        opened.page.locator("a.opens").first.click()
        opened.page.wait_for_selector("#panel[open]")
        opened.page.keyboard.press("Escape")
        go(opened.page, "#q=bucket&sort=resource")
    own = demo_page.path.as_uri()
    assert opened.requests[0] == own
    assert [url for url in opened.requests if not url.startswith(("data:", own))] == []
    assert opened.complaints == []


@needs.chromium
@browsing
def test_the_policy_stops_what_anybody_adds(demo_page: DemoPage, chromium: Chromium) -> None:
    with chromium.opened(demo_page.path) as opened:
        assert (
            opened.page.evaluate(
                """async () => {
              const refused = [];
              document.addEventListener("securitypolicyviolation", (it) => refused.push(it.effectiveDirective));
              const script = document.createElement("script");
              try {
                script.textContent = "window.ran = 1";
                document.head.append(script);
              } catch { refused.push("types"); }
              const image = new Image();
              image.src = "https://198.51.100.1/x.png";
              const style = document.createElement("div");
              style.setAttribute("style", "color: red");
              await fetch("https://198.51.100.1/").catch(() => refused.push("fetch"));
              try { style.innerHTML = "<b>x</b>"; } catch { refused.push("types"); }
              await new Promise((done) => setTimeout(done, 50));
              return window.ran === undefined && ["fetch", "types", "img-src", "style-src-attr", "connect-src"]
                .filter((it) => !refused.includes(it));
            }"""
            )
            == []
        )
    assert set(opened.failures) == {"csp"}


@needs.chromium
@browsing
def test_every_text_of_every_finding_is_read_back_as_it_is(demo_page: DemoPage, chromium: Chromium) -> None:
    found = read_all(chromium, demo_page.path)
    with demo_page.viewed() as view:
        wanted = list(view.paged(FAILING))
    remedies = [each.pop("remedies") for each in found]
    assert found == [shown_of(each) for each in demo_page.findings]
    assert remedies == [
        [
            each.remedy,
            each.command,
            each.service_wide,
            each.service_wide_command,
            each.preventive,
            each.preventive_command,
        ]
        for each in wanted
    ]
    assert any(command for _, command, *_ in remedies)


@needs.chromium
@browsing
def test_hostile_texts_are_read_back_and_shown_as_text(hostile_run: Run, tmp_path: Path, chromium: Chromium) -> None:
    store(hostile_run, hostile.REGISTER)
    with viewing(hostile_run) as view:
        path = written(view, tmp_path)
        wanted = list(view.exported(FAILING))
        headings = {printable(score.title) for score in view.controls}
    found = read_all(chromium, path)
    for each in found:
        each.pop("remedies")
        each["evidence"] = seen(each["evidence"])
    assert found == [shown_of(each) | {"evidence": seen(shown_of(each)["evidence"])} for each in wanted]
    assert wanted
    fragment = f"#state=all&finding={wanted[0].fingerprint}"
    with chromium.opened(path, fragment) as opened:
        opened.page.wait_for_selector("#panel[open]")
        assert opened.page.locator("#panel-title").text_content() in headings
        assert "\u2400" in str(opened.page.locator("#panel .evidence").first.text_content())
        assert "<b>" in str(opened.page.locator("#panel .reason").text_content())
        assert opened.page.locator("b, img, main script").count() == 0
        isolated = opened.page.evaluate(
            "() => [...document.querySelectorAll('td, dd, li, code')].every("
            "(it) => getComputedStyle(it).unicodeBidi.startsWith('isolate'))"
        )
        assert isolated
    assert opened.complaints == []


@needs.chromium
@browsing
def test_the_panel_has_what_the_view_says_of_a_finding(demo_page: DemoPage, chromium: Chromium) -> None:
    covered = next(found for found in demo_page.findings if not found.open)
    plain = next(found for found in demo_page.open if found.command and found.due_on and len(found.requirements) > 9)
    with demo_page.viewed() as view:
        rationales = {record.id: record.rationale for record in view.manifest.controls}
        action = next(it for it in view.actions.actions if plain.fingerprint in it.fingerprints)
    with chromium.opened(demo_page.path, f"#finding={plain.fingerprint}") as opened:
        page = opened.page
        page.wait_for_selector("#panel[open]")
        said = " ".join(page.locator("#panel").inner_text().split())
        for words in (
            *(plain.title, plain.reason, plain.resource, plain.account_name, plain.account_id, plain.ou_path),
            *(plain.region, plain.resource_type, plain.control, plain.fingerprint, rationales[plain.control]),
            *(f"Owner {plain.owner}", f"First seen {plain.first_seen}", f"Due {plain.due_on}", "Exception none"),
            *(f"Closed by action {action.rank}: {action.what}", plain.command, plain.remedy, plain.preventive),
            *plain.requirements.split(", "),
        ):
            assert " ".join(str(words).split()) in said, words
        assert page.locator("#panel .command code").first.inner_text() == plain.command
        names = [name.replace("_", " ") for name in msgspec.json.decode(plain.evidence)]
        assert page.locator("#panel .evidence > tbody > tr > th").all_inner_texts()[: len(names)] == names
        assert page.locator("#panel h4").all_inner_texts() == [
            "This resource",
            "The whole service",
            "Keep it from coming back",
        ]
        go(page, f"#state=excepted&finding={covered.fingerprint}")
        page.wait_for_function(
            "title => document.querySelector('#panel-title').textContent === title", arg=covered.title
        )
        said = " ".join(page.locator("#panel").inner_text().split())
        assert f"{covered.severity} under an exception" in said
        assert f"Exception {covered.exception_id}: {covered.exception_state}" in said
        assert f"Exception's owner {covered.exception_owner}" in said
        assert f"Exception's last day {covered.exception_expires}" in said


@needs.chromium
@browsing
def test_the_panel_leads_on_copies_and_is_closed(demo_page: DemoPage, chromium: Chromium) -> None:
    first, second = demo_page.open[:2]
    permissions = ["clipboard-read", "clipboard-write"]
    with chromium.opened(demo_page.path, "#sort=resource", permissions=permissions) as opened:
        page = opened.page
        go(page, "#severity=critical")
        page.locator("#rows tr").first.locator("td").nth(3).click()
        page.wait_for_selector("#panel[open]")
        assert page.evaluate("location.hash") == f"#severity=critical&finding={first.fingerprint}"
        assert page.get_by_role("button", name="Previous", exact=True).last.is_disabled()
        page.locator("#panel").get_by_role("button", name="Copy the command for this resource").click()
        assert page.evaluate("navigator.clipboard.readText()") == first.command
        page.locator("#panel").get_by_role("button", name="Copy link").click()
        assert (
            page.evaluate("navigator.clipboard.readText()") == f"{demo_page.path.as_uri()}#finding={first.fingerprint}"
        )
        page.locator("#panel").get_by_role("button", name="Next", exact=True).click()
        page.wait_for_function("end => location.hash.endsWith(end)", arg=second.fingerprint)
        page.locator("#panel").get_by_role("button", name="Close").click()
        page.wait_for_function("hash => location.hash === hash", arg="#severity=critical")
        assert page.locator("#panel").is_hidden()
        page.go_back()
        page.wait_for_selector("#panel[open]")
        go(page, "#finding=0123456789abcdef0123456789abcdef")
        page.wait_for_function("document.querySelector('#panel-title').textContent.includes('not on this page')")


@needs.chromium
@browsing
def test_without_javascript_all_but_the_list_is_there_and_says_so(demo_page: DemoPage, chromium: Chromium) -> None:
    with chromium.opened(demo_page.path, script=False) as opened:
        page = opened.page
        notice = page.locator("#findings noscript").inner_text()
        assert f"The list of {len(demo_page.findings):,} findings" in notice
        assert "report.json and the workbook have every finding" in notice
        for part in (".verdict", ".tiles", "#decisions table", "#actions table", "#coverage table", "#accounts table"):
            assert page.locator(part).first.is_visible()
        assert page.locator("#explorer").is_hidden()


@needs.chromium
@browsing
def test_what_is_printed_is_what_the_filter_leaves_up_to_a_number(demo_page: DemoPage, chromium: Chromium) -> None:
    critical = [found for found in demo_page.open if found.severity == "critical"]
    with chromium.opened(demo_page.path) as opened:
        page = opened.page
        page.emulate_media(media="print")
        for fragment, count, said in (
            ("#severity=critical", len(critical), f"All {len(critical)} findings that match the filter are printed."),
            ("#sort=", 500, f"The first 500 of {len(demo_page.open):,} findings that match the filter are printed; "),
        ):
            go(page, fragment)
            page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
            assert page.locator("#rows tr").count() == count
            assert str(page.locator("#print-note").text_content()).startswith(said)
            assert page.locator("#print-note").is_visible()
            page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.locator("#filters, .contents, #pager").locator("visible=true").count() == 0
        assert page.locator("#rows tr").count() == 50
        assert page.locator("#actions tbody tr").locator("visible=true").count() == 40
        assert page.locator("#actions .printed-only").inner_text().startswith("The first 40 of ")


def violations(page: Page) -> list[str]:
    """Return what axe finds, each with the first elements that it is about."""
    found = Axe().run(page, options={"runOnly": list(RULES), "resultTypes": ["violations"]}).response["violations"]
    return [f"{it['id']}: {[node['target'] for node in it['nodes']][:4]}" for it in found]


@needs.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@browsing
def test_axe_finds_nothing_in_the_list_and_in_the_panel(
    small: Run, tmp_path: Path, scheme: str, chromium: Chromium
) -> None:
    store(small, REGISTER)
    changed(small)
    with viewing(small) as view:
        path = written(view, tmp_path)
    with chromium.opened(path, color_scheme=scheme) as opened:
        for details in opened.page.locator("details summary").all():
            details.click()
        go(opened.page, "#severity=critical,high,medium,low&sort=due_on")
        assert violations(opened.page) == []
        opened.page.locator("a.opens").first.click()
        opened.page.wait_for_selector("#panel[open]")
        assert violations(opened.page) == []


@needs.chromium
@browsing
def test_a_page_without_findings_says_so(small: Run, tmp_path: Path, chromium: Chromium) -> None:
    with viewed(small, REGISTER) as view:
        path = written(view, tmp_path, most=0)
    with chromium.opened(path) as opened:
        assert count_of(opened.page) == "0 of 0 open findings"
        assert opened.page.locator("#rows").inner_text().startswith("No finding matches.")
    assert opened.complaints == []


@needs.typescript
def test_the_scripts_are_typed() -> None:
    files = [str(ASSETS / name) for name in ("library.d.ts", *page.SCRIPTS)]
    command = ["tsc", "--allowJs", "--checkJs", "--strict", "--noEmit", "--target", "es2022"]
    done = subprocess.run(
        [*command, "--lib", "es2022,dom,dom.iterable", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
