"""Runs at an address of an emulated S3 server, by the commands of a user: the same answers and bytes as elsewhere."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from orgaudit.cli import orgaudit
from orgaudit.demo import Demo
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.store import copies
from orgaudit.store.place import place_at
from orgaudit.words import counted
from tests import commands
from tests.audit_runs import CHOSEN, Caller, environment_for
from tests.s3_server import S3Server, serving

BUCKET = "the-runs"
FROZEN = "import time_machine; time_machine.travel('2026-11-22T08:00:00+00:00', tick=False).start()"
FORMATS = tuple(f"--format={name}" for name in ("xlsx", "html", "json", "csv"))


@dataclass(frozen=True, slots=True)
class Remote:
    """Commands of a user whose runs are at an address of their own; `scratch` is their TMPDIR."""

    caller: Caller
    s3: S3Server
    config: str
    prefix: str
    scratch: Path

    @property
    def address(self) -> str:
        return f"s3://{BUCKET}/{self.prefix}"

    @property
    def files(self) -> dict[str, bytes]:
        return self.s3.files(BUCKET, f"{self.prefix}/")

    @property
    def shards(self) -> list[str]:
        """The names of the shards that are at the address by now."""
        return [name for name in self.s3.names(BUCKET, f"{self.prefix}/") if name.startswith("run/facts/")]

    def call(self, *words: str, out: str | None = None, first: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, which leaves nothing on this machine and shows no name of where it worked."""
        arguments = (*words, "--config", self.config, *((f"--out={out or self.address}",) if out != "" else ()))
        done = commands.run(arguments, self.caller.environment, self.caller.directory, first=first)
        assert list(self.scratch.iterdir()) == []
        assert str(self.scratch) not in done.stdout + done.stderr
        return done

    def put(self, directory: Path) -> None:
        """Put the files of a run at the address."""
        for path in (path for path in directory.rglob("*") if path.is_file()):
            key = f"{self.prefix}/{directory.name}/{path.relative_to(directory).as_posix()}"
            self.s3.client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with serving() as server:
        for name in (BUCKET, "read-only", "closed"):
            server.client.create_bucket(Bucket=name)
        server.read_only.add("read-only")
        server.closed.add("closed")
        yield server


def caller_in(directory: Path, demo: Demo, s3: S3Server) -> Caller:
    scratch = directory / "scratch"
    scratch.mkdir()
    more = {"AWS_ENDPOINT_URL_S3": s3.url, "TMPDIR": str(scratch)}
    return Caller(environment_for(demo.endpoint_url, demo, **more), directory)


@pytest.fixture
def remote(tmp_path: Path, demo: Demo, s3: S3Server) -> Remote:
    caller = caller_in(tmp_path, demo, s3)
    return Remote(caller, s3, str(caller.configured()), uuid4().hex, tmp_path / "scratch")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, demo: Demo, s3: S3Server) -> Path:
    """A run in a directory, which nobody changes: audited and reported as JSON."""
    caller = caller_in(tmp_path_factory.mktemp("local"), demo, s3)
    assert caller.audit().code == ExitCode.FINDINGS
    return caller.directory / "reports" / "run"


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_every_command_works_on_a_run_at_an_address(remote: Remote) -> None:
    done = remote.call("audit", "--run-id", "run", "--format=json")
    assert done.returncode == ExitCode.FINDINGS, done.stderr
    assert f"Reports     {remote.address}/run/report.json\n" in done.stdout
    files = remote.files
    assert files["latest"] == b"run\n"
    assert {f"run/facts/{account}.ndjson.zst" for account in CHOSEN} <= files.keys()
    assert not [name for name in files if name.endswith("lease.json") or "/." in name]
    assert hashlib.sha256(files["run/run.json"]).hexdigest() in done.stdout

    assert remote.call("verify", "run").stdout == f"{remote.address}/run: whole\n"
    assert remote.call("verify", f"{remote.address}/run", out="").stdout == f"{remote.address}/run: whole\n"
    evaluated = remote.call("evaluate", "latest")
    assert evaluated.stdout.startswith(f"{remote.address}/run.2: evaluated from the facts of run run; `orgaudit report")
    assert remote.call("report", "run.2", "--format=csv").returncode == ExitCode.FINDINGS
    assert remote.call("verify", "run.2").returncode == ExitCode.CLEAN
    assert "6 open issues  run.2" in remote.call("diff", "run", "run.2").stdout
    assert remote.call("query", "run", "SELECT count(*) AS n FROM findings").stdout == "n\n84\n"
    assert remote.call("query", "run", "SELECT count(*) > 0 AS n FROM facts_trail").stdout == "n\ntrue\n"
    assert json.loads(remote.call("trend", "--json").stdout)[0]["run"] == "run"
    assert json.loads(remote.call("actions", "run", "--json").stdout)["run"] == "run"
    assert remote.call("evidence", "run").stdout.startswith(f"{remote.address}/run/evidence.zip\n")
    assert remote.files["run/evidence.zip"]
    assert {name: content for name, content in remote.files.items() if name in files} == files


