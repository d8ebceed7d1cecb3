"""OAuth 2: the consent page's address, the exchange of codes, and refreshing under a row lock."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

import msgspec
from django.db import OperationalError, transaction
from django.db import connection as database
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from oauthlib.oauth2 import InvalidGrantError, OAuth2Error
from psycopg.errors import LockNotAvailable
from requests_oauthlib import OAuth2Session

from integrations.http import (
    AuthorizationLost,
    Door,
    ProviderUnavailable,
    RequestRejected,
    Response,
    failure_of,
    harden,
)
from integrations.models import Connection, Grant
from portals import sealing

TOKEN_SECONDS = 10.0
MAX_TOKEN_BYTES = 100_000
# A token this near to its end is renewed before it is used.
MARGIN = timedelta(seconds=120)
# How long a worker waits for another one that is renewing the same grant.
LOCK_SECONDS = 20
# For an answer without expires_in; a 401 before that renews as well.
ASSUMED_SECONDS = 86_400

_Token = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]+$")]
_Scopes = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]*$")]


class _TokenAnswer(msgspec.Struct):
    access_token: _Token
    refresh_token: _Token | None = None
    expires_in: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    scope: _Scopes | None = None
    scopes: list[_Scopes] | None = None


# At debug level both libraries log tokens.
for _library in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_library).setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Application:
    """Our registration with a provider; `headers` go with every token call.

    `consent_ended` are words by which a refusal without a standard OAuth error says that the grant is gone.
    """

    label: str
    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    consent_ended: frozenset[str] = frozenset()


def authorize_url(
    application: Application, *, state: str, redirect_uri: str, scopes: Sequence[str] = (), **parameters: str
) -> str:
    """Return the address of the consent page; `parameters` are a provider's own."""
    with _session(application, redirect_uri) as session:
        session.scope = scopes or None
        address, _state = session.authorization_url(application.authorize_url, state=state, **parameters)
    return str(address)


def exchange(application: Application, *, code: str, redirect_uri: str) -> dict[str, Any]:
    """Return the token answer for a code, which works once.

    Raises AuthorizationLost when the code is refused, ProviderUnavailable, RequestRejected.
    """
    with _session(application, redirect_uri) as session:
        # include_client_id puts both credentials into the body; the default is HTTP Basic, which Gusto refuses.
        return dict(
            session.fetch_token(
                application.token_url,
                code=code,
                client_secret=application.client_secret,
                include_client_id=True,
                headers=_headers(application),
            )
        )


def refresh(application: Application, *, refresh_token: str) -> dict[str, Any]:
    """Return the token answer for a refresh token; raises as `exchange` does."""
    with _session(application) as session:
        return dict(
            session.refresh_token(
                application.token_url,
                refresh_token=refresh_token,
                client_id=application.client_id,
                client_secret=application.client_secret,
                headers=_headers(application),
            )
        )


class Bearer:
    """The access token of a connection, remembered between calls until it nears its end."""

    def __init__(self, connection: Connection, application: Application) -> None:
        self._connection = connection
        self._application = application
        self._token = ""
        self._good_until = 0.0

    def token(self, refused: str = "") -> str:
        """Return an access token, another one than the one just refused; raises as `access_token` does."""
        if refused or time.monotonic() >= self._good_until:
            self._token, left = access_token(self._connection, self._application, refused=refused)
            self._good_until = time.monotonic() + left.total_seconds()
        return self._token

    def lost(self) -> None:
        """Ask for a new consent: a renewed token was refused as well."""
        with transaction.atomic(durable=True):
            for grant in Grant.objects.select_for_update(of=("self",)).filter(connections=self._connection):
                _ask_for_consent(grant, self._application)


def access_token(connection: Connection, application: Application, *, refused: str = "") -> tuple[str, timedelta]:
    """Return an access token other than `refused`, and how long it may be used without asking again.

    Renews it if it must, in a transaction of its own: the new pair is committed before anyone uses it, because a
    provider may end the old refresh token at the first use of the new access token (Gusto, "Refresh access token").
    Raises AuthorizationLost, ProviderUnavailable, RequestRejected, and RuntimeError inside another transaction.
    """
    grant = _grants_in_use(connection).first()
    if grant is None:
        raise AuthorizationLost(f"{application.label}: not connected")
    return _good_token(grant, refused) or _renewed(connection, application, refused)


def keep(grant: Grant, answer: Mapping[str, Any]) -> None:
    """Save a token answer with its grant, sealed; a refresh token that was not renewed stays."""
    grant.access_token = sealing.seal(answer["access_token"], place=_place(grant, "access_token"))
    if answer.get("refresh_token"):
        grant.refresh_token = sealing.seal(answer["refresh_token"], place=_place(grant, "refresh_token"))
    # oauthlib has made a list of the standard's text; HubSpot sends a list of another name ("Managing tokens").
    if granted := answer.get("scope") or answer.get("scopes"):
        grant.scopes = " ".join(granted)
    grant.expires_at = Now() + _lifetime(answer)
    grant.refreshed_at = Now()
    grant.save()


