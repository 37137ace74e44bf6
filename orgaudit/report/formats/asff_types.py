"""AWS's types of the resources that findings are about.

Source: https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resources.html
"""

from __future__ import annotations

ACCOUNT, OTHER = "AwsAccount", "Other"
"""The type of an account, whose id is AWS::::Account: and its number, and that of what has no type of its own."""

TYPES = {
    "Account": ACCOUNT,
    "AccountPublicAccessBlock": "AwsS3AccountPublicAccessBlock",
    "ApiStage": "AwsApiGatewayV2Stage",
    "AwsPolicy": "AwsIamPolicy",
    "BackupVault": "AwsBackupBackupVault",
    "Bucket": "AwsS3Bucket",
    "ClassicLoadBalancer": "AwsElbLoadBalancer",
    "CustomerPolicy": "AwsIamPolicy",
    "DatabaseCluster": "AwsRdsDbCluster",
    "DatabaseInstance": "AwsRdsDbInstance",
    "DatabaseSnapshot": "AwsRdsDbSnapshot",
    "DefaultSecurityGroup": "AwsEc2SecurityGroup",
    "Distribution": "AwsCloudFrontDistribution",
    "DocdbCluster": "AwsRdsDbCluster",
    "DocdbSnapshot": "AwsRdsDbClusterSnapshot",
    "DynamoDbTable": "AwsDynamoDbTable",
    "EcsCluster": "AwsEcsCluster",
    "EksCluster": "AwsEksCluster",
    "EventBus": "AwsEventsEventbus",
    "Function": "AwsLambdaFunction",
    "Instance": "AwsEc2Instance",
    "Key": "AwsKmsKey",
    "LoadBalancer": "AwsElbv2LoadBalancer",
    "NeptuneCluster": "AwsRdsDbCluster",
    "NeptuneSnapshot": "AwsRdsDbClusterSnapshot",
    "NetworkAcl": "AwsEc2NetworkAcl",
    "PeeringConnection": "AwsEc2VpcPeeringConnection",
    "Queue": "AwsSqsQueue",
    "RedshiftCluster": "AwsRedshiftCluster",
    "Region": ACCOUNT,
    "Repository": "AwsEcrRepository",
    "RestApi": "AwsApiGatewayRestApi",
    "RestApiStage": "AwsApiGatewayStage",
    "Role": "AwsIamRole",
    "Root": ACCOUNT,
    "RouteTable": "AwsEc2RouteTable",
    "SearchDomain": "AwsOpenSearchServiceDomain",
    "Secret": "AwsSecretsManagerSecret",
    "SecurityGroup": "AwsEc2SecurityGroup",
    "SnsTopic": "AwsSnsTopic",
    "Subnet": "AwsEc2Subnet",
    "TaskFamily": "AwsEcsTaskDefinition",
    "Trail": "AwsCloudTrailTrail",
    "User": "AwsIamUser",
    "Volume": "AwsEc2Volume",
    "Vpc": "AwsEc2Vpc",
}
"""The types by the kind of resource; of DatabaseSnapshot those that are no cluster's."""
_CLUSTER_SNAPSHOT = ":cluster-snapshot:"


def type_of(kind: str, resource: str) -> str:
    """Return AWS's type of a resource."""
    if kind == "DatabaseSnapshot" and _CLUSTER_SNAPSHOT in resource:
        return "AwsRdsDbClusterSnapshot"
    return TYPES.get(kind, OTHER)
