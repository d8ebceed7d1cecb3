"""Problems for HR: what keeps people or their data from being right, by cause, to hand over and to mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import explanations, problems
from integrations.engine.changes import Reason
from integrations.models import ExternalIdentity
from integrations.problems import Cause, Problem
from integrations.views import attributes
from integrations.views.base import TABS, ConnectedPage, Link, paged, text_from
from integrations.views.people import row_of
from portals import csv_files
from portals.hosts import PortalRequest
from users import audit
from users.models import Invitation

Text = str | Promise
PEOPLE_PER_PAGE = 50
SHOWN_VALUES = 10
# Causes that are mended on a page of the integration.
PLACES: dict[str, tuple[str, Text]] = {
    Cause.REFUSED_VALUE: ("mapping", gettext_lazy("Map your data")),
    Cause.IMPOSSIBLE_DATE: ("mapping", gettext_lazy("Map your data")),
    Reason.HIRE_DATE_UNKNOWN: ("invite_settings", gettext_lazy("Invite configuration")),
    Reason.KNOWN_ELSEWHERE: ("invite_settings", gettext_lazy("Invite configuration")),
    Reason.NO_EMAIL: ("invite_settings", gettext_lazy("Invite configuration")),
}


@dataclass(frozen=True, slots=True)
class ValueLine:
    """A refused value in words, with the address of the list of those who have it."""

    attribute: str
    value: str
    sentence: Text
    people: int
    url: str


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A cause in words, with where to read more and where to mend it."""

    cause: str
    sentence: Text
    advice: Text
    people: int
    values: list[ValueLine]
    more_values: int
    url: str
    place: Link | None


class ProblemPages(ConnectedPage):
    """What the list of causes, the list of people and its download share."""

    tab = "problems"

    @cached_property
    def now(self) -> datetime:
        """The instant that the page is about."""
        return timezone.now()

    @cached_property
    def labels(self) -> dict[str, str]:
        """The names of the attributes by their keys; asks nobody."""
        return {one.key: one.label for one in attributes.remembered(self.connection)}

    def label_of(self, attribute: str) -> str:
        """Return the name of an attribute."""
        known = {"email": _("E-mail"), "hire_date": _("Hire date"), "last_day": _("Termination date")}
        return self.labels.get(attribute) or known.get(attribute) or attribute.replace("_", " ").capitalize()

    def people_url(self, cause: str, **query: str) -> str:
        """Return the address of the people whom a cause concerns."""
        address = reverse("integrations:problem", args=[self.provider.key, cause])
        return f"{address}?{urlencode(query)}" if query else address

    def line(self, problem: Problem) -> ProblemLine:
        """Return a cause in words."""
        words = explanations.problem(problem.cause)
        values = [
            ValueLine(
                attribute=self.label_of(one.attribute),
                value=one.value,
                sentence=explanations.field_problem(one.code),
                people=one.people,
                url=self.people_url(problem.cause, attribute=one.attribute, value=one.value),
            )
            for one in problem.values[:SHOWN_VALUES]
        ]
        return ProblemLine(
            cause=problem.cause,
            sentence=words.sentence,
            advice=words.advice,
            people=problem.people,
            values=values,
            more_values=len(problem.values) - len(values),
            url=self.people_url(problem.cause),
            place=self.place(problem.cause),
        )

    def place(self, cause: str) -> Link | None:
        """Return the page on which a cause is mended; None for what only the connected system can mend."""
        if cause in PLACES:
            name, label = PLACES[cause]
            return Link(label, self.url(name))
        if cause == Cause.MAIL_FAILED:
            return Link(_("Pending users"), reverse("admin:users_pendinguser_changelist") + "?state=failed")
        if cause == Cause.HELD and (run := problems.held_run(self.connection, self.now)):
            return Link(_("The held changes"), self.url("run", run_id=run.pk) + "?show=held#changes")
        if cause in (Reason.STAFF_ACCOUNT, Reason.TWO_LEARNERS, Reason.EMAIL_TAKEN):
            return Link(_("Users"), reverse("admin:users_membership_changelist"))
        return None


class ProblemsPage(ProblemPages):
    """Settings > Integrations > Gusto > Problems."""

    title = gettext_lazy("Problems")

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """List the open causes."""
        found = problems.open_problems(self.connection, self.now)
        context = {"problems": [self.line(one) for one in found], "count": sum(one.people for one in found)}
        return self.page("integrations/problems.html", context)


