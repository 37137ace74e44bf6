"""Each fault that an audit must survive, end to end: what was not seen is said, and nothing else changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from orgaudit.errors import ExitCode
from orgaudit.facts.declare import load
from orgaudit.facts.shard import ListingResult, shard_decoder
from orgaudit.model import GLOBAL, GapReason, Status
from orgaudit.store.run import read_lines
from tests.audit_runs import (
    CHOSEN,
    FENCED_REGION,
    HOME,
    LOG_ARCHIVE,
    MANAGEMENT,
    MOBILE,
    PAYMENTS,
    REGIONS,
    SANDBOX,
    SHUT,
    TOOLING,
    WEBSHOP,
    Caller,
    Outcome,
    assert_adds_up,
    assert_honest,
    assert_same,
    by_place,
    gaps_in,
    places_of,
    without_times,
)
from tests.faults import (
    Cut,
    Deny,
    DenyByScp,
    ExpireToken,
    Fail,
    FaultProxy,
    Garble,
    Hang,
    RegionDisabled,
    Rule,
    ServerError,
    Throttle,
)

OUTSIDE = "af-south-1"
TWICE = "attempts = 2"
"""For answers that never come right: the program need not wait for them long."""

CHAIN = {
    WEBSHOP: ("cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors", "logs:DescribeLogGroups", "iam:GetRole"),
    MOBILE: ("logs:DescribeSubscriptionFilters", "logs:DescribeMetricFilters", "iam:ListRolePolicies"),
    MANAGEMENT: ("cloudwatch:DescribeAlarms", "iam:GetRolePolicy"),
    PAYMENTS: ("sns:ListSubscriptionsByTopic", "iam:ListAttachedRolePolicies"),
    TOOLING: ("cloudtrail:DescribeTrails",),
}
"""Every action behind a trail and its details, spread over accounts so that no gap hides another."""


def spread(rule: Callable[..., Rule]) -> list[Rule]:
    """Return a rule for each action of the chain in its account."""
    return [
        rule(action=action.partition(":")[2], account=account) for account, found in CHAIN.items() for action in found
    ]


def assert_gaps_of_chain(outcome: Outcome, reason: GapReason) -> None:
    """Each action of the chain left its gap in the facts of its account, and no account has another."""
    found = {account: gaps_in(outcome, account) for account in CHOSEN}
    wanted = {account: {(reason, action) for action in CHAIN.get(account, ())} for account in CHOSEN}
    fence = {(GapReason.SCP_DENIED, "cloudtrail:DescribeTrails")}
    assert {account: gaps - fence for account, gaps in found.items()} == wanted


def assert_gaps(outcome: Outcome, reason: GapReason, *actions: str) -> None:
    """Everything that was not assessed was so for this reason."""
    unseen = (cell for cell in outcome.cells if cell.status is Status.NOT_ASSESSED and not cell.is_accepted)
    assert {(cell.reason, cell.action) for cell in unseen} == {(reason, action) for action in actions}


def test_suspended_account_and_missing_role_are_not_assessed_and_leave_the_others(
    caller: Caller, proxy: FaultProxy, clean: Outcome
) -> None:
    config = caller.configured()
    accounts = ", ".join(f'"{each}"' for each in (*CHOSEN, *SHUT))
    config.write_text(config.read_text().replace("accounts = [", f"accounts = [{accounts},", 1))
    outcome = caller.audit(config=config)
    assert outcome.code == ExitCode.INCOMPLETE
    assert_honest(outcome, clean)
    cells = by_place(outcome)
    assert all(cells[place] == cell for place, cell in by_place(clean).items())
    lost = [cell for cell in outcome.cells if cell.account_id in SHUT]
    assert len(lost) == len(SHUT) * len(clean.cells) / len(CHOSEN)
    assert {(cell.status, cell.reason) for cell in lost} == {(Status.NOT_ASSESSED, GapReason.ACCOUNT_UNAVAILABLE)}
    assert not any(call.account in SHUT for call in proxy.calls)
    assert [call.target for call in proxy.calls if call.target in SHUT] == [SHUT[1]], (
        "the role of the other is not tried"
    )


@pytest.mark.parametrize("account", [WEBSHOP, TOOLING])
def test_role_missing_in_one_account(caller: Caller, proxy: FaultProxy, clean: Outcome, account: str) -> None:
    proxy.rules.append(Deny(action="AssumeRole", target=account))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    own = [cell for cell in outcome.cells if cell.account_id == account]
    assert {(cell.status, cell.reason) for cell in own} == {(Status.NOT_ASSESSED, GapReason.ACCOUNT_UNAVAILABLE)}
    assert {cell.action for cell in own} == {"sts:AssumeRole"}


def test_each_action_denied_is_a_gap_of_its_own(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules += spread(Deny)
    outcome = caller.audit()
    assert_honest(outcome, clean)
    assert_gaps_of_chain(outcome, GapReason.DENIED)
    refused = Counter((call.account, call.region, call.permission) for call in proxy.calls if call.faults)
    details = {place: times for place, times in refused.items() if place[0] == PAYMENTS}
    assert set(details.values()) == {1}, "a denied call is not tried again"


@pytest.mark.parametrize("account", [MANAGEMENT, WEBSHOP])
def test_one_detail_action_denied(caller: Caller, proxy: FaultProxy, clean: Outcome, account: str) -> None:
    proxy.rules.append(Deny(action="GetEventSelectors", account=account))
    outcome = caller.audit()
    differing = assert_honest(outcome, clean)
    assert gaps_in(outcome, account) == {(GapReason.DENIED, "cloudtrail:GetEventSelectors")}
    # The organization's trail records everybody, so only where it was not seen is the question open.
    assert {place[1] for place in differing} == ({GLOBAL} if account == MANAGEMENT else set())


def test_listing_denied_everywhere(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Deny(action="DescribeTrails"))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    assert not any(finding.status in {Status.PASS, Status.FAIL} for finding in outcome.findings)
    assert_gaps(outcome, GapReason.DENIED, "cloudtrail:DescribeTrails")


@pytest.mark.parametrize("region", [HOME, "eu-west-1"])
def test_listing_denied_in_one_region(caller: Caller, proxy: FaultProxy, clean: Outcome, region: str) -> None:
    proxy.rules.append(Deny(action="DescribeTrails", region=region))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    shut = places_of(outcome, regions=[region])
    assert {(cell.status, cell.reason) for cell in shut} == {(Status.NOT_ASSESSED, GapReason.DENIED)}
    assert outcome.code == ExitCode.INCOMPLETE


def test_scp_in_one_region_shuts_that_region(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(DenyByScp(service="cloudtrail", region="eu-west-1", account=LOG_ARCHIVE))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    shut = places_of(outcome, accounts=[LOG_ARCHIVE], regions=["eu-west-1"])
    assert {(cell.status, cell.reason) for cell in shut} == {(Status.NOT_ASSESSED, GapReason.SCP_DENIED)}
    assert {cell.action for cell in shut} == {"cloudtrail:DescribeTrails"}
    assert not any(cell.is_accepted for cell in shut)
    assert outcome.code == ExitCode.INCOMPLETE
    totals = outcome.report["coverage"]["totals"]
    assert (totals["evaluations_blocked"], totals["regions_blocked"]) == (len(shut), 1)


def test_denied_region_of_the_sandbox_is_accepted(clean: Outcome) -> None:
    shut = places_of(clean, accounts=[SANDBOX], regions=[FENCED_REGION])
    assert {(cell.status, cell.reason) for cell in shut} == {(Status.NOT_ASSESSED, GapReason.SCP_DENIED)}
    assert all(cell.is_accepted for cell in shut)
    assert clean.code in {ExitCode.CLEAN, ExitCode.FINDINGS}
    assert "Complete but for 1 accepted region (eu-central-1 in 1 account" in clean.stdout
    (region,) = [each for each in clean.report["coverage"]["regions"] if each["region"] == FENCED_REGION]
    assert region["accounts_accepted"] == 1
    judged = [each for each in clean.findings if each.account_id == SANDBOX and each.region == GLOBAL]
    assert any(each.evidence.get("accepted_regions_not_audited") == [FENCED_REGION] for each in judged)


def test_region_that_is_denied_is_accepted_by_evaluating_again(
    caller: Caller, proxy: FaultProxy, clean: Outcome
) -> None:
    fenced = replace(caller, accepted=())
    outcome = fenced.audit()
    shut = places_of(outcome, accounts=[SANDBOX], regions=[FENCED_REGION])
    assert outcome.code == ExitCode.INCOMPLETE
    assert not any(cell.is_accepted for cell in shut)
    sent = len(proxy.calls)
    config = caller.configured()
    assert caller.call("evaluate", "run", "--config", str(config)).code == 0
    again = caller.call("report", "run.2", "--config", str(config))
    assert len(proxy.calls) == sent
    assert_same(again, clean)
    wrong = caller.call("evaluate", "run", "--config", str(replace(caller, accepted=("eu-centrall-1",)).configured()))
    assert wrong.code == ExitCode.USAGE
    assert "orgaudit.toml:5: scope.accept_blocked_regions: no account of the run lists a region 'eu-centrall-1'" in (
        wrong.stderr
    )
    assert "did you mean eu-central-1?" in wrong.stderr


def test_region_that_is_denied_in_part_is_not_accepted(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(DenyByScp(action="DescribeTrails", region="eu-west-1", account=LOG_ARCHIVE))
    controls = ("--control", "cloudtrail_trail_logging", "--control", "ec2_ebs_default_encryption_enabled")
    outcome = replace(caller, accepted=("eu-*",)).audit(*controls)
    assert_adds_up(outcome)
    (trails,) = [
        cell
        for cell in places_of(outcome, accounts=[LOG_ARCHIVE], regions=["eu-west-1"])
        if cell.status is Status.NOT_ASSESSED
    ]
    assert not trails.is_accepted
    assert outcome.code == ExitCode.INCOMPLETE


def test_scp_in_all_regions_hides_the_account(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(DenyByScp(service="cloudtrail", account=LOG_ARCHIVE))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    own = places_of(outcome, accounts=[LOG_ARCHIVE], regions=[*REGIONS, GLOBAL])
    assert {(cell.status, cell.reason) for cell in own} == {(Status.NOT_ASSESSED, GapReason.SCP_DENIED)}
    assert outcome.code == ExitCode.INCOMPLETE


def test_region_that_is_not_enabled_is_not_called(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    outcome = caller.audit()
    assert_same(outcome, clean)
    shut = places_of(outcome, accounts=[MOBILE], regions=[OUTSIDE])
    assert {(cell.status, cell.reason) for cell in shut} == {(Status.NOT_APPLICABLE, GapReason.REGION_DISABLED)}
    assert not [call for call in proxy.calls if call.account == MOBILE and call.region == OUTSIDE]


def test_region_that_refuses_although_it_is_enabled_is_not_assessed(
    caller: Caller, proxy: FaultProxy, clean: Outcome
) -> None:
    proxy.rules.append(RegionDisabled(region="eu-west-1", account=LOG_ARCHIVE))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    refused = places_of(outcome, accounts=[LOG_ARCHIVE], regions=["eu-west-1"])
    assert {cell.status for cell in refused} == {Status.NOT_ASSESSED}


def test_regions_that_nobody_tells_are_tried(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules += [Deny(action="ListRegions", account=MOBILE), Deny(action="DescribeRegions", account=MOBILE)]
    outcome = caller.audit()
    assert_honest(outcome, clean)
    record = next(record for record in outcome.manifest.records if record.account_id == MOBILE)
    assert record.regions_source == "partition defaults"
    opt_in = places_of(outcome, accounts=[MOBILE], regions=["me-south-1"])
    assert {(cell.status, cell.reason) for cell in opt_in} == {(Status.NOT_APPLICABLE, GapReason.REGION_DISABLED)}
    # A region that no account can disable refuses for another reason.
    default = places_of(outcome, accounts=[MOBILE], regions=["ap-south-1"])
    assert {(cell.status, cell.reason) for cell in default} == {(Status.NOT_ASSESSED, GapReason.DENIED)}


@pytest.mark.parametrize("accounts", [[LOG_ARCHIVE], [each for each in CHOSEN if each != MANAGEMENT]])
def test_keys_that_are_refused_right_after_the_role_was_assumed(
    caller: Caller, proxy: FaultProxy, clean: Outcome, accounts: list[str]
) -> None:
    proxy.rules += [RegionDisabled(account=account) for account in accounts]
    outcome = caller.audit()
    assert_honest(outcome, clean)
    assert outcome.code == ExitCode.INCOMPLETE
    own = [cell for cell in outcome.cells if cell.account_id in accounts]
    assert len(own) == len(accounts) * len(clean.cells) / len(CHOSEN)
    assert {(cell.status, cell.reason) for cell in own} == {(Status.NOT_ASSESSED, GapReason.ACCOUNT_UNAVAILABLE)}
    assert all("rejects the session's keys" in cell.message for cell in own)
    assumed = Counter(call.target for call in proxy.calls if call.target in accounts)
    # The topic of the management account's alarms lives in one of them: that account's own question for it may come
    # before the refusal is known, and takes a session of its own.
    assert assumed.keys() == set(accounts)
    assert {account for account, count in assumed.items() if count > 1} <= {TOOLING}
    assert assumed[TOOLING] <= 2


@pytest.mark.parametrize("code", ["UnknownOperationException", "InvalidAction"])
def test_what_the_home_region_says_it_does_not_offer_is_not_assessed(
    caller: Caller, proxy: FaultProxy, clean: Outcome, code: str
) -> None:
    proxy.rules.append(Fail(code=code, service="cloudtrail", region=HOME, account=LOG_ARCHIVE))
    outcome = caller.audit()
    assert_honest(outcome, clean)
    home = places_of(outcome, accounts=[LOG_ARCHIVE], regions=[HOME])
    assert {(cell.status, cell.reason) for cell in home} == {(Status.NOT_ASSESSED, GapReason.DEFECT)}
    assert outcome.code == ExitCode.INCOMPLETE


def test_incomplete_answers_about_the_organization_are_gaps_without_a_traceback(
    caller: Caller, proxy: FaultProxy, clean: Outcome
) -> None:
    half = b'{"Regions": [{"RegionName": "us-east-1"}]}'
    proxy.rules += [
        Garble(action="ListRegions", account=LOG_ARCHIVE, body=half),
        Garble(action="ListTagsForResource", body=b'{"Tags": [{"Key": "x"}]}'),
        Garble(action="ListRoots", body=b"{}"),
        Garble(action="ListDelegatedServicesForAccount", body=b'{"DelegatedServices": [{}]}'),
    ]
    outcome = caller.audit()
    assert_adds_up(outcome)
    assert "Traceback" not in outcome.stderr
    told = {record.account_id: record.regions_source for record in outcome.manifest.records}
    assert told.pop(LOG_ARCHIVE) == "ec2:DescribeRegions"
    assert set(told.values()) == {"account:ListRegions"}
    gaps = {(gap.reason, gap.action.partition(":")[2]) for gap in outcome.manifest.discovery_gaps}
    spoilt = ("ListTagsForResource", "ListRoots", "ListDelegatedServicesForAccount")
    assert gaps == {(GapReason.MALFORMED, action) for action in spoilt}


@pytest.mark.parametrize("action", ["DescribeOrganization", "ListAccounts"])
def test_an_organization_that_cannot_be_read_is_a_sentence(caller: Caller, proxy: FaultProxy, action: str) -> None:
    proxy.rules.append(Garble(action=action, body=b'{"Accounts": [{"Name": "x"}], "Organization": {}}'))
    outcome = caller.audit()
    assert outcome.code == ExitCode.NO_ACCESS
    assert "Traceback" not in outcome.stderr
    assert f"the answer to organizations:{action} is incomplete" in outcome.stderr


def test_listings_name_when_and_by_which_session_they_were_asked(clean: Outcome) -> None:
    for account in CHOSEN:
        lines = read_lines(clean.run.shard_path(account), shard_decoder(load()))
        listed = [line for line in lines if isinstance(line, ListingResult)]
        assert len(listed) >= len(REGIONS) - 1
        manifest = clean.manifest
        assert manifest.collected_at is not None
        assert all(line.at and manifest.started_at <= line.at <= manifest.collected_at for line in listed)
        own = f"arn:aws:sts::{account}:assumed-role/OrgAuditRole/orgaudit"
        assert {line.session for line in listed} == {manifest.caller.arn if account == MANAGEMENT else own}


def test_regions_from_ec2_where_account_management_refuses(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Deny(action="ListRegions"))
    outcome = caller.audit()
    assert_same(outcome, clean)
    assert {record.regions_source for record in outcome.manifest.records} == {"ec2:DescribeRegions"}


def test_service_that_a_region_does_not_offer(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules += [
        Fail(code="UnknownOperationException", service="cloudtrail", region="eu-west-1", account=account)
        for account in (LOG_ARCHIVE, WEBSHOP)
    ]
    outcome = caller.audit()
    differing = assert_honest(outcome, clean)
    absent = places_of(outcome, accounts=[LOG_ARCHIVE, WEBSHOP], regions=["eu-west-1"])
    assert {(cell.status, cell.reason) for cell in absent} == {(Status.NOT_APPLICABLE, GapReason.NOT_OFFERED)}
    # A trail that other regions show, but whose home cannot be asked, is no trail that is not there.
    assert {account for account, _, _ in differing} == {WEBSHOP}
    assert outcome.code == ExitCode.INCOMPLETE


SURVIVED: dict[str, Callable[[], list[Rule]]] = {
    "throttling on every fifth call": lambda: [Throttle(every=5)],
    "errors and cut connections on some calls": lambda: [
        ServerError(share=0.02, seed=1),
        Cut(share=0.02, seed=2),
        Cut(at="body", share=0.02, seed=3),
    ],
    "errors and cut connections on many calls": lambda: [
        ServerError(share=0.1, seed=4),
        Cut(share=0.1, seed=5),
        Cut(at="body", share=0.1, seed=6),
    ],
    "a token that expires in mid-run": lambda: [ExpireToken(after=14)],
    "one answer of every action that does not parse": lambda: [
        *spread(lambda **where: Garble(how="truncated", times=1, **where)),
        Garble(how="truncated", times=1, action="AssumeRole"),
    ],
}


@pytest.mark.parametrize("fault", SURVIVED)
def test_fault_that_passes_leaves_the_same_result(
    caller: Caller, proxy: FaultProxy, clean: Outcome, fault: str
) -> None:
    proxy.rules += SURVIVED[fault]()
    outcome = caller.audit()
    assert any(call.faults for call in proxy.calls)
    assert_same(outcome, clean)


def test_throttling_without_end_is_a_gap(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Throttle(action="GetTrailStatus", account=MANAGEMENT))
    outcome = caller.audit(config=caller.configured(TWICE))
    assert_honest(outcome, clean)
    assert_gaps(outcome, GapReason.THROTTLED, "cloudtrail:GetTrailStatus")


def test_tokens_that_hardly_last_are_gaps(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(ExpireToken(after=3))
    assert_honest(caller.audit(), clean)


SPOILT: dict[str, Callable[..., Rule]] = {
    "truncated": lambda **where: Garble(how="truncated", **where),
    "of another shape": lambda **where: Garble(how="shape", **where),
    "an empty document": lambda **where: Garble(body=b"{}", **where),
    "nothing": lambda **where: Garble(body=b"", **where),
    "a list": lambda **where: Garble(body=b"[]", **where),
    "a page to sign in": lambda **where: Garble(body=b"<html><body>Sign in</body></html>", **where),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_answer_that_does_not_parse(caller: Caller, proxy: FaultProxy, clean: Outcome, spoilt: str) -> None:
    proxy.rules += spread(SPOILT[spoilt])
    outcome = caller.audit(config=caller.configured(TWICE))
    assert_honest(outcome, clean)
    assert_gaps_of_chain(outcome, GapReason.MALFORMED)


NO_SELECTORS = {
    "truncated": "",
    "an empty document": "{}",
    "null": '{"TrailARN": null, "EventSelectors": null}',
    "a selector that is none": '{"TrailARN": "TRAIL", "EventSelectors": [null]}',
    "a selector of another shape": '{"TrailARN": "TRAIL", "EventSelectors": [{"IncludeManagementEvents": "true"}]}',
    "of another trail": '{"TrailARN": "TRAIL-2", "EventSelectors": [{"IncludeManagementEvents": true}]}',
}
"""Answers about the event selectors of the trail TRAIL; truncated means half of the true one."""


@pytest.mark.parametrize("answer", NO_SELECTORS)
def test_selectors_that_were_not_seen_are_not_taken_for_recording_everything(
    caller: Caller, proxy: FaultProxy, answer: str
) -> None:
    trail = f"arn:aws:cloudtrail:{HOME}:{MANAGEMENT}:trail/org-trail"
    body = NO_SELECTORS[answer].replace('"TRAIL', f'"{trail}').encode()
    proxy.rules.append(Garble(action="GetEventSelectors", body=body or None))
    recorded = "cloudtrail_trail_multi_region_management_events"
    outcome = caller.audit("--account", MANAGEMENT, "--control", recorded, config=caller.configured(TWICE))
    assert_adds_up(outcome)
    (cell,) = outcome.cells
    assert cell.status is Status.NOT_ASSESSED
    assert cell.reason in {GapReason.MALFORMED, GapReason.DEFECT}
    assert outcome.code == ExitCode.INCOMPLETE


def test_role_answer_that_does_not_parse(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Garble(how="shape", action="AssumeRole", target=LOG_ARCHIVE))
    outcome = caller.audit(config=caller.configured(TWICE))
    assert_honest(outcome, clean)
    assert_gaps(outcome, GapReason.MALFORMED, "sts:AssumeRole")


def test_region_that_hangs_is_given_up_once(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Hang(region="eu-west-1"))
    outcome = caller.audit(config=caller.configured("connect_timeout = 1\nread_timeout = 1"))
    assert_honest(outcome, clean)
    silent = places_of(outcome, regions=["eu-west-1"])
    assert {(cell.status, cell.reason) for cell in silent} == {(Status.NOT_ASSESSED, GapReason.UNREACHABLE)}
    tried = Counter((call.account, call.action) for call in proxy.calls if call.region == "eu-west-1")
    assert set(tried.values()) == {2}, "every call that was on its way is tried once more, and none is begun after"


def test_faults_together(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules += [
        Deny(action="AssumeRole", target=WEBSHOP),
        DenyByScp(region="eu-west-1", account=LOG_ARCHIVE),
        Deny(action="GetTrailStatus", account=MOBILE),
        Garble(how="truncated", action="DescribeTrails", account=SANDBOX, region=HOME),
        Throttle(account=PAYMENTS, every=5),
        ExpireToken(account=TOOLING, after=3),
    ]
    outcome = caller.audit(config=caller.configured("attempts = 3"))
    assert_honest(outcome, clean)
    assert outcome.code == ExitCode.INCOMPLETE
    seen = {cell.account_id for cell in outcome.cells if cell.status is not Status.NOT_ASSESSED}
    assert seen == set(CHOSEN) - {WEBSHOP}


def test_gaps_name_what_to_do(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Deny(action="GetEventSelectors"))
    outcome = caller.audit()
    gap = next(finding for finding in outcome.findings if finding.status is Status.NOT_ASSESSED)
    assert gap.remediation is not None
    assert "cloudtrail:GetEventSelectors" in gap.remediation.asset.text
    assert "cloudtrail:GetEventSelectors" in outcome.stdout
    assert "Exit code   3" in outcome.stdout
    assert without_times(outcome.cells) != without_times(clean.cells)
