"""AWS Config, Security Hub, Access Analyzer, Macie and Inspector, and the account defaults of EC2 and SSM."""

from dataclasses import dataclass

from moto.config.models import config_backends
from moto.ec2.models import ec2_backends
from moto.securityhub.models import securityhub_backends

from orgaudit.demo.accounts import (
    OPT_IN_REGION,
    REGIONS_BY_DEFAULT,
    SECURITY_TOOLING_ID,
    DemoAccount,
    account_named,
    assessed_accounts,
)
from orgaudit.demo.extra_state import ExtraState, Macie

_HOME = "us-east-1"
_LOGS = f"meridian-config-{account_named('Log Archive').id}"


@dataclass(frozen=True, slots=True)
class _Recorder:
    """How AWS Config records in the regions of an account; the home region's one has the global resource types."""

    types: tuple[str, ...] = ()
    global_types: bool = True
    status: str = "SUCCESS"
    recording: bool = True
    regions: tuple[str, ...] = REGIONS_BY_DEFAULT


_SOUND = _Recorder()
_RECORDERS = {
    "Webshop Development": _Recorder(global_types=False),
    "Payments Development": _Recorder(types=("AWS::EC2::Instance", "AWS::S3::Bucket"), regions=("eu-west-1",)),
    "Mobile Development": _Recorder(status="FAILURE", regions=("us-east-1",)),
    "Sandbox Platform": _Recorder(recording=False, regions=("us-east-1", "eu-west-1")),
}
"""The accounts that record differently from production; the other sandbox does not record at all."""
_NOT_COMPLIANT = ("development", "sandbox")
_DISCOVERING = ("production", "security")
_WITHOUT_DISCOVERY = "eu-central-1"
"""The region where Macie is enabled without automated discovery."""


def seed(state: ExtraState) -> None:
    """Enable the services of each account; the organization's analyzer is missing in the opt-in region."""
    for region in REGIONS_BY_DEFAULT:
        state.analyzers[SECURITY_TOOLING_ID, region] = {"organization": "ORGANIZATION"}
    state.analyzers[account_named("Payments Production").id, OPT_IN_REGION] = {"payments": "ACCOUNT"}
    state.analyzers[account_named("Webshop Development").id, OPT_IN_REGION] = {"unused": "ACCOUNT_UNUSED_ACCESS"}
    for account in assessed_accounts():
        compliant = account.environment not in _NOT_COMPLIANT
        recorder = _RECORDERS.get(account.name, _SOUND if compliant else None)
        if recorder:
            _record(account, recorder)
        if compliant or account.environment == "development":
            for region in REGIONS_BY_DEFAULT if compliant else (_HOME,):
                securityhub_backends[account.id][region].enable_security_hub()
        if compliant:
            for region in REGIONS_BY_DEFAULT:
                ec2_backends[account.id][region].ebs_encryption_by_default = True
                state.metadata_defaults[account.id, region] = "required"
                state.hardened.add((account.id, region))
        if account.environment in _DISCOVERING:
            _discover(state, account)
    state.metadata_defaults[account_named("Mobile Development").id, _HOME] = "optional"


def _record(account: DemoAccount, plan: _Recorder) -> None:
    for region in plan.regions:
        config = config_backends[account.id][region]
        group = {"allSupported": not plan.types, "includeGlobalResourceTypes": plan.global_types and region == _HOME}
        config.put_configuration_recorder({
            "name": "default",
            "roleARN": f"arn:aws:iam::{account.id}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
            "recordingGroup": group | ({"resourceTypes": list(plan.types)} if plan.types else {}),
        })  # fmt: skip
        config.put_delivery_channel({"name": "default", "s3BucketName": _LOGS})
        config.start_configuration_recorder("default")
        if not plan.recording:
            config.stop_configuration_recorder("default")
        config.recorders["default"].status.last_status = plan.status


def _discover(state: ExtraState, account: DemoAccount) -> None:
    administrator = None if account.id == SECURITY_TOOLING_ID else SECURITY_TOOLING_ID
    for region in REGIONS_BY_DEFAULT:
        state.macie[account.id, region] = Macie(administrator, automated=region != _WITHOUT_DISCOVERY)
