"""The part of a run that a lookup needs: it inserts into the sandbox, loses responses, and looks the rows up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, User
from bulkzoho.domain.model.progress import QuotaStatus
from bulkzoho.domain.model.responses import ResponseLost, Succeeded
from bulkzoho.domain.model.rows import Batch, Operation, Record
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.lost_replies.insert_lookup import CoqlInsertLookup, InsertLookupParts
from bulkzoho.engine.lost_replies.protocols import LookupResult
from bulkzoho.interfaces import MetadataApi
from bulkzoho.sandbox import Fault, FaultKind, Sandbox, SandboxSettings, SystemClock
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.metadata_api import MetadataClient
from bulkzoho.zoho.api.records_read import RecordReadClient
from bulkzoho.zoho.api.records_write import RecordWriteRoute
from bulkzoho.zoho.auth.datacenters import connection_settings_from_env
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient

ANA, BO = User(id="5725767000000411001", name="Ana Lund"), User(id="5725767000000411002", name="Bo Ek")


HEAVY = CallCost(credits=10, heavy=True)


class ServiceClock(SystemClock):
    """The sandbox's clock, which can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0

    def wall(self) -> float:
        return super().wall() + self.ahead_s


class UnlimitedLimiter:
    """A limiter without limits."""

    @asynccontextmanager
    async def permit(self, price: CallCost) -> AsyncIterator[None]:
        assert price.heavy
        yield

    def report_rate_limit(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        raise AssertionError((retry_after_s, credits_remaining))

    def report_success(self, *, credits_remaining: int | None) -> None:
        pass

    def close(self) -> None:
        raise AssertionError

    def status(self) -> QuotaStatus:
        raise AssertionError


def caller_of(crm: MetadataApi) -> RetryingCaller:
    return RetryingCaller(
        limiter=UnlimitedLimiter(), crm=crm, stop=StopSignal(), jitter=lambda: 0.5, give_up_after_s=5.0, wall=time.time
    )


class Bench:
    """Inserts rows with and without a response, and looks them up."""

    def __init__(self, sandbox: Sandbox, clock: ServiceClock, client: ApiClient, crm_module: CrmModule) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.known: set[str] = set()
        self.shown: list[str] = []
        self.user: User | None = ANA
        self.unique_fields: Sequence[str] = ("External_Id",)
        self.import_key: str | None = None
        self.ahead_s = 0.0  # by which pauses advanced our clock
        self.crm = MetadataClient(client)
        self.crm_module = crm_module
        self._records = RecordReadClient(client, crm_module=crm_module.api_name)
        self._route = RecordWriteRoute(client, crm_module=crm_module.api_name, operation=Operation.INSERT)
        self._caller = caller_of(self.crm)

    async def insert(self, records: Sequence[Record]) -> list[str]:
        """Insert records that are no rows of a run."""
        reply = await self._caller.call(lambda: self._route.send(batch_of(records)), HEAVY)
        assert isinstance(reply, Succeeded)
        assert reply.results is not None
        return list(reply.results.ids)

    async def accept(self, records: Sequence[Record]) -> list[str]:
        """Insert rows of a run."""
        ids = await self.insert(records)
        self.known.update(ids)
        return ids

    async def insert_without_response(
        self, records: Sequence[Record], kind: FaultKind, *, committed: int | None = None
    ) -> Lookup:
        """Insert by a request whose response is lost."""
        self.sandbox.faults.script([Fault(kind=kind, records=committed)])
        sent_at = time.time()
        reply = await self._route.send(batch_of(records))
        assert isinstance(reply, ResponseLost)
        return Lookup(
            self, batch_of(records), InFlightShipment(id=1, source=0, rows=[(1, len(records))], attempt=1, sent_at=sent_at)
        )

    def lookup(self) -> CoqlInsertLookup:
        return CoqlInsertLookup(
            InsertLookupParts(
                coql=CoqlReader(self._records, self._caller, crm_module=self.crm_module.api_name),
                crm_module=self.crm_module,
                user=self.user,
                unique_fields=self.unique_fields,
                import_key=self.import_key,
                known_ids=self.known.intersection,
                clock_skew=lambda: self._caller.skew_s,
                settle_wait_s=0.0,
                wall=lambda: time.time() + self.ahead_s,
                pause=self._pause,
                tell=self.shown.append,
            )
        )

    def count(self, field: str) -> Counter[Any]:
        """Count the records of the CRM by a field."""
        return Counter(record.get(field) for record in self.sandbox.records(self.crm_module.api_name))

    def queries(self) -> int:
        return sum(call.operation == "coql" for call in self.sandbox.calls)

    async def _pause(self, seconds: float) -> None:
        self.ahead_s += seconds


class Lookup:
    """The lookup of one request without a response."""

    def __init__(self, bench: Bench, batch: Batch, shipment: InFlightShipment) -> None:
        self._bench = bench
        self.batch = batch
        self._shipment = shipment

    async def find(self, *, other_in_doubt_batches: Callable[[], Sequence[Batch]] = tuple) -> LookupResult:
        """Look the rows up, and check that the records found are those that were sent."""
        result = await self._bench.lookup().find(self.batch, self._shipment, other_in_doubt_batches=other_in_doubt_batches)
        records = {record["id"]: record for record in self._bench.sandbox.records(self._bench.crm_module.api_name)}
        assert (result.results is None) == (not result.found)
        for at, index in enumerate(result.found):
            assert result.results is not None
            record = records[result.results.ids[at]]
            for name in ("Last_Name", "External_Id", "City"):
                sent = self.batch.records[index].get(name)
                assert (record.get(name) or "").casefold() == (sent or "").strip().casefold()
        assert not set(result.found) & set(result.absent)
        return result

    async def find_and_resend(self) -> LookupResult:
        """Accept the rows found and send the absent ones again, as a run does."""
        result = await self.find()
        self._bench.known.update(result.results.ids if result.results is not None else ())
        if result.absent:
            await self._bench.accept([self.batch.records[index] for index in result.absent])
        return result


def batch_of(records: Sequence[Record]) -> Batch:
    numbers = range(1, len(records) + 1)
    return Batch(source=0, header=(), numbers=numbers, records=records, cells=[()] * len(records))


@asynccontextmanager
async def bench_of(crm_module: str, settings: SandboxSettings | None = None) -> AsyncIterator[Bench]:
    clock = ServiceClock()
    async with Sandbox(settings, clock=clock) as sandbox:
        connection = connection_settings_from_env(sandbox.environment)
        async with HttpClient(connect_timeout_s=5.0) as http:
            client = ApiClient(connection, http=http, tokens=TokenProvider(connection, http=http))
            name = ModuleInfo(api_name=crm_module, singular_label=crm_module, plural_label=crm_module)
            reply = await MetadataClient(client).module(name)
            assert isinstance(reply, Succeeded)
            yield Bench(sandbox, clock, client, reply.payload)
