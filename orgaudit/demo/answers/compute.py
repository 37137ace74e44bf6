"""Which snapshots are public, which moto does not filter by, and which versions of Kubernetes EKS supports."""

from datetime import UTC, datetime, timedelta

from moto.ec2.models import ec2_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.responses import json_answer, xml_answer

_VERSIONS = (
    ("1.35", "STANDARD_SUPPORT", timedelta(days=250)),
    ("1.34", "STANDARD_SUPPORT", timedelta(days=130)),
    ("1.33", "EXTENDED_SUPPORT", timedelta(days=-30)),
    ("1.32", "UNSUPPORTED", timedelta(days=-400)),
)
"""Versions with their support, and how far away the end of standard support is."""


def _describe_snapshots(call: Call, _state: ExtraState) -> Response | None:
    """Return the public snapshots of the account where only these are asked for; other answers are moto's."""
    if call.parameters.get("RestorableBy.1") != "all":
        return None
    found = ec2_backends[call.account][call.region].snapshots.values()
    items = "".join(
        f"<item><snapshotId>{each.id}</snapshotId><volumeId>{each.volume_id}</volumeId>"
        f"<status>{each.status}</status><startTime>{each.start_time:%Y-%m-%dT%H:%M:%SZ}</startTime>"
        f"<ownerId>{each.owner_id}</ownerId><volumeSize>{each.volume_size}</volumeSize>"
        f"<encrypted>{str(each.encrypted).lower()}</encrypted></item>"
        for each in found
        if "all" in each.create_volume_permission_groups
    )
    return xml_answer(
        '<DescribeSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>demo</requestId>'
        f"<snapshotSet>{items}</snapshotSet></DescribeSnapshotsResponse>"
    )


def _describe_cluster_versions(_call: Call, _state: ExtraState) -> Response:
    now = datetime.now(UTC)
    versions = [
        {
            "clusterVersion": version,
            "clusterType": "eks",
            "versionStatus": status,
            "endOfStandardSupportDate": int((now + until).timestamp()),
        }
        for version, status, until in _VERSIONS
    ]
    return json_answer({"clusterVersions": versions})


HANDLERS = {
    "ec2:DescribeSnapshots": _describe_snapshots,
    "eks:DescribeClusterVersions": _describe_cluster_versions,
}
