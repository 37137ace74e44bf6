import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orgaudit.aws import connections
from orgaudit.aws.clients import Clients
from orgaudit.aws.credentials import CURRENT

IDENTITY = (
    b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    b"<Arn>arn:aws:iam::100000000000:user/a</Arn><UserId>AIDA</UserId><Account>100000000000</Account>"
    b"</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@dataclass
class Secured:
    """An endpoint with a certificate of its own on 127.0.0.1, and a proxy that tunnels to wherever it is asked."""

    url: str = ""
    proxy: str = ""
    bundle: Path = Path()
    requests: list[str] = field(default_factory=list)
    tunnels: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head.splitlines()[0])
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(IDENTITY) + IDENTITY)
        await writer.drain()
        writer.close()

    async def tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        self.tunnels.append(target)
        host, _, port = target.rpartition(":")
        inward, outward = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, outward), _pump(inward, writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()


def certificate(directory: Path) -> Path:
    """Write a self-signed certificate for 127.0.0.1 with its key, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "own.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
async def secured(tmp_path: Path, environment: pytest.MonkeyPatch) -> AsyncIterator[Secured]:
    found = Secured(bundle=certificate(tmp_path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(found.bundle)
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(await asyncio.start_server(found.answer, "127.0.0.1", 0, ssl=context))
        proxy = await stack.enter_async_context(await asyncio.start_server(found.tunnel, "127.0.0.1", 0))
        found.url, found.proxy = (
            f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            for scheme, server in (("https", served), ("http", proxy))
        )
        environment.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


async def account() -> str:
    token = CURRENT.set(ReadOnlyCredentials("AKIACALLER", "secret", None, None))
    try:
        async with Clients(profile=None, connect_timeout=5, read_timeout=5, connections=5) as clients:
            answer = await (await clients.operation("sts", "us-east-1", "GetCallerIdentity"))()
            return str(answer["Account"])
    finally:
        CURRENT.reset(token)


@pytest.mark.parametrize("proxied", [False, True])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    secured: Secured, environment: pytest.MonkeyPatch, *, proxied: bool
) -> None:
    if proxied:
        environment.setenv("HTTPS_PROXY", secured.proxy)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        await account()
    assert secured.requests == []
    assert bool(secured.tunnels) is proxied


PROFILE = """
[profile base]
aws_access_key_id = AKIACALLER
aws_secret_access_key = synthetic
[profile auditor]
role_arn = arn:aws:iam::100000000000:role/auditor
source_profile = base
region = us-east-1
"""


async def test_nor_are_the_callers_credentials_fetched_from_there(
    secured: Secured, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(PROFILE)
    environment.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    environment.setenv("HTTPS_PROXY", secured.proxy)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.delenv(name)
    async with Clients(profile="auditor", connect_timeout=5, read_timeout=5, connections=5) as clients:
        with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            await clients.caller.frozen("sts:GetCallerIdentity")
    assert secured.tunnels
    assert secured.requests == []


@pytest.mark.parametrize("proxied", [False, True])
async def test_the_bundle_of_the_environment_is_trusted(
    secured: Secured, environment: pytest.MonkeyPatch, *, proxied: bool
) -> None:
    environment.setenv("AWS_CA_BUNDLE", str(secured.bundle))
    if proxied:
        environment.setenv("HTTPS_PROXY", secured.proxy)
    assert await account() == "100000000000"
    assert secured.requests == ["POST / HTTP/1.1"]
    assert bool(secured.tunnels) is proxied


async def test_all_clients_read_the_trusted_certificates_once(
    environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, file: str) -> None:
        read.append(file)
        load(context, file)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    connections._trust.cache_clear()
    token = CURRENT.set(ReadOnlyCredentials("AKIACALLER", "secret", None, None))
    async with Clients(profile=None, connect_timeout=5, read_timeout=5, connections=5) as clients:
        for region in ("us-east-1", "eu-west-1"):
            await (await clients.operation("sts", region, "GetCallerIdentity"))()
        assert len(clients._clients) == 2
    CURRENT.reset(token)
    assert len(read) == 1
