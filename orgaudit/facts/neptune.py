"""Neptune clusters, which the API of RDS lists."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, collector
from orgaudit.facts.rds import CLUSTERS, StoredCluster, cluster_rows, stored_fields
from orgaudit.facts.rows import text
from orgaudit.model import Observed, Scope

ENGINE = "neptune"


class NeptuneCluster(StoredCluster, frozen=True, kw_only=True):
    """A Neptune cluster; `copies_tags` is whether its snapshots get its tags."""

    iam_login: Observed[bool]
    copies_tags: Observed[bool]


@collector(scope=Scope.REGIONAL, actions=(CLUSTERS,))
async def neptune_clusters(aws: Aws) -> AsyncIterator[NeptuneCluster]:
    """Yield the region's Neptune clusters."""
    async for row in cluster_rows(aws):
        with row as found:
            if text(found["Engine"]) == ENGINE:
                yield NeptuneCluster(
                    **stored_fields(aws, row),
                    iam_login=row.member("IAMDatabaseAuthenticationEnabled", bool),
                    copies_tags=row.member("CopyTagsToSnapshot", bool),
                )
