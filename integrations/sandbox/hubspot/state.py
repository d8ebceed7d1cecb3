"""Everything that the HubSpot side knows: the app, its accounts, tokens, limits and switches.

`World.hubspot` is one; the names and arguments of the control API under /_control/hubspot/ are those of its methods.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date
from typing import Any

from integrations.sandbox.clock import Clock
from integrations.sandbox.faults import Fault, Faults
from integrations.sandbox.hubspot.accounts import ENTERPRISE, FREE, PROFESSIONAL, TIERS, Account
from integrations.sandbox.hubspot.app import DEFAULT_CALLBACK, App
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.grants import Grants
from integrations.sandbox.hubspot.outbound import BASE, Outbound
from integrations.sandbox.hubspot.outgoing import Outgoing
from integrations.sandbox.hubspot.records import Change
from integrations.sandbox.hubspot.samples import make_account
from integrations.sandbox.limiter import Limiter

MAIN_ACCOUNT_ID = 4455667
CALLS_PER_TEN_SECONDS = 110
SEARCHES_PER_SECOND = 5
ASSOCIATION_CALLS = {FREE: 100, PROFESSIONAL: 150, ENTERPRISE: 150}  # per ten seconds
SEARCH_DELAY_SECONDS = 3.0
DEFAULT_CONTACTS = 60
_TEN_SECONDS = 10.0


class HubSpot(Outgoing):
    """The stand-in's state. Its methods may be called from any thread."""

    def __init__(
        self,
        *,
        lock: threading.RLock,
        clock: Clock,
        faults: Faults,
        seed: int,
        began_on: date,
        stopping: threading.Event,
        contacts: int = DEFAULT_CONTACTS,
    ) -> None:
        self.lock = lock
        self.clock = clock
        self.faults = faults
        self.app = App()
        self.grants = Grants()
        self.accounts: dict[int, Account] = {}
        self.outbound = Outbound(self.app, self.accounts, clock, stopping=stopping, is_open=self._is_open, seed=seed)
        self.listeners: list[Callable[[Account, Change], None]] = [self.outbound.announcements.hear]
        self.limiter = Limiter(CALLS_PER_TEN_SECONDS, window_seconds=_TEN_SECONDS)
        self.search_limiter = Limiter(SEARCHES_PER_SECOND, window_seconds=1.0)
        self.association_limiters = {
            tier: Limiter(limit, window_seconds=_TEN_SECONDS) for tier, limit in ASSOCIATION_CALLS.items()
        }
        self.search_delay = SEARCH_DELAY_SECONDS
        self.began_with = contacts
        self._seed = seed
        self._began_on = began_on
        self._changes = 0
        for details in _ACCOUNTS:
            self._open(details if self.accounts else details | {"contact_count": contacts})

    # Accounts

    @property
    def account(self) -> Account:
        """Return the main account."""
        return self.accounts[MAIN_ACCOUNT_ID]

    def find_account(self, account: int | str | None = None) -> Account:
        """Return an account by id or name, the main one for None. Raises ValueError."""
        if account is None:
            return self.account
        for known in self.accounts.values():
            if str(account) in (str(known.id), known.name):
                return known
        raise ValueError(f"There is no HubSpot account {account!r}.")

    def set_app_objects(self, *, enabled: bool, account: int | str | None = None) -> None:
        """Choose whether an account can be asked for the scopes of app objects."""
        with self.lock:
            known = self.find_account(account)
            known.app_objects_enabled = enabled
            known.changes += 1
            self.outbound.provide_app_object(known)

    def set_tier(self, tier: str, *, account: int | str | None = None) -> None:
        """Move an account to another plan: free, professional or enterprise."""
        if tier not in TIERS:
            raise ValueError(f"The plans are {', '.join(TIERS)}.")
        with self.lock:
            known = self.find_account(account)
            known.tier = tier
            known.changes += 1

    # Consent

    def authorize(
        self,
        *,
        account: int | str | None = None,
        scopes: Iterable[str] | str | None = None,
        redirect_uri: str = DEFAULT_CALLBACK,
    ) -> str:
        """Return a code as the consent page would; without `scopes` for all that the app lists and the plan has."""
        with self.lock:
            known = self.find_account(account)
            if not self.app.accepts_redirect(redirect_uri):
                raise ValueError("Unknown redirect address.")
            wanted = [*self.app.required_scopes, *self.app.further_scopes] if scopes is None else _listed(scopes)
            return self.grants.issue_code(
                account_id=known.id,
                user_id=known.admin.id,
                scopes=frozenset(scope for scope in wanted if known.can_grant(scope)),
                redirect_uri=redirect_uri,
                region=known.hosting,
                now=self.clock.seconds(),
            )

    def uninstall(self, account: int | str | None = None) -> None:
        """Remove the app from an account, as its admin does in HubSpot."""
        with self.lock:
            self.grants.uninstall(self.find_account(account).id)

    def set_scopes(self, scopes: Iterable[str] | str, *, account: int | str | None = None) -> None:
        """Set what the installed app may do in an account."""
        with self.lock:
            self.grants.set_scopes(self.find_account(account).id, frozenset(_listed(scopes)))

    def withdraw_scope(self, scope: str, *, account: int | str | None = None) -> None:
        """Take one scope from the installed app."""
        with self.lock:
            known = self.find_account(account)
            grant = self.grants.by_account.get(known.id)
            self.grants.set_scopes(known.id, (grant.scopes if grant else frozenset()) - {scope})

    def register_redirects(self, uris: Iterable[str]) -> None:
        """Accept only these redirect addresses; none: any address with the callback's path."""
        with self.lock:
            self.app.redirect_uris = list(uris)
            self._changes += 1

    # Behaviour

    def set_rate_limit(self, limit: int) -> None:
        """Allow so many calls per rolling ten seconds and account; 0 for any number."""
        if int(limit) < 0:
            raise ValueError("The limit cannot be negative.")
        with self.lock:
            self.limiter.limit = int(limit)
            self.limiter.reset()

    def set_search_delay(self, seconds: float) -> None:
        """Let searches find what was written so many seconds ago."""
        with self.lock:
            self.search_delay = float(seconds)

    def require_on_create(
        self, property_name: str, *, object_type: str = "contacts", account: int | str | None = None
    ) -> None:
        """Refuse new records without this property, as an account's admin can demand."""
        with self.lock:
            known = self.find_account(account)
            kind = known.find_type(object_type)
            if kind is None or kind.definition(property_name) is None:
                raise ValueError(f"There is no property {property_name} of {object_type}.")
            names = known.rules.required_on_create.setdefault(kind.type_id, [])
            if property_name not in names:
                names.append(property_name)
            known.changes += 1

    def clear_rules(self, *, account: int | str | None = None) -> None:
        """Demand nothing of new records."""
        with self.lock:
            known = self.find_account(account)
            known.rules.required_on_create.clear()
            known.changes += 1

    def set_merges(self, *, make_new_ids: bool, account: int | str | None = None) -> None:
        """Choose whether a merged contact gets a new id or keeps that of the primary one."""
        with self.lock:
            known = self.find_account(account)
            known.merges_make_new_ids = make_new_ids
            known.changes += 1

    def set_fault(self, kind: str, *, path: str = "/crm/", **details: Any) -> Fault:
        """Let something go wrong with calls whose path begins so (see Fault)."""
        if details.get("probability") is not None:
            details["times"] = None
        fault = Fault(kind=kind, path=path, **details)
        with self.lock:
            self.faults.active.append(fault)
        return fault

    # State

    def note_change(self) -> None:
        """Count a change that is worth keeping."""
        self._changes += 1

    def progress(self) -> int:
        """Return a number that grows with everything worth keeping."""
        return self._changes + self.grants.changes + sum(account.progress() for account in self.accounts.values())

    def record(self) -> Json:
        """Return what JSON can hold of everything that differs from the seed."""
        return {
            "app": {"redirect_uris": self.app.redirect_uris, "target_urls": self.app.target_urls},
            "grants": self.grants.record(),
            "accounts": {str(account.id): account.record() for account in self.accounts.values()},
        }

    def resume(self, record: Json) -> None:
        """Go on from a record of the same seed. Raises LookupError, TypeError, ValueError or AttributeError."""
        self.app.redirect_uris = list(record["app"]["redirect_uris"])
        self.app.target_urls = dict(record["app"]["target_urls"])
        self.grants = Grants.of_record(record["grants"])
        for number, content in record["accounts"].items():
            self.accounts[int(number)].resume(content)
            self.outbound.provide_app_object(self.accounts[int(number)])
        if BASE in self.app.target_urls:
            self.outbound.aim(self.app.target_urls[BASE])

    def shown(self) -> Json:
        """Return the state for the control API."""
        return {
            "app": asdict(self.app) | {"client_secret": "…"},
            "rate_limit": self.limiter.limit,
            "search_delay": self.search_delay,
            "accounts": [self._account(account) for account in self.accounts.values()],
        }

    def _account(self, account: Account) -> Json:
        grant = self.grants.by_account.get(account.id)
        return {
            "id": account.id,
            "name": account.name,
            "domain": account.domain,
            "tier": account.tier,
            "app_objects_enabled": account.app_objects_enabled,
            "is_installed": grant is not None,
            "scopes": sorted(grant.scopes) if grant else [],
            "rules": asdict(account.rules),
            "records": {kind.name: len(kind) for kind in account.types.values()},
        }

    def _open(self, details: dict[str, Any]) -> None:
        account = make_account(number=len(self.accounts), seed=self._seed, today=self._began_on, **details)
        account.listener = self._tell
        self.accounts[account.id] = account
        self.outbound.provide_app_object(account)

    def _is_open(self, account: Account, type_id: str) -> bool:
        grant = self.grants.by_account.get(account.id)
        return grant is not None and account.types[type_id].scopes.read in grant.scopes

    def _tell(self, account: Account, change: Change) -> None:
        for listener in self.listeners:
            listener(account, change)


_ACCOUNTS: tuple[dict[str, Any], ...] = (
    {
        "account_id": MAIN_ACCOUNT_ID,
        "name": "Larkfield Academy",
        "domain": "larkfield.example",
        "tier": ENTERPRISE,
        "hosting": "eu1",
        "app_objects_enabled": True,
    },
    {
        "account_id": 5566778,
        "name": "Bright Meadow Partners",
        "domain": "brightmeadow.example",
        "tier": PROFESSIONAL,
        "contact_count": 15,
    },
    {
        "account_id": 6677889,
        "name": "Small Boat Studio",
        "domain": "smallboat.example",
        "tier": FREE,
        "contact_count": 12,
    },
)


def _listed(scopes: Iterable[str] | str) -> list[str]:
    return scopes.split() if isinstance(scopes, str) else list(scopes)
