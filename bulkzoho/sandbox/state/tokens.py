"""Access tokens: given, aged, evicted, revoked (zoho-api, sections 2.3, 2.6, 2.7)."""

from __future__ import annotations

import math
import random
from collections import deque
from typing import Any

from bulkzoho.sandbox.settings import SandboxSettings
from bulkzoho.sandbox.state.clock import Clock

__all__ = ["TokenRegistry"]

REFRESH_TOKENS = 20  # per user and client; one more deletes the oldest (docs of several products)
THROTTLE_WINDOW_S = 600.0  # seconds; Zoho docs, "Token limits": 10 access tokens in 10 minutes


class TokenRegistry:
    """Who may call: the client's secrets, and the access tokens that live."""

    def __init__(self, chance: random.Random, clock: Clock) -> None:
        self._chance = chance
        self._clock = clock
        self.client_id = "1000." + "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=30))
        self.client_secret = self._hex(42)
        self.refresh_token = f"1000.{self._hex(32)}.{self._hex(32)}"
        self.issued = 0
        self._renewing: list[str] = [self.refresh_token]  # refresh tokens that live, oldest first
        self._codes: dict[str, tuple[float, str]] = {}  # grant code to the instant it was given, and its redirect address
        self._alive: dict[str, float] = {}  # access token to the instant it dies, oldest first
        self._asked: deque[float] = deque()

    def __repr__(self) -> str:
        return f"TokenRegistry(alive={len(self._alive)}, issued={self.issued})"

    def throttled(self, limit: int | None) -> bool:
        """Note one request for a token; tell whether it is one too many in 10 minutes."""
        now = self._clock.monotonic()
        while self._asked and self._asked[0] <= now - THROTTLE_WINDOW_S:
            self._asked.popleft()
        if limit is not None and len(self._asked) >= limit:
            return True
        self._asked.append(now)
        return False

    def issue(self, settings: SandboxSettings) -> str:
        """Give a new access token; one more than may live at once kills the oldest."""
        token = f"1000.{self._hex(32)}.{self._hex(32)}"
        self._alive[token] = self._clock.monotonic() + settings.token_life_s
        while len(self._alive) > settings.active_tokens:
            del self._alive[next(iter(self._alive))]
        self.issued += 1
        return token

    def renews(self, refresh_token: str) -> bool:
        """Tell whether *refresh_token* lives."""
        return refresh_token in self._renewing

    def issue_refresh(self) -> str:
        """Give a new refresh token; one more than may live kills the oldest."""
        token = f"1000.{self._hex(32)}.{self._hex(32)}"
        self._renewing = [*self._renewing, token][-REFRESH_TOKENS:]
        return token

    def issue_code(self, redirect_uri: str = "") -> str:
        """Give a grant code, as the API console (or, with a redirect address, the consent page) does."""
        code = f"1000.{self._hex(32)}.{self._hex(32)}"
        self._codes[code] = (self._clock.monotonic(), redirect_uri)
        return code

    def use_code(self, code: str, life_s: float) -> str | None:
        """Use a grant code up; give its redirect address, None when it was used, is older than *life_s*, or never was."""
        given_at, redirect_uri = self._codes.pop(code, (-math.inf, ""))
        return redirect_uri if self._clock.monotonic() < given_at + life_s else None

    def is_alive(self, token: str) -> bool:
        """Tell whether calls may be made with *token*."""
        dies_at = self._alive.get(token)
        return dies_at is not None and self._clock.monotonic() < dies_at

    def revoke_access(self) -> None:
        """Kill all access tokens; the refresh token goes on."""
        self._alive.clear()

    def revoke_refresh(self, token: str | None = None) -> None:
        """Kill a refresh token (all of them by default), and with it all access tokens."""
        self._alive.clear()
        self._renewing = [] if token is None else [each for each in self._renewing if each != token]

    def secrets(self) -> dict[str, Any]:
        """Give what must stay the same from one start to the next."""
        return {"client_id": self.client_id, "client_secret": self.client_secret, "refresh_tokens": self._renewing}

    def take_secrets(self, kept: dict[str, Any]) -> None:
        """Take what ``secrets`` gave at an earlier end."""
        self.client_id, self.client_secret = kept["client_id"], kept["client_secret"]
        self._renewing = list(kept["refresh_tokens"])
        if self._renewing:
            self.refresh_token = self._renewing[0]

    def _hex(self, digits: int) -> str:
        return f"{self._chance.getrandbits(4 * digits):0{digits}x}"
