"""An event loop whose time passes only while nobody has work: hours of limiter in seconds, the same each time.

For ``benchmarks/limiter.py`` and for tests.  All timers are the loop's (aiolimiter's too), so the code that runs is the real one.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

__all__ = ["EPOCH", "VirtualTimeLoop", "run_virtually"]

EPOCH: Final = 1_800_000_000.0  # wall time when a loop's time is zero
STEP_S: Final = 1e-6  # seconds each turn of the loop takes, so that no timer is for ever a rounding error away

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that jumps to its next timer instead of sleeping."""

    def __init__(self) -> None:
        self._virtual_now = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Give virtual seconds since the loop was made."""
        return self._virtual_now

    def wall(self) -> float:
        """Give the virtual seconds since the epoch."""
        return EPOCH + self._virtual_now

    def jump(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._virtual_now += seconds


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* on a loop of its own, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class _JumpingSelector(selectors.BaseSelector):
    """Never waits: says that nothing came, and lets the time pass that it was to wait."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = self._real.select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("nothing is ready and no timer is set: this would wait for ever")
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
