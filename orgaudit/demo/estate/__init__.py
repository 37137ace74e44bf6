"""What the accounts of the demo organization have besides trails: right in production, wrong in the sandbox.

One module for each thing that is seeded: its tables name accounts and regions, its functions fill moto and the world.
"""

from orgaudit.demo.estate import (
    access,
    databases,
    fronts,
    guards,
    machines,
    networks,
    resources,
    roots,
    storage,
    stores,
)
from orgaudit.demo.world import World


def seed_estate(world: World) -> None:
    """Create everything in an organization whose accounts are there."""
    roots.seed(world)
    access.seed(world)
    guards.seed(world)
    networks.seed()
    machines.seed()
    storage.seed(world)
    stores.seed(world)
    databases.seed()
    resources.seed()
    fronts.seed()
