import re
import tomllib
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.model import Severity
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.limits import Limit, Per, load_limits
from orgaudit.settings.settings import Settings, load


def settings(
    tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **sections: dict[str, object]
) -> Settings:
    path = tmp_path / "orgaudit.toml"
    path.write_text(text)
    return load(path, environ or {}, sections)


def test_the_packaged_file_shows_every_key_with_its_default(tmp_path: Path) -> None:
    text = (PACKAGED / "orgaudit.toml").read_text()
    examples = (
        "role_arn",
        "external_id",
        "sts_region",
        "organization_name",
        "logo",
        "headline_framework",
        "audit_team",
        "nist_baseline",
    )
    shown = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)
    kept = "".join(line for line in shown.splitlines(keepends=True) if not line.startswith(examples))
    assert settings(tmp_path, kept).dump() == settings(tmp_path).dump()
    keys = {(section, key) for section, table in tomllib.loads(shown).items() for key in table}
    assert keys == {(section, key) for section, table in settings(tmp_path).dump().items() for key in table}


def test_the_file_yields_to_the_environment_and_that_to_options(tmp_path: Path) -> None:
    text = '[run]\nworkers = 2\nattempts = 2\nout = "a"\n'
    environ = {"ORGAUDIT_RUN_ATTEMPTS": "3", "ORGAUDIT_RUN_OUT": "b", "AWS_PROFILE": "x", "PATH": "y"}
    run = settings(tmp_path, text, environ, run={"out": "c", "formats": (), "read_timeout": None}).run
    assert (run.workers, run.attempts, run.out, run.formats) == (2, 3, Path("c"), ("xlsx", "html", "json"))


def test_the_environment_gives_lists_and_tables(tmp_path: Path) -> None:
    environ = {
        "ORGAUDIT_SCOPE_TAGS": "stage=prod*, team=a",
        "ORGAUDIT_SCOPE_REGIONS": "eu-*, us-east-1",
        "ORGAUDIT_REGISTER_LONGEST_DAYS": "critical=5",
        "ORGAUDIT_ACCESS_NARROW_SESSIONS": "false",
    }
    found = settings(tmp_path, "", environ)
    assert found.scope.tags == {"stage": "prod*", "team": "a"}
    assert found.scope.regions == ("eu-*", "us-east-1")
    assert [found.exceptions.longest_days.of(severity) for severity in Severity] == [365, 180, 90, 5]
    assert found.access.narrow_sessions is False


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[acess]\n", 1, "did you mean access"),
        ("[run]\n\nwokers = 2\n", 3, "did you mean workers"),
        ("run = 3\n", 1, "must be a table"),
        ("[organization]\naccounts = ['12345']\n", 2, "12 digits"),
        ("[organization]\naccounts = [true]\n", 2, "accounts"),
        ("[organization]\nrole_arn = 'OrganizationReader'\n", 2, "not an ARN"),
        ("[organization]\nrole_arn = 'arn:aws:iam::111122223333:user/x'\n", 2, "not the ARN of a role"),
        ("[access]\nsession_minutes = 14\n", 2, "greater than or equal to 15"),
        ("[access]\nsession_minutes = 721\n", 2, "less than or equal to 720"),
        ("[access]\nsession_name = 'a b'\n", 2, "session_name"),
        ("[access]\nrole_name = '/audit/Reader'\n", 2, "role_name"),
        ("[run]\nworkers = 0\n", 2, "workers"),
        ("[register]\ntime_zone = 'Mars/Olympus'\n", 2, "is not a time zone"),
        ("[register]\ntime_zone = 'Europe'\n", 2, "is not a time zone"),
        ("[register]\ntime_zone = '../etc'\n", 2, "is not a time zone"),
        ("[register]\nlongest_days.hihg = 3\n", 2, "did you mean high"),
        ("[scope]\nregions = ['EU West']\n", 2, "regions"),
        ("[thresholds]\napproved_log_destinations = ['x']\n", 2, "12 digits"),
        ("[report]\npass_rate_threshold = 90\n", 2, "less than or equal to 1"),
    ],
)
def test_a_wrong_file_names_line_and_mend(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        settings(tmp_path, text)
    assert raised.value.line == line


def test_all_problems_come_at_once_with_where_each_value_came_from(tmp_path: Path) -> None:
    environ = {"ORGAUDIT_RUN_WORKERS": "many", "ORGAUDIT_RUN_OTU": "x", "ORGAUDIT_CONFIG": "unused"}
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, "[run]\nattempts = -1\n", environ, access={"role_name": "a b"})
    text = str(raised.value)
    assert "environment: ORGAUDIT_RUN_OTU: unknown variable; did you mean ORGAUDIT_RUN_OUT?" in text
    assert "environment ORGAUDIT_RUN_WORKERS: run.workers:" in text
    assert "option role-name: access.role_name:" in text
    assert "orgaudit.toml:2: run.attempts:" in text


def test_account_ids_keep_their_leading_zeros(tmp_path: Path) -> None:
    assert (
        settings(tmp_path, "[scope]\naccounts = ['000011112222', 11112222]\n").scope.accounts == ("000011112222",) * 2
    )


def test_the_external_id_is_masked_wherever_settings_are_written(tmp_path: Path) -> None:
    found = settings(tmp_path, "[access]\nexternal_id = 'hush-hush'\n")
    assert found.access.external_id == "hush-hush"
    assert found.dump()["access"]["external_id"] == "***"
    assert found.fingerprint() == settings(tmp_path, "[access]\nexternal_id = 'other'\n").fingerprint()
    assert found.fingerprint() != settings(tmp_path).fingerprint()


