"""Controls on instances."""

from __future__ import annotations

from datetime import timedelta

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.instances import STOPPED, Instance
from orgaudit.facts.iam.authorization import InstanceProfile
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, not_applicable, passed, require, shown
from orgaudit.settings.thresholds import Thresholds

STORED_KEYS = "software on the instance can call AWS with stored access keys only"


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Set IMDSv2 as the default of all accounts with a declarative policy for EC2, then change "
        "existing instances.",
        asset="Require IMDSv2 on instance {resource.name}, once the metric MetadataNoToken shows no use of version 1.",
        command="aws ec2 modify-instance-metadata-options --region {region} --instance-id {resource.name} "
        "--http-tokens required --http-endpoint enabled",
        preventive="Deny ec2:RunInstances where ec2:MetadataHttpTokens is not required, with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_instance_imdsv2_required(instance: Instance) -> Verdict:
    """Instances require IMDSv2.

    IMDSv1 answers any request, so a web application with a server-side request forgery vulnerability discloses the
    credentials of the instance's role. IMDSv2 requires a token.
    """
    evidence = {"state": instance.state.value, "tokens": shown(instance.tokens), "endpoint": shown(instance.endpoint)}
    if shown(instance.endpoint) == "disabled":
        return passed("the metadata service is disabled", **evidence)
    required = instance.tokens.value == "required"
    if required and not instance.applied.value:
        return failed("IMDSv2 is set to required, but the change is not applied yet", **evidence)
    return require(
        required or instance.endpoint.value == "disabled",
        then="IMDSv2 is required",
        otherwise="IMDSv1 is allowed, because tokens are optional",
        **evidence,
    )


@control(
    Severity.MEDIUM,
    facts=(InstanceProfile,),
    fix=Fix(
        service_wide="Attach a role to every instance by default with Systems Manager Quick Setup.",
        asset="Attach a role to instance {resource.name}, and remove access keys that are stored on it.",
        command="aws ec2 associate-iam-instance-profile --region {region} --instance-id {resource.name} "
        "--iam-instance-profile Name=PROFILE_NAME",
        preventive="Start instances only from launch templates that name an instance profile.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_instance_iam_role_attached(instance: Instance, account: AccountFacts) -> Verdict:
    """Instances have an IAM role.

    Without a role, software that calls AWS needs access keys that are stored on the instance and do not expire. Whether
    an instance without a role calls AWS at all, only its owner knows. An instance profile without a role provides no
    credentials.
    """
    profile_arn = instance.profile_arn.value
    evidence: dict[str, Json] = {"state": instance.state.value, "profile": profile_arn}
    if profile_arn is None:
        return failed(f"the instance has no instance profile: {STORED_KEYS}", **evidence)
    profile = account.find(InstanceProfile, profile_arn)
    if profile is None:
        account.everywhere(InstanceProfile)
        name = profile_arn.rsplit("/", 1)[-1]
        return failed(f"the instance profile {name} has no role: {STORED_KEYS}", **evidence)
    return passed(f"the instance profile has the role {profile.role_arn}", role=profile.role_arn, **evidence)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Publish applications through load balancers, administer instances through Session Manager, and "
        "launch instances in private subnets.",
        asset="Release the address of instance {resource.name}, after its clients have another path: move it to a "
        "private subnet, or disassociate its elastic address.",
        command="aws ec2 describe-addresses --region {region} --filters Name=instance-id,Values={resource.name}",
        preventive="Deny ec2:RunInstances where ec2:AssociatePublicIpAddress is true with a service control policy.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=True,
    ),
)
def ec2_instance_public_ip_absent(instance: Instance) -> Verdict:
    """Instances have no public IPv4 address.

    An instance with a public address is protected from the internet only by its security groups and its subnet's
    network ACL. IPv6 addresses are public by nature: they are in the evidence, and do not count.
    """
    address = instance.public_address.value
    return require(
        address is None,
        then="the instance has no public IPv4 address",
        otherwise=f"the instance has the public address {address}",
        state=instance.state.value,
        ipv6_addresses=shown(instance.ipv6_addresses),
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Agree on which kinds of instances may connect several networks, such as firewalls and the nodes "
        "of clusters, and record these as exceptions by tag.",
        asset="Detach the network interfaces of instance {resource.name} that it does not need.",
        command="aws ec2 describe-network-interfaces --region {region} "
        "--filters Name=attachment.instance-id,Values={resource.name}",
        preventive="Start instances only from launch templates with one network interface.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_instance_single_network_interface_used(instance: Instance) -> Verdict:
    """Instances have one network interface.

    An instance with interfaces in several subnets can carry traffic between networks that are meant to be separate.
    Nodes of EKS have several by design; the evidence names their cluster.
    """
    count = instance.interfaces.value
    return require(
        count <= 1,
        then="the instance does not have several network interfaces",
        otherwise=f"the instance has {count} network interfaces",
        state=instance.state.value,
        network_interfaces=count,
        eks_cluster=instance.tags.get("aws:eks:cluster-name") or instance.tags.get("eks:cluster-name"),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace paravirtual images with HVM images of the same systems.",
        asset="Launch a replacement of instance {resource.name} from an HVM image, and move its data.",
        command="aws ec2 run-instances --region {region} --image-id HVM_IMAGE_ID --instance-type INSTANCE_TYPE",
        preventive="Allow only approved images with the Allowed AMIs setting in a declarative policy for EC2.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
def ec2_instance_hvm_used(instance: Instance) -> Verdict:
    """Instances use hardware virtualization.

    Paravirtual instances run only on old hardware generations, without the isolation and the network functions of
    present ones.
    """
    kind = instance.virtualization.value
    return require(
        kind == "hvm",
        then="the instance uses hardware virtualization",
        otherwise=f"the virtualization of the instance is {kind}",
        state=instance.state.value,
        virtualization=kind,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Agree on how long instances may stay stopped, and remove older ones on a schedule.",
        asset="Create an image of instance {resource.name} if it may be needed again, then terminate it.",
        command="aws ec2 terminate-instances --region {region} --instance-ids {resource.name}",
        preventive="Remove stopped instances with a Systems Manager automation on a schedule.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def ec2_instance_stopped_30_days_removed(instance: Instance, account: AccountFacts, thresholds: Thresholds) -> Verdict:
    """Instances that have been stopped for long are removed.

    A stopped instance gets no updates. When it is started again after months, its known vulnerabilities are exposed.
    """
    if instance.state.value != STOPPED:
        return not_applicable(f"the instance is {instance.state.value}")
    changed_at = instance.changed_at.value
    since, source = (changed_at, "stopped") if changed_at else (instance.launched_at.value, "last launched")
    age = account.now - since
    limit = thresholds.stopped_instance_days
    evidence: dict[str, Json] = {"since": since.isoformat(), "time_of": source, "limit_days": limit}
    return require(
        age <= timedelta(days=limit),
        then=f"the instance is stopped, and was {source} {age.days} days ago",
        otherwise=f"the instance is stopped, and was {source} {age.days} days ago, of {limit} that are allowed",
        **evidence,
    )
