"""plan, doctor and policy: what can be known before a run."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from orgaudit.cli import options
from orgaudit.cli.lazy import lazy
from orgaudit.cli.printing import print_json, width
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.model import Scope, parse_arn
from orgaudit.preflight.audience import Audience
from orgaudit.preflight.estimate import LATENCY, RESOURCES
from orgaudit.store.output import check_writable

if TYPE_CHECKING:
    from orgaudit import audit as stages
    from orgaudit.cli import progress
    from orgaudit.collect import stoppable
    from orgaudit.evaluate import rules as judging
    from orgaudit.preflight import doctor as doctoring
    from orgaudit.preflight import plan as planning
    from orgaudit.preflight import policy as policies
else:
    stages = lazy("orgaudit.audit")
    progress = lazy("orgaudit.cli.progress")
    stoppable = lazy("orgaudit.collect.stoppable")
    judging = lazy("orgaudit.evaluate.rules")
    doctoring = lazy("orgaudit.preflight.doctor")
    planning = lazy("orgaudit.preflight.plan")
    policies = lazy("orgaudit.preflight.policy")

PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(root|(user|role)/.+)")


@click.command()
@options.access
@options.scope
@options.rules
@click.option(
    "--resources",
    type=click.IntRange(min=0),
    default=RESOURCES,
    show_default=True,
    metavar="N",
    help="Resources of each kind to assume in an account.",
)
@options.out
@options.as_json
def plan(*, resources: int, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show the scope of an audit, its estimated calls and its estimated time.

    Reads the organization and assumes the role in each account to list its regions; nothing is collected. With --out
    it also checks that an audit could write there.
    """
    settings = options.settings_from(given)
    if given["out"] is not None:
        check_writable(settings.run.out)
    with progress.progress() as watching:
        auditor = stages.Auditor(settings, given["profile"], progress=watching)
        found = stoppable.run(planning.make_plan(auditor, resources=resources))
    if as_json:
        print_json(found)
    else:
        _print_plan(found)


def _print_plan(found: planning.Plan) -> None:
    where = f"organization {found.organization}" if found.organization else "no organization"
    _print_wrapped("Plan ", f"{where}, as {found.caller}")
    click.echo(f"\n{'Account':<12}  {'Name':<40}  {'Regions':>10}  {'Cells':>10}")
    for account in found.accounts:
        regions = "unknown" if account.gap else f"{len(account.regions):,}"
        click.echo(f"{account.id:<12}  {account.name:<40.40}  {regions:>10}  {account.cells:>10,}")
        if account.gap:
            _print_wrapped(" " * 14, account.gap.message)
    click.echo()
    for name, text in _totals(found):
        _print_wrapped(f"{name:<9} ", text)


def _totals(found: planning.Plan) -> Iterator[tuple[str, str]]:
    guess = found.estimate
    regional = sum(control.scope is not Scope.ACCOUNT for control in found.controls)
    once = len(found.controls) - regional
    unavailable = sum(account.gap is not None for account in found.accounts)
    yield (
        "Accounts",
        f"{len(found.accounts):,}, of which {unavailable:,} cannot be assessed; {found.accounts_out_of_scope:,} out of "
        "scope",
    )
    yield "Regions", ", ".join(found.regions)
    yield (
        "Cells",
        f"{found.cells:,}: {len(found.accounts):,} accounts x ({regional:,} controls x {len(found.regions):,} regions "
        f"+ {once:,} controls once)",
    )
    yield (
        "Calls",
        f"about {guess.calls:,}: {guess.discovery_calls:,} to discover (counted), {guess.tag_calls:,} for tags, "
        f"{guess.listing_calls:,} listings, {guess.detail_calls:,} details",
    )
    yield (
        "Time",
        f"about {_duration(guess.seconds)}: {_duration(guess.discovery_seconds)} to discover (measured), "
        f"{_duration(guess.collection_seconds)} to collect",
    )
    yield (
        "Assumed",
        f"{guess.resources_assumed} of each kind of resource in an account (--resources), {LATENCY:g} s a call, no "
        "retries, no further pages",
    )
    for gap in found.gaps:
        yield "Not read", f"{gap.action}: {gap.message}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:,} min"  # noqa: PLR2004 - below, seconds are more exact


@click.command()
@options.access
@options.scope
@options.rules
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Number of accounts to check. [default: all]")
@options.as_json
def doctor(*, sample: int | None, as_json: bool, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Check that an audit could assess everything, and show what to do where it could not.

    Checks the caller's identity, each call that discovers the organization, and in every account in scope the role, the
    regions, and the read actions that can be tried without a resource.

    \b
    Exit code 0: every check passed; 3: something would not be assessed; 4: the
    organization cannot be read.
    """
    settings = options.settings_from(given)
    with progress.progress() as watching:
        auditor = stages.Auditor(settings, given["profile"], progress=watching)
        found = stoppable.run(doctoring.diagnose(auditor, sample=sample))
    if as_json:
        print_json(found)
    else:
        _print_diagnosis(found)
    return found.exit_code


def _print_diagnosis(found: doctoring.Diagnosis) -> None:
    for check in found.checks:
        _print_check(check)
    counts = Counter(check.status for check in found.checks)
    click.echo(f"\n{', '.join(f'{counts[status]:,} {status}' for status in doctoring.CheckStatus)}")


def _print_check(check: doctoring.Check) -> None:
    head = f"{check.status:<7}  {check.account_id or '-':<12}  {check.name:<12}  "
    if len(head) + len(check.message) <= width():
        click.echo(head + check.message)
    else:
        click.echo(head.rstrip())
        _print_wrapped(" " * 9, check.message)
    if check.remediation:
        _print_wrapped(" " * 9, f"-> {check.remediation}")


@click.command()
@options.config
@options.rules
@click.option(
    "--for",
    "audience",
    type=click.Choice(list(map(str, Audience))),
    default=str(Audience.ACCOUNT),
    show_default=True,
    help="The audit role of each account, the caller of orgaudit, or the role of [organization] role_arn.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["json", "cloudformation"]),
    default="json",
    show_default=True,
    help="The policy document, or a template that creates the role or the policies.",
)
@click.option(
    "--principal", metavar="ARN", help="Principal that may assume the role, for the template and the ARNs' partition."
)
@click.option("--role-name", metavar="R", help="The audit role's name. [default: OrgAuditRole]")
@click.option("--external-id", metavar="X", help="The external id that the role requires, for the template.")
def policy(audience: str, output: str, principal: str | None, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Print the least privilege that the chosen controls need.

    \b
    Deploy the role to every account with a StackSet, and attach the caller's:
      orgaudit policy --format cloudformation --principal ARN > role.yaml
      orgaudit policy --for caller > caller.json
    """
    settings = options.settings_from(given)
    rules, whose = judging.rules_of(settings), Audience(audience)
    partition = _partition(principal)
    if output == "cloudformation":
        click.echo(policies.to_yaml(policies.template_for(whose, rules, settings, principal=principal)), nl=False)
    else:
        click.echo(json.dumps(policies.policy_for(whose, rules, settings, partition=partition), indent=2))


def _partition(principal: str | None) -> str:
    if principal is None:
        return "aws"
    if not PRINCIPAL.fullmatch(principal):
        advice = "name a role, a user or an account's root, such as arn:aws:iam::111122223333:role/Auditor (no session)"
        raise ConfigError(f"{principal!r} is not a principal that a role can trust; {advice}", key="--principal")
    return parse_arn(principal)[0]


def _print_wrapped(head: str, text: str) -> None:
    click.echo(
        textwrap.fill(text, width(), initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
    )


COMMANDS = (plan, doctor, policy)
