"""Course progress in HubSpot: where it goes and why, what waits, what was refused, and the buttons for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import Now
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations.hubspot import tasks
from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.progress import sentences, storage
from integrations.models import Connection
from integrations.views.base import Confirmation, ConnectedPage, Link, paged
from portals.hosts import PortalRequest
from users import audit
from users.models import Enrollment

REFUSED_PER_PAGE = 25

State = ProgressPush.State


@dataclass(frozen=True, slots=True)
class Option:
    """A storage that an admin may choose: what it gives, and what stands in its way."""

    strategy: str
    label: str | Promise
    gives: str | Promise
    obstacle: str | Promise
    is_used: bool
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A course of somebody that HubSpot does not take."""

    id: int
    enrollment: Enrollment | None
    sentence: str | Promise
    problem: str


class ProgressPage(ConnectedPage):
    """Settings > Integrations > HubSpot > Course progress."""

    title = gettext_lazy("Course progress")
    tab = "hubspot:progress"

    @cached_property
    def target(self) -> ProgressTarget:
        """Where the progress goes; unsaved before a worker has looked."""
        known = ProgressTarget.objects.filter(connection=self.connection).first()
        return known or ProgressTarget(connection=self.connection)

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the storage, the counts, and what was refused."""
        refused = ProgressPush.objects.filter(connection=self.connection, state=State.FAILED).order_by("pk")
        pages = paged(refused, request, per_page=REFUSED_PER_PAGE)
        counts = counts_of(self.connection)
        context = {
            **pages,
            "target": self.target,
            "reason": sentences.reason(self.target),
            "gives": sentences.GIVES[self.target.strategy],
            "options": options(self.target),
            "refused": refusals(pages["page"].object_list),
            "waiting": counts.get(State.WAITING, 0) + counts.get(State.REMOVING, 0),
            "sent": counts.get(State.SENT, 0) + counts.get(State.KEPT, 0),
            "failed": counts.get(State.FAILED, 0),
            "has_rows": bool(counts),
        }
        return self.page("hubspot/progress.html", context)


class StoragePage(ProgressPage, Confirmation):
    """Asks, and lets an admin choose another storage."""

    title = gettext_lazy("Choose where progress goes")

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [*super().breadcrumbs(), Link(_("Course progress"), reverse("hubspot:progress"))]

    @cached_property
    def strategy(self) -> str:
        """The storage that the address names, empty for the best one. Raises Http404."""
        name: str = self.kwargs["strategy"]
        if name == "automatic":
            return ""
        if name not in Strategy.values:
            raise Http404
        return name

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Ask."""
        return Confirmation.get(self, request, **kwargs)

    def question(self) -> dict[str, Any]:
        """Return what a change means, with numbers."""
        label = Strategy(self.strategy).label if self.strategy else _("The best way that the account allows")
        return {
            "title": _("Change where progress goes: %(storage)s") % {"storage": label},
            "consequences": self.consequences(),
            "button": _("Change"),
            "is_dangerous": self.strategy == Strategy.NONE,
            "url": reverse("hubspot:progress_storage", args=[self.kwargs["strategy"]]),
            "back": reverse("hubspot:progress"),
        }

    def consequences(self) -> Sequence[str | Promise]:
        """Return the consequences, as sentences."""
        counts = counts_of(self.connection)
        sent = counts.get(State.SENT, 0) + counts.get(State.KEPT, 0)
        if self.strategy == Strategy.NONE:
            stays = ngettext(
                "The progress of %(number)d course that was sent stays in HubSpot and grows old there.",
                "The progress of %(number)d courses that was sent stays in HubSpot and grows old there.",
                sent,
            )
            return [_("Nothing more is sent."), stays % {"number": sent}]
        moved = ngettext(
            "%(number)d course that was sent is removed from where it is now and written anew.",
            "%(number)d courses that were sent are removed from where they are now and written anew.",
            sent,
        )
        return [
            moved % {"number": sent},
            _("Reports and workflows in HubSpot that use the old place have to be changed there."),
            _("Should the account not allow this way, the next best is used."),
        ]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Keep the choice and have a worker move everything."""
        with transaction.atomic():
            storage.target_of(self.connection)
            target = ProgressTarget.objects.select_for_update().get(connection=self.connection)
            before, target.chosen, target.checked_at = target.chosen, self.strategy, None
            target.save(update_fields=["chosen", "checked_at"])
            audit.record(
                portal=self.portal,
                action="progress_storage_chosen",
                object=self.connection,
                before={"storage": before or "automatic"},
                after={"storage": self.strategy or "automatic"},
                request=request,
            )
        wake(self.connection)
        messages.success(request, _("Saved. What was sent moves within the next minutes."))
        return redirect("hubspot:progress")


class CheckView(ConnectedPage):
    """Has the account looked at again, and sends what waits without further pause."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Call a worker."""
        storage.target_of(self.connection)
        ProgressTarget.objects.filter(connection=self.connection).update(checked_at=None, paused_until=None)
        wake(self.connection)
        messages.success(request, _("The account is being looked at again. Load this page anew in a minute."))
        return redirect("hubspot:progress")


class CompareView(ConnectedPage):
    """Compares everything with HubSpot now instead of at night."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Call a worker."""
        transaction.on_commit(lambda: tasks.compare_progress.delay(connection_id=self.connection.pk))
        messages.success(request, _("What HubSpot has is being compared. Whatever differs is sent once more."))
        return redirect("hubspot:progress")


class RetryView(ConnectedPage):
    """Sends what was refused once more: one course, or all."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Queue it."""
        refused = ProgressPush.objects.filter(connection=self.connection, state=State.FAILED)
        if push_id := kwargs.get("push_id"):
            refused = refused.filter(pk=push_id)
        count = refused.update(
            state=State.WAITING, tries=0, next_try_at=Now(), generation=F("generation") + 1, problem=""
        )
        if push_id and not count:
            raise Http404
        wake(self.connection)
        said = ngettext("%(number)d course is sent once more.", "%(number)d courses are sent once more.", count)
        messages.success(request, said % {"number": count})
        return redirect("hubspot:progress")


def wake(connection: Connection) -> None:
    """Have a worker send what waits, once this is committed."""
    transaction.on_commit(lambda: tasks.push_progress.delay(connection_id=connection.pk))


def counts_of(connection: Connection) -> dict[str, int]:
    """Return how many courses are in each state."""
    rows = ProgressPush.objects.filter(connection=connection).values_list("state").annotate(number=Count("pk"))
    return dict(rows)


def options(target: ProgressTarget) -> list[Option]:
    """Return the storages that there are, the best first."""
    return [
        Option(
            strategy,
            Strategy(strategy).label,
            sentences.GIVES[strategy],
            sentences.obstacle(target, strategy),
            is_used=target.checked_at is not None and target.strategy == strategy,
            is_chosen=target.chosen == strategy,
        )
        for strategy in (*storage.LADDER, Strategy.NONE)
    ]


def refusals(rows: Sequence[ProgressPush]) -> list[Refused]:
    """Return refused rows with the people and courses that are still there; one query."""
    enrollments = Enrollment.objects.filter(pk__in=[row.enrollment_id for row in rows])
    known = {one.pk: one for one in enrollments.select_related("membership__user", "course")}
    return [Refused(row.pk, known.get(row.enrollment_id), sentences.refusal(row.problem), row.problem) for row in rows]
