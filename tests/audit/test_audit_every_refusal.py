"""An organization in which everything goes wrong at once: the audit ends in time, with reports, and hides nothing."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from xml.etree import ElementTree as ET

from orgaudit.errors import ExitCode
from orgaudit.model import GapReason, Status
from orgaudit.spreadsheet.text import fitted
from tests.audit_runs import (
    HOME,
    LOG_ARCHIVE,
    MOBILE,
    PAYMENTS,
    REGIONS,
    TOOLING,
    WEBSHOP,
    Caller,
    Outcome,
    assert_honest,
    gaps_in,
    places_of,
)
from tests.faults import Answer, Call, FaultProxy, Forward, Garble, RegionDisabled, Rule, ServerError

HOSTILE = 'Work\x00\x1b[31m\x7f=1+"<b>&loads'
BROKEN_REGION = "eu-west-1"


@dataclass(kw_only=True)
class Rename(Rule):
    """Gives the unit Workloads a hostile name in the answers that list units."""

    async def apply(self, call: Call, forward: Forward) -> Answer:
        answer = await forward()
        document = json.loads(answer.body)
        for unit in document.get("OrganizationalUnits", ()):
            unit["Name"] = unit["Name"].replace("Workloads", HOSTILE)
        return replace(answer, body=json.dumps(document).encode())


@dataclass(kw_only=True)
class Circle(Rule):
    """Ends each page of a listing with the token of the other one."""

    tokens: Iterator[str] = field(default_factory=lambda: cycle("AB"))

    async def apply(self, call: Call, forward: Forward) -> Answer:
        answer = await forward()
        return replace(answer, body=json.dumps(json.loads(answer.body) | {"nextToken": next(self.tokens)}).encode())


def test_every_refusal_at_once(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules += [
        RegionDisabled(account=MOBILE),
        ServerError(region=BROKEN_REGION),
        Rename(action="ListOrganizationalUnitsForParent"),
        Garble(account=LOG_ARCHIVE, action="ListRegions", body=b'{"Regions": [{"RegionName": "us-east-1"}]}'),
        Garble(account=WEBSHOP, action="DescribeTrails", region=HOME, how="truncated"),
        Circle(account=PAYMENTS, action="DescribeMetricFilters"),
    ]
    outcome = caller.audit("--format", "xlsx", "--format", "json", config=caller.configured("attempts = 2"))
    circled = [call for call in proxy.calls if (call.account, call.action) == (PAYMENTS, "DescribeMetricFilters")]
    assert 0 < len(circled) < 10 * len(REGIONS), "pages that lead in a circle are read no further"
    assert outcome.code == ExitCode.INCOMPLETE, outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert_honest(outcome, clean)

    dead = places_of(outcome, accounts=[MOBILE])
    assert len(dead) == len(places_of(clean, accounts=[MOBILE]))
    assert {(cell.status, cell.reason) for cell in dead} == {(Status.NOT_ASSESSED, GapReason.ACCOUNT_UNAVAILABLE)}
    broken = places_of(outcome, accounts=[TOOLING], regions=[BROKEN_REGION])
    assert {(cell.status, cell.reason) for cell in broken} == {(Status.NOT_ASSESSED, GapReason.UNREACHABLE)}
    assert ("MALFORMED", "cloudtrail:DescribeTrails") in gaps_in(outcome, WEBSHOP)
    assert ("MALFORMED", "logs:DescribeMetricFilters") in gaps_in(outcome, PAYMENTS)
    sources = {record.account_id: record.regions_source for record in outcome.manifest.records}
    assert sources[LOG_ARCHIVE] == "ec2:DescribeRegions"

    units = {each["ou_path"] for each in outcome.report["accounts"]}
    assert any(HOSTILE in unit for unit in units)
    with zipfile.ZipFile(outcome.run.path / "report.xlsx") as workbook:
        parts = {name: workbook.read(name) for name in workbook.namelist() if name.endswith((".xml", ".rels"))}
    texts = {element.text for part in parts.values() for element in ET.fromstring(part).iter()}  # noqa: S314 - our own
    assert any(fitted(HOSTILE) in text for text in texts if text)
    assert not re.search("[\x00-\x08\x0b-\x1f]", outcome.stdout)
