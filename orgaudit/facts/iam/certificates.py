"""Server certificates that are stored in IAM."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import listed
from orgaudit.model import GLOBAL, Observed, Scope


class ServerCertificate(Resource, frozen=True, kw_only=True):
    """A server certificate, and when it expires."""

    expires_at: Observed[datetime]


@collector(scope=Scope.ACCOUNT, actions=("iam:ListServerCertificates",))
async def server_certificates(aws: Aws) -> AsyncIterator[ServerCertificate]:
    """Yield every server certificate."""
    async for row in listed(aws, "iam", "ListServerCertificates", "ServerCertificateMetadataList"):
        with row as each:
            ends = row.member("Expiration", datetime)
            yield ServerCertificate(arn=each["Arn"], **here(aws, GLOBAL), expires_at=ends)
