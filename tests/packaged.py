"""The packaged frameworks, loaded once for all tests that only read them."""

from __future__ import annotations

from orgaudit.documents import PACKAGED
from orgaudit.frameworks import load

FRAMEWORKS = load(PACKAGED)
