"""Hand waiting notices over to the mail server."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from portals import colors
from portals.models import Portal
from users import claims, outbox
from users.claims import Clock
from users.emails import one_line
from users.models import Notice

logger = logging.getLogger(__name__)

# Waits between tries double from the first.
FIRST_WAIT = timedelta(minutes=1)
MOST_TRIES = 12


def send_waiting(*, clock: Clock, until: datetime) -> int:
    """Hand over what is due and return how many mails left; stop at `until` or when the server makes trouble."""
    sent = 0
    while clock() < until and (claim := claims.take(_waiting(), clock())).ids:
        connection = get_connection()
        try:
            for pk in claim.one_by_one(clock=clock, until=until):
                sent += _send(pk, connection, clock)
        except outbox.ServerTrouble:
            logger.warning("The mail server cannot be used; the remaining notices wait.", exc_info=True)
            return sent
        finally:
            with suppress(OSError):
                connection.close()
            claim.give_back(clock())
    return sent


def compose(notice: Notice) -> EmailMessage:
    """Return the mail of a notice, in the portal's name and language."""
    portal = notice.portal
    with translation.override(portal.language if portal else settings.LANGUAGE_CODE):
        words = {"notice": notice, "portal": _name(portal), "sign_in": _sign_in(portal), "at": _moment(notice)}
        if notice.kind in Notice.IN_OWN_WORDS and portal:
            return _report(notice, portal)
        subject, body = (render_to_string(f"users/email/notice.{part}.txt", words) for part in ("subject", "body"))
    return EmailMessage(subject=one_line(subject), body=body, **_envelope(notice))


def _report(notice: Notice, portal: Portal) -> EmailMessage:
    """Return a mail with the words of a report, in the portal's look."""
    words = {
        "portal": _name(portal),
        "text": notice.text,
        "is_report": notice.kind == Notice.Kind.REPORT,
        "link": notice.link,
        "logo": portal.url(portal.logo_path) if portal.logo_path else "",
        "accent": portal.accent_color,
        "on_accent": colors.text_on(portal.accent_color),
        "language": portal.language,
    }
    text, html = (render_to_string(f"users/email/report.body.{part}", words) for part in ("txt", "html"))
    message = EmailMultiAlternatives(subject=one_line(notice.subject), body=text, **_envelope(notice))
    message.attach_alternative(html, "text/html")
    return message


def _envelope(notice: Notice) -> dict[str, Any]:
    return {
        "from_email": formataddr((_sender(notice.portal), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        "to": [notice.address],
        "headers": {
            "Message-ID": f"<notice.{notice.pk}@{settings.PLATFORM_HOST}>",
            "Auto-Submitted": "auto-generated",
        },
    }


def _waiting() -> QuerySet[Notice]:
    return Notice.objects.filter(state=Notice.State.SCHEDULED)


def _send(pk: int, connection: BaseEmailBackend, clock: Clock) -> int:
    """Hand over one mail and return 1, or note why not and return 0; raises outbox.ServerTrouble."""
    notice = _waiting().select_related("user", "portal").filter(pk=pk).first()
    if notice is None:
        return 0
    try:
        outbox.deliver(compose(notice), connection)
    except outbox.NeverAccepted as refusal:
        _note(notice, state=Notice.State.FAILED, failure=str(refusal)[:300], next_try_at=None)
    except outbox.TryLater as refusal:
        _put_off(notice, str(refusal), clock())
    except outbox.Unreachable as trouble:
        _note(notice, failure=str(trouble)[:300], **outbox.after_outage(notice.tries, clock()))
        raise
    except outbox.ServerTrouble as trouble:
        _put_off(notice, str(trouble), clock())
        raise
    else:
        _note(notice, state=Notice.State.SENT, failure="", next_try_at=None)
        return 1
    return 0


def _put_off(notice: Notice, why: str, now: datetime) -> None:
    tries = notice.tries + 1
    if tries >= MOST_TRIES:
        _note(notice, state=Notice.State.FAILED, failure=why[:300], next_try_at=None, tries=tries)
    else:
        _note(notice, failure=why[:300], next_try_at=now + FIRST_WAIT * 2 ** (tries - 1), tries=tries)


def _note(notice: Notice, **fields: object) -> None:
    _waiting().filter(pk=notice.pk).update(**fields)


def _sender(portal: Portal | None) -> str:
    return one_line(portal.sender_name) if portal else _name(portal)


def _name(portal: Portal | None) -> str:
    return one_line(portal.name) if portal else "Rollcall"


def _sign_in(portal: Portal | None) -> str:
    path = reverse("users:sign_in")
    return portal.url(path) if portal else f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}{path}"


def _moment(notice: Notice) -> datetime:
    return timezone.localtime(notice.created_at, notice.portal.zone if notice.portal else None)
