"""The packaged frameworks, loaded once for all tests that only read them."""

from __future__ import annotations

from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.framework_files import load

FRAMEWORKS = load(PACKAGED)
