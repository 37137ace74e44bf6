"""DocumentDB clusters, which the API of RDS lists. Elastic clusters have another API, and are always encrypted."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, collector
from orgaudit.facts.rds import CLUSTERS, StoredCluster, cluster_rows, stored_fields
from orgaudit.facts.rows import text
from orgaudit.model import Scope

ENGINE = "docdb"


class DocdbCluster(StoredCluster, frozen=True, kw_only=True):
    """A DocumentDB cluster."""


@collector(scope=Scope.REGIONAL, actions=(CLUSTERS,))
async def docdb_clusters(aws: Aws) -> AsyncIterator[DocdbCluster]:
    """Yield the region's DocumentDB clusters."""
    async for row in cluster_rows(aws):
        with row as found:
            if text(found["Engine"]) == ENGINE:
                yield DocdbCluster(**stored_fields(aws, row))
