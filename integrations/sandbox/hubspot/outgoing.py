"""What HubSpot can be told to send to the application, and how badly: the part of the control API about requests."""

from collections.abc import Iterable
from typing import Any

from integrations.sandbox.hubspot import project
from integrations.sandbox.hubspot.actions import Execution
from integrations.sandbox.hubspot.crm import Crm, record_of
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.outbound import Outbound
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.transport import Answer

DELETION_FIRST, PRIVACY_FIRST = "deletion_first", "privacy_first"


class Outgoing(Crm):
    """The methods of the state that send; `account` is an id or a name, the main account for None.

    Every method raises ValueError for what cannot be done. None waits for the application, but `fetch_options`,
    `fetch_card` and `wait_until_quiet`.
    """

    outbound: Outbound

    # Where to, and how

    def set_target(self, base_url: str, *, port: int | None = None) -> None:
        """Send to addresses below this one; with a `port` to that port here, as a proxy in front of it would."""
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("The address has to begin with http:// or https://.")
        with self.lock:
            self.outbound.aim(base_url, int(port) if port else None)
            self.note_change()

    def sign_badly(self, flaw: str = "") -> None:
        """Sign everything with a flaw from now on: wrong_signature, old_timestamp, http_uri, unsigned or none."""
        self.outbound.set_flaw(Flaw(flaw))

    def repeat_at_once(self, *, on: bool = True) -> None:
        """Repeat what was not taken within a second instead of minutes and hours of the sandbox's clock."""
        self.outbound.deliveries.repeat_at_once(on=on)

    def hold_requests(self, *, on: bool = True) -> None:
        """Keep webhooks and workflow actions back, or let them go."""
        self.outbound.deliveries.hold(on=on)

    def set_concurrency(self, limit: int) -> None:
        """Send so many requests at the same time."""
        if int(limit) < 1:
            raise ValueError("One request at a time is the least.")
        self.outbound.deliveries.concurrency = int(limit)

    def wait_until_quiet(self, seconds: float = 60.0) -> bool:
        """Wait until everything was taken or given up, and return whether that is so."""
        return self.outbound.deliveries.wait_until_quiet(float(seconds))

    def clear_sent(self) -> None:
        """Forget the record of what was sent."""
        self.outbound.deliveries.sent.clear()

    # Webhooks

    def set_webhooks(self, *, copies: int = 1, shuffle: bool = False) -> None:
        """Send each event so many times, and in any order."""
        if int(copies) < 1:
            raise ValueError("Each event is sent once at least.")
        self.outbound.webhooks.habits.copies = int(copies)
        self.outbound.webhooks.habits.shuffles = shuffle

    def subscribe(self, *, kinds: Iterable[str] | None = None, properties: Iterable[str] | None = None) -> None:
        """Send only these kinds of events, such as contact.merge, and changes of these properties; None: all."""
        webhooks = self.outbound.webhooks
        webhooks.kinds = None if kinds is None else frozenset(kinds)
        webhooks.properties = None if properties is None else frozenset(properties)

    def upload_webhooks(self, declaration: Json) -> None:
        """Take the subscriptions from the `config` of a project's webhooks file."""
        kinds, properties = project.subscriptions(declaration.get("config", declaration))
        self.subscribe(kinds=kinds, properties=properties)

    def gather_webhooks(self) -> None:
        """Collect events until `release_webhooks`, so that those of several accounts share a batch."""
        with self.lock:
            self.outbound.webhooks.gather()

    def release_webhooks(self) -> int:
        """Send the collected events and return how many there are."""
        with self.lock:
            return self.outbound.webhooks.release()

    def delete_for_privacy(
        self,
        contact: str,
        *,
        account: int | str | None = None,
        order: str = DELETION_FIRST,
        apart: bool = False,
    ) -> None:
        """Delete a contact for good; its two events come in either order, together or in two batches."""
        if order not in (DELETION_FIRST, PRIVACY_FIRST):
            raise ValueError(f"The order is {DELETION_FIRST} or {PRIVACY_FIRST}.")
        with self.lock:
            with self.outbound.announcements.kept() as events:
                super().delete_for_privacy(contact, account=account)
            if order == PRIVACY_FIRST:
                events.reverse()
            for batch in [[one] for one in events] if apart else [events]:
                self.outbound.webhooks.tell(*batch)

    # Workflow actions

    def run_workflow(
        self,
        records: Iterable[str] | str,
        *,
        action: str = "user-invite",
        inputs: Json | None = None,
        account: int | str | None = None,
        object_type: str = "contacts",
        copies: int = 1,
        shuffle: bool = False,
    ) -> list[Execution]:
        """Run an action on records, named by id or address; send each call `copies` times, shuffled on demand."""
        if not self.outbound.workflows.base_url:
            raise ValueError("Nobody has said where the application is: set_target does.")
        with self.lock:
            known = self.find_account(account)
            kind = self._kind(known.find_type(object_type), object_type)
            ids = [record_of(kind, one).id for one in ([records] if isinstance(records, str) else records)]
            given = {name: str(value) for name, value in (inputs or {}).items() if value not in (None, "")}
            return self.outbound.workflows.run(
                known.id, action, ids, given, object_type=kind.type_id, copies=int(copies), shuffles=shuffle
            )

    def revise_action(self, action: str, *, properties: Iterable[str] | None = None) -> int:
        """Publish a new revision of an action, with other properties of the record in it, and return its number."""
        with self.lock:
            known = self.outbound.workflows.action(action)
            known.version += 1
            known.properties = known.properties if properties is None else tuple(properties)
            return known.version

    def upload_action(self, declaration: Json) -> int:
        """Take an action from the `config` of its project's file and return its revision."""
        with self.lock:
            return self.outbound.workflows.take(declaration.get("config", declaration)).version

    def fetch_options(
        self,
        field: str,
        *,
        action: str = "user-invite",
        inputs: dict[str, str] | None = None,
        account: int | str | None = None,
        q: str = "",
        after: str = "",
    ) -> Answer:
        """Ask the application for the choices of an input field."""
        known = self.find_account(account)
        return self.outbound.workflows.options(known.id, action, field, inputs=inputs, q=q, after=after)

    # The card and the project

    def fetch_card(self, record: str, *, account: int | str | None = None, object_type: str = "contacts") -> Answer:
        """Ask the application for what its card shows on a record."""
        with self.lock:
            known = self.find_account(account)
            kind = self._kind(known.find_type(object_type), object_type)
            object_id = record_of(kind, record).id
        return self.outbound.card(known, kind.type_id, object_id)

    def upload_app_object(self, declaration: Json) -> None:
        """Take the application's object from the `config` of its project's file, for accounts switched on later."""
        with self.lock:
            self.outbound.declare(declaration.get("config", declaration))

    def note_change(self) -> None:
        """Count a change that is worth keeping."""
        raise NotImplementedError

    @staticmethod
    def _kind(kind: ObjectType | None, name: Any) -> ObjectType:
        if kind is None:
            raise ValueError(f"There are no {name}.")
        return kind
