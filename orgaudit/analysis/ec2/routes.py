"""The route table that applies to a subnet."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.model import Gap, Seen


def table_of(subnet: str, vpc_id: str | None, tables: Iterable[RouteTable]) -> RouteTable | None:
    """Return the route table of a subnet: the one that names it, or else its VPC's main one.

    None where none was seen, or where one whose subnets were not seen may name it.
    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
    """
    main, hidden = None, False
    for table in tables:
        if isinstance(table.subnets, Seen) and subnet in table.subnets.value:
            return table
        here = isinstance(table.vpc_id, Gap) or vpc_id in {None, table.vpc_id.value}
        hidden = hidden or (here and isinstance(table.subnets, Gap))
        if table.main == Seen(value=True) and table.vpc_id == Seen(vpc_id):
            main = table
    return None if hidden else main
