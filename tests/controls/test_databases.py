"""What the controls that databases share say, case by case, and the boundaries of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orgaudit.controls import docdb, neptune
from orgaudit.controls.declare import Control
from orgaudit.controls.rds import clusters, settings, snapshots
from orgaudit.facts.declare import Resource
from orgaudit.facts.rds_snapshots import DocdbSnapshotShared, NeptuneSnapshotShared, SnapshotShared, StoredSnapshot
from orgaudit.model import Observed, Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import NASTY, Case, denied, every, failing, idle, name_of, passing, unseen
from tests.factories_rds import (
    a_cluster,
    a_docdb_cluster,
    a_docdb_snapshot,
    a_neptune_cluster,
    a_neptune_snapshot,
    a_snapshot,
    an_instance,
)

Build = Callable[..., Any]
USUAL = Thresholds()
MEMBER_OF = idle("a member of a cluster", an_instance(cluster="orders"), says="a member of cluster orders, which rds_")


def flag(build: Build, field: str, says: str, *more: Case) -> tuple[Case, ...]:
    """The cases of a setting that is on or off."""
    return (
        passing("on", build(**{field: True})),
        failing("off", build(**{field: False}), says=says),
        unseen("refused", build(**{field: denied()}), says="denied"),
        *more,
    )


def days(build: Build, *more: Case) -> tuple[Case, ...]:
    """The cases of the days for which backups are kept."""
    return (
        passing("a week", build(backup_days=7), USUAL, says="for 7 days"),
        failing("a day less", build(backup_days=6), USUAL, says="for 6 days; expected: at least 7"),
        failing("none", build(backup_days=0), USUAL, says="no automatic backups"),
        failing("a longer threshold", build(backup_days=7), Thresholds(database_backup_days=8), says="at least 8"),
        unseen("refused", build(backup_days=denied()), USUAL, says="denied"),
        *more,
    )


def logs(build: Build, *wanted: str, more: tuple[Case, ...] = ()) -> tuple[Case, ...]:
    """The cases of logs, of which each lacks another one."""
    return (
        passing("all", build(logs=wanted), says=", ".join(sorted(wanted))),
        passing("more than expected", build(logs=(*wanted, "other"))),
        failing("none", build(logs=()), says=f"not sent to CloudWatch Logs: {', '.join(sorted(wanted))}"),
        *(failing(f"without {each}", build(logs=tuple(set(wanted) - {each})), says=f"Logs: {each}") for each in wanted),
        unseen("refused", build(logs=denied()), says="denied"),
        *more,
    )


def admin(build: Build, *more: Case) -> tuple[Case, ...]:
    """The cases of the administrator's name."""
    return (
        passing("its own", build(admin_name="owner")),
        passing("a name that begins like one", build(admin_name="administrator")),
        failing("admin", build(admin_name="admin"), says="a default name, admin or postgres"),
        failing("in capitals", build(admin_name="Postgres"), says="a default name"),
        unseen("refused", build(admin_name=denied()), says="denied"),
        *more,
    )


def sharing(build: Build, kind: Any) -> tuple[Case, ...]:
    """The cases of those who may restore a snapshot."""

    def shared(*accounts: str, **changes: Any) -> tuple[StoredSnapshot, Observed[Any]]:
        snapshot = build(**changes)
        return snapshot, Seen(kind(arn=snapshot.arn, accounts=accounts))

    return (
        passing("nobody", *shared()),
        passing("an account", *shared("333333333333")),
        failing("everybody", *shared("333333333333", "all"), says="everybody with an AWS account"),
        passing("a backup of AWS Backup", *shared(kind="awsbackup")),
        failing("everybody, a backup of AWS Backup", *shared("all", kind="awsbackup"), says="everybody"),
        idle("automated", *shared(kind="automated"), says="which cannot be shared"),
        unseen("refused", build(), denied(), says="denied"),
        unseen("a kind that was not seen", *shared(kind=denied()), says="denied"),
    )


def aurora(engine: str) -> Build:
    return lambda **changes: a_cluster(**{"engine": engine} | changes)


def engine_of(engine: str) -> Build:
    return lambda **changes: an_instance(**{"engine": engine} | changes)


PLAIN = "is not encrypted"
UNPROTECTED, UNCOPIED, NO_IAM = "protection is not enabled", "are not copied", "IAM authentication is not enabled"
MYSQL = ("audit", "error", "general", "slowquery")
STOPPED = idle("stopped", an_instance(status="stopped"), says="its status is stopped")
ABLE_STATES = ("available", "backing-up", "storage-optimization", "storage-full")
SERVERLESS = {"mode": "serverless"}


