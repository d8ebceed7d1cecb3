"""Where Gusto sends its events: checked, put into the inbox, answered; the work is a worker's."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from integrations import tasks, webhooks
from integrations.gusto import signatures
from integrations.gusto import tasks as gusto_tasks
from integrations.gusto.webhooks import PROVIDER, event_of, verification_token_of

# An event is a few hundred bytes.
MOST_BYTES = 16_384


@method_decorator(csrf_exempt, name="dispatch")
class WebhookView(View):
    """Takes events at the platform's own host; Gusto wants an answer within ten seconds."""

    http_method_names = ["post"]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the request in at the platform's host only."""
        if request.portal is not None:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store an event once, or the token of a new subscription."""
        if _length(request) > MOST_BYTES:
            return HttpResponse(status=413)
        body = request.body
        if "X-Gusto-Signature" not in request.headers:
            return self._take_token(body)
        if not signatures.is_signed(body, request.headers["X-Gusto-Signature"], webhooks.secret(PROVIDER)):
            return HttpResponse(status=401)
        try:
            event = event_of(body)
        except ValueError:
            return HttpResponse(status=400)
        if event and webhooks.receive(provider=PROVIDER, event=event, now=timezone.now()):
            # The inbox is swept every minute: an event counts as received even while the broker is away.
            transaction.on_commit(tasks.take_up_events.delay, robust=True)
        return HttpResponse(status=200)

    def _take_token(self, body: bytes) -> HttpResponse:
        """Keep the token of a subscription that we asked for; nothing else may come unsigned."""
        try:
            token = verification_token_of(body)
        except ValueError:
            return HttpResponse(status=400)
        if not token or not webhooks.keep_candidate(provider=PROVIDER, token=token):
            return HttpResponse(status=401)
        transaction.on_commit(gusto_tasks.verify_subscription.delay, robust=True)
        return HttpResponse(status=200)


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return MOST_BYTES + 1
