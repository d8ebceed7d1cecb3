"""What the card on HubSpot's record pages shows: the courses of the person whose record is open.

HubSpot passes on who asks and signs it (pages "Fetching data for UI extensions", "Validating requests"). The answer
comes from our own tables, is about portals that are connected to the asking account, and never about people who have
yet to accept their invitation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import Any, Final, cast

from django.db.models import Prefetch
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from integrations.hubspot import scopes, verification
from integrations.hubspot.enrollment_properties import PROGRESS_OF_STATUS, TITLE
from integrations.hubspot.models import Strategy
from integrations.models import Connection, ExternalIdentity
from users.models import Enrollment, Membership

# HubSpot's numbers of the two kinds of records (page "Understanding the CRM").
RECORD_TYPES: Final = {"0-1": scopes.CONTACTS, "0-115": scopes.USERS}
# Storages with a record per enrollment, which HubSpot can list by itself.
OBJECTS: Final = (Strategy.APP_OBJECT, Strategy.CUSTOM_OBJECT)


@require_GET
def enrollments(request: Any) -> HttpResponse:
    """Answer with the portals and courses of the linked person; 400 for a query that names no record.

    Only at the platform's own host; 401 for what HubSpot did not sign.
    """
    if request.portal is not None:
        raise Http404
    try:
        verification.verified_body(request, most_bytes=0)
    except verification.Refused as refusal:
        return HttpResponse(status=refusal.status)
    account, object_id = request.GET.get("portalId", ""), request.GET.get("objectId", "")
    record_type = RECORD_TYPES.get(request.GET.get("objectTypeId", ""))
    if record_type is None or not account or not object_id:
        return HttpResponse(status=400)
    now = timezone.now()
    links = _links(account, record_type, object_id)
    return JsonResponse(
        {
            "objectId": object_id,
            "linked": bool(links),
            "records": _records([each.connection for each in links]),
            "portals": [_portal(each, now) for each in links],
        }
    )


def _links(account: str, record_type: str, object_id: str) -> list[ExternalIdentity]:
    """Return the links of a record with people of the account's portals, with their courses."""
    courses = Enrollment.objects.select_related("course").order_by("course__title")
    links = (
        ExternalIdentity.objects.filter(
            connection__provider="hubspot",
            connection__external_account_id=account,
            connection__record_type=record_type,
            connection__portal__enabled_integrations__contains=["hubspot"],
            external_id=object_id,
            state=ExternalIdentity.State.LINKED,
            membership__isnull=False,
        )
        .exclude(connection__state=Connection.State.DISCONNECTED)
        .exclude(membership__status=Membership.Status.PENDING)
        .select_related("membership__portal", "connection__progress_target")
        .prefetch_related(Prefetch("membership__enrollments", courses))
        .order_by("membership__portal__name", "pk")
    )
    # Whose access ended while the invitation was open has never had a course.
    return [each for each in links if _learner(each).has_access or _learner(each).enrollments.all()]


def _records(connections: Sequence[Connection]) -> dict[str, str] | None:
    """Return the type of HubSpot's own records of the courses, and what the names of its properties begin with.

    None unless all portals keep progress in the same one.
    """
    targets = [getattr(each, "progress_target", None) for each in connections]
    places = {
        (each.object_type, each.names.get(TITLE, "")) if each and each.strategy in OBJECTS else None
        for each in targets
    }
    place = places.pop() if len(places) == 1 else None
    return {"object_type_id": place[0], "prefix": place[1].removesuffix(TITLE)} if place else None


def _portal(link: ExternalIdentity, now: datetime) -> dict[str, object]:
    learner = _learner(link)
    portal = learner.portal
    today = portal.today(now)
    return {
        "id": f"prt_{portal.pk}",
        "name": portal.name,
        "learner": {
            "id": f"lrn_{learner.pk}",
            "state": learner.status,
            "url": portal.url(reverse("admin:users_membership_change", args=[learner.pk])),
        },
        "enrollments": [_enrollment(each, portal.zone, today) for each in learner.enrollments.all()],
    }


def _learner(link: ExternalIdentity) -> Membership:
    return cast(Membership, link.membership)


def _enrollment(enrollment: Enrollment, zone: tzinfo, today: date) -> dict[str, object]:
    def day(instant: datetime | None) -> str | None:
        return timezone.localdate(instant, zone).isoformat() if instant else None

    return {
        "course": enrollment.course.title,
        "status": enrollment.status,
        "progress": PROGRESS_OF_STATUS[enrollment.status],
        "percent": enrollment.percent,
        "required": enrollment.is_required,
        "overdue": enrollment.is_overdue(today),
        "enrolled_on": day(enrollment.enrolled_at),
        "due_on": enrollment.due_on.isoformat() if enrollment.due_on else None,
        "completed_on": day(enrollment.completed_at),
    }