def test_the_file_is_named_by_path_or_environment_or_found_here_or_packaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}, {}).directory == PACKAGED
    here, named = tmp_path / "config/orgaudit.toml", tmp_path / "named.toml"
    here.parent.mkdir()
    here.write_text("[run]\nworkers = 2\n")
    named.write_text("[run]\nworkers = 3\n")
    assert load(None, {}, {}).run.workers == 2
    assert load(None, {"ORGAUDIT_CONFIG": str(named)}, {}).run.workers == 3
    assert load(here, {"ORGAUDIT_CONFIG": str(named)}, {}).run.workers == 2
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml", {}, {})
    with pytest.raises(ConfigError, match=r"ends in \.toml"):
        load(tmp_path / "none.yaml", {}, {})


def test_files_are_looked_up_beside_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text("")
    found = settings(tmp_path)
    assert found.register_path == tmp_path / "exceptions.yaml"
    assert not found.register_named
    assert found.sources == (tmp_path / "orgaudit.toml", PACKAGED / "limits.toml", tmp_path / "limits.toml")
    named = settings(tmp_path, register={"file": "/elsewhere/r.yaml"})
    assert named.register_path == Path("/elsewhere/r.yaml")
    assert named.register_named


@pytest.mark.parametrize(
    ("service", "action", "limit"),
    [
        ("organizations", "ListAccounts", Limit("organizations:ListAccounts", 8, 12, Per.ORGANIZATION)),
        ("ec2", "DescribeVpcs", Limit("ec2:DescribeVpcs", 20, 100, Per.ACCOUNT_REGION)),
        ("ec2", "DescribeByoipCidrs", Limit("ec2:DescribeByoipCidrs", 0.5, 1, Per.ACCOUNT_REGION)),
        ("logs", "DescribeMetricFilters", Limit("logs:DescribeMetricFilters", 5, 5, Per.ACCOUNT_REGION)),
        ("iam", "ListRoles", Limit("iam", 10, 40, Per.ACCOUNT)),
        ("sts", "AssumeRole", Limit("sts", 600, 600, Per.ORGANIZATION)),
        ("guardduty", "ListDetectors", Limit("guardduty:ListDetectors", 10, 20, Per.ACCOUNT_REGION)),
    ],
)
def test_a_limit_is_the_actions_or_the_services_or_the_default(service: str, action: str, limit: Limit) -> None:
    assert load_limits(PACKAGED / "limits.toml").for_action(service, action) == limit


def test_a_users_limits_replace_single_entries(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text('[limits]\n"iam" = { rate = 1, burst = 2, per = "account" }\n')
    limits = load_limits(path)
    assert limits.for_action("iam", "ListRoles") == Limit("iam:ListRoles", 1, 2, Per.ACCOUNT)
    assert limits.for_action("sts", "AssumeRole").rate == 600
    path.write_text('[default]\nrate = 1\nburst = 1\nper = "account"\n')
    assert load_limits(path).for_action("s3", "GetBucketAcl") == Limit("s3:GetBucketAcl", 1, 1, Per.ACCOUNT)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('"iam" = { rate = 0, burst = 2, per = "account" }', "greater than 0"),
        ('"iam" = { rate = 1, burst = 0, per = "account" }', "greater than or equal to 1"),
        ('"iam" = { rate = 1, burst = 2, per = "region" }', "account-region"),
        ('"iam" = { rate = 1, burst = 2, per = "account", bust = 1 }', "did you mean burst"),
        ('"IAM list" = { rate = 1, burst = 2, per = "account" }', "IAM list"),
    ],
)
def test_a_wrong_limit_is_refused_with_its_line(tmp_path: Path, entry: str, words: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(f"[limits]\n{entry}\n")
    with pytest.raises(ConfigError, match=words) as raised:
        load_limits(path)
    assert raised.value.line == 2


@pytest.mark.parametrize(("given", "directory"), [("0700", 0o700), ("700", 0o700), ("0750", 0o750), ("0775", 0o775)])
def test_mode_is_octal_text(tmp_path: Path, given: str, directory: int) -> None:
    run = settings(tmp_path, f"[run]\nmode = '{given}'\n").run
    assert (run.directory_mode, run.mode) == (directory, f"0{given[-3:]}")
    assert settings(tmp_path, "", {"ORGAUDIT_RUN_MODE": given}).run.directory_mode == directory


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("750", "octal digits"),
        ("0o750", "octal digits"),
        ("'rwxr-x---'", "octal digits"),
        ("'0800'", "octal digits"),
        ("'2750'", "octal digits"),
        ("''", "octal digits"),
        ("true", "octal digits"),
        ("'0550'", "first digit must be 7"),
        ("'0740'", "incomplete digit"),
        ("'0711'", "incomplete digit"),
        ("'0777'", "every user change the evidence"),
    ],
)
def test_mode_that_cannot_be_meant_is_refused(tmp_path: Path, given: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"orgaudit\.toml:2: run\.mode: .*{words}"):
        settings(tmp_path, f"[run]\nmode = {given}\n")


@pytest.mark.parametrize(
    "given", ["98765432101234", "'hush hush hush'", "['hush-hush']", "'hush-hush", "{ a = 'hush-hush' }", "true"]
)
def test_external_id_is_not_quoted_in_an_error(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, f"[access]\nexternal_id = {given}\n")
    assert "98765" not in str(raised.value)
    assert "hush" not in str(raised.value)
