"""Writes docs/catalogue.md: every control of orgaudit, what it needs, what requires it, and its remediation.

python scripts/write_catalogue.py
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.cli.explanation import fix_in_words, relatives, wrapped_command
from orgaudit.controls.declare import Control, catalogue
from orgaudit.evaluate.remediation import unfilled
from orgaudit.model import Scope
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.framework_files import load
from orgaudit.settings.frameworks import Framework, requirements_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "catalogue.md"
WIDTH = 100
INTRODUCTION = """# Controls

`python scripts/write_catalogue.py` writes this page from the code and from config/frameworks; do not edit it.

Each control judges one kind of resource, or an account as a whole. Scope *account* means once in an account, *regional*
in every region. Facts are what is read for it, actions the IAM permissions that reading takes. A requirement that
frameworks give the same id is written once, such as `cis_1.5 to cis_2.0` 2.4.1. `orgaudit explain ID` shows the same
for one control, with the titles of the requirements, and includes your own frameworks and controls.

A fix takes an effort of S (up to an hour), M (up to a day) or L (longer). One fix makes all controls of a *family*
pass, so what they find on a resource is one issue.
"""


def page(controls: Iterable[Control], frameworks: Sequence[Framework]) -> str:
    """Return the whole page; the same controls and frameworks give the same text."""
    services = {
        service: list(found) for service, found in groupby(sorted(controls, key=_order), lambda each: each.service)
    }
    lines = [INTRODUCTION, "## By service"]
    for service, found in services.items():
        lines += ["", f"### {service}", "", *_table(found, frameworks)]
    lines += ["", "## One by one"]
    for found in services.values():
        for control in found:
            lines += ["", *_section(control, frameworks)]
    return "\n".join(lines) + "\n"


def packaged_page() -> str:
    """Return the page of the controls and frameworks that come with orgaudit, without those by mapping."""
    ours = [control for control in catalogue().values() if control.judge.__module__.startswith("orgaudit.controls.")]
    return page(ours, [each for each in load(PACKAGED).values() if not each.is_mapping])


def _order(control: Control) -> tuple[str, str]:
    return control.service, control.id


def _table(controls: Iterable[Control], frameworks: Sequence[Framework]) -> Iterator[str]:
    yield "| Control | Severity | Scope | Facts | Actions | Requirements |"
    yield "|---|---|---|---:|---:|---|"
    for control in controls:
        cells = (
            f"[`{control.id}`](#{control.id})<br>{control.title}",
            control.severity,
            control.scope,
            len(set(control.facts)),
            len(control.actions),
            "<br>".join(_asked_by(control, frameworks)) or "none",
        )
        yield f"| {' | '.join(map(str, cells))} |"


def _asked_by(control: Control, frameworks: Sequence[Framework]) -> Iterator[str]:
    """Yield the ids that frameworks give a control's requirements; neighbours that give the same ones share a line."""
    asked = [(each.id, tuple(ref.id for ref in requirements_of([each], control.id))) for each in frameworks]
    for ids, found in groupby(asked, lambda pair: pair[1]):
        names = [name for name, _ in found]
        if ids:
            span = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
            yield f"`{span}` {', '.join(ids)}"


def _section(control: Control, frameworks: Sequence[Framework]) -> Iterator[str]:
    often = "once in an account" if control.scope is Scope.ACCOUNT else "in every region"
    facts = sorted({kind.__name__ for kind in control.facts})
    yield f"### {control.id}"
    yield ""
    yield f"**{control.title}.** Severity {control.severity}, judged {often}."
    yield ""
    yield control.rationale
    yield ""
    yield f"- Facts: {', '.join(f'`{name}`' for name in facts)}"
    yield f"- Actions: {', '.join(f'`{action}`' for action in control.actions)}"
    yield f"- Required by: {'; '.join(_asked_by(control, frameworks)) or 'no framework'}"
    yield f"- Fix: {fix_in_words(control.fix)}"
    if others := relatives(control):
        yield f"- Family `{control.family}`, with {', '.join(f'[`{name}`](#{name})' for name in others)}"
    yield f"- Code: [{control.judge.__module__}](../{control.judge.__module__.replace('.', '/')}.py)"
    for name, text, command in (
        ("Service", control.fix.service_wide, control.fix.service_wide_command),
        ("Resource", control.fix.asset, control.fix.command),
        ("Prevention", control.fix.preventive, control.fix.preventive_command),
    ):
        yield ""
        yield f"**{name}.** {unfilled(text)}"
        if command:
            yield from ("", "```sh", *wrapped_command(unfilled(command), WIDTH), "```")


def main() -> None:
    """Write the page and say where it is."""
    PAGE.write_text(packaged_page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")


if __name__ == "__main__":
    main()
