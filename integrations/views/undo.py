"""Take back what a run did, or give back only the access that it ended."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import tasks
from integrations.engine.changes import Kind
from integrations.engine.guard import is_drastic
from integrations.models import SyncRun
from integrations.sync import leases, removals, undo
from integrations.sync.undo import Prospect
from integrations.views.base import Confirmation
from integrations.views.one_run import OneRun
from portals.hosts import PortalRequest

CHANGED = (Kind.UPDATE, Kind.LINK, Kind.CHANGE_EMAIL, Kind.CLEAR)


class UndoPage(OneRun, Confirmation):
    """Asks with numbers, and undoes a run."""

    title = gettext_lazy("Undo a run")  # type: ignore[assignment]
    trigger = SyncRun.Trigger.UNDO
    name = "undo"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Ask, or say why the run cannot be undone."""
        if why_not := undo.refusal(self.run, timezone.now(), trigger=self.trigger):
            messages.info(request, why_not)
            return redirect(self.run_url())
        return super().get(request, **kwargs)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Start a run that takes this one back; one that costs more than half of all people access must be typed."""
        if not self.is_typed():
            messages.error(request, _("Type the number to go on."))
            return self.page(self.template, {"question": self.question()}, status=422)
        try:
            started = undo.start(run=self.run, user=self.user, now=timezone.now(), trigger=self.trigger)
        except undo.CannotUndo as refusal:
            messages.warning(request, str(refusal))
            return redirect(self.run_url())
        except leases.AlreadyRunning:
            messages.warning(request, _("A sync is running. Undo this run when it is done."))
            return redirect(self.run_url())
        transaction.on_commit(lambda: tasks.sync_connection.delay(run_id=started.pk))
        messages.success(request, _("This run takes back what run %(number)s did.") % {"number": self.run.pk})
        return redirect(self.url("run", run_id=started.pk))

    def is_typed(self) -> bool:
        """Whether what has to be typed was typed."""
        if undo.refusal(self.run, timezone.now(), trigger=self.trigger):
            return True
        wanted = self.must_be_typed(undo.prospect(self.run, self.trigger))
        return not wanted or self.request.POST.get("typed", "").strip() == wanted

    def must_be_typed(self, prospect: Prospect) -> str:
        """Return the number that an admin must type, or an empty text when a click is enough."""
        people = prospect.ending
        linked = removals.linked_with_access(self.connection)
        return str(people) if people and is_drastic(planned=people, linked=linked) else ""

    def question(self) -> dict[str, Any]:
        """Return what the undo does, with numbers."""
        prospect = undo.prospect(self.run, self.trigger)
        return {
            "title": self.asked(prospect),
            "consequences": [
                *_sentences(prospect),
                _("Whoever has been changed since is left as they are and listed."),
                _("The next sync does not do it again until %(system)s says something else.")
                % {"system": self.provider.label},
            ],
            "button": self.button,
            "is_dangerous": self.trigger == SyncRun.Trigger.UNDO,
            "url": self.run_url(self.name),
            "back": self.run_url(),
            "typed": self.must_be_typed(prospect),
        }

    def asked(self, prospect: Prospect) -> str:
        """Return the question itself."""
        return _("Undo run %(number)s?") % {"number": self.run.pk}

    @property
    def button(self) -> str:
        """What the button that does it says."""
        return _("Undo this run")


class RestorePage(UndoPage):
    """Asks, and gives back the access that a run ended."""

    title = gettext_lazy("Give access back")
    trigger = SyncRun.Trigger.RESTORE
    name = "restore"

    def asked(self, prospect: Prospect) -> str:
        """Return the question itself."""
        return _("Restore everyone whose access this run ended?")

    @property
    def button(self) -> str:
        """What the button that does it says."""
        return _("Give access back")


def undo_context(page: OneRun) -> dict[str, Any]:
    """Return what the page of a run says about taking it back."""
    run, now = page.run, timezone.now()
    outlook = undo.outlook(run, now)
    return {
        "undone_by": outlook.undone_by,
        "restored_by": outlook.restored_by,
        "undo_url": page.run_url("undo") if outlook.can_undo else "",
        "restore_url": page.run_url("restore") if outlook.can_restore else "",
        "is_too_old": undo.is_too_old(run, now) and not outlook.undone_by,
    }


def _sentences(prospect: Prospect) -> list[str]:
    """Return a sentence with its number for each thing that the undo does."""
    kinds = prospect.kinds
    changed = sum(kinds.get(kind, 0) for kind in CHANGED)
    kept = prospect.added - prospect.removable
    texts = {
        ngettext(
            "%(count)s change of values, links, groups and courses is taken back.",
            "%(count)s changes of values, links, groups and courses are taken back.",
            changed,
        ): changed,
        ngettext(
            "%(count)s person gets back the access that this run ended, with groups, courses and progress.",
            "%(count)s people get back the access that this run ended, with groups, courses and progress.",
            kinds.get(Kind.END_ACCESS, 0),
        ): kinds.get(Kind.END_ACCESS, 0),
        ngettext(
            "%(count)s person loses the access that this run gave back.",
            "%(count)s people lose the access that this run gave back.",
            kinds.get(Kind.RESTORE, 0),
        ): kinds.get(Kind.RESTORE, 0),
        ngettext(
            "%(count)s person whom this run added is removed: nothing has happened to them since.",
            "%(count)s people whom this run added are removed: nothing has happened to them since.",
            prospect.removable,
        ): prospect.removable,
        ngettext(
            "%(count)s person whom this run added loses access and stays, because something has happened since.",
            "%(count)s people whom this run added lose access and stay, because something has happened since.",
            kept,
        ): kept,
        ngettext(
            "%(count)s mail that has not been sent vanishes.",
            "%(count)s mails that have not been sent vanish.",
            prospect.unsent_mails,
        ): prospect.unsent_mails,
        ngettext(
            "%(count)s mail was sent already and cannot be taken back.",
            "%(count)s mails were sent already and cannot be taken back.",
            prospect.sent_mails,
        ): prospect.sent_mails,
    }
    return [text % {"count": count} for text, count in texts.items() if count]
