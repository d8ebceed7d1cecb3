"""Signed links (SQSSO): a site of the customer signs who comes, the portal checks it; and links made for tests.

The format for new sites: every recognised parameter but the token, plus the field "portal" with the first part of the
portal's address, sorted by name; each name and each value is written as its length in bytes, a colon, itself and a
comma; the token is the HMAC-SHA256 of that text under the secret, in hexadecimal digits. Lengths leave no way to move
a character from one field into the next.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portals import sealing
from portals.models import Portal, SignedLinkSettings
from users.models import Membership
from users.sign_on_reasons import Reason, Refused
from users.sso import Claims

PATH = "/sqsso"
# How far the other side's clock may be ahead.
SKEW = timedelta(seconds=60)
PORTAL_FIELD = "portal"
# A time in seconds has ten digits until the year 2286; one in milliseconds has thirteen.
_FIRST_MILLISECONDS = 10**11
_PLACEHOLDER = re.compile(r"\{(email|time|secret|first_name|last_name|redirect|parameter:([A-Za-z0-9_.-]+))\}")

Signature = SignedLinkSettings.Signature


@dataclass(frozen=True, slots=True)
class Step:
    """One check of a link, for the tester page."""

    label: str | Promise
    is_passed: bool
    detail: str = ""


@dataclass(slots=True)
class Check:
    """What became of a link: the steps up to the first that failed, and the claims once all have passed."""

    steps: list[Step] = field(default_factory=list)
    reason: Reason | None = None
    claims: Claims | None = None
    redirect: str = ""
    token: str = ""
    expires_at: datetime | None = None

    def passed(self, label: str | Promise, detail: str = "") -> None:
        self.steps.append(Step(label, is_passed=True, detail=detail))


def new_secret() -> str:
    """Return a secret of 256 random bits as text."""
    return secrets.token_urlsafe(32)


@transaction.atomic
def rotate(*, settings: SignedLinkSettings, secret: str, overlap: timedelta, now: datetime) -> None:
    """Sign by a new secret from now on; the present one still works for as long as `overlap` says."""
    current = SignedLinkSettings.objects.select_for_update().get(pk=settings.pk)
    previous = sealing.unseal(current.secret, place=_place(current, "secret")) if current.secret else ""
    keeps = bool(previous) and overlap > timedelta(0)
    settings.previous_secret = (
        sealing.seal(previous, place=_place(current, "previous_secret")) if keeps and previous else ""
    )
    settings.previous_until = now + overlap if keeps else None
    settings.secret = sealing.seal(secret, place=_place(current, "secret"))
    settings.save(update_fields=["secret", "previous_secret", "previous_until"])


def check(
    *, portal: Portal, settings: SignedLinkSettings, parameters: Sequence[tuple[str, str]], now: datetime
) -> Check:
    """Return what is to be thought of a link with these parameters; nothing is spent and nobody comes in."""
    result = Check()
    try:
        _check(result, portal, settings, parameters, now)
    except Refused as refusal:
        result.reason = refusal.reason
        result.steps.append(Step(_LABELS.get(refusal.reason, _("The link is complete")), is_passed=False))
    return result


def example(*, portal: Portal, settings: SignedLinkSettings, membership: Membership, now: datetime) -> str:
    """Return a link that lets this learner in, once, for as long as links work. Raises Refused without a secret."""
    user = membership.user
    found = {
        settings.email_parameter: user.email,
        settings.time_parameter: str(int(now.timestamp())),
        settings.first_name_parameter: user.first_name,
        settings.last_name_parameter: user.last_name,
        settings.redirect_parameter: settings.landing_path,
    }
    secret = next(iter(_secrets(settings, now)))
    found[settings.token_parameter] = _token(portal, settings, found, secret)
    return portal.url(f"{PATH}?{urlencode(found)}")


def signed_text(portal: Portal, settings: SignedLinkSettings, parameters: Mapping[str, str]) -> str:
    """Return the text that a site signs for these parameters; for patterns with dots in place of the secret."""
    if settings.signature == Signature.HMAC:
        return _canonical(portal, settings, parameters).decode()
    return _filled(settings, parameters, "•••")


def without_placeholders(pattern: str) -> str:
    """Return what is left of a pattern without the words in braces that mean something."""
    return _PLACEHOLDER.sub("", pattern)


_LABELS: dict[Reason, str | Promise] = {
    Reason.PARAMETER_MISSING: _("E-mail address, time and token are there"),
    Reason.PARAMETER_TWICE: _("No parameter stands there twice"),
    Reason.AMBIGUOUS: _("No value could pass for two fields"),
    Reason.WRONG_SIGNATURE: _("The signature fits"),
    Reason.NOT_A_TIME: _("The time is a number of seconds"),
    Reason.EXPIRED: _("The link is young enough"),
    Reason.TOO_EARLY: _("The time does not lie in the future"),
    Reason.NOT_SET_UP: _("A secret is set"),
}


def _check(
    result: Check,
    portal: Portal,
    settings: SignedLinkSettings,
    pairs: Sequence[tuple[str, str]],
    now: datetime,
) -> None:
    found = _recognised(settings, pairs)
    result.passed(_LABELS[Reason.PARAMETER_TWICE])
    token = found.get(settings.token_parameter, "")
    email, time = found.get(settings.email_parameter, ""), found.get(settings.time_parameter, "")
    if not (token and email and time):
        raise Refused(Reason.PARAMETER_MISSING)
    result.passed(_LABELS[Reason.PARAMETER_MISSING])
    _check_token(result, portal, settings, found, now)
    result.expires_at = _check_time(result, settings, time, now)
    # However it is spelled, it is one link and works once.
    result.token = token.lower()
    result.claims = _claims(settings, found)
    # Even unsigned it leads nowhere but to a page of this portal.
    result.redirect = found.get(settings.redirect_parameter, "")


def _recognised(settings: SignedLinkSettings, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters that mean something here; all others are ignored."""
    known = {*_own_parameters(settings), settings.token_parameter}
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in known:
            if name in found:
                raise Refused(Reason.PARAMETER_TWICE)
            found[name] = value
    return found


