"""From a portal admin's "Connect" to a working connection, and back: consent, finish, disconnect."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import links, oauth, providers
from integrations.consent_problems import ConsentProblem, Trouble
from integrations.http import AuthorizationLost, ProviderError, ProviderUnavailable
from integrations.models import Connection, ConsentRequest, Grant, InviteSettings, SyncRun
from integrations.sync import schedule
from portals import sealing
from portals.models import Portal
from users import audit
from users.models import User

CONSENT_LIFETIME = timedelta(minutes=10)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a code was exchanged for: the account it speaks for, and the token answer."""

    account: providers.ExternalAccount
    answer: Mapping[str, Any] = field(repr=False)


def start(*, portal: Portal, provider: str, user: User, now: datetime, record_type: str = "") -> str:
    """Return the address of the consent page for an admin who wants to connect. Raises ConsentProblem."""
    if provider not in portal.enabled_integrations:
        raise ConsentProblem(Trouble.TURNED_OFF)
    source = providers.get(provider)
    record_type = _record_type(portal, source, record_type)
    ConsentRequest.objects.filter(created_at__lt=now - timedelta(days=1)).delete()
    state = secrets.token_urlsafe(32)
    ConsentRequest.objects.create(
        state_digest=_digest(state),
        portal=portal,
        provider=provider,
        record_type=record_type,
        user=user,
        created_at=now,
    )
    return source.authorize_url(state=state, redirect_uri=redirect_uri(provider), record_type=record_type)


def redirect_uri(provider: str) -> str:
    """Return our one callback address for a provider; it is registered there and on the platform host."""
    path = reverse("integrations_public:callback", kwargs={"provider": provider})
    return f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}{path}"


def callback(*, provider: str, query: Mapping[str, str], now: datetime) -> str:
    """Return where at the portal's own host the flow goes on, for what the provider sent to the callback.

    Nothing is used up here: the portal's host knows who is signed in. Raises ConsentProblem.
    """
    request = _find(provider=provider, state=query.get("state", ""), now=now)
    path = reverse("integrations:finish", kwargs={"provider": provider})
    handed_on = {key: query[key] for key in ("state", "code", "error") if query.get(key)}
    return f"{address(request.portal, provider, path)}?{urlencode(handed_on)}"


def address(portal: Portal, provider: str, path: str) -> str:
    """Return the absolute address of a page of the consent: where the admin is signed in while connecting."""
    if providers.get(provider).starts_at_platform_address:
        return f"{settings.PLATFORM_SCHEME}://{portal.platform_host}{path}"
    return portal.url(path)


def receive(*, portal: Portal, provider: str, user: User, query: Mapping[str, str], now: datetime) -> ConsentRequest:
    """Exchange the code of a consent, once, and return the request that now waits for the admin's "Finish".

    Raises ConsentProblem.
    """
    request = _find(provider=provider, state=query.get("state", ""), now=now)
    if request.portal_id != portal.pk:
        raise ConsentProblem(Trouble.UNKNOWN)
    if request.user_id != user.pk:
        raise ConsentProblem(Trouble.OTHER_USER)
    if not ConsentRequest.objects.filter(pk=request.pk, used_at=None).update(used_at=now):
        raise ConsentProblem(Trouble.USED)
    if query.get("error") or not query.get("code"):
        raise ConsentProblem(Trouble.DENIED)
    consent = exchange(provider=provider, code=query["code"])
    request.external_account_id = consent.account.id
    request.external_account_name = consent.account.name
    request.sealed_token = sealing.seal(json.dumps(consent.answer), place=_place(request))
    request.save(update_fields=["external_account_id", "external_account_name", "sealed_token"])
    return request


def exchange(*, provider: str, code: str) -> Consent:
    """Return what a code stands for, once. Raises ConsentProblem."""
    source = providers.get(provider)
    try:
        answer = source.exchange(code=code, redirect_uri=redirect_uri(provider))
        account = source.account(access_token=str(answer["access_token"]))
    except ProviderError as error:
        logger.warning("consent: %s", error)
        raise ConsentProblem(_trouble_of(error)) from error
    return Consent(account=account, answer=answer)


def waiting(*, portal: Portal, provider: str, user: User, now: datetime, account: str = "") -> ConsentRequest | None:
    """Return this admin's latest consent that only lacks "Finish", for one account if that is given."""
    requests = ConsentRequest.objects.filter(
        portal=portal, provider=provider, user=user, used_at__gt=now - CONSENT_LIFETIME
    )
    if account:
        requests = requests.filter(external_account_id=account)
    return requests.exclude(sealed_token="").order_by("-used_at").first()


