"""The health of the installation: JSON for monitors, a page for operators."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from integrations import health
from portals.scoping import is_operator, portal_of


def report(request: HttpRequest) -> JsonResponse:
    """Answer 200 when all is well, else 503; the details are for operators and holders of the token."""
    facts = health.collect(timezone.now())
    checks = health.judge(facts)
    is_well = health.is_well(checks)
    # Without a database nobody can be known by a sign-in.
    is_allowed = _has_token(request) or (facts.has_database and is_operator(request))
    answer = health.as_json(facts, checks) if is_allowed else {"status": "ok" if is_well else "wrong"}
    status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(answer, status=status, headers={"Cache-Control": "no-store"})


def page(request: HttpRequest) -> HttpResponse:
    """Show operators what is wrong and what to do."""
    if portal_of(request) is not None:
        raise Http404
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), reverse("users:sign_in"))
    if not is_operator(request):
        raise PermissionDenied
    facts = health.collect(timezone.now())
    checks = health.judge(facts)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Health"),
        "checks": checks,
        "is_well": health.is_well(checks),
        "broken": [(one, health.trouble_in_words(one)) for one in facts.broken],
    }
    return render(request, "integrations/health.html", context)


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.HEALTH_TOKEN) and constant_time_compare(given, settings.HEALTH_TOKEN)
