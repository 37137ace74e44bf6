"""What the controls on the settings of search domains say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls import opensearch
from orgaudit.controls.declare import Control
from orgaudit.model import Status
from tests.factories import Case, denied, every, failing, idle, name_of, passing, unseen
from tests.factories_resource_policies import a_domain

HIDDEN: Any = denied("es:DescribeDomains")
OLD = {"engine": "Elasticsearch_6.5"}


def cases(field: str, right: Any, *wrong: Any, says: str) -> tuple[Case, ...]:
    return (
        passing("right", a_domain(**{field: right})),
        passing("right, and Elasticsearch", a_domain(**OLD, **{field: right})),
        *(
            failing(
                f"wrong: {sorted(each) if isinstance(each, frozenset) else each}", a_domain(**{field: each}), says=says
            )
            for each in wrong
        ),
        failing("wrong, and Elasticsearch", a_domain(**OLD, **{field: wrong[0]}), says=says),
        unseen("not seen", a_domain(**{field: HIDDEN})),
    )


def of_opensearch(field: str, right: Any, wrong: Any, *, says: str) -> tuple[Case, ...]:
    return (
        passing("right", a_domain(**{field: right})),
        failing("wrong", a_domain(**{field: wrong}), says=says),
        idle("Elasticsearch", a_domain(engine="Elasticsearch_7.10", **{field: wrong}), says="Elasticsearch"),
        unseen("not seen", a_domain(**{field: HIDDEN})),
        unseen("engine not seen", a_domain(engine=HIDDEN)),
    )


BOTH = frozenset({"AUDIT_LOGS", "ES_APPLICATION_LOGS"})
SLOW = frozenset({"INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS"})
TLS = "Policy-Min-TLS-1-2-PFS-2023-10"
CASES: dict[Control, tuple[Case, ...]] = {
    opensearch.opensearch_domain_encrypted_at_rest: cases("encrypted", True, False, says="storage is not encrypted"),
    opensearch.opensearch_domain_nodes_encrypted: cases("nodes_encrypted", True, False, says="between nodes is not"),
    opensearch.opensearch_domain_vpc_attached: cases("vpc_id", "vpc-1", None, says="public endpoint"),
    opensearch.opensearch_domain_error_logs_exported: cases(
        "logs", BOTH, frozenset(), SLOW | {"AUDIT_LOGS"}, says="error logs are not sent"
    ),
    opensearch.opensearch_domain_audit_logs_exported: cases(
        "logs", BOTH, frozenset(), SLOW | {"ES_APPLICATION_LOGS"}, says="audit logs are not sent"
    ),
    opensearch.opensearch_domain_three_data_nodes_used: (
        *cases("data_nodes", 3, 2, 1, says="fewer than 3 data nodes"),
        failing("one zone", a_domain(zone_aware=False), says="one Availability Zone"),
        passing("ten nodes", a_domain(data_nodes=10)),
    ),
    opensearch.opensearch_domain_dedicated_masters_used: cases("masters", 3, 2, 0, says="fewer than 3 dedicated"),
    opensearch.opensearch_domain_current_tls_required: (
        *cases("tls_policy", TLS, "Policy-Min-TLS-1-2-2019-07", "Policy-Min-TLS-1-0-2019-07", says="outdated TLS"),
        failing("plain HTTP", a_domain(https_only=False), says="plain HTTP"),
        failing("plain HTTP, policy not seen", a_domain(https_only=False, tls_policy=HIDDEN), says="plain HTTP"),
    ),
    opensearch.opensearch_domain_fine_grained_access_enabled: of_opensearch(
        "fine_grained", True, False, says="is not enabled"
    ),
    opensearch.opensearch_domain_software_current: of_opensearch(
        "update_available", False, True, says="a software update is available"
    ),
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
