"""State of one sandbox: settings, organization, users, records, tokens, quotas, faults, logs."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from bulkzoho.sandbox.records.field_checks import CheckContext
from bulkzoho.sandbox.records.validator import RecordChecker
from bulkzoho.sandbox.settings import SandboxSettings, reject_unknown_names
from bulkzoho.sandbox.state.call_log import CallLog, ViolationLog
from bulkzoho.sandbox.state.catalogue import MODULES
from bulkzoho.sandbox.state.clock import Clock, SystemClock, TimeZone
from bulkzoho.sandbox.state.faults import FaultPlan
from bulkzoho.sandbox.state.jobs import JobRegistry
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.page_tokens import PageTokens
from bulkzoho.sandbox.state.quotas import ArrivalLog, DownloadLimit, Quotas, credits_limit
from bulkzoho.sandbox.state.schema import CHILDREN, ID_PREFIX, CrmModule
from bulkzoho.sandbox.state.scopes import scope_covers
from bulkzoho.sandbox.state.tokens import TokenRegistry
from bulkzoho.sandbox.state.uploads import UploadStore
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior

__all__ = ["Crm", "User"]

LAST_S = 253_370_764_800.0  # seconds since 1970 at the end of 9998; Python dates end with 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the organization."""

    id: int
    first_name: str
    last_name: str
    email: str
    active: bool
    admin: bool

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    def reference(self) -> dict[str, Any]:
        """Return the user as in ``Created_By``: name and id."""
        return {"name": self.full_name, "id": str(self.id)}


def _build_users() -> tuple[User, ...]:
    names = (
        ("Ana", "Lund", "ana", True, True),
        ("Bo", "Ek", "bo", True, False),
        ("Cy", "Gone", "cy", False, False),
        ("Eva", "Holm", "eva", True, False),
        ("Eva", "Holm", "eva.holm", True, False),  # names are not unique
    )
    return tuple(
        User(
            id=ID_PREFIX + 411_001 + number,
            first_name=first,
            last_name=last,
            email=f"{address}@sandbox.example.com",
            active=active,
            admin=admin,
        )
        for number, (first, last, address, active, admin) in enumerate(names)
    )