def tokens(grant: Grant) -> tuple[str, str]:
    """Return access and refresh token, for telling the provider to forget them. Raises RequestRejected."""
    return _unseal(grant, "access_token"), _unseal(grant, "refresh_token")


def _renewed(connection: Connection, application: Application, refused: str) -> tuple[str, timedelta]:
    with _waiting_no_longer(application), transaction.atomic(durable=True):
        with database.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        grant = _grants_in_use(connection).select_for_update(of=("self",)).first()
        if grant is None:
            raise AuthorizationLost(f"{application.label}: not connected")
        # Somebody else may have renewed it while we waited for the row.
        if found := _good_token(grant, refused):
            return found
        try:
            answer = refresh(application, refresh_token=_unseal(grant, "refresh_token"))
        except AuthorizationLost as refusal:
            # The row was read under its lock, so nobody can have stored a newer token: the refusal is final.
            _ask_for_consent(grant, application)
            lost = refusal
        else:
            keep(grant, answer)
            return answer["access_token"], _lifetime(answer) - MARGIN
    raise lost


def _grants_in_use(connection: Connection) -> QuerySet[Grant]:
    # The database's clock wrote expires_at and judges it.
    left = ExpressionWrapper(F("expires_at") - Now() - MARGIN, output_field=DurationField())
    return Grant.objects.annotate(left=left).filter(
        connections=connection,
        connections__state__in=[Connection.State.ACTIVE, Connection.State.QUARANTINED],
    )


def _good_token(grant: Any, refused: str) -> tuple[str, timedelta] | None:
    token = _unseal(grant, "access_token")
    return (token, grant.left) if token != refused and grant.left > timedelta(0) else None


def _ask_for_consent(grant: Grant, application: Application) -> None:
    sentence = _(
        "%(provider)s no longer accepts the consent that was given. Connect again to go on; "
        "nobody loses access meanwhile."
    )
    grant.connections.exclude(state=Connection.State.DISCONNECTED).update(
        state=Connection.State.NEEDS_RECONNECTING, state_reason=sentence % {"provider": application.label}
    )


def _lifetime(answer: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=float(answer.get("expires_in") or ASSUMED_SECONDS))


def _place(grant: Grant, column: str) -> str:
    return f"integrations_grant.{column}.{grant.key}"


def _unseal(grant: Grant, column: str) -> str:
    sealed = getattr(grant, column)
    try:
        return sealing.unseal(sealed, place=_place(grant, column)) if sealed else ""
    except sealing.SealBroken as broken:
        # No reason to ask for a new consent: the operator can put the missing key back.
        raise RequestRejected(str(broken)) from None


def _headers(application: Application) -> dict[str, str]:
    return {"Accept": "application/json", **application.headers}


@contextmanager
def _session(application: Application, redirect_uri: str | None = None) -> Iterator[OAuth2Session]:
    """Yield a session for one token call; the library's errors become ours."""
    session = OAuth2Session(application.client_id, redirect_uri=redirect_uri)
    door = Door(label=application.label, read_seconds=TOKEN_SECONDS, max_body_bytes=MAX_TOKEN_BYTES)
    harden(session, application.token_url, door)
    for hook in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(hook, partial(_readable, application))
    try:
        with session:
            yield session
    except InvalidGrantError:
        raise AuthorizationLost(f"{application.label}: invalid_grant") from None
    except OAuth2Error as error:
        # Its text may repeat what was sent.
        message = f"{application.label}: token call refused, {type(error).__name__}"
        raise RequestRejected(message) from None


def _readable(application: Application, response: Response) -> Response:
    """Return a token answer that can be used: a JSON object, of success or of an OAuth error."""
    failure = failure_of(response, label=application.label)
    if isinstance(failure, ProviderUnavailable):
        raise failure
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or (failure is None and not _is_usable(answer)):
        message = f"{application.label}: unreadable answer to a token call"
        raise (RequestRejected if failure else ProviderUnavailable)(message, status=response.status_code)
    if failure and answer.get("status") in application.consent_ended:
        raise AuthorizationLost(f"{application.label}: {answer['status']}", status=response.status_code)
    if "error" in answer and answer["error"] is None:
        # No error; the library asks only whether the name is there.
        del answer["error"]
        response._content = json.dumps(answer).encode()
    return response


def _is_usable(answer: Mapping[str, Any]) -> bool:
    """Whether a success has the types and the characters of the standard (RFC 6749, 5.1 and appendix A)."""
    try:
        # Seconds may come as a text.
        msgspec.convert(answer, _TokenAnswer, strict=False)
    except msgspec.ValidationError:
        return False
    return True


@contextmanager
def _waiting_no_longer(application: Application) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            message = f"{application.label}: another worker is still renewing the token"
            raise ProviderUnavailable(message, retry_after=LOCK_SECONDS) from None
        raise
