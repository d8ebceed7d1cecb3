"""The mails of a run that wait: read one, release all, some, or in waves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from integrations.sync import mails
from integrations.views.base import paged
from integrations.views.one_run import OneRun
from portals.hosts import PortalRequest
from portals.numbers import number_from
from users import audit, invitations, mail_examples, tasks

MAILS_PER_PAGE = 50


class ReleaseForm(forms.Form):
    """Which of the mails, and how fast."""

    per_hour = forms.IntegerField(
        label=gettext_lazy("Mails per hour"),
        min_value=1,
        max_value=100_000,
        required=False,
        help_text=gettext_lazy("Empty: all at once."),
        widget=UnfoldAdminIntegerFieldWidget,
    )


class HeldMailsPage(OneRun):
    """Who would get a mail, what it says, and the button that sends it."""

    title = gettext_lazy("Mails waiting for release")  # type: ignore[assignment]

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the list and the text of the first mail."""
        return self.show(ReleaseForm())

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Release what was asked for."""
        form = ReleaseForm(request.POST)
        if not form.is_valid():
            return self.show(form, status=422)
        waiting = mails.held(self.run)
        if "ticked" in request.POST:
            ids = [pk for one in request.POST.getlist("mail") if (pk := number_from(one)) is not None]
            if not ids:
                messages.info(request, _("Tick the people first."))
                return redirect(self.run_url("held_mails"))
            waiting = waiting.filter(pk__in=ids)
        per_hour = form.cleaned_data["per_hour"]
        with transaction.atomic():
            count = invitations.release(waiting, now=timezone.now(), per_hour=per_hour, actor=self.user)
            audit.record(
                portal=self.portal,
                action="mails_released",
                object=self.run,
                after={"mails": count, "per_hour": per_hour},
                request=request,
            )
        transaction.on_commit(tasks.send_invitations.delay)
        messages.success(request, released(count, per_hour))
        return redirect(self.run_url("held_mails") if mails.held(self.run).exists() else self.run_url())

    def show(self, form: ReleaseForm, *, status: int = 200) -> HttpResponse:
        """Return the page."""
        rows = mails.held(self.run).select_related("membership__user", "membership__portal").order_by("pk")
        pages = paged(rows, self.request, per_page=MAILS_PER_PAGE)
        first = next(iter(pages["page"].object_list), None)
        context = {
            "run": self.run,
            "run_url": self.run_url(),
            "form": form,
            **pages,
            "sample": mail_examples.of_person(membership=first.membership, name=first.kind, now=timezone.now())
            if first
            else None,
        }
        return self.page("integrations/held_mails.html", context, status=status)


def released(count: int, per_hour: int | None) -> str:
    """Return what becomes of mails that were released: they leave at once, or so many an hour."""
    if per_hour is None or count <= per_hour:
        text = ngettext("%(count)s mail is on its way.", "%(count)s mails are on their way.", count)
        return text % {"count": count}
    hours = (count - 1) // per_hour
    text = ngettext(
        "%(wave)s of %(count)s mails leave now, the others within %(hours)s hour.",
        "%(wave)s of %(count)s mails leave now, the others within %(hours)s hours.",
        hours,
    )
    return text % {"wave": per_hour, "count": count, "hours": hours}