class Crm:
    """One organization and its state.  Routes read and change it; nothing here waits."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.url = ""  # set once the server listens
        self.rng = random.Random(settings.seed)  # noqa: S311 - the same seed makes the sandbox reproducible
        self.tokens = TokenRegistry(self.rng, clock)
        self.zone = TimeZone(settings.time_zone)
        self.users = _build_users()
        self.stores = {each.api_name: ModuleStore(_with_unique(each, settings)) for each in MODULES}
        if unknown := sorted(set(settings.unique_fields) - set(self.stores)):
            raise ValueError(f"unique_fields: unknown module {', '.join(unknown)}")
        for store in self.stores.values():
            store.children = tuple(self.stores[each.target] for each in store.child_fields.values())
        self.checkers: dict[str, RecordChecker] = {}
        self.quotas = Quotas()
        self.arrivals = ArrivalLog()
        self.faults = FaultPlan()
        self.calls = CallLog()
        self.violations = ViolationLog()
        self.in_flight = 0
        self.heavy_in_flight = 0
        self.peak_in_flight = 0
        self.peak_heavy = 0
        self.keys_in_flight: dict[tuple[str, str, str], int] = {}  # (module, field, key) -> number of the call that carries it
        self.pages = PageTokens()
        self.jobs = JobRegistry()
        self.files = UploadStore()
        self.uploads = UploadStore()  # uploaded zips that wait for a bulk write job
        self.downloads = DownloadLimit()
        self.last_write_s: dict[str, float] = {}  # by module
        self.last_id = ID_PREFIX + 3_000_000  # the last assigned id
        self._compile_checkers()
        _ = self.current_user  # fail early if calls_as is unknown

    @property
    def administrator(self) -> User:
        """The administrator; the creator of records without an explicit creator."""
        return self.users[0]

    @property
    def current_user(self) -> User:
        """The user who owns the token."""
        return self.find_user(self.settings.calls_as) if self.settings.calls_as else self.administrator

    @property
    def credits_limit(self) -> int:
        """Credits in any 24 hours."""
        return credits_limit(self.settings)

    def allows(self, scope: str, crm_module: CrmModule | None = None) -> bool:
        """Return whether the token's scopes allow *scope*, such as ``modules.{}.READ``, on a module."""
        if crm_module is None:
            return scope_covers(self.settings.scopes, scope, "")
        return scope_covers(self.settings.scopes, scope, crm_module.api_name, custom=crm_module.custom)

    def now_s(self) -> int:
        """Return the current time in whole seconds since 1970."""
        return int(self.clock.wall())

    def next_id(self) -> int:
        """Return a new record id."""
        self.last_id += 1
        return self.last_id

    def change(self, **values: Any) -> None:
        """Change settings of the running sandbox.

        Raises:
            ValueError: a setting is unknown, not changeable, or out of range.
        """
        fixed = {"port", "seed", "org_id", "time_zone", "unique_fields", "state_file"}
        if unchangeable := sorted(fixed & values.keys()):
            raise ValueError(f"cannot change while the sandbox runs: {', '.join(unchangeable)}")
        reject_unknown_names("setting", values, SandboxSettings)
        if isinstance(values.get("strict"), dict):
            reject_unknown_names("setting strict.", values["strict"], UnverifiedBehavior)
            values["strict"] = replace(self.settings.strict, **values["strict"])
        changed = replace(self.settings, **values)
        if changed.calls_as:
            self.find_user(changed.calls_as)  # check before any setting changes
        self.settings = changed
        if isinstance(self.clock, SystemClock):
            self.clock.set_scale(self.settings.time_scale)
        self._compile_checkers()

    def advance(self, seconds: float) -> None:
        """Advance the service's clock.

        Raises:
            ValueError: *seconds* is negative or leads beyond the year 9998.
        """
        if not seconds >= 0:
            raise ValueError(f"the clock cannot go back: {seconds}")
        if self.clock.wall() + seconds > LAST_S:
            raise ValueError(f"the clock ends with the year 9998: {seconds} seconds are too many")
        self.clock.advance(seconds)

    def user(self, user_id: int) -> User | None:
        """Return the user with this id."""
        return next((each for each in self.users if each.id == user_id), None)

    def find_user(self, name: str) -> User:
        """Return the user with this e-mail address or id.

        Raises:
            ValueError: the user does not exist.
        """
        for each in self.users:
            if name in (each.email, str(each.id)):
                return each
        raise ValueError(f"unknown user {name}; known users: {', '.join(each.email for each in self.users)}")

    def _compile_checkers(self) -> None:
        context = CheckContext(
            strict=self.settings.strict,
            zone=self.zone,
            record_exists=lambda target, record_id: record_id in self.stores[target],
            user_exists=lambda user_id: any(each.id == user_id and each.active for each in self.users),
            find_user=lambda name: next((each.id for each in self.users if each.email == name.casefold()), None),
        )
        for store in self.stores.values():
            store.history.lag_s = self.settings.search_lag_s
        self.checkers = {name: RecordChecker(store.crm_module, context) for name, store in self.stores.items()}


def _with_unique(crm_module: CrmModule, settings: SandboxSettings) -> CrmModule:
    """Return the module with the unique fields of the settings; ``Crm`` checks module names.

    Raises:
        ValueError: a field does not exist in the module.
    """
    unique = set(settings.unique_fields.get(crm_module.api_name, ()))
    if unknown := unique - {each.api_name for each in crm_module.fields if each.data_type not in CHILDREN}:
        raise ValueError(f"{crm_module.api_name} has no field {', '.join(sorted(unknown))} to make unique")
    return replace(
        crm_module,
        fields=tuple(replace(each, unique=each.unique or each.api_name in unique) for each in crm_module.fields),
    )
