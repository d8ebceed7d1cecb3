"""Everything that HubSpot sends to the application, and where to."""

import threading
from collections.abc import Callable, Mapping

from integrations.sandbox.clock import Clock
from integrations.sandbox.hubspot import card, project
from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.announcements import Announcements
from integrations.sandbox.hubspot.app import App
from integrations.sandbox.hubspot.deliveries import Deliveries
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.events import Webhooks
from integrations.sandbox.hubspot.object_schemas import app_object, is_app_object
from integrations.sandbox.hubspot.records import Moment
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.standard import CONTACTS
from integrations.sandbox.hubspot.transport import Answer, post_to
from integrations.sandbox.hubspot.workflows import Workflows

BASE = "base"  # the key among the app's target addresses


class Outbound:
    """Webhooks, workflow actions and card calls of all accounts: one address each, as the project declares.

    Nothing is sent before somebody has said where to. `is_open` tells whether the application may read a type of
    records of an account: HubSpot tells nothing about the others.
    """

    def __init__(
        self,
        app: App,
        accounts: Mapping[int, Account],
        clock: Clock,
        *,
        stopping: threading.Event,
        is_open: Callable[[Account, str], bool],
        seed: int,
    ) -> None:
        self.app = app
        self.deliveries = Deliveries(clock, app, stopping)
        self.webhooks = Webhooks(self.deliveries, app_id=app.id, seed=seed)
        self.workflows = Workflows(self.deliveries, clock, app, self._properties, seed=seed)
        self.declaration = project.course_enrollment()
        self.announcements = Announcements(self.webhooks, is_open)
        self._accounts = accounts
        self._clock = clock
        self._flaw = Flaw.NONE

    def aim(self, base_url: str, port: int | None = None) -> None:
        """Send to addresses below `base_url`; with a `port` to that port here, as a proxy in front of it would."""
        base = base_url.rstrip("/") + "/"
        self.app.target_urls[BASE] = base
        self.webhooks.url = f"{base}webhooks/"
        self.workflows.base_url = f"{base}actions/"
        self.deliveries.post = post_to(port)

    def set_flaw(self, flaw: Flaw) -> None:
        """Sign everything that is sent from now on with a flaw."""
        self._flaw = self.webhooks.habits.flaw = self.workflows.flaw = flaw

    def provide_app_object(self, account: Account) -> None:
        """Bring the application's object to an account that has it, and take it from one that has not."""
        present = next((kind for kind in account.types.values() if is_app_object(kind)), None)
        if account.app_objects_enabled and present is None:
            kind = app_object(self.app.id, self.declaration, Moment.of(self._clock.now()))
            account.add_type(kind)
            account.associations.allow(kind.type_id, CONTACTS)
        elif present is not None and not account.app_objects_enabled:
            account.associations.forbid(present.type_id)
            account.remove_type(present.type_id)

    def declare(self, declaration: Json) -> None:
        """Take an app object from a project; accounts that have one already get the new one at the next switch."""
        app_object(self.app.id, declaration, Moment.of(self._clock.now()))
        self.declaration = declaration

    def card(self, account: Account, object_type: str, object_id: str) -> Answer:
        """Return what the application's card would get for a record, looked at by the account's admin."""
        viewer = account.admin
        return card.fetch(
            self.app.target_urls.get(BASE, ""),
            self.app,
            self.deliveries.post,
            account=account.id,
            object_type=object_type,
            object_id=object_id,
            user=(viewer.id, viewer.email),
            app_id=self.app.id,
            flaw=self._flaw,
        )

    def _properties(self, account: int, object_type: str, object_id: str) -> dict[str, str | None]:
        """Return the values of a living record. Raises ValueError."""
        kind = self._accounts[account].types[object_type]
        record = kind.get(object_id)
        if record is None:
            raise ValueError(f"There is no record {object_id}.")
        return {name: kind.value(record, name) for name in kind.definitions}