def test_the_files_are_those_of_a_run_in_a_directory(remote: Remote, local: Path) -> None:
    remote.put(local)
    here = remote.caller.directory / "reports"
    subprocess.run(["cp", "-a", str(local.parent), str(here)], check=True)
    for out in (remote.address, str(here)):
        for command in (("report", "run", *FORMATS), ("evaluate", "run"), ("report", "run.2", *FORMATS)):
            assert remote.call(*command, out=out, first=FROZEN).returncode in {ExitCode.CLEAN, ExitCode.FINDINGS}
        assert remote.call("report", "run", "--as-of=2026-12-24", *FORMATS, out=out, first=FROZEN).returncode == 1
    there = {name: content for name, content in remote.files.items() if name != "latest"}
    mine = {name: content for name, content in contents(here).items() if not name.startswith("latest")}
    assert len(mine) > 60
    assert {name.partition("/")[0] for name in mine} == {"run", "run.2"}
    assert hashes(there) == hashes(mine)


def test_reports_need_no_facts_and_what_was_delivered_is_not_written_again(remote: Remote, local: Path) -> None:
    remote.put(local)
    remote.s3.requests.clear()
    assert remote.call("report", "run", "--format=json").returncode == ExitCode.FINDINGS
    sent = [(method, path) for method, path in remote.s3.requests if remote.prefix in path]
    assert not [path for _, path in sent if "/facts/" in path]
    assert {path.rpartition("/")[2] for method, path in sent if method in {"PUT", "DELETE"}} == {"lease.json"}


def test_of_two_writers_the_second_is_refused(remote: Remote, local: Path) -> None:
    remote.put(local)
    lease = {"host": "other", "space": "elsewhere", "pid": 7, "started": None, "command": "audit"}
    lease |= {"since": "2026-11-22T08:00:00Z", "expires_at": "2099-01-01T00:00:00Z"}
    key = f"{remote.prefix}/run/lease.json"
    remote.s3.client.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(lease).encode())
    before = remote.files
    done = remote.call("report", "run", "--format=csv")
    assert done.returncode == ExitCode.USAGE
    assert (
        "process 7 on other (`orgaudit audit`, since 2026-11-22 08:00:00 UTC) is writing run run; wait" in done.stderr
    )
    assert remote.files == before
    expired = json.dumps(lease | {"expires_at": "2026-11-22T08:03:00Z"}).encode()
    remote.s3.client.put_object(Bucket=BUCKET, Key=key, Body=expired)
    assert remote.call("report", "run", "--format=csv").returncode == ExitCode.FINDINGS
    assert "run/lease.json" not in remote.files


def test_a_killed_audit_is_gone_on_with(remote: Remote, local: Path) -> None:
    config = remote.caller.configured("concurrent_accounts = 1")
    arguments = remote.caller.command(f"--out={remote.address}", config=config)
    with remote.caller.started(*arguments) as process:
        ends = time.monotonic() + 120
        while not remote.shards:
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    time.sleep(0.5)  # for the server to end what was sent to it whole
    shards = remote.shards
    kept = {name: content for name, content in remote.files.items() if name in shards}
    assert 0 < len(kept) < len(CHOSEN)
    assert {"run/run.json", "run/lease.json"} <= remote.files.keys()
    assert list(remote.scratch.iterdir())  # which the next command removes
    done = remote.call("audit", "--resume", "run")
    assert done.returncode == ExitCode.FINDINGS, done.stderr
    assert f"collect: {counted(len(CHOSEN) - len(kept), 'account')}\n" in done.stderr
    files = remote.files
    assert {name: files[name] for name in kept} == kept
    assert remote.call("verify", "run").returncode == ExitCode.CLEAN
    query = ("query", "run", "SELECT control, account_id, region, resource, status FROM findings ORDER BY ALL")
    assert remote.call(*query).stdout == remote.call(*query, out=str(local.parent)).stdout