class OneProblem(ProblemPages):
    """What the people of one cause and their download share."""

    @property
    def title(self) -> Text:  # type: ignore[override]
        return explanations.problem(self.cause).sentence

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [*super().breadcrumbs(), Link(TABS["problems"], self.url("problems"))]

    @property
    def cause(self) -> str:
        """The cause that the address names. Raises Http404."""
        cause: str = self.kwargs["cause"]
        if cause not in problems.CAUSES:
            raise Http404
        return cause

    @property
    def attribute(self) -> str:
        """The attribute whose value the list is narrowed to, or an empty text."""
        return text_from(self.request, "attribute")

    @property
    def value(self) -> str:
        """The value that the list is narrowed to."""
        return text_from(self.request, "value")

    def people(self) -> QuerySet[ExternalIdentity]:
        """Return the people concerned."""
        found = problems.people_of(self.connection, self.cause, self.now, attribute=self.attribute, value=self.value)
        return found.order_by("snapshot__last_name", "pk")

    def rows(self, people: list[ExternalIdentity]) -> list[dict[str, Any]]:
        """Return people as the page and the file show them; a statement more for what failed of their mails."""
        failures = self.failures(people) if self.cause == Cause.MAIL_FAILED else {}
        return [{**row_of(one), "details": list(self.details(one, failures)), "identity": one} for one in people]

    def failures(self, people: list[ExternalIdentity]) -> dict[int, str]:
        """Return why a mail could not be sent, by membership."""
        ids = [one.membership_id for one in people if one.membership_id]
        mails = Invitation.objects.filter(membership__in=ids, state=Invitation.State.FAILED)
        return {mail.membership_id: mail.why_not_sent for mail in mails}

    def details(self, identity: ExternalIdentity, failures: Mapping[int, str]) -> Iterator[str]:
        """Yield what exactly is wrong with one person."""
        if self.cause in problems.FLAW_PATHS:
            for attribute, code, value in identity.flaws or []:
                if problems.cause_of_flaw(attribute, code) == self.cause:
                    yield f"{self.label_of(attribute)}: “{value}”"
        elif self.cause == Cause.MANAGER_MISSING:
            yield _("Manager's id: %(id)s") % {"id": identity.snapshot.get("manager_key", "")}
        elif self.cause == Cause.NOT_LISTED:
            yield _("Missing from complete lists in a row: %(count)d") % {"count": identity.times_missing}
        elif self.cause == Cause.MAIL_FAILED and (failure := failures.get(identity.membership_id or 0)):
            yield failure


class ProblemPage(OneProblem):
    """The people whom one cause concerns."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """List them."""
        pages = paged(self.people(), request, per_page=PEOPLE_PER_PAGE)
        context = {
            **pages,
            "cause": self.cause,
            "rows": self.rows(list(pages["page"].object_list)),
            "advice": explanations.problem(self.cause).advice,
            "place": self.place(self.cause),
            "narrowed": f"{self.label_of(self.attribute)}: “{self.value}”" if self.attribute else "",
        }
        return self.page("integrations/problem.html", context)


class ProblemDownload(OneProblem):
    """The same people as CSV, to hand over to who can mend it."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponseBase:
        """Stream the file, and record who took it."""
        after = {"cause": self.cause}
        audit.record(
            portal=self.portal, action="people_exported", object=self.connection, after=after, request=request
        )
        name = f"{self.portal.slug}-{self.provider.key}-{self.cause.replace('_', '-')}"
        return csv_files.streamed(self.header(), self.lines(), name=name)

    def header(self) -> list[str]:
        id_label = _("%(system)s id") % {"system": self.provider.label}
        return [
            _("First name"), _("Last name"), _("E-mail"), id_label, _("Problem"), _("Details"), _("What to do"),
        ]  # fmt: skip

    def lines(self) -> Iterator[list[object]]:
        words = explanations.problem(self.cause)
        batch: list[ExternalIdentity] = []
        for identity in self.people().iterator(chunk_size=2000):
            batch.append(identity)
            if len(batch) == 2000:
                yield from self.batch_lines(batch, words)
                batch = []
        yield from self.batch_lines(batch, words)

    def batch_lines(self, people: list[ExternalIdentity], words: explanations.Explanation) -> Iterator[list[object]]:
        for row in self.rows(people):
            yield [
                row["first_name"],
                row["last_name"],
                row["email"],
                row["external_id"],
                words.sentence,
                "; ".join(row["details"]),
                words.advice,
            ]
