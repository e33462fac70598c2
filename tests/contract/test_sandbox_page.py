"""The sandbox's page, as a person sees it: in headless Chromium."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bulkzoho.sandbox import Edition, SandboxSettings
from bulkzoho.sandbox.page.html import PAGE
from bulkzoho.sandbox.testing import TestClient, calling

TOP = Path(__file__).resolve().parents[2]
IN_THE_DOCUMENTS = TOP / "docs" / "sandbox.png"
LEADS: list[dict[str, Any]] = [
    {"Last_Name": name, "First_Name": "Ada", "Company": company, "Email": f"{company[:4].lower()}@example.com", "City": city}
    for name, company, city in (
        ("Okafor", "Acme", "Oslo"),
        ("Lund", "Birch & Co", "Bergen"),
        ("<b>Ek</b>", "Cedar", "Stockholm"),
        ("Vik", "Dune", "Oslo"),
    )
]


def _browser() -> Any:
    """Load the driver that stands beside this file."""
    spec = importlib.util.spec_from_file_location("chromium_driver", Path(__file__).with_name("chromium.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


open_page = _browser().open_page


async def _some_work(caller: TestClient) -> None:
    """Let there be something to see: records, good calls, refused ones, a fault."""
    await caller.insert("Leads", *LEADS)
    await caller.insert("Accounts", {"Account_Name": "Acme"})
    await caller.insert("Leads", {"Company": "Nobody"})
    await caller.coql("select id from Leads where City = 'Oslo'")
    for _ in range(4):
        await caller.get("Leads", {"fields": "Last_Name"})
    caller.sandbox.faults.script([{"kind": "429"}])
    await caller.insert("Leads", {"Last_Name": "Refused"})
    await caller.get("Leads/search", {"email": "acme@example.com"})


async def test_a_person_sees_what_goes_on(tmp_path: Path) -> None:
    settings = SandboxSettings(edition=Edition.PROFESSIONAL, calls_per_minute=200, search_lag_s=0)
    async with calling(settings) as caller:
        await _some_work(caller)
        async with open_page(caller.sandbox.url, tmp_path / "profile") as page:
            await page.until("document.querySelectorAll('#calls tbody tr').length > 5")
            await page.until("document.querySelectorAll('#records tbody tr').length === 4")
            text = await page.run("document.body.innerText")
            bars = await page.run(
                "[...document.querySelectorAll('#minute rect')].filter((each) => +each.getAttribute('height') > 0).length"
            )
            shot = tmp_path / "sandbox.png"
            await page.screenshot(shot)

            assert "Sandbox Company, professional, 10 licences" in text
            assert "of 200" in text
            assert "Leads (4)" in await page.run("document.getElementById('module').innerText")
            assert "<b>Ek</b>" in text  # text, not markup
            assert "search after write" in text
            assert "429" in text
            assert bars >= 1
            assert shot.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
            await page.ask("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
            assert await page.run("document.documentElement.scrollWidth") <= 390  # a telephone: tables scroll, not the page
            if target := os.environ.get("SANDBOX_SCREENSHOT"):
                Path(target).write_bytes(shot.read_bytes())

            requests = [
                each["params"]["request"]["url"] for each in page.told if each.get("method") == "Network.requestWillBeSent"
            ]
            assert {each.startswith((caller.sandbox.url, "data:")) for each in requests} == {True}
            assert [each for each in page.told if each.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")] == []


async def test_search_and_buttons_do_what_they_say(tmp_path: Path) -> None:
    async with calling() as caller:
        caller.sandbox.add("Leads", LEADS)
        caller.sandbox.add("Deals", [{"Deal_Name": "Big", "Stage": "Qualification"}])
        async with open_page(caller.sandbox.url, tmp_path / "profile") as page:
            await page.until("document.querySelectorAll('#records tbody tr').length === 4")
            await page.run(
                "(() => { const it = document.getElementById('module'); it.value = 'Contacts'; "
                "it.dispatchEvent(new Event('change')); })()"
            )
            await page.until("document.getElementById('records').innerText.trim() === 'No Contacts yet.'")
            await page.run(
                "(() => { const it = document.getElementById('search'); it.value = 'oslo'; "
                "document.getElementById('module').value = 'Leads'; "
                "it.dispatchEvent(new Event('input')); })()"
            )
            await page.until("document.querySelectorAll('#records tbody tr').length === 2")
            await page.run(
                "(() => { const it = document.getElementById('module'); document.getElementById('search').value = ''; "
                "it.value = 'Deals'; it.dispatchEvent(new Event('change')); })()"
            )
            await page.until("document.getElementById('records').innerText.includes('Big')")

            await _press(page, "500 for the next write")
            broken = await caller.insert("Leads", {"Last_Name": "X"})
            good = await caller.insert("Leads", {"Last_Name": "X"})
            await _press(page, "Reset after the next commit")
            with pytest.raises(aiohttp.ClientError):
                await caller.insert("Leads", {"Last_Name": "Y"})
            await _press(page, "Latency 0.5 s")
            latency_s = caller.sandbox.settings.latency_s
            await _press(page, "No latency")
            await _press(page, "Revoke access tokens")
            dead = await caller.get("org")

            assert (broken.status, good.status, dead.status) == (500, 201, 401)
            assert caller.sandbox.count("Leads") == 6
            assert (latency_s, caller.sandbox.settings.latency_s) == (0.5, 0)
            await page.until("document.getElementById('calls').innerText.includes('reset_after_commit')")


async def _press(page: Any, words: str) -> None:
    await page.run("document.getElementById('said').textContent = ''")
    await page.run(f"[...document.querySelectorAll('button')].find((each) => each.textContent === {words!r}).click()")
    await page.until(f"document.getElementById('said').textContent === {words!r} + ': done'")


def test_the_page_takes_nothing_from_elsewhere() -> None:
    text = PAGE.decode()

    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert len(PAGE) < 20_000


async def test_pages_of_the_web_may_not_steer_the_sandbox() -> None:
    async with calling() as caller:
        stranger = await caller.call("POST", "/__sandbox/revoke", headers={"Origin": "https://evil.example.com"})
        own = await caller.call("POST", "/__sandbox/faults", data=b"{}", headers={"Origin": caller.sandbox.url})
        page = await caller.call("GET", "/")

        assert (stranger.status, own.status, page.status) == (403, 200, 200)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert caller.sandbox.calls.total == 1  # looking is no call: only the token's


def test_the_documents_show_a_screenshot() -> None:
    assert IN_THE_DOCUMENTS.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "(sandbox.png)" in (TOP / "docs" / "sandbox.md").read_text(encoding="utf-8")
