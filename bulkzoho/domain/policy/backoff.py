"""How long to wait before a call is made again.  Pure: chance is an argument."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_DELAY_S", "delay_s"]

FIRST_DELAY_S: Final = 1.0
MAX_DELAY_S: Final = 60.0


def delay_s(attempt: int, *, jitter: float) -> float:
    """Give the seconds before attempt number *attempt* + 1: 1, 2, 4 ... capped at 60, half of it by chance.

    Args:
        attempt: Attempts made so far, from 1.
        jitter: A number from 0.0 to 1.0; different for each sender, so that they do not come back together.
    """
    full = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(attempt - 1, 16))
    return full * (0.5 + 0.5 * jitter)
