"""What workflows asked for: the received calls of a portal, one call with its answer, carrying it out again."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.http import ProviderError
from integrations.hubspot import outcomes, tasks, workflow_actions
from integrations.hubspot.action_requests import GROUP, day_of, pk_of
from integrations.hubspot.models import WorkflowCall
from integrations.hubspot.workflow_actions import CannotReplay
from integrations.models import SyncRun
from integrations.views.base import Confirmation, ConnectedPage, Link, paged, text_from
from portals.hosts import PortalRequest
from portals.models import Group

CALLS_PER_PAGE = 50


class CallsPage(ConnectedPage):
    """Settings > Integrations > HubSpot > Received calls."""

    title = gettext_lazy("Received calls")
    tab = "hubspot:calls"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """List the calls, newest first."""
        outcome, searched = text_from(request, "outcome"), text_from(request, "q")
        day = _day(text_from(request, "day"))
        calls = self.connection.workflow_calls.select_related("membership__user").order_by("-received_at", "-pk")
        if outcome in WorkflowCall.Outcome.values:
            calls = calls.filter(outcome=outcome)
        if day is not None:
            start, end = self.portal.midnight(day), self.portal.midnight(day + timedelta(days=1))
            calls = calls.filter(received_at__gte=start, received_at__lt=end)
        if searched:
            calls = calls.filter(_matches(searched))
        pages = paged(calls, request, per_page=CALLS_PER_PAGE)
        context = {
            **pages,
            "rows": [(call, outcomes.sentence(call.outcome, call.error_code)) for call in pages["page"].object_list],
            "outcomes": WorkflowCall.Outcome.choices,
            "outcome": outcome,
            "day": day.isoformat() if day else "",
            "searched": searched,
            "is_filtered": bool(outcome or day or searched),
        }
        return self.page("hubspot/calls.html", context)


class OneCall(ConnectedPage):
    """What the pages about one call share."""

    tab = "hubspot:calls"

    @cached_property
    def call(self) -> WorkflowCall:
        """The call that the address names, if it was for this portal. Raises Http404."""
        calls = self.connection.workflow_calls.select_related("membership__user")
        return get_object_or_404(calls, pk=self.kwargs["call_id"])

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [*super().breadcrumbs(), Link(_("Received calls"), reverse("hubspot:calls"))]


class CallPage(OneCall):
    """One call: what was asked for, what HubSpot was told, and what changed."""

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("Call %(number)d") % {"number": self.call.pk}

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the call."""
        call = self.call
        day = self.portal.today(call.received_at)
        context = {
            "call": call,
            "sentence": outcomes.sentence(call.outcome, call.error_code),
            "inputs": self.inputs(),
            "answer": sorted(call.answer.items()),
            "run": self.connection.runs.filter(trigger=SyncRun.Trigger.ACTION, local_day=day).first(),
            "replay": replay_question(call) if call.may_be_replayed else None,
        }
        return self.page("hubspot/call.html", context)

    def inputs(self) -> list[tuple[str | Promise, str]]:
        """Return what was chosen in the workflow, in words."""
        chosen = self.call.inputs
        rows: list[tuple[str | Promise, str]] = []
        if "portal" in chosen:
            rows.append((_("Portal"), self.portal.name))
        if value := chosen.get("group"):
            group = Group.objects.filter(portal=self.portal, pk=pk_of(value, GROUP) or 0).first()
            rows.append((_("Group"), group.title if group else _("A group that is gone (%(id)s)") % {"id": value}))
        if value := chosen.get("last_day"):
            rows.append((_("Last day of access"), _shown_day(value)))
        return rows


class ReplayPage(OneCall, Confirmation):
    """Asks, and carries a refused call out again."""

    title = gettext_lazy("Carry out again")

    def question(self) -> dict[str, Any]:
        """Return what carrying it out again means."""
        return replay_question(self.call)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Do it, and say what came of it."""
        try:
            call = workflow_actions.replay(call=self.call, actor=self.user, now=timezone.now())
        except CannotReplay as refusal:
            messages.error(request, str(refusal))
        except ProviderError as error:
            messages.error(request, str(error.explanation))
        else:
            said = messages.warning if call.state == WorkflowCall.State.REFUSED else messages.success
            said(request, str(outcomes.sentence(call.outcome, call.error_code)))
            tasks.follow_actions_soon()
        return redirect("hubspot:call", call_id=self.call.pk)


class WorkflowsPage(ConnectedPage):
    """How to use the two actions in a workflow, step by step."""

    title = gettext_lazy("Use the actions in HubSpot")
    tab = "hubspot:workflows"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the guide."""
        last_call = self.connection.workflow_calls.order_by("-received_at").first()
        return self.page("hubspot/workflows.html", {"last_call": last_call})


def replay_question(call: WorkflowCall) -> dict[str, Any]:
    """Return the question before a call is carried out again."""
    page = reverse("hubspot:call", args=[call.pk])
    return {
        "title": _("Carry out this call again?"),
        "consequences": [
            _("The record %(id)s is read from HubSpot as it is now.") % {"id": call.record_id},
            _("If nothing stands in the way any more, the person comes in as the workflow asked."),
            _("HubSpot is not told: the workflow has gone on since."),
        ],
        "button": _("Carry out again"),
        "url": reverse("hubspot:replay", args=[call.pk]),
        "back": page,
    }


def _matches(searched: str) -> Q:
    """Return the condition for calls by record, workflow or learner; names and addresses are those of learners."""
    person = Q()
    for word in searched.split():
        person &= (
            Q(membership__user__first_name__icontains=word)
            | Q(membership__user__last_name__icontains=word)
            | Q(membership__user__email__icontains=word)
        )
    return Q(record_id=searched) | Q(workflow_id=searched) | person


def _day(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    # The last of all days has no day after it.
    return found if found != date.max else None


def _shown_day(text: str) -> str:
    try:
        return day_of(text).isoformat()
    except ValueError:
        return text