def finish(*, request: ConsentRequest, now: datetime, http_request: HttpRequest | None = None) -> Connection:
    """Connect the portal with the account of a waiting consent. Raises ConsentProblem."""
    answer = json.loads(sealing.unseal(request.sealed_token, place=_place(request)))
    waited = (now - (request.used_at or now)).total_seconds()
    if answer.get("expires_in"):
        answer["expires_in"] = max(1.0, float(answer["expires_in"]) - waited)
    account = providers.ExternalAccount(id=request.external_account_id, name=request.external_account_name)
    try:
        return connect(
            portal=request.portal,
            provider=request.provider,
            consent=Consent(account=account, answer=answer),
            record_type=request.record_type,
            user=request.user,
            now=now,
            request=http_request,
        )
    finally:
        ConsentRequest.objects.filter(pk=request.pk).update(sealed_token="")


def connect_by_code(*, portal: Portal, provider: str, code: str, now: datetime, record_type: str = "") -> Connection:
    """Connect a portal with what a code stands for, without an admin who asked for it. Raises ConsentProblem."""
    if provider not in portal.enabled_integrations:
        raise ConsentProblem(Trouble.TURNED_OFF)
    record_type = _record_type(portal, providers.get(provider), record_type)
    consent = exchange(provider=provider, code=code)
    return connect(portal=portal, provider=provider, consent=consent, user=None, now=now, record_type=record_type)


def connect(
    *,
    portal: Portal,
    provider: str,
    consent: Consent,
    user: User | None,
    now: datetime,
    record_type: str = "",
    request: HttpRequest | None = None,
) -> Connection:
    """Store a consent as the portal's working connection. Raises ConsentProblem and changes nothing then."""

    def attempt() -> Connection:
        with transaction.atomic():
            return _connect(portal, provider, consent, record_type, user=user, now=now, request=request)

    try:
        return attempt()
    except IntegrityError:
        # Another portal connected the same account in this very moment.
        if providers.get(provider).shares_accounts:
            return attempt()
        raise ConsentProblem(Trouble.COMPANY_IN_USE, account=consent.account.name) from None
    except ConsentProblem as problem:
        if problem.trouble is Trouble.OTHER_COMPANY and not _is_used_elsewhere(portal, provider, consent.account):
            # Nobody uses this consent. One for an account in use is left: its end could touch the other portal.
            _revoke(provider, str(consent.answer["access_token"]), str(consent.answer.get("refresh_token") or ""))
        raise


def disconnect(*, connection: Connection, user: User | None, request: HttpRequest | None = None) -> bool:
    """End a connection: tokens go, settings and links stay. Return whether the provider was told.

    Runs stop, but for those that take another one back: they need no provider, and half of it would be worse.
    """
    now = timezone.now()
    with transaction.atomic():
        # Grant first, as when a token is renewed.
        grant = Grant.objects.select_for_update(of=("self",)).filter(connections=connection).first()
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        if not locked.is_connected:
            return True
        before = {"state": locked.state, "external_account_id": locked.external_account_id}
        _stop_runs(locked, now)
        locked.state, locked.state_reason = Connection.State.DISCONNECTED, ""
        locked.disconnected_at = now
        locked.grant, locked.next_due_at, locked.failures_in_a_row = None, None, 0
        locked.quarantine, locked.quarantined_at, locked.told_trouble = "", None, ""
        locked.save()
        tokens = _release(grant)
        audit.record(
            portal=locked.portal,
            action="disconnect",
            object=locked,
            before=before,
            after={"state": locked.state},
            actor=user,
            request=request,
        )
    connection.refresh_from_db()
    return _revoke(connection.provider, *tokens) if tokens else True


def _connect(
    portal: Portal,
    provider: str,
    consent: Consent,
    record_type: str,
    *,
    user: User | None,
    now: datetime,
    request: HttpRequest | None,
) -> Connection:
    account = consent.account
    grant = _grant(portal, provider, account)
    Connection.objects.get_or_create(portal=portal, provider=provider)
    connection = Connection.objects.select_for_update().select_related("portal").get(portal=portal, provider=provider)
    _refuse_another_company(connection, account)
    before = {"state": connection.state, "external_account_id": connection.external_account_id}
    oauth.keep(grant, consent.answer)
    _take_record_type(connection, record_type)
    connection.grant, connection.disconnected_at = grant, None
    connection.state, connection.state_reason = Connection.State.ACTIVE, ""
    connection.external_account_id, connection.external_account_name = account.id, account.name
    connection.connected_by, connection.connected_at = user, now
    connection.failures_in_a_row = 0
    connection.quarantine, connection.quarantined_at = "", None
    connection.next_due_at = schedule.next_due(connection, now)
    connection.save()
    # A new consent helps every portal that shares the account.
    grant.connections.filter(state=Connection.State.NEEDS_RECONNECTING).update(
        state=Connection.State.ACTIVE, state_reason=""
    )
    InviteSettings.objects.get_or_create(connection=connection)
    audit.record(
        portal=portal,
        action="connect",
        object=connection,
        before=before,
        after={
            "state": connection.state,
            "external_account_id": account.id,
            **({"record_type": connection.record_type} if connection.record_type else {}),
        },
        actor=user,
        request=request,
    )
    return connection


