"""Factories of the controls that databases of RDS, Neptune, DocumentDB and Redshift share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from orgaudit.analysis.database_engines import default_port
from orgaudit.controls.declare import Control, Fix
from orgaudit.controls.judging.flags import Outside, Words, named, nothing, requires
from orgaudit.facts.declare import Resource
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, not_applicable, require

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Databases(Generic[R]):
    """One type of databases that a module judges: the words for several, and the command that modifies one.

    `module` is the one of the controls. `evidence` is shown with each verdict.
    """

    module: str
    kind: type[R]
    plural: str
    modify: str
    evidence: Callable[[R], Mapping[str, Json]] = nothing

    def fix(self, setting: str, options: str, *, disruption: Disruption = Disruption.NONE) -> Fix:
        """Return the fix by one call that modifies a database; `setting` completes a sentence after "with"."""
        return Fix(
            service_wide=f"Create {self.plural} only from a template with {setting}, and change the existing ones.",
            asset=f"Modify {{resource.name}}, so that it runs with {setting}.",
            command=f"{self.modify} {options}",
            preventive=f"Deploy {self.plural} only by a pipeline whose template has {setting}.",
            effort=Effort.S,
            per_resource=True,
            disruption=disruption,
            reversible=True,
        )

    def replaced(self, setting: str, asset: str, command: str) -> Fix:
        """Return the fix of what only another database can have, to which the data moves."""
        return replace(
            self.fix(setting, "", disruption=Disruption.REPLACEMENT),
            asset=asset,
            command=command,
            effort=Effort.L,
            reversible=False,
        )

    def requires(
        self,
        name: str,
        holds: Callable[[R], bool],
        words: Words,
        *,
        severity: Severity,
        fix: Fix,
        outside: Outside[R] | None = None,
    ) -> Control:
        """Return the control `name` that passes where a condition holds for a database."""
        return requires(
            name,
            self.kind,
            holds,
            words,
            severity=severity,
            fix=fix,
            outside=outside,
            evidence=self.evidence,
            module=self.module,
        )


def storage_encrypted(name: str, of: Databases[R], holds: Callable[[R], bool], *, title: str, fix: Fix) -> Control:
    """Return the control that the storage of databases is encrypted."""
    rationale = (
        "Encryption protects the data where disks, backups and snapshots leave the database: a snapshot that is shared "
        "by mistake cannot be read without permission for the key."
    )
    words = Words(title, rationale, "the storage is encrypted", "the storage is not encrypted")
    return of.requires(name, holds, words, severity=Severity.MEDIUM, fix=fix)


def deletion_protected(
    name: str,
    of: Databases[R],
    holds: Callable[[R], bool],
    *,
    title: str,
    severity: Severity,
    outside: Outside[R] | None = None,
) -> Control:
    """Return the control that databases cannot be deleted by one call."""
    rationale = (
        "Without protection, one wrong command, or one stolen key, deletes the database and its automatic backups. "
        "With it, the protection has to be removed first, which is a second call that can be denied and alarmed."
    )
    words = Words(title, rationale, "deletion protection is enabled", "deletion protection is not enabled")
    fix = of.fix("deletion protection", "--deletion-protection")
    return of.requires(name, holds, words, severity=severity, fix=fix, outside=outside)


def iam_login(
    name: str, of: Databases[R], holds: Callable[[R], bool], *, title: str, outside: Outside[R] | None = None
) -> Control:
    """Return the control that databases accept tokens of IAM instead of passwords."""
    rationale = (
        "A password in a configuration file is valid until somebody changes it. A token of IAM expires after 15 "
        "minutes, needs no storage, and ends with the permissions of the role that requests it."
    )
    words = Words(title, rationale, "IAM authentication is enabled", "IAM authentication is not enabled")
    fix = of.fix("IAM authentication", "--enable-iam-database-authentication")
    return of.requires(name, holds, words, severity=Severity.MEDIUM, fix=fix, outside=outside)


def tags_copied(
    name: str, of: Databases[R], holds: Callable[[R], bool], *, title: str, outside: Outside[R] | None = None
) -> Control:
    """Return the control that snapshots of databases get their tags."""
    rationale = (
        "Owners, costs and permissions by tag follow the tags. A snapshot without them is a copy of the data for which "
        "nobody is responsible, and which a policy by tag does not protect."
    )
    words = Words(title, rationale, "tags are copied to snapshots", "tags are not copied to snapshots")
    fix = of.fix("tags that are copied to snapshots", "--copy-tags-to-snapshot")
    return of.requires(name, holds, words, severity=Severity.LOW, fix=fix, outside=outside)


def admin_renamed(
    name: str,
    of: Databases[R],
    admin: Callable[[R], str],
    defaults: Collection[str],
    *,
    title: str,
    create: str,
    outside: Outside[R] | None = None,
) -> Control:
    """Return the control that the administrator of databases has none of the names that AWS suggests.

    `create` is the command that creates a database, to which the administrator's name is added.
    """
    names = " or ".join(sorted(defaults))
    rationale = (
        f"The names that AWS suggests, {names}, are the first that attackers try. With another one, a password has to "
        "be guessed together with the name."
    )
    words = Words(
        title,
        rationale,
        "the administrator's name is not a default one",
        f"the administrator has a default name, {names}",
    )
    fix = of.replaced(
        "an administrator's name of its own",
        "Create a database with another administrator's name and move the data: the name cannot be changed later.",
        f"{create} --master-username ADMINISTRATOR",
    )
    return of.requires(
        name,
        lambda database: admin(database).lower() not in defaults,
        words,
        severity=Severity.MEDIUM,
        fix=fix,
        outside=outside,
    )


def logs_exported(
    name: str,
    of: Databases[R],
    exported: Callable[[R], Collection[str]],
    wanted: Callable[[R], Collection[str]],
    *,
    title: str,
    example: str,
    outside: Outside[R] | None = None,
) -> Control:
    """Return the control that databases send all wanted types of logs to CloudWatch Logs.

    `example` are types that the fix names. What a database does not write is not exported either: its parameters
    decide that, and are not seen here.
    """

    def judge(database: R) -> Verdict:
        verdict = outside(database) if outside else None
        return verdict or judge_logs(exported(database), wanted(database), **of.evidence(database))

    rationale = (
        "Logs on a database vanish with it, and whoever controls it can change them. In CloudWatch Logs they are kept "
        "apart, can be searched, and can raise alarms. Parameters decide what is written: an export alone creates no "
        "audit log."
    )
    fix = of.fix(
        "the export of its logs", f'--cloudwatch-logs-export-configuration \'{{{{"EnableLogTypes":["{example}"]}}}}\''
    )
    return named(name, of.kind, of.module, judge, title=title, rationale=rationale, severity=Severity.MEDIUM, fix=fix)


def judge_logs(exported: Collection[str], wanted: Collection[str], **evidence: Json) -> Verdict:
    """Return a PASS where all wanted types of logs are exported, and a FAIL that names the others."""
    lacking = sorted(set(wanted) - set(exported))
    return require(
        not lacking,
        then=f"these logs are sent to CloudWatch Logs: {', '.join(sorted(wanted))}",
        otherwise=f"these logs are not sent to CloudWatch Logs: {', '.join(lacking)}",
        exported=sorted(exported),
        expected=sorted(wanted),
        **evidence,
    )


def judge_port(engine: str, port: int) -> Verdict:
    """Return a FAIL for the default port of an engine, and NOT_APPLICABLE for an engine whose one is unknown."""
    default = default_port(engine)
    if default is None:
        return not_applicable(f"the default port of the engine {engine} is unknown")
    return require(
        port != default,
        then=f"the port is {port}; the default of {engine} is {default}",
        otherwise=f"the port is {port}, the default of {engine}",
        engine=engine,
        port=port,
    )
