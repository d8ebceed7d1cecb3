"""The world of the sandbox: companies, consents, the clock, faults, and what was asked of it."""

import re
import threading
from collections.abc import Iterable
from datetime import date
from urllib.parse import urlsplit

from integrations.sandbox.call_log import CallLog
from integrations.sandbox.clock import Clock
from integrations.sandbox.companies import Company, further_company, harbor
from integrations.sandbox.employees import Employee
from integrations.sandbox.faults import Fault, Faults
from integrations.sandbox.grants import Grants
from integrations.sandbox.hubspot.state import DEFAULT_CONTACTS, HubSpot
from integrations.sandbox.limiter import Limiter
from integrations.sandbox.personnel import Personnel
from integrations.sandbox.webhooks import Webhooks

CLIENT_ID = "rollcall-sandbox"
CLIENT_SECRET = "rollcall-sandbox-secret"  # noqa: S105 - opens nothing but the sandbox
CALLBACK_PATH = "/integrations/gusto/callback/"
DEFAULT_CALLBACK = f"http://localhost:8000{CALLBACK_PATH}"
SECOND_COMPANY = "Juniper Works Inc"  # for whoever consents for the wrong one
OLDEST_VERSION = "2025-06-15"
DEFAULT_SCOPES = ("public", "companies:read", "departments:read", "employees:read", "employments:read")
_SCOPE = re.compile(r"[a-z_]+(:[a-z_]+)?")
_SECOND_COMPANY_PEOPLE = 8


