"""Event loop in virtual time: it jumps to the next timer, so hours of rate limiting take seconds and repeat exactly.

For tests and ``benchmarks/limiter.py``.  All timers are the loop's (aiolimiter's too), so the tested code is the real one.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

__all__ = ["EPOCH", "VirtualTimeLoop", "run_virtually"]

EPOCH: Final = 1_800_000_000.0  # wall time when a loop's time is zero
STEP_S: Final = 1e-6  # seconds per turn of the loop, so that no timer stays a rounding error away

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Event loop that jumps to its next timer instead of sleeping."""

    def __init__(self) -> None:
        self._virtual_now = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the virtual seconds since the loop was created."""
        return self._virtual_now

    def wall(self) -> float:
        """Return the virtual seconds since the epoch."""
        return EPOCH + self._virtual_now

    def jump(self, seconds: float) -> None:
        """Advance the time by *seconds*."""
        self._virtual_now += seconds


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* on its own loop in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class _JumpingSelector(selectors.BaseSelector):
    """Selector that never blocks: it advances the virtual time by the timeout instead."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = self._real.select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("nothing is ready and no timer is set: the loop would wait forever")
            self._loop.jump(timeout + STEP_S)
        return events

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()
