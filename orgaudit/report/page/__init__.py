"""report.html: the view as one page that needs no network, with a list of findings to filter, search and link to."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orgaudit.report.completeness import completeness_of, missing_names
from orgaudit.report.page import figures, maps, sections
from orgaudit.report.page.packing import MOST_FINDINGS, Packed, as_text, pack
from orgaudit.report.view import View
from orgaudit.report.xlsx.grid import day_words, plain
from orgaudit.report.xlsx.panels import nothing_late, share_words
from orgaudit.report.xlsx.tiles import rate_before, since_words
from orgaudit.report.xlsx.verdict import made_words, organization_name, verdict_words
from orgaudit.spreadsheet.text import printable
from orgaudit.store.run import writing
from orgaudit.store.seal import Standing
from orgaudit.words import counted

SCRIPTS = ("unpack.js", "filter.js", "list.js", "panel.js", "main.js")
"""The parts of the page's script, in their order; they share one scope, which is a function's."""

STYLE = "page.css"


def write(view: View, path: Path, *, most: int = MOST_FINDINGS) -> None:
    """Write the view as a page with no more than `most` findings; raises ReportError."""
    template = _environment().get_template("page.html")
    with writing(path) as file:
        for piece in template.generate(**_context(view, pack(view, most))):
            file.write(piece.encode("utf-8", "replace"))


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("orgaudit.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_readable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _readable(value: object) -> object:
    """Return what a template shows, as HTML can hold it: control characters are no text there."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def script() -> str:
    """Return the page's script: its parts in one function, so that they leave nothing in the page's scope."""
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


@cache
def style() -> str:
    """Return the page's style sheet."""
    return _asset(STYLE)


def _asset(name: str) -> str:
    return resources.files("orgaudit.report.page").joinpath("assets", name).read_text(encoding="utf-8")


def policy() -> str:
    """Return the page's content security policy: nothing is loaded, and only its own script and style are used.

    Source: https://www.w3.org/TR/CSP3/
    """
    return (
        f"default-src 'none'; script-src {_hash(script())}; style-src {_hash(style())}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _context(view: View, packed: Packed) -> dict[str, Any]:
    headline, comparison = view.summary.headline, view.comparison
    before, why = rate_before(view)
    change, verdict = figures.rate_change(view)
    return {
        "policy": policy(),
        "script": Markup(script()),  # noqa: S704 - of the package
        "style": Markup(style()),  # noqa: S704 - of the package
        "organization": organization_name(view),
        "title": plain(view.settings.title),
        "part": plain(view.part),
        "made": made_words(view),
        "rate": figures.tiles(view)[0].figure if headline and not view.nothing_to_assess else "",
        "verdict": verdict_words(view),
        "change": change,
        "change_is": verdict,
        "since": f"since {day_words(comparison.baseline_date)}"
        if before is not None and comparison.baseline_date
        else why,
        "complete": view.summary.coverage.complete or view.nothing_to_assess,
        "completeness": completeness_of(view),
        "missing": missing_names(view),
        "unverified": view.standing is Standing.UNVERIFIED,
        "since_words": since_words(view),
        "tiles": figures.tiles(view),
        "line": figures,
        "decisions": figures.to_decide(view),
        "late": figures.late_items(view),
        "nothing_late": nothing_late(view),
        "first_actions": [(plain(it.title, 400), sections.of_action(it)) for it in view.actions.actions[:5]],
        "share_words": share_words(view),
        "compared": comparison.baseline is not None,
        "frameworks": figures.frameworks(view),
        "sections": sections,
        "maps": maps,
        "view": view,
        "packed": packed,
        "listed": packed.open + packed.excepted,
        "left_out": _left_out(view, packed),
        "list": as_text(packed.list),
        "details": as_text(packed.details),
    }


def _left_out(view: View, packed: Packed) -> str:
    """Return how many findings the page has no room for, and where they are; empty where it has all."""
    if not packed.open_left_out and not packed.excepted_left_out:
        return ""
    kept = "the critical and high ones" if packed.only_urgent else "the first"
    missing = []
    if packed.open_left_out:
        missing.append(f"{packed.open_left_out:,} of {counted(view.summary.counts.open, 'open finding')}")
    if packed.excepted_left_out:
        missing.append(f"{packed.excepted_left_out:,} of {view.summary.counts.covered:,} under an exception")
    return (
        f"This page lists {packed.open + packed.excepted:,} findings, {kept}. Left out are "
        f"{' and '.join(missing)}. All of them are in report.json, in the workbook report.xlsx, and in `orgaudit "
        "query` over the run."
    )
