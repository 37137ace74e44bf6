"""audit --since and --only-open: what of an earlier run an audit looks at again, and what it prints of that."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.collect.again import Since
from orgaudit.evaluate.only_open import OnlyOpen
from orgaudit.history import only_open
from orgaudit.history.only_open import Outcome
from orgaudit.settings.settings import Settings
from orgaudit.spreadsheet.text import displayed
from orgaudit.store.earlier import differs
from orgaudit.store.run import Run
from orgaudit.words import counted

_PLACES = {"account": "--account", "ou": "--ou", "region": "--region"}
_RULES = {"framework": "--framework", "control": "--control", "nist_baseline": "--nist-baseline"}
LISTED = 20
"""How many findings are listed for each thing that became of them."""


def check(given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that exclude each other."""
    chosen = [name for name in ("resume", "since", "only_open") if given[name]]
    if len(chosen) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in chosen[:2])
        raise click.UsageError(f"{first} and {second} exclude each other.")
    if given["older_than"] is not None and not given["since"]:
        raise click.UsageError("--older-than belongs to --since.")
    refused: dict[str, str] = {}
    if given["since"]:
        refused = _PLACES
    if given["only_open"]:
        refused = {**_PLACES, **_RULES, "baseline": "--baseline"}
    for name, option in refused.items():
        if given[name]:
            own = "--since" if given["since"] else "--only-open"
            what = "accounts and regions" if given["since"] else "accounts, regions, controls and baseline"
            raise click.UsageError(f"{own} takes the {what} from RUN; leave out {option}.")


def look(given: Mapping[str, Any], settings: Settings) -> Since | OnlyOpen | None:
    """Return what of an earlier run is looked at again, None for an audit of everything; raises ConfigError.

    What the settings' scope says otherwise than that run's is noted on standard error.
    """
    if given["only_open"]:
        return OnlyOpen.of(options.find_run(given["only_open"], settings))
    if not given["since"]:
        return None
    earlier = options.find_run(given["since"], settings)
    if keys := differs(earlier.read_manifest(), settings.scope):
        named = ", ".join(f"scope.{key}" for key in keys)
        said = (
            f"orgaudit: the audit is of the scope of run {earlier.id}, from which the settings differ by now: {named}"
        )
        click.echo(displayed(said), err=True)
    return Since(earlier, given["older_than"])


def nothing_open(found: Since | OnlyOpen) -> bool:
    """Return whether there is no open finding to check, having said so."""
    if isinstance(found, OnlyOpen) and not found.found:
        click.echo(f"run {found.earlier.id} has no open finding, so there is nothing to check; nothing was called")
        return True
    return False


def print_checked(run: Run) -> None:
    """Print what became of the open findings of an earlier run, where the run checked these."""
    manifest = run.read_manifest()
    if manifest.only_open is None:
        return
    checked = list(only_open.outcomes(run))
    for number, line in enumerate(only_open.summary(manifest, checked)):
        click.echo(f"{'' if number else 'Checked':<11} {line}")
    for outcome in Outcome:
        found = [each for each in checked if each.outcome == outcome.name]
        for each in islice(found, LISTED):
            place = f"{each.account_id} {each.region} {each.control} {each.resource}"
            click.echo(displayed(f"{'':<11} {outcome.value}: {place}"))
        if len(found) > LISTED:
            click.echo(f"{'':<11} {outcome.value}: {counted(len(found) - LISTED, 'further finding')}")