def _own_parameters(settings: SignedLinkSettings) -> list[str]:
    return [
        settings.email_parameter,
        settings.time_parameter,
        settings.first_name_parameter,
        settings.last_name_parameter,
        settings.redirect_parameter,
        *(mapping.parameter for mapping in settings.mappings.all()),
    ]


def _check_token(
    result: Check, portal: Portal, settings: SignedLinkSettings, found: dict[str, str], now: datetime
) -> None:
    known = _secrets(settings, now)
    result.passed(_LABELS[Reason.NOT_SET_UP])
    token = found[settings.token_parameter].lower().encode()
    # Every secret is tried, so that the time tells nothing.
    fits = [hmac.compare_digest(_token(portal, settings, found, secret).encode(), token) for secret in known]
    if not any(fits):
        raise Refused(Reason.WRONG_SIGNATURE)
    result.passed(_LABELS[Reason.WRONG_SIGNATURE])


def _secrets(settings: SignedLinkSettings, now: datetime) -> list[str]:
    if not settings.secret or (settings.signature != Signature.HMAC and not settings.accepts_weak):
        raise Refused(Reason.NOT_SET_UP)
    found = [sealing.unseal(settings.secret, place=_place(settings, "secret"))]
    if settings.previous_works(now):
        found.append(sealing.unseal(settings.previous_secret, place=_place(settings, "previous_secret")))
    return found


def _place(settings: SignedLinkSettings, column: str) -> str:
    return f"portals_signedlinksettings.{column}.{settings.portal_id}"


def _token(portal: Portal, settings: SignedLinkSettings, found: Mapping[str, str], secret: str) -> str:
    if settings.signature == Signature.HMAC:
        return hmac.new(secret.encode(), _canonical(portal, settings, found), hashlib.sha256).hexdigest()
    message = _filled(settings, found, secret).encode()
    if settings.signature == Signature.SHA256:
        return hashlib.sha256(message).hexdigest()
    # An admin has switched it on, warned, for a site that can do nothing else.
    return hashlib.md5(message, usedforsecurity=False).hexdigest()


def _canonical(portal: Portal, settings: SignedLinkSettings, found: Mapping[str, str]) -> bytes:
    signed = {name: value for name, value in found.items() if name != settings.token_parameter}
    signed[PORTAL_FIELD] = portal.slug
    parts = (part.encode() for pair in sorted(signed.items()) for part in pair)
    return b"".join(b"%d:%s," % (len(part), part) for part in parts)


def _filled(settings: SignedLinkSettings, found: Mapping[str, str], secret: str) -> str:
    """Return the pattern with the link's values. Raises Refused when a value could pass for two fields."""
    parameters = _of_placeholders(settings)

    def value(match: re.Match[str]) -> str:
        if match[1] == "secret":
            return secret
        text = found.get(match[2] or parameters[match[1]], "")
        if "&" in text:
            raise Refused(Reason.AMBIGUOUS)
        return text

    return _PLACEHOLDER.sub(value, settings.pattern)


def _of_placeholders(settings: SignedLinkSettings) -> dict[str, str]:
    return {
        "email": settings.email_parameter,
        "time": settings.time_parameter,
        "first_name": settings.first_name_parameter,
        "last_name": settings.last_name_parameter,
        "redirect": settings.redirect_parameter,
    }


def _protected(settings: SignedLinkSettings) -> set[str]:
    """Return the parameters that the signature covers."""
    if settings.signature == Signature.HMAC:
        return set(_own_parameters(settings))
    names = _of_placeholders(settings)
    matches = _PLACEHOLDER.finditer(settings.pattern)
    return {match[2] or names[match[1]] for match in matches if match[1] != "secret"}


def _check_time(result: Check, settings: SignedLinkSettings, text: str, now: datetime) -> datetime:
    """Return until when a link with this time works. Raises Refused."""
    if not re.fullmatch(r"[0-9]{1,14}", text):
        raise Refused(Reason.NOT_A_TIME)
    number = int(text)
    made_at = datetime.fromtimestamp(number / 1000 if number >= _FIRST_MILLISECONDS else number, tz=UTC)
    result.passed(_LABELS[Reason.NOT_A_TIME], f"{made_at:%Y-%m-%d %H:%M:%S} UTC")
    expires_at = made_at + timedelta(minutes=settings.max_age_minutes)
    if expires_at < now:
        raise Refused(Reason.EXPIRED)
    result.passed(_LABELS[Reason.EXPIRED])
    if made_at > now + SKEW:
        raise Refused(Reason.TOO_EARLY)
    result.passed(_LABELS[Reason.TOO_EARLY])
    return expires_at


def _claims(settings: SignedLinkSettings, found: Mapping[str, str]) -> Claims:
    protected = _protected(settings)
    kept = {name: value for name, value in found.items() if name in protected}
    return Claims(
        email=kept.get(settings.email_parameter, ""),
        first_name=kept.get(settings.first_name_parameter, "")[:150],
        last_name=kept.get(settings.last_name_parameter, "")[:150],
        values={
            str(mapping.custom_field_id): kept[mapping.parameter]
            for mapping in settings.mappings.all()
            if mapping.parameter in kept
        },
    )