def _grant(portal: Portal, provider: str, account: providers.ExternalAccount) -> Grant:
    """Return the locked grant of an account, or a new one that is not saved yet. Raises ConsentProblem."""
    grant = Grant.objects.select_for_update().filter(provider=provider, external_account_id=account.id).first()
    if grant is None:
        grant = Grant(provider=provider, realm=portal.realm, external_account_id=account.id)
    elif grant.realm_id != portal.realm_id:
        if grant.connections.exists():
            shares = providers.get(provider).shares_accounts
            raise ConsentProblem(Trouble.OTHER_REALM if shares else Trouble.COMPANY_IN_USE, account=account.name)
        # What another realm left behind goes with its tokens: a row never moves to another realm.
        grant.delete()
        grant = Grant(provider=provider, realm=portal.realm, external_account_id=account.id)
    if not providers.get(provider).shares_accounts and _is_used_elsewhere(portal, provider, account):
        raise ConsentProblem(Trouble.COMPANY_IN_USE, account=account.name)
    grant.external_account_name = account.name
    return grant


def _is_used_elsewhere(portal: Portal, provider: str, account: providers.ExternalAccount) -> bool:
    used = Connection.objects.filter(provider=provider, external_account_id=account.id).exclude(portal=portal)
    return used.exclude(state=Connection.State.DISCONNECTED).exists()


def _refuse_another_company(connection: Connection, account: providers.ExternalAccount) -> None:
    # The links of one company's people must not meet the people of another.
    if connection.external_account_id not in {"", account.id}:
        raise ConsentProblem(Trouble.OTHER_COMPANY, account=account.name, expected=connection.external_account_name)


def _record_type(portal: Portal, source: providers.Provider, chosen: str) -> str:
    """Return the kind of records to connect with: as chosen, but fixed while connected. Raises ConsentProblem."""
    connection = Connection.objects.filter(portal=portal, provider=source.key).first()
    if connection and connection.is_connected and connection.record_type:
        return connection.record_type
    if chosen not in {kind.key for kind in source.record_types} and (chosen or source.record_types):
        raise ConsentProblem(Trouble.NO_RECORD_TYPE)
    return chosen


def _take_record_type(connection: Connection, record_type: str) -> None:
    """Set the kind of records; links and mappings of another kind mean nothing for it and are dropped."""
    if connection.is_connected and connection.record_type:
        # Another tab may have asked for the other kind before this connection was made.
        return
    if connection.record_type not in {"", record_type}:
        links.drop(connection)
        connection.mappings.all().delete()
    connection.record_type = record_type


def _find(*, provider: str, state: str, now: datetime) -> ConsentRequest:
    request = (
        ConsentRequest.objects.select_related("portal").filter(state_digest=_digest(state), provider=provider).first()
    )
    if request is None:
        raise ConsentProblem(Trouble.UNKNOWN)
    if request.used_at:
        raise ConsentProblem(Trouble.USED)
    if now - request.created_at > CONSENT_LIFETIME:
        raise ConsentProblem(Trouble.EXPIRED)
    return request


def _trouble_of(error: ProviderError) -> Trouble:
    if isinstance(error, AuthorizationLost):
        return Trouble.CODE_REFUSED
    return Trouble.UNAVAILABLE if isinstance(error, ProviderUnavailable) else Trouble.REJECTED


def _stop_runs(connection: Connection, now: datetime) -> None:
    connection.runs.filter(state__in=SyncRun.LIVE).exclude(trigger__in=SyncRun.TAKING_BACK).update(
        state=SyncRun.State.CANCELLED,
        finished_at=now,
        lease_expires_at=None,
        trouble=_("Stopped because the connection was cut."),
    )


def _release(grant: Grant | None) -> tuple[str, str] | None:
    """Delete a locked grant that no connection uses any more and return its tokens."""
    if grant is None or grant.connections.exists():
        return None
    try:
        tokens = oauth.tokens(grant)
    except ProviderError as error:
        logger.warning("disconnect: %s", error)
        tokens = ("", "")
    grant.delete()
    return tokens


def _revoke(provider: str, access_token: str, refresh_token: str) -> bool:
    if not access_token:
        return False
    try:
        providers.get(provider).revoke(access_token=access_token, refresh_token=refresh_token)
    except ProviderError as error:
        logger.warning("revoke: %s", error)
        return False
    return True


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _place(request: ConsentRequest) -> str:
    return f"integrations_consentrequest.sealed_token.{request.state_digest}"
