"""No secret leaves an audit, neither one that it used nor one that an account holds; and who may read a run."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import duckdb
import pytest
import zstandard
from aiohttp import web

from orgaudit.demo import Demo, running
from orgaudit.errors import ExitCode
from orgaudit.report.formats import FORMATS
from orgaudit.store.run import Run
from tests.audit_runs import MANAGEMENT, WEBSHOP, Caller, Outcome, client, environment_for
from tests.faults import Answer, Call, Fail, FaultProxy, Forward, Garble, Rule

EXTERNAL_ID = "quarterly-7Hq2Zr9TfWx4"
CALLERS_SECRET = "callers/SecretKey+0c9f8e7d6b5a4c3b2a19"
CALLERS_TOKEN = "IQoJcallers//token+0123456789abcdefABCDEF=="
SHARD = f"facts/{MANAGEMENT}.ndjson.zst"
SETTINGS = """
[scope]
accounts = ["{}", "{}"]
regions = ["us-east-1"]
[run]
formats = ["xlsx", "json"]
"""


class Recorder(FaultProxy):
    """A proxy that keeps every secret that passes: in signed headers, in requests for roles, and in the answers."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.secrets: set[str] = set()
        self.answers = bytearray()

    async def _fetch(self, request: web.BaseRequest, body: bytes, call: Call) -> Answer:
        authorization = request.headers["Authorization"]
        self.secrets |= {authorization, re.findall(r"Signature=(\w+)", authorization)[0]}
        self.secrets |= {value for name, value in request.headers.items() if name.lower() == "x-amz-security-token"}
        answer = await super()._fetch(request, body, call)
        if call.action == "AssumeRole":
            text = answer.body.decode()
            self.secrets |= set(parse_qs(body.decode()).get("ExternalId", ()))
            self.secrets |= set(re.findall(r"<(?:SecretAccessKey|SessionToken)>([^<]+)<", text))
        self.answers += answer.body
        return answer


def test_no_secret_of_the_program_or_the_accounts_is_written_anywhere(tmp_path: Path) -> None:
    with running() as demo, Recorder(demo.endpoint_url) as proxy:
        planted = plant(demo)
        outcome = audited(demo, proxy, tmp_path)
        assert outcome.code in {ExitCode.FINDINGS, ExitCode.INCOMPLETE}, outcome.stderr
    for secret in (EXTERNAL_ID, CALLERS_TOKEN, planted["lambda environment"]):
        assert secret in proxy.secrets or secret.encode() in proxy.answers
    used = {unquote(secret) for secret in proxy.secrets} | proxy.secrets | {CALLERS_SECRET}
    assert len(used) > 200
    written = {**contents(tmp_path / "reports"), "stdout": outcome.stdout, "stderr": outcome.stderr}
    assert "sts:AssumeRole in account" in outcome.stderr  # the most verbose log shows every call
    for resource in ("function:planted", "user/planted-user", "db:planted", "secret:planted", ":instance/i-"):
        assert resource in written[SHARD]
    for name, text in written.items():
        found = {what for what, secret in {**planted, **dict.fromkeys(used, "")}.items() if (secret or what) in text}
        assert not found, f"{name} holds {found}"


def audited(demo: Demo, proxy: FaultProxy, directory: Path) -> Outcome:
    """Audit two accounts by every control, with the most verbose log."""
    keys = {"AWS_SECRET_ACCESS_KEY": CALLERS_SECRET, "AWS_SESSION_TOKEN": CALLERS_TOKEN}
    caller = Caller(environment_for(proxy.url, demo, **keys), directory)
    settings = caller.configured()
    settings.write_text(SETTINGS.format(MANAGEMENT, WEBSHOP))
    return caller.call("-vv", *caller.command("--external-id", EXTERNAL_ID, config=settings))


def contents(directory: Path) -> dict[str, str]:
    """Return every file below a directory as text that can be searched: unpacked, and tables as their rows."""
    found: dict[str, str] = {}
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found[str(path.relative_to(directory / "run"))] = "\n".join(
                part.decode(errors="replace") for part in (data, *_unpacked(path, data))
            )
    assert {"run.json", "report.json", "report.xlsx", "findings.parquet", SHARD} <= found.keys()
    return found


def _unpacked(path: Path, data: bytes) -> Iterator[bytes]:
    if path.suffix == ".zst":
        yield zstandard.ZstdDecompressor().decompressobj().decompress(data)
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from map(archive.read, archive.namelist())
    if path.suffix == ".parquet":
        yield repr(duckdb.read_parquet(str(path)).fetchall()).encode()


