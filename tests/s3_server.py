"""An emulated S3 server of the test process, with buckets in which nothing may be written or read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
WRITES = {"PUT", "POST", "DELETE"}


@dataclass(slots=True)
class S3Server:
    """The server: its address, what it refuses, and each request that it got, as method and path."""

    url: str
    read_only: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    client: Any = field(init=False)
    """A client of the SDK, of which one is enough: to make it takes longer than many requests."""

    def __post_init__(self) -> None:
        """Make the client."""
        make: Any = boto3.client  # typed by the literal names of services
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.client = make("s3", endpoint_url=self.url, region_name="us-east-1", **keys)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to call this server for S3, and nothing else for it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the names of the files below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"].removeprefix(prefix) for page in pages for each in page.get("Contents", ())]

    def files(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """Return what a bucket holds below a prefix, by name below it."""
        get = self.client.get_object
        return {name: get(Bucket=bucket, Key=f"{prefix}{name}")["Body"].read() for name in self.names(bucket, prefix)}

    def refuses(self, method: str, path: str) -> bool:
        """Note a request, and return whether it is refused."""
        self.requests.append((method, path))
        bucket = path.split("/")[1]
        return bucket in self.closed or (bucket in self.read_only and method in WRITES)


class Quiet(WSGIRequestHandler):
    """A handler that prints no line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[S3Server]:
    """Serve on 127.0.0.1 while the block lasts."""
    moto = DomainDispatcherApplication(create_backend_app)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if server.refuses(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return Response(DENIED, status=403, mimetype="application/xml")(environ, start_response)
        answer: Iterable[bytes] = moto(environ, start_response)
        return answer

    http = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    server = S3Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
