"""What verification finds: any byte, file or signature of a pack that is not as it was made."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.evidence.signature import Signers
from orgaudit.evidence.verify import verify
from tests.evidence.made import NAMESPACE, Opened, a_key, evidence_run, packed
from tests.needs import openssh

pytestmark = openssh
TEXT = "requirements/cis_4.0-1.2.txt"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the keys `key` and `other`, and a file of allowed signers for each."""
    directory = tmp_path_factory.mktemp("keys")
    a_key(directory, "key")
    a_key(directory, "other")
    return directory


@pytest.fixture(scope="module")
def signed(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    directory = tmp_path_factory.mktemp("signed")
    run = evidence_run(directory)
    return packed(run, directory / "pack.zip", "cis_4.0:1.2", "cis_4.0:9.9", sign_key=keys / "key")


@pytest.fixture
def allowed(keys: Path) -> Signers:
    return Signers(keys / "key.signers", "key@example.com")


def problems(path: Path, signers: Signers | None = None) -> list[str]:
    return verify(path, signers)[0]


def unpacked(pack: Opened, directory: Path) -> Path:
    with zipfile.ZipFile(pack.path) as archive:
        archive.extractall(directory)
    return directory / "evidence"


def test_a_pack_as_it_was_made_is_whole_packed_and_unpacked(signed: Opened, allowed: Signers, tmp_path: Path) -> None:
    for path in (signed.path, unpacked(signed, tmp_path)):
        found, notes = verify(path, allowed)
        assert found == []
        assert notes[0] == "signed by key@example.com"
        assert signed.index["run"]["manifest_sha256"] in notes[1]
        assert verify(path, None)[1][0] == "signed; only --allowed-signers and --identity show by whom"


def test_openssh_alone_checks_it(signed: Opened, keys: Path, tmp_path: Path) -> None:
    directory = unpacked(signed, tmp_path)
    command = ["ssh-keygen", "-Y", "verify", "-f", str(keys / "key.signers"), "-I", "key@example.com", "-n", NAMESPACE]
    done = subprocess.run(
        [*command, "-s", "pack.json.sig"],
        cwd=directory,
        input=signed.files["pack.json"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        subprocess.run(
            ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=directory, check=False
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    ("signers", "identity", "told"),
    [
        ("key.signers", "other@example.com", "by other@example.com: Could not verify signature"),
        ("other.signers", "other@example.com", "by other@example.com: Could not verify signature"),
        ("other.signers", "key@example.com", "by key@example.com: Could not verify signature"),
    ],
)
def test_another_signer_is_a_problem(signed: Opened, keys: Path, signers: str, identity: str, told: str) -> None:
    (found,) = problems(signed.path, Signers(keys / signers, identity))
    assert found.startswith(f"pack.json.sig: is not a signature of pack.json {told}")


def test_a_signature_for_another_purpose_is_a_problem(
    signed: Opened, keys: Path, allowed: Signers, tmp_path: Path
) -> None:
    directory = unpacked(signed, tmp_path)
    (directory / "pack.json.sig").unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", keys / "key", "-n", "file", directory / "pack.json"], check=True
    )
    (found,) = problems(directory, allowed)
    assert "is not a signature of pack.json by key@example.com" in found


def test_a_signature_that_is_missing_is_a_problem_where_signers_are_named(
    signed: Opened, allowed: Signers, tmp_path: Path
) -> None:
    directory = unpacked(signed, tmp_path)
    (directory / "pack.json.sig").unlink()
    found, notes = verify(directory, allowed)
    assert found == ["pack.json.sig: is missing: the pack is not signed, so nothing shows who made it"]
    assert not any("signed by" in note for note in notes)
    assert verify(directory, None) == (
        [],
        ["not signed: whoever changed a file could have changed the index too", notes[-1]],
    )


def test_every_byte_of_the_archive_counts(signed: Opened, allowed: Signers, tmp_path: Path) -> None:
    whole = signed.path.read_bytes()
    path = tmp_path / "pack.zip"
    at = [*range(64), *range(len(whole) - 400, len(whole)), *random.Random(7).sample(range(len(whole)), 250)]  # noqa: S311
    for place in at:
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        assert problems(path) or problems(path, allowed), place


def test_the_bits_after_a_compressed_file_count_too(signed: Opened, tmp_path: Path) -> None:
    """Flips each bit of the last byte of each member: those that mean nothing to a reader are zero in a pack."""
    whole, path = signed.path.read_bytes(), tmp_path / "pack.zip"
    with zipfile.ZipFile(signed.path) as archive:
        ends = [each.header_offset + 30 + len(each.filename) + each.compress_size for each in archive.infolist()]
    for place in ends:
        for bit in range(8):
            changed = bytearray(whole)
            changed[place - 1] ^= 1 << bit
            path.write_bytes(changed)
            assert problems(path), (place, bit)


def test_what_is_cut_off_or_appended_or_put_before_is_found(signed: Opened, tmp_path: Path) -> None:
    whole, path = signed.path.read_bytes(), tmp_path / "pack.zip"
    for content in (whole[:-1], whole[: len(whole) // 2], b"", whole + b"\0", b"#!/bin/sh\n" + whole, b"no archive"):
        path.write_bytes(content)
        assert problems(path), content[:20]


def append(directory: Path) -> None:
    with (directory / TEXT).open("ab") as file:
        file.write(b" ")


def swap(directory: Path) -> None:
    first, second = directory / TEXT, directory / "requirements/cis_4.0-9.9.txt"
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "one byte more": (append, [f"{TEXT}: does not have the SHA-256 that pack.json lists: it was changed afterwards"]),
    "added": (
        lambda at: (at / "notes.txt").write_text("x"),
        ["notes.txt: is not in pack.json: it was added afterwards"],
    ),
    "removed": (lambda at: (at / TEXT).unlink(), [f"{TEXT}: is missing"]),
    "renamed": (
        lambda at: (at / TEXT).rename(at / "requirements/other.txt"),
        ["requirements/other.txt: is not in pack.json: it was added afterwards", f"{TEXT}: is missing"],
    ),
    "swapped": (
        swap,
        [
            f"{name}: does not have the SHA-256 that pack.json lists: it was changed afterwards"
            for name in (TEXT, "requirements/cis_4.0-9.9.txt")
        ],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_file_is_named(signed: Opened, allowed: Signers, tmp_path: Path, change: str) -> None:
    make, told = CHANGES[change]
    directory = unpacked(signed, tmp_path)
    make(directory)
    assert problems(directory, allowed) == told
    again = tmp_path / "again.zip"
    with zipfile.ZipFile(again, "w") as archive:
        for path in sorted(directory.rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
    assert set(told) <= set(problems(again, allowed))


def test_an_index_that_was_changed_with_its_file_is_not_signed_any_more(
    signed: Opened, allowed: Signers, tmp_path: Path
) -> None:
    directory = unpacked(signed, tmp_path)
    index = (directory / "pack.json").read_text()
    assert '"status": "FAIL"' in index
    (directory / "pack.json").write_text(index.replace('"status": "FAIL"', '"status": "PASS"'))
    assert problems(directory) == []
    (found,) = problems(directory, allowed)
    assert found.startswith("pack.json.sig: is not a signature of pack.json by key@example.com")


def test_a_file_that_is_there_twice_is_found(signed: Opened, tmp_path: Path) -> None:
    path = Path(shutil.copy(signed.path, tmp_path))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"evidence/{TEXT}", signed.files[TEXT])
    assert f"{TEXT}: is there 2 times" in problems(path)


def test_what_is_not_a_plain_file_is_found_and_never_read(signed: Opened, tmp_path: Path) -> None:
    directory = unpacked(signed, tmp_path)
    (directory / TEXT).rename(tmp_path / "elsewhere")
    (directory / TEXT).symlink_to(tmp_path / "elsewhere")
    os.mkfifo(directory / "pipe")
    (directory / "loop").symlink_to(directory)
    (directory / "endless").symlink_to("/dev/zero")
    others = [f"{name}: is not a plain file" for name in ("endless", "loop", "pipe", TEXT)]
    assert problems(directory) == [*others, f"{TEXT}: is missing"]


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (b"", "pack.json: is not the index of an evidence pack"),
        (b"[]", "pack.json: is not the index of an evidence pack"),
        (
            b'{"form": "orgaudit-evidence", "schema_version": 9}',
            "has form 9, and this version of orgaudit reads form 1",
        ),
        (b'{"form": "orgaudit-evidence", "schema_version": 1}', "pack.json: is not the index of an evidence pack"),
        (b'\xff{"form"}', "pack.json: is not the index of an evidence pack"),
    ],
)
def test_an_index_that_cannot_be_read_is_a_problem(signed: Opened, tmp_path: Path, index: bytes, told: str) -> None:
    directory = unpacked(signed, tmp_path)
    (directory / "pack.json").write_bytes(index)
    (found,) = problems(directory)
    assert told in found
    (directory / "pack.json").unlink()
    (missing,) = problems(directory)
    assert missing.startswith("pack.json: is missing")


def test_a_pack_can_be_signed_later_in_its_directory(keys: Path, allowed: Signers, tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    directory = unpacked(packed(run, tmp_path / "pack.zip", "cis_4.0:9.9"), tmp_path)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(keys / "key"), "-n", NAMESPACE, "pack.json"]
    subprocess.run(sign, cwd=directory, check=True, capture_output=True)
    assert verify(directory, allowed) == ([], ["signed by key@example.com", verify(directory, None)[1][1]])


def test_a_key_that_cannot_sign_leaves_nothing_behind(signed: Opened, keys: Path, tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    for key, told in ((tmp_path / "none", "cannot be read"), (keys / "key.signers", "ssh-keygen could not sign")):
        with pytest.raises(ConfigError, match=told):
            packed(run, tmp_path / "pack.zip", "cis_4.0:9.9", sign_key=key)
        assert not (tmp_path / "pack.zip").exists()


def test_without_ssh_keygen_signing_and_checking_say_so(
    signed: Opened, keys: Path, allowed: Signers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = evidence_run(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for action in (
        lambda: packed(run, tmp_path / "pack.zip", "cis_4.0:9.9", sign_key=keys / "key"),
        lambda: problems(signed.path, allowed),
    ):
        with pytest.raises(ConfigError, match=r"needs ssh-keygen of OpenSSH 8\.1 or later.*install openssh-client"):
            action()
    assert problems(signed.path) == []


def test_signers_that_cannot_be_read_are_an_error(signed: Opened, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--allowed-signers: cannot be read"):
        problems(signed.path, Signers(tmp_path / "none", "key@example.com"))