def plant(demo: Demo) -> dict[str, str]:
    """Put a secret of its own into everything that can hold one, and return them by their place."""
    values = {what: f"planted-{number:02d}-Xk7vQ2mN9" for number, what in enumerate(_PLACES)}
    encoded = {f"{what}, encoded": base64.b64encode(value.encode()).decode() for what, value in values.items()}
    for what, create in _PLACES.items():
        create(demo, values[what])
    iam = client(demo, "iam")
    iam.create_user(UserName="planted-user")
    for number in range(2):
        key = iam.create_access_key(UserName="planted-user")["AccessKey"]
        values |= {f"access key {number}": key["AccessKeyId"], f"its secret {number}": key["SecretAccessKey"]}
    return values | encoded


def _subnet(demo: Demo) -> str:
    ec2 = client(demo, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"])


def _instance(demo: Demo, value: str) -> None:
    client(demo, "ec2").run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=_subnet(demo), UserData=f"#!/bin/sh\nexport K={value}"
    )


def _launch_template(demo: Demo, value: str) -> None:
    data = {"UserData": base64.b64encode(value.encode()).decode()}
    client(demo, "ec2").create_launch_template(LaunchTemplateName="planted", LaunchTemplateData=data)


def _launch_configuration(demo: Demo, value: str) -> None:
    client(demo, "autoscaling").create_launch_configuration(
        LaunchConfigurationName="planted",
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        UserData=base64.b64encode(value.encode()).decode(),
    )


def _function(demo: Demo, value: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client(demo, "iam").create_role(RoleName="planted", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): pass")
    client(demo, "lambda").create_function(
        FunctionName="planted",
        Runtime="python3.12",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"DATABASE_PASSWORD": value}},
    )


def _task(demo: Demo, value: str, key: str) -> None:
    container: dict[str, Any] = {"name": "main", "image": "planted", "memory": 64}
    container[key] = [{"name": "TOKEN", "value" if key == "environment" else "valueFrom": value}]
    ecs = client(demo, "ecs")
    ecs.create_cluster(clusterName="planted")
    ecs.register_task_definition(family=f"planted-{key}", containerDefinitions=[container])


def _database(demo: Demo, value: str) -> None:
    rds = client(demo, "rds")
    ec2 = client(demo, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    zones = zip(("10.8.1.0/24", "10.8.2.0/24"), ("us-east-1a", "us-east-1b"), strict=True)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for block, zone in zones
    ]
    group = ec2.create_security_group(GroupName="planted", Description="planted", VpcId=vpc)["GroupId"]
    rds.create_db_subnet_group(DBSubnetGroupName="planted", DBSubnetGroupDescription="x", SubnetIds=subnets)
    rds.create_db_instance(
        DBInstanceIdentifier="planted",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        MasterUsername="planted",
        MasterUserPassword=value,
        AllocatedStorage=10,
        PubliclyAccessible=False,
        DBSubnetGroupName="planted",
        VpcSecurityGroupIds=[group],
    )


