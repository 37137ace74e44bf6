"""Which service a control belongs to, by the module in which it is written."""

from __future__ import annotations

import pytest

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.iam.users import iam_user_console_mfa_enabled
from orgaudit.facts.iam.authorization import User
from orgaudit.model import Disruption, Effort, Severity, Verdict, passed

FIX = Fix(
    service_wide="Do it.",
    asset="Do it.",
    command="aws iam list-users",
    preventive="Do it.",
    effort=Effort.S,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)


def made_in(module: str) -> Control:
    def judge(user: User) -> Verdict:
        return passed(user.name)

    judge.__doc__ = "Users are fine.\n\nWhat is not fine is bad."
    judge.__module__ = module
    return control(Severity.LOW, fix=FIX)(judge)


@pytest.mark.parametrize(
    ("module", "service"),
    [
        ("orgaudit.controls.kms", "kms"),
        ("orgaudit.controls.iam", "iam"),
        ("orgaudit.controls.iam.users", "iam"),
        ("orgaudit.controls.ec2.network.acls", "ec2"),
        ("orgaudit.controls.lambda_", "lambda"),
        ("orgaudit.controlsmore.kms", "kms"),
        ("company_rules", "company_rules"),
        ("company.rules.iam", "iam"),
    ],
)
def test_service_is_the_module_below_our_package_or_a_plugins_last(module: str, service: str) -> None:
    assert made_in(module).service == service


def test_control_of_a_package_belongs_to_its_service() -> None:
    assert iam_user_console_mfa_enabled.service == "iam"
