"""The whole state of one sandbox: settings, organization, users, records, tokens, quotas, faults, logs."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from bulkzoho.sandbox.records.field_checks import CheckContext
from bulkzoho.sandbox.records.validator import RecordChecker
from bulkzoho.sandbox.settings import SandboxSettings, refuse_unknown
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

LAST_S = 253_370_764_800.0  # seconds since 1970 of the end of the year 9998: dates end a year later


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who can own records."""

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
        """Give the short form of ``Created_By``."""
        return {"name": self.full_name, "id": str(self.id)}


def _users() -> tuple[User, ...]:
    people = (
        ("Ana", "Lund", "ana", True, True),
        ("Bo", "Ek", "bo", True, False),
        ("Cy", "Gone", "cy", False, False),
        ("Eva", "Holm", "eva", True, False),
        ("Eva", "Holm", "eva.holm", True, False),  # nothing makes names unique
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
        for number, (first, last, address, active, admin) in enumerate(people)
    )


class Crm:
    """One organization and all that concerns it.  Routes read and change it; nothing here waits."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.url = ""  # known once the server listens
        self.chance = random.Random(settings.seed)  # noqa: S311 - the same seed gives the same sandbox
        self.tokens = TokenRegistry(self.chance, clock)
        self.zone = TimeZone(settings.time_zone)
        self.users = _users()
        self.stores = {each.api_name: ModuleStore(_with_unique(each, settings)) for each in MODULES}
        if unknown := sorted(set(settings.unique_fields) - set(self.stores)):
            raise ValueError(f"unique_fields: there is no module {', '.join(unknown)}")
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
        self.keys_in_flight: dict[tuple[str, str, str], int] = {}  # module, field, key to the call that carries it
        self.pages = PageTokens()
        self.jobs = JobRegistry()
        self.files = UploadStore()
        self.uploads = UploadStore()  # zips that wait for their bulk write
        self.downloads = DownloadLimit()
        self.last_write_s: dict[str, float] = {}  # by module
        self.last_id = ID_PREFIX + 3_000_000  # the last id that was given
        self._compile()
        _ = self.me  # a wrong address is told at once

    @property
    def founder(self) -> User:
        """The administrator who made everything of which nobody else is named as the maker."""
        return self.users[0]

    @property
    def me(self) -> User:
        """The user whom the token stands for."""
        return self.user_called(self.settings.calls_as) if self.settings.calls_as else self.founder

    @property
    def credits_limit(self) -> int:
        """The credits of any 24 hours."""
        return credits_limit(self.settings)

    def allows(self, scope: str, crm_module: CrmModule | None = None) -> bool:
        """Tell whether the token's scopes allow *scope*, such as ``modules.{}.READ``, on a module."""
        if crm_module is None:
            return scope_covers(self.settings.scopes, scope, "")
        return scope_covers(self.settings.scopes, scope, crm_module.api_name, custom=crm_module.custom)

    def now_s(self) -> int:
        """Give the present second since 1970."""
        return int(self.clock.wall())

    def next_id(self) -> int:
        """Give a record id that was never given before."""
        self.last_id += 1
        return self.last_id

    def change(self, **values: Any) -> None:
        """Change settings of the running sandbox.

        Raises:
            ValueError: a setting is unknown, not changeable, or out of range.
        """
        fixed = {"port", "seed", "org_id", "time_zone", "unique_fields", "state_file"}
        if refused := sorted(fixed & values.keys()):
            raise ValueError(f"cannot be changed while the sandbox runs: {', '.join(refused)}")
        refuse_unknown("setting", values, SandboxSettings)
        if isinstance(values.get("strict"), dict):
            refuse_unknown("setting strict.", values["strict"], UnverifiedBehavior)
            values["strict"] = replace(self.settings.strict, **values["strict"])
        changed = replace(self.settings, **values)
        if changed.calls_as:
            self.user_called(changed.calls_as)  # so that nothing is changed where there is no such user
        self.settings = changed
        if isinstance(self.clock, SystemClock):
            self.clock.run(self.settings.time_scale)
        self._compile()

    def advance(self, seconds: float) -> None:
        """Let the service's time jump forward.

        Raises:
            ValueError: time would go back, or beyond the dates that there are.
        """
        if not seconds >= 0:
            raise ValueError(f"time only goes forward: {seconds}")
        if self.clock.wall() + seconds > LAST_S:
            raise ValueError(f"time ends with the year 9998: {seconds} seconds are too many")
        self.clock.advance(seconds)

    def user(self, user_id: int) -> User | None:
        """Give the user with that id."""
        return next((each for each in self.users if each.id == user_id), None)

    def user_called(self, name: str) -> User:
        """Give the user with that e-mail address or id.

        Raises:
            ValueError: there is none.
        """
        for each in self.users:
            if name in (each.email, str(each.id)):
                return each
        raise ValueError(f"there is no user {name}; there are {', '.join(each.email for each in self.users)}")

    def _compile(self) -> None:
        context = CheckContext(
            strict=self.settings.strict,
            zone=self.zone,
            record_exists=lambda target, record_id: record_id in self.stores[target],
            user_exists=lambda user_id: any(each.id == user_id and each.active for each in self.users),
            user_called=lambda name: next((each.id for each in self.users if each.email == name.casefold()), None),
        )
        for store in self.stores.values():
            store.past.lag_s = self.settings.search_lag_s
        self.checkers = {name: RecordChecker(store.crm_module, context) for name, store in self.stores.items()}


def _with_unique(crm_module: CrmModule, settings: SandboxSettings) -> CrmModule:
    """Mark the fields that the settings make unique; a module that is not there is told by ``Crm``.

    Raises:
        ValueError: a field of the settings is not in the module.
    """
    wanted = set(settings.unique_fields.get(crm_module.api_name, ()))
    if unknown := wanted - {each.api_name for each in crm_module.fields if each.data_type not in CHILDREN}:
        raise ValueError(f"{crm_module.api_name} has no field {', '.join(sorted(unknown))} to make unique")
    return replace(
        crm_module,
        fields=tuple(replace(each, unique=each.unique or each.api_name in wanted) for each in crm_module.fields),
    )