def test_a_stopped_audit_keeps_its_shards_and_says_how_to_go_on(remote: Remote) -> None:
    config = remote.caller.configured("concurrent_accounts = 1")
    arguments = remote.caller.command(f"--out={remote.address}", config=config)
    with remote.caller.started(*arguments) as process:
        ends = time.monotonic() + 120
        while not remote.shards:
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"--resume run --config={config} --out={remote.address}" in error
    assert list(remote.scratch.iterdir()) == []
    assert "run/lease.json" not in remote.files


def test_a_quarter_at_an_address(remote: Remote, local: Path) -> None:
    remote.put(local)
    done = remote.call("quarter", "--run", "run", "--format=json")
    assert done.returncode == ExitCode.FINDINGS, done.stderr
    folder = next(name.partition("/")[0] for name in remote.files if name.startswith("quarter-"))
    assert f"Folder      {remote.address}/{folder}\n" in done.stdout
    files = remote.files
    assert {f"{folder}/{name}" for name in ("quarter.json", "README.md", "evidence.zip")} <= files.keys()
    assert not [name for name, content in files.items() if str(remote.scratch).encode() in content]
    again = remote.call("quarter", "--run", "run", "--format=json")
    assert "was completed" in again.stdout
    assert remote.files == files
    key = f"{remote.prefix}/{folder}/README.md"
    remote.s3.client.put_object(Bucket=BUCKET, Key=key, Body=b"edited")
    edited = remote.call("quarter", "--run", "run", "--format=json")
    assert edited.returncode == ExitCode.USAGE
    assert f"{remote.address}/{folder}/README.md: does not have the SHA-256" in edited.stderr


@pytest.mark.parametrize(
    ("out", "code", "message"),
    [
        (
            "s3://no-such-bucket/runs",
            2,
            "--out: there is no bucket s3://no-such-bucket; make it first, or name another",
        ),
        ("s3://read-only/runs", 5, "cannot write s3://read-only/runs/.writable-"),
        ("s3://closed/runs", 5, "cannot write s3://closed/runs/.writable-"),
        ("s33://bucket/runs", 2, "no store has addresses that begin with s33://; did you mean s3"),
        ("gs://bucket/runs", 2, "gs://bucket/runs: --out: needs a package that is not installed: pip install gcsfs"),
        ("file://host/runs", 2, "'file://host/runs' is not a directory of this machine"),
    ],
)
def test_what_cannot_be_written_is_known_before_anything_is_called(
    remote: Remote, out: str, code: int, message: str
) -> None:
    done = remote.call("audit", out=out)
    assert done.returncode == code
    assert message in done.stderr
    assert "collect:" not in done.stderr


def test_what_cannot_be_read_is_an_error(remote: Remote) -> None:
    denied = remote.call("report", "run", out="s3://closed/runs")
    assert denied.returncode == ExitCode.NO_ACCESS
    assert "s3://closed/runs/run: cannot be read: Access Denied; the caller needs s3:GetObject there" in denied.stderr
    missing = remote.call("verify", "run", first="import sys; sys.modules['s3fs'] = None")
    assert missing.returncode == ExitCode.USAGE
    assert "pip install 'orgaudit[s3]'" in missing.stderr
    silent = remote.call("verify", "run", first="import os; os.environ['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:9'")
    assert silent.returncode == ExitCode.NO_ACCESS
    assert "the store does not answer" in silent.stderr
    signed_out = "import os; os.environ.pop('AWS_ACCESS_KEY_ID'); os.environ.pop('AWS_SECRET_ACCESS_KEY')"
    unknown = remote.call("verify", "run", first=signed_out)
    assert unknown.returncode == ExitCode.NO_ACCESS
    assert "the store does not know who asks" in unknown.stderr
    assert "no run 'none'" in remote.call("report", "none").stderr


