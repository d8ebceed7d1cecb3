"""People of the provider who are not learners here, and why."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import explanations
from integrations.models import ExternalIdentity
from integrations.views.base import ConnectedPage, paged, text_from
from integrations.views.connection import people_by_reason
from portals import csv_files
from portals.hosts import PortalRequest
from users import audit

PEOPLE_PER_PAGE = 50


class NotTakenOver(ConnectedPage):
    """What the list and its download share."""

    title = gettext_lazy("People not taken over")
    tab = "connection"

    def people(self) -> QuerySet[ExternalIdentity]:
        """Return the people that the address asks for."""
        linked = Q(state=ExternalIdentity.State.LINKED)
        people = self.connection.identities.exclude(linked).order_by("snapshot__last_name", "pk")
        if self.reason:
            people = people.filter(reason=self.reason)
        if searched := self.searched:
            people = people.filter(
                Q(snapshot__first_name__icontains=searched)
                | Q(snapshot__last_name__icontains=searched)
                | Q(external_id=searched)
            )
        return people

    @property
    def reason(self) -> str:
        """The reason whose people are shown, or an empty text for all."""
        return text_from(self.request, "reason")

    @property
    def searched(self) -> str:
        """The name that is searched for."""
        return text_from(self.request, "q")


class NotTakenOverPage(NotTakenOver):
    """The list, by reason."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show who is not taken over."""
        people = paged(self.people(), request, per_page=PEOPLE_PER_PAGE)
        context = {
            **people,
            "rows": [row_of(identity) for identity in people["page"].object_list],
            "counts": people_by_reason(self.connection),
            "reason": self.reason,
            "searched": self.searched,
        }
        return self.page("integrations/not_taken_over.html", context)


class NotTakenOverDownload(NotTakenOver):
    """The list as CSV, filtered as the page is."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponseBase:
        """Stream the file, and record who took it."""
        audit.record(portal=self.portal, action="people_exported", object=self.connection, request=request)
        name = f"{self.portal.slug}-{self.provider.key}-not-taken-over"
        return csv_files.streamed(self.header(), self.lines(), name=name)

    def header(self) -> list[str]:
        id_label = _("%(system)s id") % {"system": self.provider.label}
        return [_("First name"), _("Last name"), _("E-mail"), id_label, _("Reason"), _("What to do")]

    def lines(self) -> Iterator[list[object]]:
        for identity in self.people().iterator(chunk_size=2000):
            row = row_of(identity)
            yield [
                row["first_name"],
                row["last_name"],
                row["email"],
                row["external_id"],
                row["sentence"],
                row["advice"],
            ]


def row_of(identity: ExternalIdentity) -> dict[str, Any]:
    """Return one person as the page and the file show them."""
    snapshot = identity.snapshot
    first_name, last_name = snapshot.get("first_name", ""), snapshot.get("last_name", "")
    return {
        "pk": identity.pk,
        "first_name": first_name,
        "last_name": last_name,
        "name": f"{first_name} {last_name}".strip() or _("Name unknown"),
        "email": snapshot.get("work_email") or snapshot.get("personal_email") or "",
        "external_id": identity.external_id,
        "sentence": explanations.sentence(identity.reason),
        "advice": explanations.advice(identity.reason),
    }
