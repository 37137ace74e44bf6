"""How long controls are in the source: one is read as a whole, and what is longer hides a fact that nobody computes."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from orgaudit.controls.declare import catalogue

CONTROLS = Path(__file__).parents[2] / "orgaudit" / "controls"
MOST = 35
MEDIAN = 24
LONGER = {
    "accessanalyzer_external_analyzer_enabled": 41,
    "cloudtrail_trail_cloudwatch_logs_delivered": 36,
    "cloudtrail_trail_log_group_retained": 40,
    "cloudtrail_trail_log_group_subscriptions_known": 42,
    "cloudtrail_trail_multi_region_management_events": 38,
    "cloudtrail_trail_role_can_deliver": 43,
    "config_recorder_all_regions_enabled": 40,
    "ec2_vpc_flow_logs_enabled": 43,
    "ec2_vpc_peering_routes_restricted": 38,
    "iam_identity_federation_configured": 41,
    "iam_user_initial_access_key_absent": 37,
    "organizations_policy_delegation_configured": 38,
    "organizations_service_delegated_admins_registered": 41,
    "rds_instance_private": 39,
}
"""Controls over the limit, and their lines: none may grow, and none is added."""


@cache
def lengths() -> dict[str, int]:
    """The lines of each control with its declaration: of its function, or of the statement in which a factory has it.

    A statement with several controls is counted for each.
    """
    return {
        name: node.end_lineno - first + 1
        for path in sorted(CONTROLS.rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.Assign) and node.end_lineno
        for first in [min(each.lineno for each in (node, *getattr(node, "decorator_list", ())))]
        for name in names_in(node)
    }


def names_in(node: ast.FunctionDef | ast.Assign) -> list[str]:
    """The ids of the controls that a statement declares."""
    if isinstance(node, ast.FunctionDef):
        return [node.name] if node.name in catalogue() else []
    texts = (each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant))
    return [text for text in texts if isinstance(text, str) and text in catalogue()]


def test_every_control_is_found_in_the_source() -> None:
    assert set(lengths()) == {
        name for name, each in catalogue().items() if each.judge.__module__.startswith("orgaudit")
    }


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_no_control_is_long(name: str) -> None:
    assert lengths()[name] <= LONGER.get(name, MOST)


def test_no_longer_control_is_left_over() -> None:
    assert {name: lengths()[name] for name in LONGER} == LONGER


def test_half_of_the_controls_are_short() -> None:
    assert median(lengths().values()) <= MEDIAN
