"""Every listing, each member of each row taken away in turn: what one row lacks hides nothing but itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from msgspec.structs import asdict

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.collect.account import _drain
from orgaudit.controls.declare import Control, catalogue
from orgaudit.facts import (
    apigateway,
    apigatewayv2,
    cloudfront,
    config,
    docdb,
    dynamodb,
    ecs,
    eks,
    eventbridge,
    neptune,
    opensearch,
    rds,
    secretsmanager,
    sqs,
)
from orgaudit.facts.cloudtrail import trails
from orgaudit.facts.declare import Collector, Detail, Resource, load
from orgaudit.facts.ec2 import defaults, instances
from orgaudit.facts.iam import authorization, passwords
from orgaudit.facts.rows import RowError
from orgaudit.facts.shard import ListingResult, shard_decoder
from orgaudit.model import GLOBAL, Gap, NotSeenError, Scope, Status
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store.shards import Spool
from tests.factories import HOME, MEMBER, facts_of, organization_of
from tests.listings import CASES, Case, Path, answer
from tests.literal_aws import LiteralAws, World, service_model

Run: TypeAlias = Callable[..., Any]
Verdicts: TypeAlias = dict[tuple[str, str], Status]
"""By control and resource."""
AWS_POLICY = "arn:aws:iam::aws:policy"
ADMINISTRATOR = {"PolicyArn": f"{AWS_POLICY}/AdministratorAccess"}
NAMES = {
    dynamodb.tables: ("dynamodb", "ListTables", "TableNames"),
    ecs.task_families: ("ecs", "ListTaskDefinitionFamilies", "families"),
    eks.eks_clusters: ("eks", "ListClusters", "clusters"),
    sqs.queues: ("sqs", "ListQueues", "QueueUrls"),
}
"""Listings whose rows are names, by service, operation and member."""
LOGGING = "apigateway/latest/developerguide/set-up-logging.html"
STAGE = "apigateway/latest/api/API_Stage.html"
SETTING = "apigateway/latest/api/API_MethodSetting.html"
HTTP_LOGGING = "apigateway/latest/developerguide/http-api-logging.html"
SEARCH_LOGS = "opensearch-service/latest/developerguide/createdomain-configure-slow-logs.html"
DESCRIBED = "awscloudtrail/latest/APIReference/API_DescribeTrails.html"
DOCUMENTED: dict[tuple[Run, str], str] = {
    (passwords.password_policy, "ExpirePasswords"): "IAM/latest/APIReference/API_PasswordPolicy.html",
    (
        passwords.password_policy,
        "PasswordReusePrevention",
    ): "IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html",
    (apigateway.rest_api_stages, "accessLogSettings"): LOGGING,
    (apigateway.rest_api_stages, "accessLogSettings.destinationArn"): LOGGING,
    (apigateway.rest_api_stages, "clientCertificateId"): STAGE,
    (apigateway.rest_api_stages, "methodSettings.*/*"): SETTING,
    (apigateway.rest_api_stages, "methodSettings.*/*.loggingLevel"): SETTING,
    (apigateway.rest_api_stages, "webAclArn"): STAGE,
    (apigatewayv2.api_stages, "AccessLogSettings"): HTTP_LOGGING,
    (apigatewayv2.api_stages, "AccessLogSettings.DestinationArn"): HTTP_LOGGING,
    (authorization.users, "UserPolicyList"): "IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html",
    (cloudfront.distributions, "ConnectionMode"): "cloudfront/latest/APIReference/API_DistributionSummary.html",
    (config.config_recordings, "servicePrincipal"): "config/latest/APIReference/API_ConfigurationRecorder.html",
    (defaults.metadata_defaults, "HttpTokens"): "AWSEC2/latest/APIReference/API_GetInstanceMetadataDefaults.html",
    (eventbridge.event_buses, "Policy"): "eventbridge/latest/APIReference/API_EventBus.html",
    (instances.instances, "IamInstanceProfile"): "AWSEC2/latest/APIReference/API_Instance.html",
    (instances.instances, "PublicIpAddress"): "AWSEC2/latest/APIReference/API_Instance.html",
    (opensearch.search_domains, "Deleted"): "opensearch-service/latest/APIReference/API_DomainStatus.html",
    (rds.database_instances, "DBClusterIdentifier"): "AmazonRDS/latest/APIReference/API_DBInstance.html",
    (
        rds.database_instances,
        "ReadReplicaSourceDBInstanceIdentifier",
    ): "AmazonRDS/latest/APIReference/API_DBInstance.html",
    (
        rds.database_instances,
        "ReadReplicaSourceDBClusterIdentifier",
    ): "AmazonRDS/latest/APIReference/API_DBInstance.html",
    (rds.database_instances, "EnabledCloudwatchLogsExports"): "AmazonRDS/latest/APIReference/API_DBInstance.html",
    (rds.database_clusters, "EnabledCloudwatchLogsExports"): "AmazonRDS/latest/APIReference/API_DBCluster.html",
    (rds.database_clusters, "GlobalClusterIdentifier"): "AmazonRDS/latest/APIReference/API_DBCluster.html",
    (
        rds.database_clusters,
        "BacktrackWindow",
    ): "AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Backtrack.Configuring.html",
    (neptune.neptune_clusters, "EnabledCloudwatchLogsExports"): "AmazonRDS/latest/APIReference/API_DBCluster.html",
    (docdb.docdb_clusters, "EnabledCloudwatchLogsExports"): "AmazonRDS/latest/APIReference/API_DBCluster.html",
    **{
        (opensearch.search_domains, f"LogPublishingOptions{rest}"): SEARCH_LOGS
        for kind in (".AUDIT_LOGS", ".ES_APPLICATION_LOGS")
        for rest in ("", kind, f"{kind}.Enabled", f"{kind}.CloudWatchLogsLogGroupArn")
    },
    **{
        (secretsmanager.secrets, name): "secretsmanager/latest/apireference/API_DescribeSecret.html"
        for name in (
            *("RotationEnabled", "NextRotationDate", "LastRotatedDate", "LastAccessedDate"),
            *("OwningService", "PrimaryRegion", "RotationRules", "RotationRules.AutomaticallyAfterDays"),
        )
    },
    (trails.trails, "CloudWatchLogsLogGroupArn"): DESCRIBED,
    (trails.trails, "CloudWatchLogsRoleArn"): DESCRIBED,
    (trails.trails, "KmsKeyId"): DESCRIBED,
}
"""Members whose absence has a meaning that decides a verdict, with the page of docs.aws.amazon.com that gives it."""


def collector_of(run: Run) -> Collector:
    found: Collector = getattr(run, "__collector__")  # noqa: B009 - set by the decorator
    return found


async def listed(run: Run, *rows: Any) -> tuple[list[Resource], Exception | None]:
    """What a listing makes of these rows, and how it ended."""
    case = CASES[run]
    answers = {**case.others, (case.service, case.operation): answer(case, *rows)}
    return await drained(run, answers)


DECODER = shard_decoder(load())


async def drained(
    run: Run, answers: dict[tuple[str, str], Any], kind: type[LiteralAws] = LiteralAws
) -> tuple[list[Resource], Exception | None]:
    found = Spool()
    ended: Exception | None = None
    try:
        await _drain(run(kind(World({MEMBER: answers}), MEMBER, HOME)), found, set())
    except Exception as error:  # noqa: BLE001 - what a listing ends with is looked at
        ended = error
    return [*map(DECODER.decode, found)], ended


def second(case: Case) -> list[dict[str, Any]]:
    return [case.row | dict(case.identity)] if case.identity else []


def row_shape(case: Case) -> Shape:
    shape: Any = service_model(case.service).operation_model(case.operation).output_shape
    for key in case.place:
        shape = shape.member if isinstance(key, int) else shape.members[key]
    return shape.member if case.identity else shape  # type: ignore[no-any-return]  # botocore has no types


def optional(value: Any, shape: Shape, path: Path = ()) -> Iterator[tuple[Path, Shape]]:
    """Every member of a row, however deep, without which the SDK's model would have it too."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, inner in value.items():
            if name not in shape.required_members:
                yield (*path, name), shape.members[name]
            yield from optional(inner, shape.members[name], (*path, name))
    if isinstance(shape, MapShape):
        yield from (((*path, name), shape.value) for name in value)
    if isinstance(shape, ListShape):
        for place, one in enumerate(value):
            yield from optional(one, shape.member, (*path, place))