def test_the_sdk_s_own_profile_is_used(remote: Remote, local: Path) -> None:
    remote.put(local)
    file = remote.caller.directory / "aws"
    file.write_text(
        "[profile store]\nregion = us-east-1\naws_access_key_id = testing\naws_secret_access_key = testing\n"
    )
    first = (
        "import os; [os.environ.pop(name) for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION',"
        f"'AWS_DEFAULT_REGION')]; os.environ.update(AWS_PROFILE='store', AWS_CONFIG_FILE={str(file)!r})"
    )
    assert remote.call("verify", "run", first=first).returncode == ExitCode.CLEAN


def test_settings_name_an_address(remote: Remote, local: Path) -> None:
    remote.put(local)
    config = remote.caller.configured(f'out = "{remote.address}/"')
    done = commands.run(("verify", "run", "--config", str(config)), remote.caller.environment, remote.caller.directory)
    assert done.stdout == f"{remote.address}/run: whole\n"


def test_an_address_in_memory_and_a_file_address(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"memory://{uuid4().hex}/out"
    place = place_at(address)
    for name, content in contents(local).items():
        place.write(f"run/{name}", content)
    assert orgaudit.main(["verify", "run", f"--out={address}"], standalone_mode=False) == ExitCode.CLEAN
    assert capsys.readouterr().out == f"{address}/run: whole\n"
    orgaudit.main(["report", "run", "--format=csv", f"--out={address}"], standalone_mode=False)
    assert place.exists("run/report.flat-findings.csv")
    assert not place.exists("run/lease.json")
    assert orgaudit.main(["verify", f"{address}/run"], standalone_mode=False) == ExitCode.CLEAN
    with pytest.raises(ConfigError, match="no run 'other'"):
        orgaudit.main(["verify", "other", f"--out={address}"], standalone_mode=False)
    assert orgaudit.main(["verify", "run", f"--out=file://{local.parent}"], standalone_mode=False) == ExitCode.CLEAN
    assert copies.find(address) is None


def test_processes_share_a_run_at_an_address(remote: Remote) -> None:
    done = remote.call("audit", "--run-id", "run", "--format=json", "--workers=2")
    assert done.returncode == ExitCode.FINDINGS, done.stderr
    assert remote.call("verify", "run").returncode == ExitCode.CLEAN
    assert {f"run/receipts/{account}.json" for account in CHOSEN} <= remote.files.keys()
    assert not [name for name in remote.files if "/leases/" in name]


def test_a_run_at_an_address_is_collected_in_parts(remote: Remote) -> None:
    assert remote.call("collect", "run", "--plan").returncode == ExitCode.CLEAN
    first = remote.call("collect", "run", "--slice=1/2")
    assert "missing     " in first.stdout
    assert 0 < len(remote.shards) < len(CHOSEN)
    early = remote.call("evaluate", "run")
    assert early.returncode == ExitCode.USAGE
    assert "accounts are not collected yet" in early.stderr
    assert "missing     no account" in remote.call("collect", "run", "--slice=2/2").stdout
    assert len(remote.shards) == len(CHOSEN)
    assert remote.call("evaluate", "run").returncode == ExitCode.CLEAN
    assert remote.call("report", "run", "--format=json").returncode == ExitCode.FINDINGS
    assert remote.call("verify", "run").returncode == ExitCode.CLEAN


def test_an_audit_at_an_address_looks_again_at_a_part(remote: Remote) -> None:
    assert remote.call("audit", "--run-id", "run", "--format=json").returncode == ExitCode.FINDINGS
    again = remote.call("audit", "--run-id", "again", "--since=run", "--format=json")
    assert again.returncode == ExitCode.FINDINGS, again.stderr
    assert "were not looked at again" in again.stdout
    assert remote.call("verify", "again").returncode == ExitCode.CLEAN
    files = remote.files
    kept = {name for name in files if name.startswith("run/facts/")}
    assert {name.replace("run/", "again/", 1) for name in kept} <= files.keys()
