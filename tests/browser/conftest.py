"""A page in a real browser, and what it complained about."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from .pages import PATIENCE_SECONDS, Complaints, following_page

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a module; each has a page of its own in it."""
    chromium = next(filter(None, map(shutil.which, _NAMES)), None)
    if chromium is None:
        pytest.fail(f"Chromium must be installed: there is no command {' or '.join(_NAMES)}.", pytrace=False)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    yield page
    await page.context.close()


@pytest.fixture
def complaints(page: Page) -> Complaints:
    """Listens from before the page has any content."""
    return Complaints(page)


@pytest_asyncio.fixture(loop_scope="module")
async def address() -> AsyncIterator[str]:
    """See :func:`tests.browser.pages.following_page`."""
    async with following_page() as address:
        yield address
