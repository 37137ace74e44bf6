"""What some tests need of the machine; where it is missing they are skipped with what to install."""

from __future__ import annotations

import shutil

import pytest

libreoffice = pytest.mark.skipif(
    shutil.which("soffice") is None,
    reason="LibreOffice Calc is missing; install libreoffice-calc (Debian, Ubuntu) or LibreOffice (macOS)",
)
