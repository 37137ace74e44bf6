"""What runs and what stands before it: Lambda, ECS, EKS, load balancers, API Gateway and CloudFront."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

from typing import Any

from scripts.simulator.answers import (
    CREATED,
    Asked,
    RefusedError,
    answers,
    constant,
    days_ago,
    number_of,
    policy,
    statement,
)
from scripts.simulator.answers.logging import BUCKET
from scripts.simulator.organization import ACCOUNT, Place
from scripts.simulator.protocol import Answer


@answers("lambda", "ListFunctions")
def functions(place: Place, _asked: Asked) -> Answer:
    return {
        "Functions": [
            {
                "FunctionName": name,
                "FunctionArn": place.arn("lambda", f"function:{name}"),
                "Runtime": "python3.13" if place.often(f"{name} current", 70) else "python3.7",
                "Role": f"arn:aws:iam::{ACCOUNT}:role/role-0",
                "PackageType": "Zip",
                "LastModified": "2024-01-01T00:00:00.000+0000",
            }
            for name in place.names("function", 6)
        ]
    }


@answers("lambda", "GetPolicy")
def function_policy(place: Place, asked: Asked) -> Answer:
    arn = str(asked.get("FunctionName"))
    if number_of(arn) % 2:
        raise RefusedError("ResourceNotFoundException", status=404)
    calls = statement("lambda:InvokeFunction", arn, {"Service": "events.amazonaws.com"})
    given = {**calls, "Condition": {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}}
    return {"Policy": policy(given if place.often(arn, 80) else {**calls, "Principal": "*"}), "RevisionId": "1"}


def _clusters(place: Place) -> list[str]:
    return [place.arn("ecs", f"cluster/{name}") for name in place.names("services", 2)]


@answers("ecs", "ListClusters")
def ecs_clusters(place: Place, _asked: Asked) -> Answer:
    return {"clusterArns": _clusters(place)}


@answers("ecs", "DescribeClusters")
def described_clusters(place: Place, _asked: Asked) -> Answer:
    return {
        "clusters": [
            {
                "clusterArn": arn,
                "clusterName": arn.rpartition("/")[2],
                "status": "ACTIVE",
                "runningTasksCount": 2,
                "pendingTasksCount": 0,
                "activeServicesCount": 1,
                "settings": [{"name": "containerInsights", "value": "enabled" if place.often(arn, 50) else "disabled"}],
            }
            for arn in _clusters(place)
        ],
        "failures": [],
    }


@answers("ecs", "ListTaskDefinitionFamilies")
def families(place: Place, _asked: Asked) -> Answer:
    return {"families": place.names("task", 3)}


@answers("ecs", "DescribeTaskDefinition")
def task_definition(place: Place, asked: Asked) -> Answer:
    family = str(asked.get("taskDefinition"))
    container = {
        "name": "main",
        "image": "example:1",
        "privileged": place.often(f"{family} privileged", 15),
        "readonlyRootFilesystem": place.often(f"{family} read-only", 50),
        "user": "app" if place.often(f"{family} user", 60) else "root",
        "environment": [{"name": "STAGE", "value": "production"}],
        "logConfiguration": {"logDriver": "awslogs"},
    }
    arn = place.arn("ecs", f"task-definition/{family}:1")
    found = {"taskDefinitionArn": arn, "family": family, "revision": 1, "containerDefinitions": [container]}
    return {"taskDefinition": {**found, "volumes": [], "status": "ACTIVE"}}


def _eks(place: Place) -> list[str]:
    return place.names("platform", 1) if place.often("eks", 40) else []


@answers("eks", "ListClusters")
def eks_clusters(place: Place, _asked: Asked) -> Answer:
    return {"clusters": _eks(place)}


@answers("eks", "DescribeCluster")
def eks_cluster(place: Place, asked: Asked) -> Answer:
    name = str(asked.get("name"))
    public = place.often(f"{name} public", 50)
    return {
        "cluster": {
            "name": name,
            "arn": place.arn("eks", f"cluster/{name}"),
            "status": "ACTIVE",
            "version": "1.33",
            "resourcesVpcConfig": {
                "endpointPublicAccess": public,
                "publicAccessCidrs": ["0.0.0.0/0"] if public else [],
            },
            "logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": place.often(f"{name} logs", 50)}]},
        }
    }


constant(
    "eks",
    "DescribeClusterVersions",
    {
        "clusterVersions": [
            {
                "clusterVersion": "1.33",
                "versionStatus": "STANDARD_SUPPORT",
                "endOfStandardSupportDate": days_ago(-300),
            }
        ]
    },
)


def _balancer(place: Place, name: str) -> str:
    return place.arn("elasticloadbalancing", f"loadbalancer/app/{name}/0123456789abcdef")


@answers("elbv2", "DescribeLoadBalancers")
def load_balancers(place: Place, _asked: Asked) -> Answer:
    return {
        "LoadBalancers": [
            {
                "LoadBalancerArn": _balancer(place, name),
                "LoadBalancerName": name,
                "Type": "application",
                "Scheme": "internet-facing" if place.often(f"{name} public", 50) else "internal",
                "VpcId": f"vpc-{ACCOUNT}00000",
                "AvailabilityZones": [{"ZoneName": f"{place.region}{zone}"} for zone in "ab"],
            }
            for name in place.names("front", 2)
        ]
    }


@answers("elbv2", "DescribeLoadBalancerAttributes")
def balancer_attributes(place: Place, asked: Asked) -> Answer:
    arn = str(asked.get("LoadBalancerArn"))
    values = {
        "access_logs.s3.enabled": place.often(f"{arn} logs", 50),
        "deletion_protection.enabled": place.often(f"{arn} protected", 50),
        "routing.http.drop_invalid_header_fields.enabled": place.often(f"{arn} drops", 50),
    }
    found = {key: "true" if value else "false" for key, value in values.items()}
    found |= {"access_logs.s3.bucket": BUCKET, "routing.http.desync_mitigation_mode": "defensive"}
    return {"Attributes": [{"Key": key, "Value": value} for key, value in found.items()]}


@answers("elbv2", "DescribeListeners")
def listeners(place: Place, asked: Asked) -> Answer:
    arn = str(asked.get("LoadBalancerArn")).replace(":loadbalancer/", ":listener/")
    secure = place.often(f"{arn} secure", 60)
    actions = [
        {"Type": "forward", "TargetGroupArn": place.arn("elasticloadbalancing", "targetgroup/web/0123456789abcdef")}
    ]
    found = {"ListenerArn": f"{arn}/0123456789abcdef", "Port": 443 if secure else 80, "DefaultActions": actions}
    policies = {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"} if secure else {}
    return {"Listeners": [{**found, "Protocol": "HTTPS" if secure else "HTTP", **policies}]}


@answers("elbv2", "DescribeRules")
def rules(_place: Place, asked: Asked) -> Answer:
    rule = f"{asked.get('ListenerArn')}/0123456789abcdef".replace(":listener/", ":listener-rule/")
    return {"Rules": [{"RuleArn": rule, "Priority": "default", "Actions": [{"Type": "forward"}], "IsDefault": True}]}


@answers("elbv2", "DescribeTargetGroups")
def target_groups(place: Place, _asked: Asked) -> Answer:
    return {
        "TargetGroups": [
            {
                "TargetGroupArn": place.arn("elasticloadbalancing", f"targetgroup/{name}/0123456789abcdef"),
                "TargetGroupName": name,
                "TargetType": "ip",
                "Protocol": "HTTP",
                "HealthCheckProtocol": "HTTP",
                "LoadBalancerArns": [_balancer(place, name)],
            }
            for name in place.names("front", 2)
        ]
    }


@answers("elb", "DescribeLoadBalancers")
def classic_balancers(place: Place, _asked: Asked) -> Answer:
    return {
        "LoadBalancerDescriptions": [
            {
                "LoadBalancerName": name,
                "Scheme": "internal",
                "AvailabilityZones": [f"{place.region}{zone}" for zone in "ab"],
                "ListenerDescriptions": [
                    {
                        "Listener": {
                            "Protocol": "HTTP",
                            "LoadBalancerPort": 80,
                            "InstanceProtocol": "HTTP",
                            "InstancePort": 80,
                        }
                    }
                ],
            }
            for name in (place.names("classic", 1) if place.often("classic", 30) else ())
        ]
    }


@answers("elb", "DescribeLoadBalancerAttributes")
def classic_attributes(_place: Place, _asked: Asked) -> Answer:
    return {
        "LoadBalancerAttributes": {
            "CrossZoneLoadBalancing": {"Enabled": True},
            "AccessLog": {"Enabled": False},
            "ConnectionDraining": {"Enabled": True, "Timeout": 300},
            "ConnectionSettings": {"IdleTimeout": 60},
            "AdditionalAttributes": [{"Key": "elb.http.desyncmitigationmode", "Value": "defensive"}],
        }
    }


@answers("apigateway", "GetRestApis")
def rest_apis(place: Place, _asked: Asked) -> Answer:
    return {
        "items": [
            {
                "id": f"api{number}",
                "name": name,
                "createdDate": CREATED,
                "endpointConfiguration": {"types": ["REGIONAL"]},
                "tags": {"team": "web"},
            }
            for number, name in enumerate(place.names("orders", 2))
        ]
    }


@answers("apigateway", "GetStages")
def stages(place: Place, asked: Asked) -> Answer:
    api = str(asked.get("restApiId"))
    logs = {"destinationArn": place.arn("logs", "log-group:api"), "format": "$context.requestId"}
    level = "INFO" if place.often(f"{api} execution", 50) else "OFF"
    stage = {
        "stageName": "prod",
        "cacheClusterEnabled": False,
        "tracingEnabled": place.often(f"{api} traced", 40),
        "methodSettings": {"*/*": {"loggingLevel": level, "cachingEnabled": False, "cacheDataEncrypted": False}},
        "tags": {"team": "web"},
    }
    return {"item": [{**stage, **({"accessLogSettings": logs} if place.often(f"{api} logs", 50) else {})}]}


@answers("apigateway", "GetResources")
def api_resources(_place: Place, _asked: Asked) -> Answer:
    method = {"httpMethod": "GET", "methodIntegration": {"type": "AWS_PROXY", "httpMethod": "POST"}}
    return {"items": [{"id": "root", "path": "/", "resourceMethods": {"GET": method}}]}


@answers("apigatewayv2", "GetApis")
def http_apis(place: Place, _asked: Asked) -> Answer:
    return {
        "Items": [
            {
                "ApiId": f"api-{number}",
                "Name": name,
                "ProtocolType": "HTTP" if number % 2 else "WEBSOCKET",
                "RouteSelectionExpression": "$request.method",
            }
            for number, name in enumerate(place.names("events", 2))
        ]
    }


@answers("apigatewayv2", "GetStages")
def http_stages(place: Place, asked: Asked) -> Answer:
    logs = {"DestinationArn": place.arn("logs", "log-group:api"), "Format": "$context.requestId"}
    level = {} if number_of(str(asked.get("ApiId"))) % 2 else {"LoggingLevel": "INFO"}
    stage = {
        "StageName": "live",
        "DefaultRouteSettings": {"DetailedMetricsEnabled": False, **level},
        "RouteSettings": {},
    }
    return {"Items": [{**stage, **({"AccessLogSettings": logs} if place.often(asked.get("ApiId"), 50) else {})}]}


def _distributions(place: Place) -> list[str]:
    return [f"E{ACCOUNT}{number}" for number in range(place.count("distributions", 2))] if place.is_home else []


def _behavior(place: Place, name: str) -> dict[str, Any]:
    policy_name = "redirect-to-https" if place.often(f"{name} https", 70) else "allow-all"
    return {
        "TargetOriginId": "files",
        "ViewerProtocolPolicy": policy_name,
        "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
        "TrustedSigners": {"Enabled": False, "Quantity": 0},
    }


@answers("cloudfront", "ListDistributions")
def distributions(place: Place, _asked: Asked) -> Answer:
    names = _distributions(place)
    origin = {
        "Id": "files",
        "DomainName": f"data-{ACCOUNT}-0.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    items = [
        {
            "Id": name,
            "ARN": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}",
            "Status": "Deployed",
            "LastModifiedTime": CREATED,
            "DomainName": f"{name.lower()}.cloudfront.net",
            "Aliases": {"Quantity": 0},
            "Origins": {"Quantity": 1, "Items": [{**origin, "OriginAccessControlId": "oac" if number else ""}]},
            "OriginGroups": {"Quantity": 0},
            "DefaultCacheBehavior": _behavior(place, name),
            "CacheBehaviors": {"Quantity": 0},
            "CustomErrorResponses": {"Quantity": 0},
            "Comment": "",
            "PriceClass": "PriceClass_All",
            "Enabled": True,
            "ViewerCertificate": {
                "CloudFrontDefaultCertificate": True,
                "SSLSupportMethod": "vip",
                "MinimumProtocolVersion": "TLSv1",
            },
            "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
            "WebACLId": "",
            "HttpVersion": "http2",
            "IsIPV6Enabled": True,
            "Staging": False,
        }
        for number, name in enumerate(names)
    ]
    whole = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items), "Items": items}
    return {"DistributionList": whole}


@answers("cloudfront", "GetDistributionConfig")
def distribution(place: Place, asked: Asked) -> Answer:
    name = str(asked.get("Id"))
    if name not in _distributions(place):
        raise RefusedError("NoSuchDistribution", status=404)
    root = {"DefaultRootObject": "index.html"} if place.often(f"{name} root", 60) else {"DefaultRootObject": ""}
    logs = {"Enabled": place.often(f"{name} logs", 50), "IncludeCookies": False, "Bucket": BUCKET, "Prefix": ""}
    return {"DistributionConfig": {"CallerReference": name, **root, "Comment": "", "Logging": logs, "Enabled": True}}


constant("logs", "DescribeDeliveries", {"deliveries": []})
constant("logs", "DescribeDeliverySources", {"deliverySources": []})
