"""Prefix lists: named lists of CIDR blocks to which security groups and routes refer."""

from __future__ import annotations

import msgspec

from orgaudit.facts.declare import Aws

PREFIX_LIST_ACTIONS = ("ec2:DescribeManagedPrefixLists", "ec2:GetManagedPrefixListEntries")
"""The IAM actions that `prefix_list` needs."""
LISTS_PER_PAGE = 100
"""The most lists or entries that one answer holds.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeManagedPrefixLists.html"""
GONE = ("InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound")


class PrefixList(msgspec.Struct, frozen=True, kw_only=True):
    """A prefix list. AWS's own ones are listed but not read: they hold a service's addresses, which AWS changes.

    `cidrs` is None where the list is AWS's own; a list that is gone has none.
    """

    id: str
    name: str
    cidrs: tuple[str, ...] | None


async def prefix_list(aws: Aws, list_id: str) -> PrefixList:
    """Return a prefix list of the region, read once however many rules name it."""
    return await aws.once(_read, list_id)


async def _read(aws: Aws, list_id: str) -> PrefixList:
    name, owner = (await aws.once(_named)).get(list_id, ("", ""))
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ManagedPrefixList.html
    if owner == "AWS":
        return PrefixList(id=list_id, name=name, cidrs=None)
    return PrefixList(id=list_id, name=name, cidrs=await _entries(aws, list_id))


async def _named(aws: Aws) -> dict[str, tuple[str, str]]:
    """Return name and owner of every prefix list that the region shows: own ones, shared ones, AWS's own."""
    return {
        found["PrefixListId"]: (found["PrefixListName"], found["OwnerId"])
        async for page in aws.pages("ec2", "DescribeManagedPrefixLists", MaxResults=LISTS_PER_PAGE)
        for found in page["PrefixLists"]
    }


async def _entries(aws: Aws, list_id: str) -> tuple[str, ...]:
    pages = aws.find_pages("ec2", "GetManagedPrefixListEntries", GONE, PrefixListId=list_id, MaxResults=LISTS_PER_PAGE)
    return tuple([entry["Cidr"] async for page in pages if page is not None for entry in page["Entries"]])
