"""Signatures by SSH keys, made and checked by OpenSSH's own ssh-keygen."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orgaudit.errors import ConfigError
from orgaudit.evidence.form import NAMESPACE

PROGRAM = "ssh-keygen"


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may have signed: a file in the form of ALLOWED SIGNERS in ssh-keygen(1), and the identity that has to be."""

    file: Path
    identity: str


def sign(content: bytes, key: Path) -> bytes:
    """Return the signature of a content by a key; raises ConfigError.

    `key` is a private key, or a public one whose private part an agent holds. ssh-keygen asks for a passphrase itself.
    """
    _check_file(key, "--sign-key")
    done = _run(["-Y", "sign", "-f", str(key), "-n", NAMESPACE], content, "--sign-key")
    if done.returncode or not done.stdout:
        raise ConfigError(f"ssh-keygen could not sign: {_said(done)}", file=str(key), key="--sign-key")
    return done.stdout


def check(content: bytes, signature: bytes, signers: Signers) -> str | None:
    """Return why a signature is not one of the content by the identity, or None; raises ConfigError."""
    _check_file(signers.file, "--allowed-signers")
    with tempfile.TemporaryDirectory(prefix="orgaudit-") as directory:
        file = Path(directory) / "signature"
        file.write_bytes(signature)
        arguments = ["-f", str(signers.file), "-I", signers.identity, "-n", NAMESPACE, "-s", str(file)]
        done = _run(["-Y", "verify", *arguments], content, "--allowed-signers")
    return _said(done).replace(str(file), "the signature") if done.returncode else None


def _check_file(path: Path, key: str) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(path), key=key) from error


def _run(arguments: list[str], content: bytes, key: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run([PROGRAM, *arguments], input=content, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        message = f"needs {PROGRAM} of OpenSSH 8.1 or later, which is not on the PATH; install openssh-client"
        raise ConfigError(message, key=key) from error
    except OSError as error:
        raise ConfigError(f"{PROGRAM} cannot be started: {error.strerror}", key=key) from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = " ".join((done.stderr or done.stdout).decode(errors="replace").split())
    return said or f"{PROGRAM} ended with {done.returncode}"
