"""evidence: writes what an external auditor checks a run by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.cli.stored import say
from orgaudit.evidence import form
from orgaudit.evidence.sampling import new_seed
from orgaudit.evidence.stage import Request, write
from orgaudit.spreadsheet.text import displayed
from orgaudit.store import lease, seal
from orgaudit.store.copies import shown
from orgaudit.store.seal import digest, standing
from orgaudit.words import counted


@click.command()
@click.argument("run_name", metavar="RUN", required=False)
@options.config
@options.out
@click.option(
    "--requirement",
    "names",
    multiple=True,
    metavar="ID",
    help="Only this requirement, such as cis_4.0:1.6, or all of a framework, such as cis_4.0; repeat for more. "
    "[default: the headline framework's]",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Draw N evaluations of each requirement at random. [default: all evaluations]",
)
@click.option("--seed", metavar="TEXT", help="Draw the sample that this seed gave before. [default: a new one]")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The pack to write. [default: evidence.zip, or evidence-SEED.zip, in the run's directory]",
)
@click.option(
    "--sign-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign with this SSH key, by ssh-keygen; a public key if an agent holds the private one.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the pack's documents, and nothing else.")
@options.unverified
def evidence(
    run_name: str | None,
    *,
    names: tuple[str, ...],
    sample: int | None,
    seed: str | None,
    file: Path | None,
    sign_key: Path | None,
    schema: bool,
    unverified: bool,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Write the evidence of RUN into one archive, for an auditor who does not have orgaudit.

    For each requirement it holds what is required, every evaluation with the facts that it was given on (which
    operation read them, when, and by which role session), the verdicts and their rule, exceptions, attestations, what
    was not assessed and why, and the SHA-256 of all of it. Begin with README.txt in it. `orgaudit verify` checks it.
    """
    if schema:
        click.echo(json.dumps(form.schema(), indent=2))
        return
    if run_name is None:
        raise click.UsageError("Missing argument 'RUN'.")
    if seed is not None and sample is None:
        raise click.UsageError("--seed repeats a sample; add --sample N")
    run = options.find_run(run_name, options.settings_from(given))
    drawing = seed or new_seed() if sample else ""
    path = file or run.path / (f"evidence-{drawing}.zip" if sample else "evidence.zip")
    with lease.held(run, "evidence", remedy="wait until it ends or stop it"):
        found = standing(run, (*seal.FACTS, *seal.JUDGED, *seal.RESULTS), unverified=unverified)
        say(found)
        pack = write(run, path, Request(names, sample, drawing), standing=found, sign_key=sign_key)
    included = sum(entry.included for entry in pack.requirements)
    population = sum(entry.population for entry in pack.requirements)
    click.echo(displayed(shown(str(path))))
    click.echo(f"{counted(len(pack.requirements), 'requirement')}, {included:,} of {counted(population, 'evaluation')}")
    if sample:
        click.echo(f"seed {drawing}, {sample} of each requirement; the same --sample and --seed draw them again")
    click.echo(f"SHA-256 {digest(path)}, {'signed' if sign_key else 'not signed'}")


COMMANDS = (evidence,)