def members(run: Run) -> Iterator[tuple[Path, Shape]]:
    case = CASES[run]
    return (
        (path, shape)
        for path, shape in optional(case.row, row_shape(case))
        if len(path) > 1 or path[0] not in {*case.identity, *case.named_by}
    )


def changed(row: dict[str, Any], path: Path, *values: Any) -> dict[str, Any]:
    """The row with another value at a place, or without the place."""
    found = copy.deepcopy(row)
    inner: Any = found
    for key in path[:-1]:
        inner = inner[key]
    if values:
        inner[path[-1]] = values[0]
    else:
        del inner[path[-1]]
    return found


class Watched(dict[str, Any]):
    """A part of a row that keeps which of its members were asked for."""

    def __init__(self, found: dict[str, Any], log: set[Path], path: Path = ()) -> None:
        super().__init__({name: watched(inner, log, (*path, name)) for name, inner in found.items()})
        self.log, self.path = log, path

    def __getitem__(self, name: str) -> Any:
        self.log.add((*self.path, name))
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.log.add((*self.path, name))
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.log.add((*self.path, str(name)))
        return super().__contains__(name)


def watched(value: Any, log: set[Path], path: Path) -> Any:
    if isinstance(value, dict):
        return Watched(value, log, path)
    return [watched(one, log, path) for one in value] if isinstance(value, list) else value


