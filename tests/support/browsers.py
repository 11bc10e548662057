"""Fixtures for tests of the web front end in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.programs import Service, running_service

CHROMIUM = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
"""The first that is installed is used: the shell has no windows, and takes half of the CPU time."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)


def installed_browser() -> str | None:
    """The path of the first of CHROMIUM that is installed."""
    return next(filter(os.path.exists, CHROMIUM), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Skips the test if it is not installed."""
    installed = installed_browser()
    if installed is None:
        pytest.skip(f"there is no {CHROMIUM[0]}: install Debian's package chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A listener without a worker, on a store of its own."""
    with running_service("", tmp_path) as service:
        yield service


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A browser page of the service. Fails the test on a script error or a violation of the content
    security policy."""
    context = browser.new_context(base_url=service.base_url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    yield page
    context.close()
    # The browser also logs each error response and each lost connection.
    assert [e for e in errors if not e.startswith("Failed to load resource")] == []