def _stack(demo: Demo, value: str) -> None:
    template = {
        "Parameters": {"Password": {"Type": "String"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Password": {"Value": {"Ref": "Password"}}},
    }
    client(demo, "cloudformation").create_stack(
        StackName="planted",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Password", "ParameterValue": value}],
    )


def _subscription(demo: Demo, value: str) -> None:
    sns = client(demo, "sns")
    topic = sns.create_topic(Name="planted")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"https://user:{value}@hooks.example.com/")


def _stage(demo: Demo, value: str) -> None:
    api = client(demo, "apigateway")
    made = api.create_rest_api(name="planted")["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    method = {"restApiId": made, "resourceId": root, "httpMethod": "GET"}
    api.put_method(**method, authorizationType="NONE")
    api.put_integration(**method, type="MOCK")
    api.create_deployment(restApiId=made, stageName="planted", variables={"token": value})


def _certificate(demo: Demo, value: str) -> None:
    client(demo, "iam").upload_server_certificate(
        ServerCertificateName="planted", CertificateBody="body", PrivateKey=value
    )


_PLACES: Mapping[str, Any] = {
    "user data of an instance": _instance,
    "user data of a launch template": _launch_template,
    "user data of a launch configuration": _launch_configuration,
    "lambda environment": _function,
    "environment of a task definition": lambda demo, value: _task(demo, value, "environment"),
    "secrets of a task definition": lambda demo, value: _task(demo, value, "secrets"),
    "secret": lambda demo, value: client(demo, "secretsmanager").create_secret(Name="planted", SecretString=value),
    "parameter": lambda demo, value: client(demo, "ssm").put_parameter(
        Name="/planted", Type="SecureString", Value=value
    ),
    "password of a database": _database,
    "password of a cluster": lambda demo, value: client(demo, "rds").create_db_cluster(
        DBClusterIdentifier="planted", Engine="aurora-mysql", MasterUsername="planted", MasterUserPassword=value
    ),
    "key of an API": lambda demo, value: client(demo, "apigateway").create_api_key(name="planted", value=value * 2),
    "variable of a stage": _stage,
    "parameter and output of a stack": _stack,
    "endpoint of a subscription": _subscription,
    "private key of a certificate": _certificate,
}


class Quote(Rule):
    """Refuses as AWS does where a signature does not match: with the request as it should have been signed."""

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The refusal, which quotes the caller's token and keys."""
        quoted = f"POST\\n/\\nx-amz-security-token:{CALLERS_TOKEN}\\n{CALLERS_SECRET} ExternalId={EXTERNAL_ID}"
        fail = Fail(code="SignatureDoesNotMatch", status=403, message=f"The Canonical String should be {quoted}")
        return await fail.apply(call, forward)


@pytest.mark.parametrize(
    "rule",
    [
        Garble(action="AssumeRole", target=WEBSHOP),
        Garble(action="AssumeRole", target=WEBSHOP, how="shape"),
        Quote(action="AssumeRole", target=WEBSHOP),
        Quote(service="cloudtrail"),
        Fail(action="AssumeRole", target=WEBSHOP, code="ValidationError", message=f"1 error: '{EXTERNAL_ID}' at x"),
    ],
    ids=lambda rule: f"{type(rule).__name__} {rule.action or rule.service} {getattr(rule, 'how', '')}",
)
def test_error_that_quotes_a_secret_is_written_without_it(demo: Demo, tmp_path: Path, rule: Rule) -> None:
    with Recorder(demo.endpoint_url) as proxy:
        proxy.rules.append(rule)
        keys = {"AWS_SECRET_ACCESS_KEY": CALLERS_SECRET, "AWS_SESSION_TOKEN": CALLERS_TOKEN}
        caller = Caller(environment_for(proxy.url, demo, **keys), tmp_path, accounts=(MANAGEMENT, WEBSHOP))
        config = caller.configured("attempts = 1")
        config.write_text(config.read_text().replace('["json"]', json.dumps(list(FORMATS))))
        outcome = caller.call("-vv", *caller.command("--external-id", EXTERNAL_ID, config=config))
    assert outcome.code == ExitCode.INCOMPLETE, outcome.stderr
    assert any(call.faults for call in proxy.calls)
    secrets = {CALLERS_SECRET, *proxy.secrets}
    for name, text in {**contents(tmp_path / "reports"), "out": outcome.stdout, "err": outcome.stderr}.items():
        assert not {secret for secret in secrets if secret in text}, name


@pytest.mark.parametrize(("umask", "mode"), [(0, ""), (0o077, ""), (0o077, 'mode = "0750"')])
def test_run_is_open_to_those_whom_the_settings_name(demo: Demo, tmp_path: Path, umask: int, mode: str) -> None:
    directory, file = (0o750, 0o640) if mode else (0o700, 0o600)
    caller = Caller(environment_for(demo.endpoint_url, demo), tmp_path, accounts=(MANAGEMENT, WEBSHOP))
    config = caller.configured(f"formats = {json.dumps(list(FORMATS))}\n{mode}".strip())
    config.write_text(config.read_text().replace('formats = ["json"]\n', ""))
    run = Run(tmp_path / "reports" / "run")
    with caller.started(*caller.command(config=config), preexec=lambda: umask_is(umask)) as process:
        while process.poll() is None:
            assert not [path for path, has in modes(run.path).items() if has & ~directory]
    assert process.returncode in {ExitCode.CLEAN, ExitCode.FINDINGS}
    for command in (("evaluate", "run"), ("report", "run"), ("report", "run.2")):
        assert caller.call(*command, "--config", str(config)).code in {ExitCode.CLEAN, ExitCode.FINDINGS}
    found = modes(run.path) | (again := modes(tmp_path / "reports" / "run.2"))
    assert Run(tmp_path / "reports" / "run.2").shard_path(WEBSHOP) in again
    assert {run.path, run.path / "report.xlsx", run.manifest_path, run.shard_path(WEBSHOP)} <= found.keys()
    for path, has in found.items():
        assert has == (directory if path.is_dir() else file), path


def umask_is(umask: int) -> None:
    os.umask(umask)


def modes(directory: Path) -> dict[Path, int]:
    """Return the mode of a directory and of all that is below it at this moment."""
    found = {}
    for parent, _, files in os.walk(directory):  # passes over what goes away meanwhile
        for path in (Path(parent), *(Path(parent) / name for name in files)):
            with suppress(FileNotFoundError):
                found[path] = stat.S_IMODE(path.lstat().st_mode)
    return found
