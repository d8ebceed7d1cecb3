"""The mails that carry a link: in the portal's name, language and colours, as text and HTML."""

import re
import unicodedata
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac

from portals import colors
from users import invitations
from users.models import Invitation

REMINDER = "reminder"
LONGEST_NAME = 80
# What examples show in place of a link and a one-time password.
EXAMPLE = {"link": "https://••••••••", "temporary_password": "••••-••••-••••-••••"}
_SCHEME = re.compile(r"\b[a-z][a-z0-9+.-]*:(?=\S)", re.IGNORECASE)
_LINK_SHAPES = re.compile(r"[@<>\[\](){}\\/|]+")
# A dot inside a word makes mail programs show a link; "St.John" reads as well with a blank.
_INNER_DOT = re.compile(r"[.\u3002\uff0e\uff61](?=\w)")


def compose(invitation: Invitation, *, is_example: bool = False) -> EmailMultiAlternatives:
    """Return the mail of an invitation; the same invitation and link give the same Message-ID.

    An example looks the same, but its link leads nowhere and its one-time password is none.
    """
    portal = invitation.membership.portal
    with translation.override(portal.language), timezone.override(portal.zone):
        words = {**_words(invitation), **(EXAMPLE if is_example else _secrets(invitation))}
        subject, text, html = (
            render_to_string(f"users/email/{template_of(invitation)}.{part}", words)
            for part in ("subject.txt", "body.txt", "body.html")
        )
    message = EmailMultiAlternatives(
        subject=one_line(subject),
        body=text,
        from_email=formataddr((one_line(portal.sender_name), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        to=[invitation.membership.user.email],
        headers={"Auto-Submitted": "auto-generated"} | ({} if is_example else {"Message-ID": _message_id(invitation)}),
    )
    message.attach_alternative(html, "text/html")
    return message


def template_of(invitation: Invitation) -> str:
    """Return the name of the mail: its kind, or "reminder"."""
    return REMINDER if invitation.reminder else invitation.kind


def one_line(text: str) -> str:
    """Return the text without control characters and line breaks, fit for a header."""
    visible = (" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    return " ".join("".join(visible).split())


def safe_name(name: str) -> str:
    """Return a person's name without anything that a mail program would show as a link."""
    text = _SCHEME.sub("", one_line(name))
    text = _INNER_DOT.sub(". ", _LINK_SHAPES.sub(" ", text))
    return " ".join(text.split())[:LONGEST_NAME].strip()


def _words(invitation: Invitation) -> dict[str, Any]:
    portal, user = invitation.membership.portal, invitation.membership.user
    accent = portal.accent_color
    return {
        "portal": one_line(portal.name),
        "name": safe_name(user.first_name),
        "email": user.email,
        "sign_in": portal.url(reverse("users:sign_in")),
        "has_password": user.has_usable_password(),
        "hours": int(settings.INVITATION_LIFETIME.total_seconds() // 3600),
        "until": invitation.expires_at,
        "logo": portal.url(portal.logo_path) if portal.logo_path else "",
        "accent": accent,
        "on_accent": colors.text_on(accent),
        "language": portal.language,
    }


def _secrets(invitation: Invitation) -> dict[str, str]:
    return {"link": invitations.link(invitation), "temporary_password": invitations.temporary_password(invitation)}


def _message_id(invitation: Invitation) -> str:
    # A replaced link is another mail, also when the one before never left.
    digest = salted_hmac("users.emails message id", f"{invitation.pk}:{invitation.nonce}").hexdigest()[:16]
    return f"<invitation.{invitation.pk}.{invitation.times_sent + 1}.{digest}@{settings.PLATFORM_HOST}>"