class World(Personnel):
    """Everything that the stand-ins know. Its methods may be called from any thread.

    The names and arguments of the control API are those of these methods.
    """

    def __init__(
        self,
        *,
        people: int = 50,
        seed: int = 1,
        rate_limit: int = 200,
        today: date | None = None,
        began_on: date | None = None,
        hub_contacts: int = DEFAULT_CONTACTS,
    ) -> None:
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.clock = Clock(today)
        self.day = self.clock.today()
        # Whoever a seed makes is as old as the world: a state from another day keeps its own first day.
        self.began_on = began_on or self.day
        self.seed = seed
        self.company = harbor(people=people, seed=seed, today=self.began_on)
        self.companies = {self.company.uuid: self.company}
        self.add_company(SECOND_COMPANY, people=_SECOND_COMPANY_PEOPLE)
        self.clients = {CLIENT_ID: CLIENT_SECRET}
        self.redirect_uris: list[str] = []
        self.scopes = frozenset(DEFAULT_SCOPES)
        self.minimum_version = OLDEST_VERSION
        self.grants = Grants()
        self.limiter = Limiter(rate_limit)
        self.faults = Faults(seed)
        self.calls = CallLog()
        self.webhooks = Webhooks(self.stopping)
        self.hubspot = HubSpot(
            lock=self.lock,
            clock=self.clock,
            faults=self.faults,
            seed=seed,
            began_on=self.began_on,
            contacts=hub_contacts,
            stopping=self.stopping,
        )

    def add_company(self, name: str, *, people: int) -> Company:
        """Open one more company; connect it with `authorize(company=name)`."""
        with self.lock:
            company = further_company(
                number=len(self.companies), name=name, people=people, seed=self.seed, today=self.began_on
            )
            self.companies[company.uuid] = company
            return company

    # The calendar

    def follow_the_calendar(self) -> date:
        """Return today; on a new day every prepared answer is made again."""
        with self.lock:
            today = self.clock.today()
            if today != self.day:
                self._tell_who_left(self.day, today)
                self.day = today
                self._forget_answers()
            return today

    def advance_clock(self, *, seconds: float = 0, days: float = 0) -> None:
        """Move the sandbox's clock by so much."""
        with self.lock:
            self.clock.advance(seconds=float(seconds), days=float(days))
            self.follow_the_calendar()

    def set_today(self, day: date | str) -> None:
        """Move the sandbox's clock to a day in Los Angeles."""
        with self.lock:
            self.clock.set_today(date.fromisoformat(day) if isinstance(day, str) else day)
            self.follow_the_calendar()

    # Consent

    def accepts_redirect(self, uri: str) -> bool:
        """Tell whether a browser may be sent to `uri` with a code."""
        if self.redirect_uris:
            return uri in self.redirect_uris
        parts = urlsplit(uri)
        is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
        return is_web and parts.path == CALLBACK_PATH and not parts.fragment and not parts.query

    def register_redirects(self, *, uris: Iterable[str]) -> None:
        """Accept only these redirect addresses; none: any address with the callback's path."""
        with self.lock:
            self.redirect_uris = list(uris)

    def authorize(
        self,
        *,
        company: str | None = None,
        redirect_uri: str = DEFAULT_CALLBACK,
        client_id: str = CLIENT_ID,
    ) -> str:
        """Return a code as the consent page would, for a company's UUID or name."""
        with self.lock:
            if client_id not in self.clients or not self.accepts_redirect(redirect_uri):
                raise ValueError("Unknown client or redirect address.")
            return self.grants.issue_code(
                client_id=client_id,
                company_uuid=self.find_company(company).uuid,
                redirect_uri=redirect_uri,
                now=self.clock.seconds(),
            )

    def find_company(self, company: str | None) -> Company:
        """Return a company by UUID or name, the main one for None."""
        if company is None:
            return self.company
        for known in self.companies.values():
            if company in (known.uuid, known.name):
                return known
        raise ValueError(f"There is no company {company!r}.")

    def revoke_grants(self, company: str | None = None) -> int:
        """Disconnect, as a customer does on the provider's side; return how many grants ended."""
        with self.lock:
            uuid = self.find_company(company).uuid if company else None
            concerned = self.grants.companies() & ({uuid} if uuid else set(self.companies))
            count = self.grants.revoke(uuid)
            for one in sorted(concerned):
                self.webhooks.tell("company.deprovisioned", company=one, entity_type="Company", entity=one)
            return count

    def set_scopes(self, scopes: Iterable[str] | str) -> None:
        """Set what the application may read, for present grants as well."""
        wanted = scopes.split() if isinstance(scopes, str) else list(scopes)
        if not all(_SCOPE.fullmatch(scope) for scope in wanted):
            raise ValueError("A scope looks like employees:read.")
        with self.lock:
            self.scopes = frozenset(wanted)

    # Webhooks

    def repeat_webhooks(self, times: int) -> None:
        """Send each event so many times, as the real sender does now and then."""
        if int(times) < 1:
            raise ValueError("Each event is sent once at least.")
        self.webhooks.copies = int(times)

    def _tell(self, employee: Employee, *events: str) -> None:
        for event in events:
            self.webhooks.tell(
                f"employee.{event}", company=self.company.uuid, entity_type="Employee", entity=employee.uuid
            )

    def _tell_who_left(self, yesterday: date, today: date) -> None:
        """Report the terminations that took effect since, if anybody listens."""
        if not self.webhooks.subscriptions:
            return
        for employee in self.company.roster:
            last_day = employee.period(today).last_day
            if last_day is not None and yesterday <= last_day < today:
                self._tell(employee, "terminated_effective")

    # Behaviour

    def set_rate_limit(self, limit: int) -> None:
        """Allow so many calls per rolling minute and grant; 0 for any number."""
        if int(limit) < 0:
            raise ValueError("The limit cannot be negative.")
        with self.lock:
            self.limiter.limit = int(limit)
            self.limiter.reset()

    def set_minimum_version(self, version: str) -> None:
        """Set the API version that applies when a request names none."""
        with self.lock:
            self.minimum_version = date.fromisoformat(version).isoformat()

    def keep_old_terminations(self, *, keep: bool) -> None:
        """Choose whether the list still shows a termination from before a rehire."""
        with self.lock:
            self.company.keeps_old_terminations = keep
            self._forget_answers()

    def set_fault(
        self,
        kind: str,
        *,
        times: int | None = 1,
        probability: float | None = None,
        path: str | None = None,
        page: int | None = None,
        seconds: float = 1.0,
        retry_after: str | None = None,
        size: int = 64_000_000,
    ) -> Fault:
        """Let something go wrong (see Fault); with a `probability` until it is cleared."""
        fault = Fault(
            kind=kind,
            times=times if probability is None else None,
            probability=1.0 if probability is None else probability,
            path=path or None,
            page=page,
            seconds=seconds,
            retry_after=retry_after,
            size=size,
        )
        with self.lock:
            self.faults.active.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Let everything go right again."""
        with self.lock:
            self.faults.active.clear()

    def clear_calls(self) -> None:
        """Forget the recorded calls and counters."""
        with self.lock:
            self.calls.clear()

    def _forget_answers(self) -> None:
        for company in self.companies.values():
            company.roster.forget_answers()
