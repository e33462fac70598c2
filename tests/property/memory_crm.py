"""A CRM in memory, with what an import needs and faults by call; it outlives the processes that call it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo, User
from bulkzoho.domain.model.responses import NotSent, RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Action, Batch, Operation, Record, Stage

__all__ = ["KEY", "LEADS", "ME", "CallFault", "Held", "MemoryCrm"]

KEY: Final = "External_Id"  # unique
ME: Final = User(id="1", name="Me")
PAGE_MAX: Final = 2000
LEADS: Final = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        FieldMetadata(api_name="Last_Name", label="Last Name", data_type="text", json_type="string", length=80, mandatory=True),
        FieldMetadata(
            api_name=KEY, label="External Id", data_type="text", json_type="string", length=80, unique=True, custom=True
        ),
        FieldMetadata(api_name="Employees", label="Employees", data_type="integer", json_type="integer", length=9, custom=True),
    ),
)
_SELECT: Final = re.compile(r"select (?P<fields>.+?) from Leads where (?P<where>.+) order by id asc limit (?P<limit>\d+)")
_AFTER: Final = re.compile(r"id > '(\d+)'")
_TIMES: Final = re.compile(r"Created_Time >= '([^']+)' and Created_Time <= '([^']+)'")
_KEYS: Final = re.compile(rf"{KEY} in \((.*?)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFault:
    """The fate of one write call.

    ``kind``: ``fine``, ``throttled``, ``token``, ``not_sent``, ``lost``.  If the response is lost, the first ``committed``
    records are committed (None: all), ``late_s`` after the client gave up.
    """

    kind: str = "fine"
    committed: int | None = None
    late_s: float = 0.0
    latency_s: float = 0.01


@dataclass(slots=True, kw_only=True)
class Held:
    """One record."""

    id: str
    values: dict[str, Any]
    created_s: float  #: in the service's time
    creator: str


@dataclass(slots=True)
class MemoryCrm:
    """Implements :class:`ImportRoute`, :class:`QueryApi`, and the part of :class:`MetadataApi` that a running import uses.

    Attributes:
        alive: Whether the calling process lives; a dead one makes no calls.
        inserted: The values of every record that a call inserted.
    """

    operation: Operation
    wall: Callable[[], float]  #: the client's
    ahead_s: float = 0.0  #: the service's clock minus the client's
    faults: list[CallFault] = field(default_factory=list)
    records: dict[str, Held] = field(default_factory=dict)
    inserted: list[Held] = field(default_factory=list)
    alive: bool = True
    name: str = "records"
    _late: list[tuple[float, Sequence[Record]]] = field(default_factory=list)
    _last_id: int = 1000

    def now(self) -> float:
        """Return the service's time."""
        return self.wall() + self.ahead_s

    def put(self, values: Record, *, created_s: float, creator: str) -> Held:
        """Add a record before the run."""
        self._last_id += 1
        held = Held(id=str(self._last_id), values=dict(values), created_s=created_s, creator=creator)
        self.records[held.id] = held
        return held

    def by_key(self, key: str) -> Held | None:
        """Return the record with this key, compared without case."""
        return next((held for held in self.records.values() if str(held.values.get(KEY) or "").lower() == key.lower()), None)

    # -- the route -------------------------------------------------------------------------------------------------------

    def price(self, batch: Batch) -> CallCost:
        """Return a price."""
        return CallCost(credits=len(batch))

    async def send(self, batch: Batch) -> Reply:
        """Make one call."""
        fault = self.faults.pop(0) if self.faults else CallFault()
        await asyncio.sleep(fault.latency_s)
        self._arrive()
        match fault.kind:
            case "throttled":
                return RateLimited()
            case "token":
                return TokenRejected(token_serial=0, code="INVALID_TOKEN")
            case "not_sent":
                return NotSent(reason="connection refused")
            case "lost":
                whole = len(batch) if fault.committed is None else fault.committed
                self._late.append((self.wall() + fault.late_s, batch.records[:whole]))
                self._arrive()
                return ResponseLost(reason="connection reset")
        if any(record.get("Last_Name") == "POISON" for record in batch.records):
            return Rejected(status=400, code="INVALID_DATA", message="invalid data", service_time=self.now())
        results = self._results([self._write(record, self.now()) for record in batch.records])
        await asyncio.sleep(fault.latency_s)
        self._arrive()
        return Succeeded(results=results, service_time=float(int(self.now())))

    def _arrive(self) -> None:
        if not self.alive:
            raise asyncio.CancelledError
        self.catch_up()

    def catch_up(self) -> None:
        """Commit what calls without a response left to be committed, if it is due."""
        due = [late for late in self._late if late[0] <= self.wall()]
        self._late = [late for late in self._late if late[0] > self.wall()]
        for at, records in due:
            for record in records:
                self._write(record, at + self.ahead_s)

    def _write(self, record: Record, at_s: float) -> tuple[str, Action] | Rejection:
        if record.get("Last_Name") in ("BAD", "POISON"):
            return Rejection(code="INVALID_DATA", message="invalid data", stage=Stage.CRM)
        key = record.get(KEY)
        held = self.by_key(key) if key else None
        if held is not None and self.operation is Operation.INSERT:
            return Rejection(code="DUPLICATE_DATA", message="duplicate data", stage=Stage.CRM, details={"id": held.id})
        if held is not None:
            held.values.update(record)
            return held.id, Action.UPDATE
        created = self.put(record, created_s=float(int(at_s)), creator=ME.id)
        self.inserted.append(Held(id=created.id, values=dict(record), created_s=created.created_s, creator=ME.id))
        return created.id, Action.INSERT

    def _results(self, written: Sequence[tuple[str, Action] | Rejection]) -> WriteResults:
        return WriteResults(
            ids=["" if isinstance(result, Rejection) else result[0] for result in written],
            actions=[Action.NONE if isinstance(result, Rejection) else result[1] for result in written],
            rejected={index: result for index, result in enumerate(written) if isinstance(result, Rejection)},
        )

    # -- reads ------------------------------------------------------------------------------------------------------------

    async def query(self, coql: str) -> Reply:
        """Respond to the two kinds of query that a lookup sends."""
        await asyncio.sleep(0.01)
        self._arrive()
        asked = _SELECT.fullmatch(coql)
        assert asked, coql
        names = asked["fields"].split(", ")
        found = list(self._matching(asked["where"]))[: min(int(asked["limit"]), PAGE_MAX)]
        page = ApiPage(records=[self._selected(held, names) for held in found])
        return Succeeded(payload=page, service_time=float(int(self.now())))

    async def renew_token(self, serial: int) -> Reply:
        """Renew it."""
        del serial
        self._arrive()
        return Succeeded()

    async def count(self, crm_module: str) -> Reply:
        """Return the number of records, with the service's time."""
        del crm_module
        self._arrive()
        return Succeeded(payload=len(self.records), service_time=float(int(self.now())))

    def _matching(self, where: str) -> Iterator[Held]:
        after, times, keys = _AFTER.search(where), _TIMES.search(where), _KEYS.search(where)
        assert times or keys, where
        first, last = (datetime.fromisoformat(text).timestamp() for text in times.groups()) if times else (0.0, 0.0)
        wanted = {text.strip("'").lower() for text in keys[1].split(", ")} if keys else set()
        for held in sorted(self.records.values(), key=lambda held: int(held.id)):
            in_time = not times or first <= held.created_s <= last
            has_key = not keys or str(held.values.get(KEY) or "").lower() in wanted
            if in_time and has_key and (not after or int(held.id) > int(after[1])):
                yield held

    def _selected(self, held: Held, names: Sequence[str]) -> Mapping[str, Any]:
        created = datetime.fromtimestamp(held.created_s, UTC).isoformat(timespec="seconds")
        system = {"id": held.id, "Created_Time": created, "Created_By": {"id": held.creator}}
        return {name: system.get(name, held.values.get(name)) for name in names}
