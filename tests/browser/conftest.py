"""Debian's Chromium, and a town for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.place import Town, town
from tests.peers import programs

_REASONS = programs.missing(programs.find, os.geteuid())
collect_ignore_glob = ["test_*.py"] if "chromium" in programs.left_out(os.environ, _REASONS) else []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a file; each person has a context of their own.

    Not for all files: as long as Playwright is open its event loop runs, and no other test can run one.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=programs.find("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def place(tmp_path: Path, chromium: Browser) -> Iterator[Town]:
    """A mailbox that tells of new invoices by link."""
    with town(tmp_path, chromium) as opened:
        yield opened
