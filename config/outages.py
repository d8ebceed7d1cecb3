"""What visitors read when a page failed: whether something that it needs is away for a while, or the fault is ours."""

import sys
from http import HTTPStatus

from celery.exceptions import OperationalError as BrokerAway
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from redis.exceptions import RedisError

RETRY_SECONDS = "30"


def failed(request: HttpRequest) -> HttpResponse:
    """Return the page for an error that nothing else has answered; it needs no database."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError | BrokerAway | RedisError):
        return HttpResponse(
            render_to_string("503.html"),
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": RETRY_SECONDS},
        )
    return HttpResponse(render_to_string("500.html"), status=HTTPStatus.INTERNAL_SERVER_ERROR)
