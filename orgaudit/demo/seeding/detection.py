"""GuardDuty's detectors with their protection plans."""

from dataclasses import dataclass
from typing import Any

from moto.guardduty.models import guardduty_backends

from orgaudit.demo.accounts import REGIONS_BY_DEFAULT, assessed_accounts

_PLANS = ("EBS_MALWARE_PROTECTION", "EKS_AUDIT_LOGS", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS")
_EKS_AGENT = "EKS_ADDON_MANAGEMENT"
_AGENTS = ("EC2_AGENT_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", _EKS_AGENT)
_RUNTIME, _EKS_RUNTIME = "RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"
_WITHOUT_GUARDDUTY = ("sandbox",)


@dataclass(frozen=True, slots=True)
class _Detector:
    """A detector in some regions of an account, with the plans and the parts of plans that are enabled."""

    plans: tuple[str, ...] = (*_PLANS, _RUNTIME, *_AGENTS)
    enabled: bool = True
    regions: tuple[str, ...] = REGIONS_BY_DEFAULT


_DETECTORS = {
    # Monitors what ran there before there was Runtime Monitoring for more than EKS.
    "Data Platform Production": _Detector(plans=(*_PLANS, _EKS_RUNTIME, f"{_EKS_RUNTIME}.{_EKS_AGENT}")),
    # Runtime Monitoring without agents that GuardDuty manages.
    "Shared Services": _Detector(plans=(*_PLANS, _RUNTIME)),
    "Webshop Development": _Detector(plans=("S3_DATA_EVENTS",), regions=("eu-west-1",)),
    "Payments Development": _Detector(enabled=False),
    "Mobile Development": _Detector(plans=(), regions=("us-east-1",)),
}
"""The accounts whose detectors differ from those of production; sandboxes have none."""


def seed() -> None:
    """Create a detector in each region that has one; no account has one in the opt-in region."""
    for account in assessed_accounts():
        if account.environment not in _WITHOUT_GUARDDUTY:
            plan = _DETECTORS.get(account.name, _Detector())
            for region in plan.regions:
                guardduty_backends[account.id][region].create_detector(
                    enable=plan.enabled,
                    finding_publishing_frequency="SIX_HOURS",
                    data_sources={},
                    tags={},
                    features=_features(plan),
                )


def _features(plan: _Detector) -> list[dict[str, Any]]:
    """Return every plan as GuardDuty answers it; the parts of the older runtime plan are named with it."""
    older = _parts(plan, (_EKS_AGENT,), of=f"{_EKS_RUNTIME}.")
    return [
        *_parts(plan, _PLANS),
        {**_state(plan, _RUNTIME), "additionalConfiguration": _parts(plan, _AGENTS)},
        {**_state(plan, _EKS_RUNTIME), "additionalConfiguration": older},
    ]


def _parts(plan: _Detector, names: tuple[str, ...], of: str = "") -> list[dict[str, Any]]:
    return [{**_state(plan, f"{of}{name}"), "name": name} for name in names]


def _state(plan: _Detector, name: str) -> dict[str, Any]:
    return {"name": name, "status": "ENABLED" if name in plan.plans else "DISABLED"}
