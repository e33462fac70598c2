"""OAuth tokens: issued, expired, evicted, revoked (zoho-api, sections 2.3, 2.6, 2.7)."""

from __future__ import annotations

import math
import random
from collections import deque
from typing import Any

from bulkzoho.sandbox.settings import SandboxSettings
from bulkzoho.sandbox.state.clock import Clock

__all__ = ["TokenRegistry"]

REFRESH_TOKENS = 20  # per user and client; one more deletes the oldest (docs of several Zoho products)
THROTTLE_WINDOW_S = 600.0  # seconds; Zoho docs, "Token limits": 10 access tokens in 10 minutes


class TokenRegistry:
    """The client's secrets and all valid tokens."""

    def __init__(self, rng: random.Random, clock: Clock) -> None:
        self._rng = rng
        self._clock = clock
        self.client_id = "1000." + "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=30))
        self.client_secret = self._hex(42)
        self.refresh_token = f"1000.{self._hex(32)}.{self._hex(32)}"
        self.issued = 0
        self._refresh_tokens: list[str] = [self.refresh_token]  # valid refresh tokens, oldest first
        self._codes: dict[str, tuple[float, str]] = {}  # grant code -> (time issued, redirect address)
        self._alive: dict[str, float] = {}  # access token -> expiry, oldest first
        self._requests: deque[float] = deque()

    def __repr__(self) -> str:
        return f"TokenRegistry(alive={len(self._alive)}, issued={self.issued})"

    def throttled(self, limit: int | None) -> bool:
        """Count one token request; return whether it exceeds the limit in 10 minutes."""
        now = self._clock.monotonic()
        while self._requests and self._requests[0] <= now - THROTTLE_WINDOW_S:
            self._requests.popleft()
        if limit is not None and len(self._requests) >= limit:
            return True
        self._requests.append(now)
        return False

    def issue(self, settings: SandboxSettings) -> str:
        """Return a new access token; if too many are valid, the oldest becomes invalid."""
        token = f"1000.{self._hex(32)}.{self._hex(32)}"
        self._alive[token] = self._clock.monotonic() + settings.token_life_s
        while len(self._alive) > settings.active_tokens:
            del self._alive[next(iter(self._alive))]
        self.issued += 1
        return token

    def is_refresh_token(self, refresh_token: str) -> bool:
        """Return whether *refresh_token* is valid."""
        return refresh_token in self._refresh_tokens

    def issue_refresh(self) -> str:
        """Return a new refresh token; if too many are valid, the oldest becomes invalid."""
        token = f"1000.{self._hex(32)}.{self._hex(32)}"
        self._refresh_tokens = [*self._refresh_tokens, token][-REFRESH_TOKENS:]
        return token

    def issue_code(self, redirect_uri: str = "") -> str:
        """Return a new grant code, like the API console or (with a redirect address) the consent page."""
        code = f"1000.{self._hex(32)}.{self._hex(32)}"
        self._codes[code] = (self._clock.monotonic(), redirect_uri)
        return code

    def use_code(self, code: str, life_s: float) -> str | None:
        """Consume a grant code; return its redirect address, or None if it is used, expired or unknown."""
        issued_at, redirect_uri = self._codes.pop(code, (-math.inf, ""))
        return redirect_uri if self._clock.monotonic() < issued_at + life_s else None

    def is_alive(self, token: str) -> bool:
        """Return whether an access token is valid."""
        expires_at = self._alive.get(token)
        return expires_at is not None and self._clock.monotonic() < expires_at

    def revoke_access(self) -> None:
        """Revoke all access tokens; refresh tokens stay valid."""
        self._alive.clear()

    def revoke_refresh(self, token: str | None = None) -> None:
        """Revoke a refresh token (all by default) and all access tokens."""
        self._alive.clear()
        self._refresh_tokens = [] if token is None else [each for each in self._refresh_tokens if each != token]

    def secrets(self) -> dict[str, Any]:
        """Return the secrets to save in the state file."""
        return {"client_id": self.client_id, "client_secret": self.client_secret, "refresh_tokens": self._refresh_tokens}

    def load_secrets(self, saved: dict[str, Any]) -> None:
        """Load the secrets saved by ``secrets``."""
        self.client_id, self.client_secret = saved["client_id"], saved["client_secret"]
        self._refresh_tokens = list(saved["refresh_tokens"])
        if self._refresh_tokens:
            self.refresh_token = self._refresh_tokens[0]

    def _hex(self, digits: int) -> str:
        return f"{self._rng.getrandbits(4 * digits):0{digits}x}"
