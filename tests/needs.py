"""What some tests need of the machine; where it is missing they are skipped with what to install."""

from __future__ import annotations

import shutil
import subprocess

import pytest

libreoffice = pytest.mark.skipif(
    shutil.which("soffice") is None,
    reason="LibreOffice Calc is missing; install libreoffice-calc (Debian, Ubuntu) or LibreOffice (macOS)",
)

openssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing; install openssh-client (Debian, Ubuntu)"
)
chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="Chromium is missing; install chromium (Debian, Ubuntu)"
)
typescript = pytest.mark.skipif(
    shutil.which("tsc") is None, reason="TypeScript's compiler is missing; install node-typescript (Debian, Ubuntu)"
)
unzip = pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is missing; install unzip")


def _image_builder() -> str | None:
    """Return a program that can build images here: docker counts only where its daemon answers."""
    for program in ("podman", "buildah", "docker"):
        path = shutil.which(program)
        if path and subprocess.run([path, "info"], capture_output=True, check=False).returncode == 0:
            return path
    return None


NO_IMAGE_BUILDER = "no podman, buildah or docker with a running daemon, so no image can be built here"
IMAGE_BUILDER = _image_builder()
image_builder = pytest.mark.skipif(IMAGE_BUILDER is None, reason=NO_IMAGE_BUILDER)
ALSO_MISSING_IN_CI = frozenset({NO_IMAGE_BUILDER})
"""Reasons that may skip a test in continuous integration, too: its containers cannot run an image builder."""
