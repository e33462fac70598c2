"""The sandbox's web page in headless Chromium."""

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
from bulkzoho.sandbox.testing import SandboxClient, sandbox_client

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
    """Load the Chromium driver next to this file."""
    spec = importlib.util.spec_from_file_location("chromium_driver", Path(__file__).with_name("chromium.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


open_page = _browser().open_page


async def _make_calls(client: SandboxClient) -> None:
    """Create records, successful and rejected calls, and a fault."""
    await client.insert("Leads", *LEADS)
    await client.insert("Accounts", {"Account_Name": "Acme"})
    await client.insert("Leads", {"Company": "No name"})
    await client.coql("select id from Leads where City = 'Oslo'")
    for _ in range(4):
        await client.get("Leads", {"fields": "Last_Name"})
    client.sandbox.faults.script([{"kind": "429"}])
    await client.insert("Leads", {"Last_Name": "Refused"})
    await client.get("Leads/search", {"email": "acme@example.com"})


async def test_the_page_shows_state_records_and_calls(tmp_path: Path) -> None:
    settings = SandboxSettings(edition=Edition.PROFESSIONAL, calls_per_minute=200, search_lag_s=0)
    async with sandbox_client(settings) as client:
        await _make_calls(client)
        async with open_page(client.sandbox.url, tmp_path / "profile") as page:
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
            assert await page.run("document.documentElement.scrollWidth") <= 390  # a phone: tables scroll, the page does not
            if target := os.environ.get("SANDBOX_SCREENSHOT"):
                Path(target).write_bytes(shot.read_bytes())

            requests = [
                each["params"]["request"]["url"] for each in page.events if each.get("method") == "Network.requestWillBeSent"
            ]
            assert {each.startswith((client.sandbox.url, "data:")) for each in requests} == {True}
            assert [each for each in page.events if each.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")] == []


async def test_search_and_buttons_work(tmp_path: Path) -> None:
    async with sandbox_client() as client:
        client.sandbox.add("Leads", LEADS)
        client.sandbox.add("Deals", [{"Deal_Name": "Big", "Stage": "Qualification"}])
        async with open_page(client.sandbox.url, tmp_path / "profile") as page:
            await page.until("document.querySelectorAll('#records tbody tr').length === 4")
            await page.run(
                "(() => { const it = document.getElementById('module'); it.value = 'Contacts'; "
                "it.dispatchEvent(new Event('change')); })()"
            )
            await page.until("document.getElementById('records').innerText.trim() === 'No records in Contacts.'")
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

            await _press(page, "500 on next write")
            failed = await client.insert("Leads", {"Last_Name": "X"})
            inserted = await client.insert("Leads", {"Last_Name": "X"})
            await _press(page, "Reset after next commit")
            with pytest.raises(aiohttp.ClientError):
                await client.insert("Leads", {"Last_Name": "Y"})
            await _press(page, "Set latency to 0.5 s")
            latency_s = client.sandbox.settings.latency_s
            await _press(page, "Remove latency")
            await _press(page, "Revoke access tokens")
            rejected = await client.get("org")

            assert (failed.status, inserted.status, rejected.status) == (500, 201, 401)
            assert client.sandbox.count("Leads") == 6
            assert (latency_s, client.sandbox.settings.latency_s) == (0.5, 0)
            await page.until("document.getElementById('calls').innerText.includes('reset_after_commit')")


async def _press(page: Any, words: str) -> None:
    await page.run("document.getElementById('message').textContent = ''")
    await page.run(f"[...document.querySelectorAll('button')].find((each) => each.textContent === {words!r}).click()")
    await page.until(f"document.getElementById('message').textContent === {words!r} + ': done'")


def test_the_page_loads_nothing_from_other_hosts() -> None:
    text = PAGE.decode()

    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert len(PAGE) < 20_000


async def test_other_web_pages_cannot_use_the_control_api() -> None:
    async with sandbox_client() as client:
        foreign = await client.call("POST", "/__sandbox/revoke", headers={"Origin": "https://evil.example.com"})
        own = await client.call("POST", "/__sandbox/faults", data=b"{}", headers={"Origin": client.sandbox.url})
        page = await client.call("GET", "/")

        assert (foreign.status, own.status, page.status) == (403, 200, 200)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert client.sandbox.calls.total == 1  # the page makes no API calls; the only call is the token request


def test_the_docs_show_a_screenshot() -> None:
    assert IN_THE_DOCUMENTS.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "(sandbox.png)" in (TOP / "docs" / "sandbox.md").read_text(encoding="utf-8")
