"""Rows of a Python program as an input: encoded as JSON Lines, copied and resumed like standard input."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.transform.python_values import RowEncoder
from bulkzoho.errors import RunFailedError
from bulkzoho.formats.raw_input import SourceClosedError

__all__ = ["Row", "RowStream", "run_with_rows"]

Row = Mapping[str, Any]
ROWS_PER_PIECE: Final = 100
PIECES_AHEAD: Final = 2  # encoded before they are read; no more rows are taken then


async def run_with_rows(
    rows: Iterable[Row] | AsyncIterable[Row], run: Callable[[RowStream], Awaitable[Summary]], *, encoder: RowEncoder
) -> Summary:
    """Return the result of *run*, which is called with *rows* as a stream of JSON Lines.

    Raises:
        Exception: The error of *run*, else that of *rows*, else that of *encoder* for a row that cannot be sent.
    """
    stream = RowStream(rows, encoder)
    result: Summary | Exception
    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(stream.feed())
        try:
            result = await run(stream)
        except Exception as error:  # noqa: BLE001  raised below, outside the group, which would wrap it
            result = error
        feeding.cancel()
    if isinstance(result, Exception):
        raise result
    if stream.error is not None:
        raise stream.error
    return result


class RowStream:
    """An :class:`~bulkzoho.formats.stdin_spool.InputStream` of rows.

    One task of the program's event loop takes the rows; the thread that reads the input takes the encoded pieces.

    Attributes:
        error: The error that ended the rows: their own, also a ``CancelledError``, or that of a row that cannot be sent.
    """

    def __init__(self, rows: Iterable[Row] | AsyncIterable[Row], encoder: RowEncoder) -> None:
        self.error: BaseException | None = None
        self._rows = rows
        self._encode = encoder.encode
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(PIECES_AHEAD)
        self._pieces: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    async def feed(self) -> None:
        """Take all rows and offer them, no faster than they are read; then offer the end, or the error that ended them.

        The rows before an error are offered first, so that all of them are sent.
        """
        piece: list[bytes] = []
        try:
            async for row in _each(self._rows):
                piece.append(self._encode(row))
                if len(piece) == ROWS_PER_PIECE:
                    await self._room.acquire()
                    self._offer(piece)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the run has ended
            self.error = error
        except Exception as error:  # noqa: BLE001  the program's own error, given back to it
            self.error = error
        self._offer(piece)
        self._pieces.put(b"" if self.error is None else _rows_failed(self.error))

    def read(self) -> bytes:
        """Wait in a thread for the next piece; raise the error that ended the rows, or that of :meth:`wake`."""
        piece = self._pieces.get()
        if isinstance(piece, Exception):
            raise piece
        self._loop.call_soon_threadsafe(self._room.release)
        return piece

    def wake(self) -> None:
        """Put an error where :meth:`read` waits."""
        self._pieces.put(SourceClosedError())

    def close(self) -> None:
        """Do nothing: the rows belong to the program."""

    def _offer(self, piece: list[bytes]) -> None:
        if piece:
            self._pieces.put(b"\n".join(piece) + b"\n")
            piece.clear()


def _rows_failed(error: BaseException) -> RunFailedError:
    return RunFailedError(
        f"the rows ended with {type(error).__name__}.", hint="Fix the code that produces the rows.", code="ROWS_FAILED"
    )


async def _each(rows: Iterable[Row] | AsyncIterable[Row]) -> AsyncIterator[Row]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row
