"""What a register holds cannot act on the terminal that shows it."""

import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit.cli import orgaudit
from tests.register.making import fields, register_file

HOSTILE = "\x1b]0;title\x07\x1b[2Jred\r\nEXC-9999-0001 \u202eevil\u2028line\x85\x00"


@pytest.fixture
def register(tmp_path: Path) -> Path:
    return register_file(
        tmp_path,
        fields(
            title=HOSTILE,
            owner=f"Ana {HOSTILE} <ana@example.com>",
            ticket=HOSTILE,
            justification=HOSTILE,
            history=[{"when": "2025-01-01", "who": HOSTILE, "what": "created", "why": HOSTILE}],
        ),
        {"id": "EXC-2025-0002", "title": HOSTILE},
        fields(id="EXC-2025-0003", title=HOSTILE, type=HOSTILE, owner=HOSTILE),
        attestations=[
            {
                "id": "ATT-2025-0001",
                "requirement": "cis_2.0:1.1",
                "status": "pass",
                "accounts": ["111122223333"],
                "attested_by": HOSTILE,
                "attested_on": "2025-01-01",
                "expires_on": "2025-06-30",
                "evidence": [HOSTILE],
            }
        ],
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "EXC-2025-0001"],
        ["show", "EXC-2025-0003"],
        ["history", "EXC-2025-0001"],
        ["check"],
        ["due", "--within", "100d"],
        ["due", "--within", "100d", "--format", "text"],
        ["due", "--within", "100d", "--format", "ics"],
        ["attestations", "list"],
        ["attestations", "show", "ATT-2025-0001"],
    ],
    ids=" ".join,
)
def test_a_command_shows_no_control_characters(register: Path, arguments: list[str]) -> None:
    dated = [] if arguments[0] in {"history", "check"} else ["--as-of", "2025-03-01"]
    (register.parent / "orgaudit.toml").touch()
    config = ["--config", str(register.parent / "orgaudit.toml")]
    done = CliRunner().invoke(orgaudit, ["exceptions", *arguments, "--register", str(register), *config, *dated])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    shown = done.output.replace("\r\n", "\n")
    assert "red" in shown
    assert [it for it in shown if unicodedata.category(it) in {"Cc", "Cf", "Zl", "Zp"} and it != "\n"] == []
    assert not any(line.startswith("EXC-9999") for line in shown.splitlines())
