"""How names of controls are resolved: ids, former ids, requirements with and without their framework, spellings."""

from __future__ import annotations

import pytest

from orgaudit.settings.control_names import ControlNames, UnresolvedNameError
from orgaudit.settings.frameworks import Assessment, Framework, Requirement


def framework(name: str, *requirements: Requirement) -> Framework:
    return Framework(id=name, title=name, version="1", requirements=requirements)


def required(name: str, *controls: str, aliases: tuple[str, ...] = ()) -> Requirement:
    return Requirement(id=name, title=name, assessment=Assessment.AUTOMATED, controls=controls, aliases=aliases)


NAMES = ControlNames(
    {"ec2_volume_encrypted", "ec2_default_encrypted", "iam_root_idle"},
    {"ec2_disk_encrypted": "ec2_volume_encrypted"},
    (
        framework("cis_3.0", required("1.6", "iam_root_idle"), required("1.7")),
        framework("cis_4.0", required("1.6", "ec2_volume_encrypted"), required("2.9", "iam_root_idle")),
        framework(
            "fsbp",
            required("EC2.7", "ec2_default_encrypted", aliases=("EC2.99",)),
            required("ELB.5", "ec2_volume_encrypted", "iam_root_idle"),
        ),
        framework("nist_800_53_r5", required("AC-2")),
    ),
)


@pytest.mark.parametrize(
    ("name", "controls"),
    [
        ("ec2_volume_encrypted", ["ec2_volume_encrypted"]),
        ("ec2_disk_encrypted", ["ec2_volume_encrypted"]),
        ("EC2.7", ["ec2_default_encrypted"]),
        ("fsbp:EC2.7", ["ec2_default_encrypted"]),
        ("EC2.99", ["ec2_default_encrypted"]),
        ("fsbp:EC2.99", ["ec2_default_encrypted"]),
        ("ELB.5", ["ec2_volume_encrypted", "iam_root_idle"]),
        ("cis_4.0:1.6", ["ec2_volume_encrypted"]),
        ("2.9", ["iam_root_idle"]),
    ],
)
def test_a_name_stands_for_its_controls(name: str, controls: list[str]) -> None:
    assert list(NAMES.controls(name)) == controls
    assert NAMES.searched(name) == set(controls)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("EC2.77", "no control 'EC2.77'; did you mean EC2.7?"),
        ("ec2.7", "no control 'ec2.7'; did you mean EC2.7?"),
        ("ec2_volume_encryptd", "no control 'ec2_volume_encryptd'; did you mean ec2_volume_encrypted?"),
        ("1.6", "'1.6' names requirements of 2 frameworks; write one of cis_3.0:1.6, cis_4.0:1.6"),
        ("CIS 1.6", "'CIS 1.6' names requirements of 2 frameworks; write one of cis_3.0:1.6, cis_4.0:1.6"),
        ("CIS 4.0 1.6", "no control 'CIS 4.0 1.6'; write cis_4.0:1.6"),
        ("cis_4.0 1.6", "no control 'cis_4.0 1.6'; write cis_4.0:1.6"),
        ("AC-2", "no control decides 'AC-2'; `orgaudit explain AC-2` shows it"),
        ("CIS 1.7", "no control decides 'CIS 1.7'; `orgaudit explain 'CIS 1.7'` shows it"),
    ],
)
def test_what_stands_for_none_is_refused_with_what_to_write(name: str, says: str) -> None:
    with pytest.raises(UnresolvedNameError) as raised:
        NAMES.controls(name)
    assert str(raised.value) == says


def test_a_search_finds_every_meaning() -> None:
    assert list(NAMES.requirements("CIS 1.6")) == ["cis_3.0:1.6", "cis_4.0:1.6"]
    assert list(NAMES.requirements("cis 4.0 1.6")) == ["cis_4.0:1.6"]
    assert list(NAMES.requirements("NIST 800-53 AC-2")) == ["nist_800_53_r5:AC-2"]
    assert NAMES.searched("1.6") == NAMES.searched("CIS 1.6") == {"iam_root_idle", "ec2_volume_encrypted"}
    assert NAMES.searched("nothing") == frozenset()


def test_a_control_answers_to_no_name_that_means_several_requirements() -> None:
    names = NAMES.by_control()
    assert names["ec2_volume_encrypted"] == ("cis_4.0:1.6", "fsbp:ELB.5", "ELB.5")
    assert names["iam_root_idle"] == ("cis_3.0:1.6", "cis_4.0:2.9", "fsbp:ELB.5", "2.9", "ELB.5")
    assert names["ec2_default_encrypted"] == ("fsbp:EC2.7", "fsbp:EC2.99", "EC2.7", "EC2.99")
