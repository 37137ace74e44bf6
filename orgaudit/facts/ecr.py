"""ECR repositories and their policies; public repositories are another service."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Scope

NO_POLICY = ("RepositoryPolicyNotFoundException", "RepositoryNotFoundException")
REPOSITORIES_PER_PAGE = 1000
"""The most that one answer holds: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html"""


class Repository(Resource, frozen=True, kw_only=True):
    """A private repository; `repository_name` may hold slashes."""

    repository_name: str


class RepositoryPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A repository's policy."""


@collector(scope=Scope.REGIONAL, actions=("ecr:DescribeRepositories",))
async def repositories(aws: Aws) -> AsyncIterator[Repository]:
    """Yield the region's private repositories."""
    async for row in listed(aws, "ecr", "DescribeRepositories", "repositories", maxResults=REPOSITORIES_PER_PAGE):
        with row as found:
            arn = found["repositoryArn"]
            yield Repository(arn=arn, **here(aws), repository_name=arn.split(":repository/", 1)[1])


@detail(actions=("ecr:GetRepositoryPolicy",))
async def repository_policy(aws: Aws, repository: Repository) -> RepositoryPolicy:
    """Return the repository's policy; a repository that is gone by now has none."""
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
    answer = await aws.find("ecr", "GetRepositoryPolicy", NO_POLICY, repositoryName=repository.repository_name)
    return RepositoryPolicy(arn=repository.arn, document=document_of(answer["policyText"] if answer else None))
