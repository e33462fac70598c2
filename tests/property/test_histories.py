"""Each row has one outcome and no insert is committed twice, whatever happens between any two steps of a run."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import Operation

from .memory_crm import KEY, ME, CallFault
from .run_model import HEADER, LETTERS, RESULTS, Process, World

HISTORIES = int(os.environ.get("HISTORIES", "300"))
MAX_LAST_PROCESSES = 6  # undisturbed processes until no row is left that can be resolved
OLD_S = 1000.0  # age of the records that existed before
TIMEOUT_S = 120.0 + 0.4 * HISTORIES  # a busy machine takes 0.15 s for each history

_keys = st.sampled_from(["", "K0", "K1", "K2", "k2", "K3", "K4", "K5", "K6", "K7", "K8", "K9"])
_names = st.sampled_from(["Ada", "Ada", "Bob", "Bob", "BAD"])
_numbers = st.sampled_from(["", "1", "2", "many"])  # the last is rejected before it is sent
_rows = st.lists(st.tuples(_names, _keys, _numbers), min_size=1, max_size=26)
_faults = st.builds(
    CallFault,
    kind=st.sampled_from(["fine", "fine", "lost", "lost", "throttled", "token", "not_sent"]),
    committed=st.sampled_from([None, 0, 1, 2, 3]),
    late_s=st.sampled_from([0.0, 0.0, 0.5, 15.0]),
    latency_s=st.sampled_from([0.01, 0.2, 3.0]),
)
_ends: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(dict, steps=st.integers(0, 40), torn=st.sampled_from([0.0, 0.3, 0.9, 1.0])),
    st.builds(dict, killed_after_s=st.sampled_from([0.0, 0.005, 0.015, 0.03, 0.21, 0.5, 3.1, 20.5, 21.0, 24.0])),
    st.builds(dict, stopped_after_s=st.sampled_from([0.0, 0.015, 0.3, 20.5])),
    st.just({}),
)
_disks = st.sampled_from([None, 0.001, 0.02, 2.0])
_processes = st.lists(
    st.builds(
        lambda end, faults, after_s, disk_s: Process(after_s=after_s, disk_s=disk_s, faults=tuple(faults), **end),
        _ends,
        st.lists(_faults, max_size=6),
        st.sampled_from([0.1, 1.0, 30.0, 400.0]),
        _disks,
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=HISTORIES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@pytest.mark.timeout(TIMEOUT_S)
@given(
    operation=st.sampled_from([Operation.INSERT, Operation.INSERT, Operation.UPSERT]),
    rows=_rows,
    poison=st.none() | st.integers(0, 25),
    processes=_processes,
    ahead_s=st.sampled_from([0.0, -5.4, 7.7, 3600.2]),
    disk_s=_disks,
)
@example(  # a row without a key was given the record of its neighbour that has one
    operation=Operation.UPSERT,
    rows=[("Ada", "K2", ""), ("Ada", "", "")],
    poison=None,
    processes=[Process(steps=5, faults=(CallFault(kind="lost"),))],
    ahead_s=0.0,
    disk_s=None,
)
@example(  # two calls without a response whose records are equal except for a value that one of them left out
    operation=Operation.INSERT,
    rows=[("Ada", "", ""), ("Ada", "", ""), ("Ada", "", ""), ("Bob", "", "1"), ("Bob", "", "")],
    poison=None,
    processes=[
        Process(
            after_s=0.1,
            steps=11,
            torn=0.0,
            faults=(CallFault(kind="lost", latency_s=0.2), CallFault(kind="lost", committed=0, latency_s=0.01)),
        )
    ],
    ahead_s=0.0,
    disk_s=None,
)
@example(  # calls without a response with equal rows: the lookup of one was not written down yet when the next began
    operation=Operation.INSERT,
    rows=[("Ada", "", "")] * 20,
    poison=None,
    processes=[Process(killed_after_s=3.1, faults=(CallFault(kind="fine"), *[CallFault(kind="lost")] * 4))],
    ahead_s=0.0,
    disk_s=2.0,
)
@example(  # a call lost its response while the rows of another were looked up, equal except for a value left out
    operation=Operation.INSERT,
    rows=[*[("Ada", "", "")] * 4, *[("Bob", "", "")] * 12, *[("Ada", "", "1")] * 4],
    poison=None,
    processes=[
        Process(
            faults=(
                CallFault(kind="lost", committed=0),
                *[CallFault(latency_s=5.0)] * 3,
                CallFault(kind="lost", latency_s=10.005),
            )
        )
    ],
    ahead_s=0.0,
    disk_s=None,
)
@example(  # a slow disk: the commit of *sent* took longer than the wait left for a request without a response
    operation=Operation.INSERT,
    rows=[*[("Ada", "", str(number)) for number in range(1, 5)], *[("Bob", "", str(number)) for number in range(5, 9)]],
    poison=None,
    processes=[
        Process(
            after_s=0.1,
            disk_s=2.5,
            faults=(CallFault(), CallFault(kind="lost", committed=None, late_s=15.0, latency_s=3.0)),
            stopped_after_s=20.5,
        ),
        Process(after_s=0.1, faults=(CallFault(kind="fine", latency_s=3.0),)),
    ],
    ahead_s=0.0,
    disk_s=None,
)
def test_each_row_has_one_outcome_and_no_insert_is_committed_twice(
    *,
    operation: Operation,
    rows: list[tuple[str, str, str]],
    poison: int | None,
    processes: list[Process],
    ahead_s: float,
    disk_s: float | None,
) -> None:
    if poison is not None:
        rows[poison % len(rows)] = ("POISON", "", "1")
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), operation, rows, ahead_s=ahead_s)
        for key in ("K0", "K1"):
            world.crm.put({"Last_Name": "Old", KEY: key}, created_s=world.crm.now() - OLD_S, creator=ME.id)

        for process in processes:
            world.live(process)
            _check_no_duplicates(world)
        for _ in range(MAX_LAST_PROCESSES):
            world.live(Process(disk_s=disk_s))
            if not (world.tally.in_doubt or world.tally.unsent):
                break

        note(f"{world.tally}")
        _check_end(world)


def _check_no_duplicates(world: World) -> None:
    """Of rows with a key at most one is inserted; of those without, as many as there are rows with the same values."""
    wanted = Counter(_values(row) for row in world.rows)
    inserted = Counter(_values([held.values.get(name) for name in HEADER]) for held in world.crm.inserted)
    assert inserted <= wanted, f"inserted more often than the file has it: {inserted - wanted}"
    keys = Counter(str(held.values[KEY]).lower() for held in world.crm.records.values() if held.values.get(KEY))
    assert not keys or max(keys.values()) == 1


def _check_end(world: World) -> None:
    _check_no_duplicates(world)
    tally, results, letters = world.tally, world.lines(RESULTS), world.lines(LETTERS)
    assert (tally.read, tally.unsent) == (len(world.rows), 0)
    accepted = {line["row"]: line["id"] for line in results}
    rejected = {line["row"]: line["code"] for line in letters}
    assert (len(accepted), len(rejected)) == (len(results), len(letters)) == (tally.accepted, tally.dead_lettered)
    assert not accepted.keys() & rejected.keys()
    in_doubt = set(range(1, len(world.rows) + 1)) - accepted.keys() - rejected.keys()
    assert len(in_doubt) == tally.in_doubt
    assert not [row for row in in_doubt if world.rows[row - 1][1]], "a row with a unique field is still in doubt"
    _check_records(world, accepted, in_doubt=len(in_doubt))
    if world.operation is Operation.INSERT:
        expected = {row: code for row, code in _expected_rejections(world).items() if row not in in_doubt}
        assert rejected == expected


def _check_records(world: World, accepted: dict[int, str], *, in_doubt: int) -> None:
    """Each accepted row has its record, and each new record its row, except those in doubt."""
    created = {held.id for held in world.crm.inserted}
    extra = created - set(accepted.values())
    assert len(extra) <= in_doubt, f"records without a row: {len(extra)}"
    last: dict[str, int] = {}
    for row in sorted(accepted):
        assert accepted[row] in world.crm.records
        last[accepted[row]] = row
    for record, row in last.items():
        held = world.crm.records[record].values
        name, key, number = world.rows[row - 1]
        assert (held["Last_Name"], held.get(KEY, "")) == (name, key)
        assert number == "" or held["Employees"] == int(number)
    keyless = [accepted[row] for row in accepted if not world.rows[row - 1][1]]
    assert len(set(keyless)) == len(keyless), "two rows were given one record"


def _expected_rejections(world: World) -> dict[int, str]:
    taken = {"k0", "k1"}
    rejected = {}
    for row, (name, key, number) in enumerate(world.rows, 1):
        if number == "many" or name in ("BAD", "POISON"):
            rejected[row] = "INVALID_DATA"
        elif key.lower() in taken:
            rejected[row] = "DUPLICATE_DATA"
        elif key:
            taken.add(key.lower())
    return rejected


def _values(row: Any) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in row)
