"""Creates the demo organization in moto: production accounts are compliant, sandbox accounts are not.

One module for each kind of resource: its tables name accounts and regions, its functions fill moto and the extra state.
"""

from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.iam.models import AccessKey, iam_backends
from moto.moto_api._internal import mock_random

from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, OPT_IN_REGION, REGIONS_BY_DEFAULT
from orgaudit.demo.extra_state import EnabledRegions, ExtraState
from orgaudit.demo.seeding import (
    apis,
    bucket_settings,
    clusters,
    containers,
    databases,
    detection,
    distributions,
    identities,
    instances,
    load_balancers,
    networks,
    root_users,
    secrets,
    security_services,
    shared_resources,
    storage,
    structure,
    trail_resources,
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """The state beside moto's, and the caller's access key in the management account."""

    state: ExtraState
    caller: AccessKey


def seed() -> Seeded:
    """Create the organization in an unused moto, always with the same ids, which depend on the order of creation."""
    mock_random.seed(20_190_204)
    opted_in = {account.id: frozenset({OPT_IN_REGION}) for account in ACCOUNTS if account.has_opt_in_region}
    state = ExtraState(regions=EnabledRegions(frozenset(REGIONS_BY_DEFAULT), opted_in))
    structure.seed()
    trail_resources.seed(state)
    root_users.seed(state)
    identities.seed(state)
    security_services.seed(state)
    networks.seed()
    instances.seed()
    storage.seed(state)
    shared_resources.seed_stores(state)
    databases.seed()
    shared_resources.seed()
    apis.seed(state)
    load_balancers.seed()
    distributions.seed()
    clusters.seed()
    containers.seed()
    instances.seed_storage()
    for account in ACCOUNTS:
        for region in (*REGIONS_BY_DEFAULT, OPT_IN_REGION):
            ec2_backends[account.id][region]  # otherwise moto makes default networks in the order of the first calls
    secrets.seed(state)
    bucket_settings.seed()
    detection.seed()
    return Seeded(state, _caller())


def _caller() -> AccessKey:
    iam = iam_backends[MANAGEMENT.id]["aws"]
    iam.create_user("us-east-1", "orgaudit")
    return iam.create_access_key("orgaudit")
