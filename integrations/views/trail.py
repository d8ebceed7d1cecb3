"""Who wrote what of one person, read from the audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.urls import reverse
from django.utils.translation import gettext as _

from integrations.models import SyncRun
from users.models import AuditEntry, Membership, User

# Changes of one person that are looked at, the newest first.
MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Writer:
    """Who or what made a change, when, and where to read more (an empty text when that is not for the reader)."""

    who: str
    at: datetime
    url: str = ""


class Trail:
    """The changes of one person; three statements, whatever is asked."""

    def __init__(self, person: Membership, *, links_runs: bool) -> None:
        self._person = person
        self._links_runs = links_runs
        entries = AuditEntry.objects.filter(
            object_type=Membership._meta.label_lower, object_id=person.pk, portal=person.portal_id
        )
        self._entries = list(entries.order_by("-at", "-pk")[:MOST_ENTRIES])

    def writer_of(self, *names: str) -> Writer | None:
        """Return who last wrote one of these values, of the person or of the custom data (by key)."""
        for entry in self._entries:
            after = {**entry.after, **(entry.after.get("custom_data") or {})}
            if any(name in after for name in names):
                return self._writer(entry)
        return self._writer_among("learner_added")

    def writer_of_action(self, action: str, **after: object) -> Writer | None:
        """Return who last did something, with these values."""
        return self._writer_among(action, **after)

    def _writer_among(self, action: str, **after: object) -> Writer | None:
        wanted = (one for one in self._entries if one.action == action and after.items() <= one.after.items())
        return next(map(self._writer, wanted), None)

    def _writer(self, entry: AuditEntry) -> Writer:
        if entry.run_id:
            return Writer(_("Sync %(number)d") % {"number": entry.run_id}, entry.at, self._run_url(entry.run_id))
        if entry.actor_id:
            return Writer(self._names.get(entry.actor_id) or _("Deleted account"), entry.at)
        return Writer(_("By itself"), entry.at)

    def _run_url(self, run_id: int) -> str:
        provider = self._providers.get(run_id) if self._links_runs else None
        return reverse("integrations:run", args=[provider, run_id]) if provider else ""

    @cached_property
    def _providers(self) -> dict[int, str]:
        runs = SyncRun.objects.filter(pk__in=_ids(one.run_id for one in self._entries))
        return dict(runs.filter(connection__portal=self._person.portal_id).values_list("pk", "connection__provider"))

    @cached_property
    def _names(self) -> dict[int, str]:
        accounts = User.objects.in_bulk(list(_ids(one.actor_id for one in self._entries)))
        return {pk: account.full_name or account.email for pk, account in accounts.items()}


def _ids(found: Iterable[int | None]) -> set[int]:
    return {one for one in found if one}