def ports(build: Build, *more: Case) -> tuple[Case, ...]:
    return (
        failing("MySQL's", build(engine="aurora-mysql", port=3306), says="3306, the default of aurora-mysql"),
        failing("PostgreSQL's", build(engine="postgres", port=5432), says="5432, the default of postgres"),
        failing("Oracle's", build(engine="custom-oracle-ee", port=1521), says="the default of custom-oracle-ee"),
        failing("SQL Server's", build(engine="sqlserver-ex", port=1433), says="the default of sqlserver-ex"),
        failing("Db2's", build(engine="db2-se", port=50000), says="the default of db2-se"),
        passing("another engine's", build(engine="mysql", port=5432), says="the default of mysql is 3306"),
        passing("one beside", build(engine="mariadb", port=3305)),
        idle("an unknown engine", build(engine="other", port=1), says="the engine other is unknown"),
        unseen("refused", build(port=denied()), says="denied"),
        *more,
    )


CASES: dict[Control, tuple[Case, ...]] = {
    settings.rds_instance_enhanced_monitoring_enabled: (
        passing("each second", an_instance(monitoring_seconds=1)),
        passing("a member of a cluster", an_instance(cluster="orders")),
        failing("off", an_instance(monitoring_seconds=0), says="enhanced monitoring is not enabled"),
        failing("a member without", an_instance(cluster="orders", monitoring_seconds=0), says="is not enabled"),
        unseen("refused", an_instance(monitoring_seconds=denied()), says="denied"),
    ),
    settings.rds_instance_deletion_protected: flag(
        an_instance,
        "deletion_protected",
        UNPROTECTED,
        MEMBER_OF,
        failing("oracle", an_instance(engine="oracle-se2-cdb", deletion_protected=False), says=UNPROTECTED),
        idle("db2", an_instance(engine="db2-ae", deletion_protected=False), says="engine db2-ae"),
        idle("RDS Custom", an_instance(engine="custom-sqlserver-ee"), says="engine custom-sqlserver-ee"),
    ),
    settings.rds_instance_logs_exported: (
        *logs(engine_of("mysql"), *MYSQL, more=(MEMBER_OF, STOPPED)),
        *(passing(state, an_instance(status=state)) for state in ABLE_STATES),
        failing("mariadb", an_instance(engine="mariadb", logs=MYSQL[:2]), says="Logs: general, slowquery"),
        failing("postgres", an_instance(logs=("postgresql",)), says="Logs: upgrade"),
        failing("sqlserver", an_instance(engine="sqlserver-ex", logs=("error",)), says="Logs: agent"),
        failing("oracle", an_instance(engine="oracle-ee", logs=()), says="Logs: alert, audit, listener, trace"),
        idle("db2", an_instance(engine="db2-ae"), says="of the engine db2-ae"),
    ),
    settings.rds_instance_iam_authentication_enabled: flag(
        an_instance,
        "iam_login",
        NO_IAM,
        MEMBER_OF,
        STOPPED,
        failing("mariadb", an_instance(engine="mariadb", iam_login=False), says=NO_IAM),
        idle("oracle", an_instance(engine="oracle-ee", iam_login=False), says="does not support IAM"),
    ),
    settings.rds_instance_backups_retained_7_days: days(
        an_instance,
        idle("a member of a cluster", an_instance(cluster="orders", backup_days=1), USUAL, says="a member of cluster"),
        idle("a replica", an_instance(replica_of="main", backup_days=0), USUAL, says="a read replica of main"),
    ),
    settings.rds_instance_snapshot_tags_copied: flag(an_instance, "copies_tags", UNCOPIED, MEMBER_OF),
    settings.rds_instance_custom_admin_name_used: admin(an_instance, MEMBER_OF),
    settings.rds_instance_custom_port_used: ports(
        an_instance, MEMBER_OF, idle("being created", an_instance(port=None), says="has no port yet")
    ),
    clusters.rds_cluster_custom_port_used: ports(a_cluster),
    clusters.rds_cluster_storage_encrypted: flag(a_cluster, "encrypted", PLAIN),
    clusters.rds_cluster_deletion_protected: flag(a_cluster, "deletion_protected", UNPROTECTED),
    clusters.rds_cluster_snapshot_tags_copied: flag(a_cluster, "copies_tags", UNCOPIED),
    clusters.rds_cluster_custom_admin_name_used: admin(a_cluster),
    clusters.rds_cluster_backups_retained_7_days: days(a_cluster),
    clusters.rds_cluster_iam_authentication_enabled: flag(
        a_cluster,
        "iam_login",
        NO_IAM,
        idle("Serverless v1", a_cluster(**SERVERLESS, iam_login=False), says="Aurora Serverless v1"),
        unseen("a mode that was not seen", a_cluster(mode=denied()), says="denied"),
    ),
    clusters.rds_cluster_logs_exported: (
        *logs(
            aurora("aurora-mysql"),
            "audit",
            more=(idle("Serverless v1", a_cluster(**SERVERLESS, logs=()), says="Aurora Serverless v1"),),
        ),
        passing("PostgreSQL", a_cluster(engine="aurora-postgresql", logs=("postgresql",))),
        failing(
            "PostgreSQL without, serverless",
            a_cluster(engine="aurora-postgresql", logs=("audit",), **SERVERLESS),
            says="Logs: postgresql",
        ),
        idle("a Multi-AZ cluster", a_cluster(engine="mysql", logs=()), says="the engine is mysql"),
    ),
    clusters.rds_cluster_auto_minor_upgrade_enabled: flag(
        a_cluster, "upgrades_minor_versions", "are not upgraded automatically"
    ),
    clusters.rds_cluster_backtrack_enabled: (
        passing("a second", a_cluster(backtrack_seconds=1)),
        failing("off", a_cluster(backtrack_seconds=0), says="cannot backtrack"),
        unseen("refused", a_cluster(backtrack_seconds=denied()), says="denied"),
        idle("PostgreSQL", a_cluster(engine="aurora-postgresql", backtrack_seconds=0), says="is aurora-postgresql"),
        idle("a global database", a_cluster(global_cluster="world", backtrack_seconds=0), says="database world"),
        idle("Serverless v1", a_cluster(**SERVERLESS, backtrack_seconds=0), says="Aurora Serverless v1"),
    ),
    snapshots.rds_snapshot_private: sharing(a_snapshot, SnapshotShared),
    snapshots.rds_snapshot_encrypted: flag(a_snapshot, "encrypted", PLAIN),
    neptune.neptune_cluster_storage_encrypted: flag(a_neptune_cluster, "encrypted", PLAIN),
    neptune.neptune_cluster_audit_logs_exported: logs(a_neptune_cluster, "audit"),
    neptune.neptune_cluster_deletion_protected: flag(a_neptune_cluster, "deletion_protected", UNPROTECTED),
    neptune.neptune_cluster_backups_retained_7_days: days(a_neptune_cluster),
    neptune.neptune_cluster_iam_authentication_enabled: flag(a_neptune_cluster, "iam_login", NO_IAM),
    neptune.neptune_cluster_snapshot_tags_copied: flag(a_neptune_cluster, "copies_tags", UNCOPIED),
    neptune.neptune_snapshot_encrypted: flag(a_neptune_snapshot, "encrypted", PLAIN),
    neptune.neptune_snapshot_private: sharing(a_neptune_snapshot, NeptuneSnapshotShared),
    docdb.docdb_cluster_storage_encrypted: flag(a_docdb_cluster, "encrypted", PLAIN),
    docdb.docdb_cluster_audit_logs_exported: logs(a_docdb_cluster, "audit"),
    docdb.docdb_cluster_deletion_protected: flag(a_docdb_cluster, "deletion_protected", UNPROTECTED),
    docdb.docdb_cluster_backups_retained_7_days: days(a_docdb_cluster),
    docdb.docdb_snapshot_encrypted: flag(a_docdb_snapshot, "encrypted", PLAIN),
    docdb.docdb_snapshot_private: sharing(a_docdb_snapshot, DocdbSnapshotShared),
}
NASTY_RESOURCES: tuple[Resource, ...] = (
    a_neptune_cluster(NASTY),
    a_docdb_cluster(NASTY),
    a_snapshot(NASTY),
    a_neptune_snapshot(NASTY),
    a_docdb_snapshot(NASTY),
)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_accounts_with_which_a_snapshot_is_shared_are_evidence() -> None:
    snapshot = a_snapshot("it's")
    shared = Seen(SnapshotShared(arn=snapshot.arn, accounts=("333333333333", "all")))
    verdict = snapshots.rds_snapshot_private(snapshot, shared)
    assert verdict.evidence == {"shared_with": ["333333333333"]}
    assert verdict.command is not None
    assert "aws rds modify-db-snapshot-attribute" in verdict.command
    assert "--db-snapshot-identifier 'it'\"'\"'s'" in verdict.command


def test_a_snapshot_of_a_cluster_has_other_commands() -> None:
    snapshot = a_snapshot(of_cluster=True, encrypted=False)
    shared = Seen(SnapshotShared(arn=snapshot.arn, accounts=("all",)))
    public = snapshots.rds_snapshot_private(snapshot, shared).command
    plain = snapshots.rds_snapshot_encrypted(snapshot).command
    assert public is not None
    assert "modify-db-cluster-snapshot-attribute" in public
    assert plain is not None
    assert "restore-db-cluster-from-snapshot" in plain
    assert snapshots.rds_snapshot_encrypted(a_snapshot(encrypted=False)).command is None


@pytest.mark.parametrize("control", [neptune.neptune_cluster_deletion_protected, docdb.docdb_snapshot_encrypted])
def test_a_control_of_a_factory_is_of_its_service(control: Control) -> None:
    assert control.service == control.id.partition("_")[0]
    assert control.actions[0].startswith("rds:DescribeDBCluster")
