"""The spreadsheet of the walk-through: accepted risks as a team keeps them, with a title, merged cells and a total."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import openpyxl

Cell: TypeAlias = str | int | datetime | None

APRIL_30 = datetime(2027, 4, 30)  # noqa: DTZ001 - cells have no zone
APRIL_30_AS_NUMBER = 46507
"""The number that a spreadsheet program shows for 30 April 2027 where the cell is not formatted as a date."""

HEADER = (
    *("Exception", "AWS account", "Check", "Risk owner", "Good until", "Business justification", "Jira", "Rating"),
    "Approved by",
)
LEV, MIA, NOOR = (
    *("Lev Aronov <lev.aronov@meridian.example>", "Mia Lindqvist <mia.lindqvist@meridian.example>"),
    "Noor Haddad <noor.haddad@meridian.example>",
)
APP, WEB, PAY, DATA = "Mobile Development", "Webshop Development", "Payments Development", "Data Platform Production"
ALARM = "cloudwatch_log_metric_filter_and_alarm_for_cloudtrail_configuration_changes_enabled"

ROWS: tuple[tuple[Cell, ...], ...] = (
    ("The app's trail is not read in CloudWatch", "634718250996.0", "cloudtrail_cloudwatch_logging_enabled", LEV,
     APRIL_30, "The organization trail records the same events, and its alarms are read.", "RISK-301", "amber", "Jo"),
    ("The app's trail files are not encrypted with a key", APP, "cloudtrail_kms_encryption_enabled", None, "30.04.2027",
     "The bucket encrypts them; the key follows with the next release.", "RISK-302", "amber", "Jo"),
    ("No flow logs in the app's test network", None, "vpc_flow_logs_enabled", None, "April 2027",
     "The network has no route to another one.", "RISK-303", "green", "Jo"),
    ("Test instances without a role", None, "ec2_instance_profile_attached", None, "Q1 2027",
     "They call no AWS API.", "RISK-304", "green", "Jo"),
    ("The app's keys do not rotate", None, "kms_cmk_rotation_enabled", None, "30-Apr-27",
     None, "RISK-305", "amber", None),
    ("Test buckets without versions", None, "s3_bucket_versioning_enabled", None, "June 2027",
     "They are rebuilt every night.", "RISK-306", "green", "Jo"),
    ("Shop test trail without validation", WEB, "cloudtrail_log_file_validation_enabled", MIA, APRIL_30_AS_NUMBER,
     "The organization trail has it.", "RISK-307", "amber", "Jo"),
    ("Shop test load balancers log nothing", None, "elbv2_logging_enabled", None, "March 31st, 2027",
     "They carry generated traffic alone.", "RISK-308", "green", "Jo"),
    ("Shop test distribution logs nothing", None, "cloudfront_distributions_logging_enabled", None, "31/03/27",
     "It carries generated traffic alone.", "RISK-309", "green", "Jo"),
    ("Shop test databases in one zone", None, "rds_instance_multi_az", None, "end of April 2027",
     "An outage of the test stage costs an hour.", "RISK-310", "green", "Jo"),
    ("Shop test databases are upgraded by hand", None, "rds_instance_minor_version_upgrade_enabled", None, "2027-04-30",
     "The team tests each version before.", "RISK-311", "green", "Jo"),
    ("Shop buckets allow plain HTTP", None, "s3_bucket_http_denied", None, "30 April 2027",
     "An old scanner reads them until spring.", "RISK-312", "amber", "Jo"),
    ("Shop test network has default rules", None, "ec2_securitygroup_default_restrict_traffic", None, "Q1 2027",
     None, "RISK-313", "amber", None),
    ("DEVELOPMENT OF PAYMENTS",),
    ("Payments test trail without an alarm", PAY, ALARM, NOOR, "31.03.2027",
     "The alarm of the organization trail covers it.", "RISK-314", "amber", "Ines"),
    ("Payments test volumes are not encrypted", None, "ec2_ebs_default_encryption", None, "April 2027",
     "They hold generated data.", "RISK-315", "amber", "Ines"),
    ("Payments test databases are not encrypted", None, "rds_instance_storage_encrypted", None, "April 2027",
     "They hold generated data.", "RISK-316", "amber", "Ines"),
    ("Payments test file systems are not encrypted", None, "efs_encryption_at_rest_enabled", None, "2027-03-31",
     "They hold generated data.", "RISK-317", "amber", "Ines"),
    ("Old metadata service in payments test", None, "ec2_instance_account_imdsv2_enabled", None, "Mar 31, 2027",
     "One agent needs it; its vendor delivers in March.", "RISK-318", "amber", "Ines"),
    ("Payments test API logs nothing", None, "apigateway_stage_access_logging_enabled", None, APRIL_30,
     "The gateway before it logs every call.", "RISK-319", "green", "Ines"),
    ("Peering routes of payments test are wide", None, "vpc_peering_routing_tables_with_least_privilege", None,
     "Q2 2027", "The peer is the same team's.", "RISK-320", "green", "Ines"),
    ("Data buckets without deletion by MFA", f"{DATA} (548193720661)", "s3_bucket_no_mfa_delete", "Data team",
     "Q2 2027", "A second account keeps copies.", "RISK-321", "green", "Ines"),
    ("Object reads in data buckets are not recorded", None, "cloudtrail_s3_dataevents_read_enabled", None,
     "30.09.2027", "The query engine records its reads.", "RISK-322", "green", "Ines"),
    ("Object writes in data buckets are not recorded", None, "cloudtrail_s3_dataevents_write_enabled", None,
     "30.09.2027", "The query engine records its writes.", "RISK-323", "green", "Ines"),
    ("Data buckets are not searched for personal data", None, "macie_automated_sensitive_data_discovery_enabled", None,
     "end of June 2027", "The loader classifies what it stores.", "RISK-324", "green", "Ines"),
    ("Sandbox trails rest", "Sandbox Platfrom", "cloudtrail_cloudwatch_logging_enabled", "Platform team", "31.01.2027",
     "Nothing of the sandboxes is in use.", "RISK-325", "green", "Jo"),
    ("Sandbox accounts without AWS Config", "708263951447, 715930482663", "config_recorder_all_regions_enabled", None,
     "Q1 2027", "They are emptied every month.", "RISK-326", "green", "Jo"),
    ("Sandbox accounts without Macie", "Sandbox Platform; Sandbox Data Science", "macie_is_enabled", None, "Q1 2027",
     "They hold no data of customers.", "RISK-327", "green", "Jo"),
    ("Sandbox accounts without Security Hub", "708263951447\n715930482663", "securityhub_enabled", None, "Q1 2027",
     "The findings would have no owner.", "RISK-328", "green", "Jo"),
    ("Sandbox passwords live long", "Sandbox Platform",
     "iam_password_policy_expires_passwords_within_90_days_or_less", None, "2027-05-31", "People sign in centrally.",
     "RISK-329", "green", "Jo"),
    ("Sandbox passwords without symbols", None, "iam_password_policy_symbol", None, "May 2027",
     "People sign in centrally.", "RISK-330", "green", "Jo"),
)  # fmt: skip
"""The 30 entries from row 5 on, with a heading between them; None is a cell that holds nothing or is merged."""

MERGED = (
    *("A1:I1", "A2:I2", "B6:B10", "D5:D10", "B11:B17", "D11:D17", "A18:I18", "B19:B25", "D19:D25"),
    *("B26:B29", "D26:D29", "D30:D35", "B34:B35"),
)


def write(path: Path) -> None:
    """Write the spreadsheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Accepted risks"
    sheet.append(["Meridian: accepted risks in AWS"])
    sheet.append(["Kept by Information Security. Questions to Ines Okafor."])
    sheet.append([])
    for row in (HEADER, *ROWS):
        sheet.append(row)
    sheet.append([])
    sheet.append(["Total", 30])
    sheet.append(["Last updated 20 November 2026"])
    for cells in MERGED:
        sheet.merge_cells(cells)
    legend = book.create_sheet("Legend")
    for line in (("Rating", "Meaning"), ("amber", "the committee decides"), ("green", "the owner decides")):
        legend.append(line)
    book.save(path)
