"""The page's list in headless Chromium: filters, search, order, links and keys, against the view's own figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Page

from orgaudit.report.heat import by_control
from orgaudit.report.listed import ExportedFinding
from tests import needs
from tests.report.browser import Chromium, browsing, chromium
from tests.report.pages import DemoPage, count_of, demo_page, expected, go, shown

__all__ = ["chromium", "demo_page"]
pytestmark = needs.chromium

PAGE = 50
"""How many rows a page of the list has."""


def checked(opened: Page, demo: DemoPage, fragment: str, holds: Callable[[ExportedFinding], bool]) -> int:
    """Assert that a fragment shows the open findings for which this holds, and return how many these are."""
    go(opened, fragment)
    wanted = expected(demo.open, holds)
    assert count_of(opened) == f"{len(wanted):,} of {len(demo.open):,} open findings"
    assert shown(opened) == wanted[:PAGE]
    return len(wanted)


@browsing
def test_every_filter_shows_what_the_view_has(demo_page: DemoPage, chromium: Chromium) -> None:
    with demo_page.viewed() as view:
        figures, controls, as_of = view.summary, {score.id: score.requirements for score in view.controls}, view.as_of
    some = demo_page.open[700]
    with chromium.opened(demo_page.path) as opened:
        page = opened.page
        assert count_of(page) == f"{figures.counts.open:,} of {figures.counts.open:,} open findings"
        assert shown(page) == expected(demo_page.open, lambda _: True)[:PAGE]
        for name in ("critical", "high", "medium", "low"):
            count = checked(page, demo_page, f"#severity={name}", lambda f, name=name: f.severity == name)  # type: ignore[misc]
            assert count == getattr(figures.open, name)
        two = checked(page, demo_page, "#severity=critical,high", lambda f: f.severity in {"critical", "high"})
        assert two == figures.open.critical + figures.open.high
        framework, requirement = controls[some.control][0].partition(" ")[::2]
        questions: dict[str, Callable[[ExportedFinding], bool]] = {
            f"account={some.account_id}": lambda f: f.account_id == some.account_id,
            f"unit={quote_plus(some.ou_path)}": lambda f: f.ou_path == some.ou_path,
            f"region={some.region}": lambda f: f.region == some.region,
            f"control={some.control}": lambda f: f.control == some.control,
            f"owner={quote_plus(some.owner)}": lambda f: f.owner == some.owner,
            f"requirement={framework}": lambda f: any(it.startswith(f"{framework} ") for it in controls[f.control]),
            f"requirement={framework}+{requirement}": lambda f: f"{framework} {requirement}" in controls[f.control],
            "late=yes": lambda f: f.due_on is not None and f.due_on < as_of,
        }
        counts = [checked(page, demo_page, f"#{asked}", holds) for asked, holds in questions.items()]
        assert all(0 < count < len(demo_page.open) for count in counts[:-1])
        both = checked(
            page,
            demo_page,
            f"#severity=medium&account={some.account_id}&region={some.region}",
            lambda f: (f.severity, f.account_id, f.region) == ("medium", some.account_id, some.region),
        )
        assert both


@browsing
def test_the_form_asks_what_the_address_says_and_chips_take_it_back(demo_page: DemoPage, chromium: Chromium) -> None:
    some = demo_page.open[300]
    wanted = expected(demo_page.open, lambda f: (f.severity, f.account_id) == (some.severity, some.account_id))
    with chromium.opened(demo_page.path) as opened:
        page = opened.page
        page.get_by_label(some.severity, exact=True).check()
        page.get_by_label("Account", exact=True).select_option(some.account_id)
        page.wait_for_function("count => document.querySelector('#chips').childElementCount === count", arg=3)
        assert page.evaluate("location.hash") == f"#severity={some.severity}&account={some.account_id}"
        assert count_of(page).startswith(f"{len(wanted):,} of ")
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")
        assert count_of(page).startswith(f"{len(wanted):,} of ")
        assert page.get_by_label("Account", exact=True).input_value() == some.account_id
        assert page.get_by_label(some.severity, exact=True).is_checked()
        page.get_by_role("button", name=f"Remove the filter {some.severity}").click()
        assert page.evaluate("location.hash") == f"#account={some.account_id}"
        page.go_back()
        page.wait_for_function(
            "hash => location.hash === hash", arg=f"#severity={some.severity}&account={some.account_id}"
        )
        assert count_of(page).startswith(f"{len(wanted):,} of ")
        page.get_by_role("button", name="clear all filters").click()
        assert count_of(page) == f"{len(demo_page.open):,} of {len(demo_page.open):,} open findings"
        go(page, f"#account={some.account_id}")
        page.go_back()
        page.wait_for_function("location.hash.length < 2")
        assert count_of(page) == f"{len(demo_page.open):,} of {len(demo_page.open):,} open findings"


@browsing
def test_a_search_finds_every_word_in_titles_resources_reasons_accounts_and_owners(
    demo_page: DemoPage, chromium: Chromium
) -> None:
    some = next(found for found in demo_page.open if "bucket" in found.reason.lower())

    def text(found: ExportedFinding) -> str:
        parts = (found.title, found.control, found.resource, found.reason, found.account_id, found.account_name)
        places = (found.ou_path, found.region, found.owner or "unassigned", found.fingerprint, found.exception_id or "")
        return "\n".join((*parts, *places)).lower()

    with chromium.opened(demo_page.path) as opened:
        page = opened.page
        for words in ("bucket", f"BUCKET {some.account_name}", some.resource, some.reason, some.fingerprint, "nowhere"):
            page.get_by_role("searchbox").fill(words)
            wanted = expected(demo_page.open, lambda f: all(word in text(f) for word in words.lower().split()))  # noqa: B023
            page.wait_for_function(
                "text => document.querySelector('#count').textContent.startsWith(text)", arg=f"{len(wanted):,} of "
            )
            assert shown(page) == wanted[:PAGE]
        assert page.locator("#rows").inner_text().startswith("No finding matches.")


@browsing
def test_each_head_sorts_up_then_down_then_not(demo_page: DemoPage, chromium: Chromium) -> None:
    ranks = ["critical", "high", "medium", "low"]
    last = date.max
    keys: dict[str, Callable[[ExportedFinding], object]] = {
        "Severity": lambda f: ranks.index(f.severity),
        "Finding": lambda f: f.title.lower(),
        "Account": lambda f: f"{f.account_name or f.account_id} {f.account_id}".lower(),
        "Region": lambda f: f.region,
        "Resource": lambda f: f.resource.lower(),
        "Owner": lambda f: f.owner.lower() or "\uffff",
        "First seen": lambda f: f.first_seen or last,
        "Due": lambda f: f.due_on or last,
        "Exception": lambda f: (f.exception_id or "\uffff").lower(),
    }
    with chromium.opened(demo_page.path) as opened:
        page = opened.page
        for title, key in keys.items():
            head = page.locator("#list th", has=page.get_by_role("button", name=title, exact=True))
            for order, reverse in (("ascending", False), ("descending", True)):
                head.get_by_role("button").click()
                assert head.get_attribute("aria-sort") == order
                wanted = sorted(demo_page.open, key=key, reverse=reverse)  # type: ignore[arg-type]
                assert shown(page) == [found.fingerprint for found in wanted[:PAGE]], (title, order)
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") is None
            assert shown(page) == [found.fingerprint for found in demo_page.open[:PAGE]]


@browsing
def test_pages_hold_every_finding_once(demo_page: DemoPage, chromium: Chromium) -> None:
    found = []
    with chromium.opened(demo_page.path, "#severity=high") as opened:
        page, more = opened.page, True
        while more:
            found += shown(page)
            following = page.get_by_role("button", name="Next", exact=True)
            more = following.is_enabled()
            if more:
                following.click()
        assert found == expected(demo_page.open, lambda f: f.severity == "high")
        assert len(set(found)) == len(found) > PAGE
        page.get_by_role("button", name="First", exact=True).click()
        assert shown(page) == found[:PAGE]
        assert page.locator("#page").inner_text() == f"1\u2013{PAGE} of {len(found):,}"


@browsing
def test_exceptions_are_filtered_by_their_state_and_what_they_cover_stays_visible(
    demo_page: DemoPage, chromium: Chromium
) -> None:
    covered = [found for found in demo_page.findings if not found.open]
    expired = [found for found in demo_page.open if found.exception_id]
    with demo_page.viewed() as view:
        assert len(covered) == view.summary.counts.covered > 0
    assert expired
    with chromium.opened(demo_page.path, "#state=excepted") as opened:
        page = opened.page
        assert count_of(page) == f"{len(covered)} of {len(covered)} findings under an exception"
        assert shown(page) == [found.fingerprint for found in covered]
        cells = page.locator("#rows tr").first.locator("td").last.inner_text().split()
        assert cells == [covered[0].exception_state, covered[0].exception_id]
        go(page, "#state=expired")
        assert count_of(page) == f"{len(expired)} of {len(expired)} open findings with an expired exception"
        assert shown(page) == [found.fingerprint for found in expired]
        go(page, f"#state=all&exception={covered[0].exception_id}")
        assert shown(page) == expected(demo_page.findings, lambda f: f.exception_id == covered[0].exception_id)
        go(page, "#state=all")
        assert count_of(page) == f"{len(demo_page.findings):,} of {len(demo_page.findings):,} failing findings"


@browsing
def test_figures_cells_actions_accounts_and_controls_lead_to_their_findings(
    demo_page: DemoPage, chromium: Chromium
) -> None:
    with demo_page.viewed() as view:
        heat, actions, controls, accounts = by_control(view), view.actions.actions, view.controls, view.accounts
        urgent = view.summary.open.critical + view.summary.open.high
    with chromium.opened(demo_page.path) as opened:
        page = opened.page

        def follow(selector: str) -> int:
            page.locator(selector).first.click()
            page.wait_for_function("document.activeElement.id === 'findings-title'")
            return int(count_of(page).partition(" of ")[0].replace(",", ""))

        assert follow(".tile .figure a[href='#severity=critical%2Chigh']") == urgent
        control, cells = next((name, row) for name, row in heat.items() if any(cell.open for cell in row.values()))
        account, cell = next((name, cell) for name, cell in cells.items() if cell.open)
        assert follow(f".heat a[href='#control={control}&account={account}']") == cell.open
        assert page.locator(f".heat a[href='#control={control}&account={account}']").text_content() == str(cell.open)
        worst = controls[0]
        assert follow(f"#controls a[href='#control={worst.id}']") == worst.counts.open
        for action in actions[:5]:
            assert follow(f"#actions a[href='#action={action.id}']") == action.closes.findings
        wanted = expected(demo_page.open, lambda f: (f.account_id, f.severity) == (accounts[0].id, "critical"))
        assert follow(f"#accounts a[href='#account={accounts[0].id}&severity=critical']") == len(wanted)
        assert wanted


@browsing
def test_every_link_within_the_page_leads_to_a_place_or_to_findings(demo_page: DemoPage, chromium: Chromium) -> None:
    with chromium.opened(demo_page.path) as opened:
        places, asked = opened.page.evaluate(
            """() => {
              const links = [...new Set([...document.querySelectorAll("a[href^='#']")].map((it) => it.hash))];
              const [places, asked] = [false, true].map((asks) => links.filter((it) => it.includes("=") === asks));
              return [places.filter((it) => !document.getElementById(it.slice(1))), asked];
            }"""
        )
        assert places == []
        assert len(asked) > 1000
        outside = opened.page.locator("a:not([href^='#'])").count()
        assert outside == 0
        for fragment in asked[:: len(asked) // 40]:
            go(opened.page, fragment)
            if "finding=" in fragment:
                opened.page.keyboard.press("Escape")
                continue
            empty = count_of(opened.page).startswith("0 of ")
            assert not empty or "late=" in fragment or "state=excepted" in fragment or _shared(demo_page, fragment)


def _shared(demo: DemoPage, fragment: str) -> bool:
    """Return whether what an account has of a control is a resource that another one owns, which lists it."""
    with demo.viewed() as view:
        given = dict(part.split("=") for part in fragment[1:].split("&"))
        found = [*view.exported("open AND NOT counted")]
    return any(f.control == given.get("control") and f.account_id == given.get("account") for f in found)


@browsing
def test_the_list_needs_no_mouse(demo_page: DemoPage, chromium: Chromium) -> None:
    with chromium.opened(demo_page.path) as opened:
        page, keyboard = opened.page, opened.page.keyboard

        def focused() -> str:
            return str(page.evaluate("document.activeElement.hash || document.activeElement.id"))

        keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        keyboard.press("Enter")
        page.locator("a.opens").first.focus()
        keyboard.press("ArrowDown")
        assert focused() == f"#finding={demo_page.open[1].fingerprint}"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        keyboard.press("End")
        keyboard.press("ArrowDown")
        assert focused() == f"#finding={demo_page.open[PAGE].fingerprint}"
        keyboard.press("ArrowUp")
        assert focused() == f"#finding={demo_page.open[PAGE - 1].fingerprint}"
        keyboard.press("PageDown")
        assert focused() == f"#finding={demo_page.open[PAGE].fingerprint}"
        keyboard.press("Home")
        keyboard.press("Enter")
        page.wait_for_selector("#panel[open]")
        assert focused() == "panel-title"
        for _ in range(40):
            keyboard.press("Tab")
            assert page.evaluate("document.activeElement === document.body || panel.contains(document.activeElement)")
        page.locator("#panel").get_by_role("button", name="Next", exact=True).focus()
        keyboard.press("Enter")
        page.wait_for_function("end => location.hash.endsWith(end)", arg=demo_page.open[PAGE + 1].fingerprint)
        keyboard.press("Escape")
        page.wait_for_selector("#panel", state="hidden")
        assert focused() == f"#finding={demo_page.open[PAGE + 1].fingerprint}"


@pytest.mark.parametrize("width", [640, 320])
@browsing
def test_a_narrow_screen_and_200_percent_need_no_scrolling_sideways(
    demo_page: DemoPage, width: int, chromium: Chromium
) -> None:
    size = {"width": width, "height": 480}
    with chromium.opened(demo_page.path, f"#finding={demo_page.open[0].fingerprint}", viewport=size) as opened:
        opened.page.wait_for_selector("#panel[open]")
        assert opened.page.evaluate("panel.scrollWidth <= panel.clientWidth")
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