def names_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every member of a row, all items of a list as one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from names_in(inner, (*path, name))
    if isinstance(value, list):
        for one in value:
            yield from names_in(one, path)


def in_model(shape: Any, path: Path) -> bool:
    """Whether AWS may answer a member: what is in a policy, or in tags by name, is not of the model."""
    for name in path:
        while isinstance(shape, ListShape):
            shape = shape.member
        if not isinstance(shape, StructureShape) or name not in shape.members:
            return False
        shape = shape.members[str(name)]
    return True


def verdicts(found: list[Resource], run: Run) -> Verdicts:
    """What each control on the listing's facts says, in an account that has only these."""
    listings = [ListingResult(each.fact.__name__, place(each)) for each in load().values() if each.parent is None]
    details = [detail for resource in found for detail in CASES[run].details(resource)]
    facts = facts_of(MEMBER, *listings, *found, *details, regions=(HOME,))
    kind = collector_of(run).fact
    return {
        (control.id, resource.arn if resource else ""): verdict
        for control in catalogue().values()
        if kind in control.facts
        for resource in (facts.resources(control.subject) if issubclass(control.subject, Resource) else [None])
        if (verdict := judged(control, resource, facts)) is not None
    }


def place(listing: Collector) -> str:
    return GLOBAL if listing.scope is Scope.ACCOUNT else HOME


def judged(control: Control, resource: Resource | None, facts: AccountFacts) -> Status | None:
    given = {AccountFacts: facts, Organization: organization_of(facts), Thresholds: Thresholds()}
    arguments = [
        facts.detail(kind, resource) if resource and issubclass(kind, Detail) else given.get(kind, resource)
        for kind in control.takes
    ]
    try:
        return control(*arguments).status
    except ValueError:  # an alternative that is no value of its kind, such as an address
        return None


