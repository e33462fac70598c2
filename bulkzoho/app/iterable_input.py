"""Rows of a program as an input: written into one end of a pair of sockets, read, copied and resumed like standard input."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.transform.python_values import RowEncoder
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import RunFailedError

__all__ = ["Row", "run_with_rows"]

Row = Mapping[str, Any]
ROWS_A_PIECE: Final = 100  # rows written at a time; more are taken only when these were read


async def run_with_rows(
    rows: Iterable[Row] | AsyncIterable[Row],
    work: Callable[[int], Awaitable[Summary]],
    stop: StopSignal,
    *,
    encoder: RowEncoder,
) -> Summary:
    """Return the result of *work*, called with a descriptor from which *rows* can be read as JSON Lines.

    Raises:
        Exception: The error of *work*, else that of *rows* or, for a row that cannot be sent, of *encoder*.
    """
    near, far = socket.socketpair()
    feeder = RowFeeder(rows, stop, encoder)
    outcome: Summary | Exception
    with near:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(feeder.run(far))
            try:
                outcome = await work(near.fileno())
            except Exception as error:  # noqa: BLE001  raised below, out of the group, which would wrap it
                outcome = error
            feeding.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    if feeder.error is not None:
        raise feeder.error
    return outcome


class RowFeeder:
    """Writes rows as fast as they are read.

    Attributes:
        error: The error that ended the rows: their own, also a ``CancelledError``, or that of a row that cannot be sent.
    """

    def __init__(self, rows: Iterable[Row] | AsyncIterable[Row], stop: StopSignal, encoder: RowEncoder) -> None:
        self.error: BaseException | None = None
        self._rows = rows
        self._stop = stop
        self._encode = encoder.encode

    async def run(self, end: socket.socket) -> None:
        """Write all rows, then close: that is the end of the input.

        When *rows* raises or a row cannot be sent, the run is stopped before the end is closed, so that the rows before are not
        taken for all of them.
        """
        _, writer = await asyncio.open_connection(sock=end)
        try:
            async for piece in self._pieces():
                if not await _taken(writer, piece):
                    return
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # it is we who are to end
            self._failed(error)
        except Exception as error:  # noqa: BLE001  the program's own, given back to it
            self._failed(error)
        finally:
            writer.transport.abort() if self.error else writer.close()

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self._stop.request(
            StopReason.FAILED,
            RunFailedError(
                f"the rows ended with {type(error).__name__}.", hint="Fix the code that produces the rows.", code="ROWS_FAILED"
            ),
        )

    async def _pieces(self) -> AsyncIterator[bytes]:
        piece: list[bytes] = []
        async for row in _each(self._rows):
            piece.append(self._encode(row))
            if len(piece) == ROWS_A_PIECE:
                yield b"\n".join(piece) + b"\n"
                piece.clear()
        if piece:
            yield b"\n".join(piece) + b"\n"


async def _taken(writer: asyncio.StreamWriter, piece: bytes) -> bool:
    """Write *piece*; False when the run has ended and reads no more.  Errors of the rows' own never pass through here."""
    try:
        writer.write(piece)
        await writer.drain()
    except ConnectionError:
        return False
    return True


async def _each(rows: Iterable[Row] | AsyncIterable[Row]) -> AsyncIterator[Row]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row
