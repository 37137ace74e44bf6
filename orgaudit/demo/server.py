"""The demo server, a separate process: it prints one JSON line with its address and ends when its input closes."""

import argparse
import json
import logging
import os
import sys
import threading
from wsgiref.types import WSGIApplication

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from orgaudit.demo.emulated_organization import allow_delegation
from orgaudit.demo.emulator import Emulator
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.seeding import seed


def main() -> None:
    """Serve on 127.0.0.1 until standard input closes, as it does when the parent process ends."""
    options = _options()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application, caller = _application(options)
    server = make_server("127.0.0.1", options.port, application, threaded=True, request_handler=MotoRequestHandler)
    ready = {"endpoint_url": f"http://127.0.0.1:{server.port}", **caller}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    # moto prints, and this pipe is not read from now on: a full one would block the server.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_stop_with_input, args=(server,), daemon=True).start()
    server.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m orgaudit.demo.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port; 0 takes a free one")
    content = parser.add_mutually_exclusive_group()
    content.add_argument("--empty", action="store_true", help="no organization, to be filled by calls")
    content.add_argument("--stock", action="store_true", help="no organization, and moto just as it is")
    return parser.parse_args()


def _application(options: argparse.Namespace) -> tuple[WSGIApplication, dict[str, str]]:
    """Return the application, and the caller's access key where there is one."""
    if options.stock:
        return DomainDispatcherApplication(create_backend_app), {}
    allow_delegation()
    if options.empty:
        return Emulator(ExtraState()), {}
    seeded = seed()
    key = seeded.caller
    return Emulator(seeded.state), {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}


def _stop_with_input(server: BaseWSGIServer) -> None:
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    main()
