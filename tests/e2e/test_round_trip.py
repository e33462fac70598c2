"""An import reads what an export writes: random records of all field types, from one CRM into another, in each format.

Both CRMs live in threads of this process.  ``ROUND_TRIPS=200 python -m pytest tests/e2e/test_round_trip.py`` tries more.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import bulkzoho
from bulkzoho.app.start_export import export_module
from bulkzoho.client import NoProgress
from bulkzoho.domain.model.export import ExportRoute, ExportSettings, OutputFormat
from bulkzoho.domain.model.settings import InputSettings, MappingSettings, QuotaSettings
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.part_joiner import NOWHERE
from bulkzoho.sandbox.server import Sandbox
from bulkzoho.sandbox.settings import Edition, SandboxSettings
from bulkzoho.sandbox.testing import sandbox_thread

ROUND_TRIPS = int(os.environ.get("ROUND_TRIPS", "8"))
RECORDS = 40
CRM_MODULE = "Shipments"  # has a field of every type
SYSTEM = ("id", "Created_Time", "Modified_Time", "Created_By", "Modified_By")
SETTINGS = SandboxSettings(edition=Edition.ULTIMATE, licences=1_000, calls_per_minute=60_000, job_time_s=0.0)
QUICK = QuotaSettings(calls_per_minute=60_000, bound_credits=False)
NUMBERS = itertools.count()  # a record in the recycle bin keeps its unique values
OWNERS = ("5725767000000411001", "5725767000000411002")

# texts that the CRM stores unchanged: no blanks at the ends, no control characters but line ends and tabs
_LETTERS = st.one_of(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), st.sampled_from("\n\r\t ,;\"'\\%=é名🙂\u2028")
)
_EARLIEST = datetime(1970, 2, 1)  # noqa: DTZ001  hypothesis adds the zone later
_LATEST = datetime(2100, 1, 1)  # noqa: DTZ001  likewise


def _texts(length: int) -> st.SearchStrategy[str]:
    return st.text(_LETTERS, max_size=length // 4).map(lambda text: text.strip() or "x")


def _stamp(moment: datetime, hours: int) -> str:
    return moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours))).isoformat()


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _record(contacts: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"Name": _texts(120), "Owner": st.sampled_from(OWNERS).map(lambda one: {"id": one})},
        optional={
            "Weight": st.decimals(-(10**6), 10**6, places=9).map(_number),
            "Fragile": st.booleans(),
            "Shipped_On": st.dates(min_value=_EARLIEST.date(), max_value=_LATEST.date()).map(str),
            "Delivered_At": st.builds(_stamp, st.datetimes(min_value=_EARLIEST, max_value=_LATEST), st.integers(-11, 13)),
            "Tags_MS": st.lists(st.sampled_from(["Cold", "Express", "Heavy", "Insured"]), min_size=1, unique=True),
            "Carrier": st.sampled_from(["DHL", "FedEx", "PostNord", "UPS"]),
            "Quantity": st.integers(-999_999_999, 999_999_999),
            "Big": st.integers(-(10**18) + 1, 10**18 - 1),
            "Value": st.decimals(-(10**13), 10**13, places=2).map(_number),
            "Share": st.integers(0, 100),
            "Notes_Long": _texts(400),
            "Contact": st.sampled_from(contacts).map(lambda one: {"id": one}),
            "Site": st.just("https://example.com/?a=1,2;b=\u00e9"),
            "Phone": st.just("+46 (8) 123-456"),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two CRMs with the same contacts."""

    first: Sandbox
    second: Sandbox
    contacts: list[str]


@pytest.fixture(scope="module")
def crms() -> Iterator[Pair]:
    with sandbox_thread(SETTINGS) as first, sandbox_thread(SETTINGS) as second:
        people = [{"Last_Name": f"Contact {n}"} for n in range(5)]
        contacts = first.add("Contacts", people)
        assert second.add("Contacts", people) == contacts
        yield Pair(first=first, second=second, contacts=contacts)


@pytest.mark.parametrize("form", OutputFormat)
@settings(
    max_examples=ROUND_TRIPS,
    derandomize=ROUND_TRIPS < 10,
    phases=[Phase.generate],  # to make an example smaller takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data(), route=st.sampled_from(ExportRoute))
def test_an_import_reads_what_an_export_writes(crms: Pair, form: OutputFormat, data: st.DataObject, route: ExportRoute) -> None:
    records = data.draw(st.lists(_record(crms.contacts), min_size=RECORDS, max_size=RECORDS))
    for crm in (crms.first, crms.second):
        crm.remove(CRM_MODULE, [one["id"] for one in crm.records(CRM_MODULE)])
        crm.advance(60)  # the CRM allows ten downloads of bulk reads a minute
    unique = [{**one, "Name": f"{n} {one['Name']}", "External_Id": f"X-{n}"} for n, one in zip(NUMBERS, records, strict=False)]
    crms.first.add(CRM_MODULE, unique)

    with tempfile.TemporaryDirectory() as folder:
        there, back = Path(folder) / f"there.{form}", Path(folder) / f"back.{form}"
        asyncio.run(_moved(crms, folder, there, back, route))

        assert _plain(crms.second) == _plain(crms.first)
        assert _read(back) == _read(there)


async def _moved(crms: Pair, folder: str, there: Path, back: Path, route: ExportRoute) -> None:
    with _connected(crms.first, folder):
        await _exported(there, route)
    with _connected(crms.second, folder):
        async with bulkzoho.connect() as crm:
            shape = MappingSettings(ignore_readonly=True)
            summary = await crm.import_files(there, crm_module=CRM_MODULE, shape=shape, quota=QUICK)
        assert (summary.tally.created, summary.error) == (RECORDS, None)
        await _exported(back, route)


async def _exported(path: Path, route: ExportRoute) -> None:
    told = ExportSettings(crm_module=CRM_MODULE, output=str(path), format=OutputFormat(path.suffix[1:]), route=route, quota=QUICK)
    summary = await export_module(told, out=NOWHERE, progress=NoProgress(), stop=StopSignal())
    assert (summary.error, summary.tally.read) == (None, RECORDS)


@contextmanager
def _connected(sandbox: Sandbox, folder: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**sandbox.environment, "BULKZOHO_HOME": f"{folder}/home-{sandbox.url[-5:]}"}.items():
            patch.setenv(name, value)
        yield


def _plain(sandbox: Sandbox) -> dict[str, Mapping[str, Any]]:
    records = sandbox.records(CRM_MODULE)
    return {str(one["External_Id"]): {name: value for name, value in one.items() if name not in SYSTEM} for one in records}


def _read(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the rows of an export by their keys, without the fields that each CRM sets itself."""
    source = open_source(str(path), InputSettings())
    found: dict[str, Mapping[str, Any]] = {}
    while (block := source.read()) is not None:
        for row in block.rows:
            named = dict(zip(block.header, row, strict=True))
            found[named["External_Id"]] = {name: value for name, value in named.items() if name not in SYSTEM}
    source.close()
    return found
