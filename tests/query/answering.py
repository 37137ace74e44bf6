"""Processes that answer queries, each one a fork of a server that has the program imported, as they begin at once."""

from __future__ import annotations

import multiprocessing

import pytest

from orgaudit.store import query


@pytest.fixture
def forked_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each query be answered by a process of its own all the same, which need not import anything.

    Files that do not use this hold that a process answers which imports what it needs.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([query.__name__])
    monkeypatch.setattr(query, "get_context", lambda _method: context)