def alternatives(value: Any, shape: Shape) -> list[Any]:
    """Other values that AWS might have answered."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [0, value + 1]
    if isinstance(value, list):
        return [[]] if value else []
    if isinstance(value, str):
        return list(getattr(shape, "enum", ())) or ["other"]
    return [] if isinstance(value, dict) else [value + timedelta(days=20_000)]


def at(row: Any, path: Path) -> Any:
    for key in path:
        row = row[key]
    return row


def test_every_listing_has_rows_here() -> None:
    runs = {each.run for each in load().values() if each.parent is None}
    assert runs == {*CASES, *NAMES}


every_listing = pytest.mark.parametrize("run", CASES, ids=lambda run: run.__name__)


@every_listing
async def test_rows_have_all_that_is_read(run: Run) -> None:
    case, log = CASES[run], set[Path]()
    found, error = await listed(run, Watched(case.row, log), *second(case))
    assert (len(found), error) == (len(second(case)) + 1 if case.identity else 1, None)
    asked = {path for path in log if in_model(row_shape(case), path)}
    assert asked <= set(names_in(case.row)), "a member is read that no row here has"


@every_listing
async def test_what_a_row_lacks_hides_nothing_else(run: Run) -> None:
    case = CASES[run]
    whole, _ = await listed(run, case.row, *second(case))
    for path, _ in members(run):
        found, error = await listed(run, changed(case.row, path), *second(case))
        assert error is None, path
        assert [each.arn for each in found] == [each.arn for each in whole], path
        gaps = [value for each in found for value in asdict(each).values() if isinstance(value, Gap)]
        assert {gap.action for gap in gaps} <= set(collector_of(run).actions), path


@every_listing
async def test_no_verdict_rests_on_what_a_row_lacks(run: Run) -> None:
    """Where another value would change a verdict, none is given without it, but for what AWS documents."""
    case = CASES[run]
    whole = verdicts((await listed(run, case.row, *second(case)))[0], run)
    for path, shape in members(run):
        lacking = verdicts((await listed(run, changed(case.row, path), *second(case)))[0], run)
        others = [
            verdicts((await listed(run, changed(case.row, path, value), *second(case)))[0], run)
            for value in alternatives(at(case.row, path), shape)
        ]
        guessed = {
            name: (status, lacking.get(name))
            for name, status in whole.items()
            if lacking.get(name) is not Status.NOT_ASSESSED
            and (lacking.get(name) is not status or any(other.get(name) is not status for other in others))
        }
        assert not guessed or (run, ".".join(map(str, path))) in DOCUMENTED, (path, guessed)


@every_listing
async def test_row_without_identity_leaves_the_others(run: Run) -> None:
    case = CASES[run]
    others, _ = await listed(run, *second(case)) if case.identity else ([], None)
    for name in {*case.identity, *case.named_by} - case.named_elsewhere:
        found, error = await listed(run, changed(case.row, (name,)), *second(case))
        assert [each.arn for each in found] == [each.arn for each in others], name
        assert isinstance(error, RowError if case.identity else KeyError), name


class Unchecked(LiteralAws):
    """AWS whose answers are not held against the model, as the SDK does not hold what JSON has."""

    def _checked(self, service: str, operation: str, parameters: dict[str, Any], told: Any) -> Any:
        return told(**parameters) if callable(told) else told


def wrong(value: Any) -> Any:
    return "wrong" if isinstance(value, int) else 5


@every_listing
async def test_value_of_a_wrong_type_leaves_the_other_rows(run: Run) -> None:
    """In JSON anything may stand anywhere; the other protocols are walked for what their parsers let through."""
    case = CASES[run]
    if not case.identity:
        return
    (*_, other), _ = await listed(run, *second(case))
    for name, value in case.row.items():
        rows = [changed(case.row, (name,), wrong(value)), *second(case)]
        answers = {**case.others, (case.service, case.operation): answer(case, *rows)}
        found, error = await drained(run, answers, Unchecked)
        assert other in found, name
        assert len(found) == len(rows) or error is not None, name


@pytest.mark.parametrize("run", NAMES, ids=lambda run: run.__name__)
async def test_name_that_is_none_leaves_the_others(run: Run) -> None:
    service, operation, member = NAMES[run]
    found, error = await drained(run, {(service, operation): {member: [5, "orders"]}}, Unchecked)
    assert [each.name for each in found] == ["orders"]
    assert isinstance(error, RowError)


@pytest.mark.parametrize("lacking", ["AttachedManagedPolicies", "PolicyArn"])
async def test_policies_of_a_principal_that_are_not_shown_may_be_any(lacking: str) -> None:
    policy = {} if lacking == "PolicyArn" else {"PolicyArn": f"{AWS_POLICY}/PowerUserAccess"}
    hidden = {"Arn": f"arn:aws:iam::{MEMBER}:user/bob", "AttachedManagedPolicies": [policy]}
    if lacking != "PolicyArn":
        del hidden[lacking]
    alice = {"Arn": f"arn:aws:iam::{MEMBER}:user/alice", "AttachedManagedPolicies": [ADMINISTRATOR]}
    answers = {("iam", "GetAccountAuthorizationDetails"): {"UserDetailList": [hidden, alice]}}
    found, error = await drained(authorization.aws_policies, answers)
    assert [each.name for each in found] == ["AdministratorAccess"]
    assert isinstance(error, NotSeenError)
    assert error.gap.message == f"the answer lacks {lacking}"


async def test_roles_without_a_list_of_profiles_may_have_any() -> None:
    """The list is where the rows are: without it there is no telling how many there would be."""
    answers = {("iam", "GetAccountAuthorizationDetails"): {"RoleDetailList": [{"Arn": "arn"}]}}
    found, error = await drained(authorization.instance_profiles, answers)
    assert found == []
    assert isinstance(error, RowError)
