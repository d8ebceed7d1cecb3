"""What all requests that HubSpot signs have in common: where they come in, and what they are answered with."""

from __future__ import annotations

import logging
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from integrations.hubspot import verification
from integrations.hubspot.action_requests import Unreadable

logger = logging.getLogger(__name__)


@method_decorator(csrf_exempt, name="dispatch")
class SignedView(View):
    """Takes signed JSON at the platform's own host.

    401 for what HubSpot did not sign, 400 for what cannot be understood, and 503 for any trouble of ours: HubSpot
    repeats what was answered 5xx for three days, and gives up on 4xx ("Custom workflow actions"). It counts a
    Retry-After in milliseconds and everybody else in seconds, so there is none.
    """

    http_method_names = ["post"]
    # The largest body that makes sense.
    most_bytes = 65_536

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the request in at the platform's host only."""
        if request.portal is not None:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Answer a request that HubSpot signed."""
        try:
            body = verification.verified_body(request, most_bytes=self.most_bytes)
        except verification.Refused as refusal:
            return HttpResponse(status=refusal.status)
        try:
            return JsonResponse(self.answer(body))
        except Unreadable:
            return HttpResponse(status=400)
        except Exception:
            # Whatever it is: nothing of it was kept, and the next try may find it gone.
            logger.exception("%s could not be answered", request.path)
            return HttpResponse(status=503)

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return what is answered. Raises Unreadable, and any error after which nothing is kept."""
        raise NotImplementedError
