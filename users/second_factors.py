"""The second factor of an account: an authenticator app, and recovery codes for the day it is lost."""

from __future__ import annotations

from base64 import b32encode
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from users.models import User

RECOVERY_CODES = 10
# Codes of the app are this long, recovery codes longer.
APP_CODE_LENGTH = 6


def is_set_up(user: User) -> bool:
    """Whether signing in asks this account for a code."""
    return device(user) is not None


def device(user: User) -> TOTPDevice | None:
    """Return the app of the account, None where it has no second factor."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def is_verified(request: HttpRequest) -> bool:
    """Whether this session began with, or has since given, a code."""
    return DEVICE_ID_SESSION_KEY in request.session


def unmark_verified(request: HttpRequest) -> None:
    """Let the session count as one without a code, once the second factor is removed."""
    request.session.pop(DEVICE_ID_SESSION_KEY, None)


def device_to_confirm(user: User) -> TOTPDevice | None:
    """Return the app that the person is about to set up."""
    return TOTPDevice.objects.filter(user=user, confirmed=False).first()


@transaction.atomic
def begin(user: User) -> TOTPDevice:
    """Return a new secret, which counts once a code of it was typed; an earlier unconfirmed one is forgotten."""
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    return TOTPDevice.objects.create(user=user, name="app", confirmed=False)


@transaction.atomic
def confirm(user: User, code: str) -> list[str] | None:
    """Turn the second factor on and return the recovery codes, or None when the code is wrong."""
    User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    new = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
    if new is None or not new.verify_token(_typed(code)):
        return None
    TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    new.confirmed = True
    new.save(update_fields=["confirmed"])
    return new_recovery_codes(user)


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Return new codes, shown this once; the old ones stop working."""
    StaticDevice.objects.filter(user=user).delete()
    holder = StaticDevice.objects.create(user=user, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=holder, token=code) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def recovery_codes_left(user: User) -> int:
    """Return how many recovery codes still work."""
    return int(StaticToken.objects.filter(device__user=user).count())


@transaction.atomic
def verify(user: User, code: str) -> Device | None:
    """Return the device whose code this is, which is used up by it; None when it is wrong or has to wait."""
    typed = _typed(code)
    asked = _devices_for(user, typed).select_for_update().first()
    return asked if asked and asked.verify_token(typed) else None


def wait(user: User, code: str, *, now: datetime) -> timedelta | None:
    """Return how long codes of this sort are refused after wrong ones; None when they are not."""
    asked = _devices_for(user, _typed(code)).first()
    if asked is None or asked.verify_is_allowed()[0]:
        return None
    # As django-otp counts: the wait doubles with each wrong code in a row.
    pause = timedelta(seconds=asked.get_throttle_factor() * 2 ** (asked.throttling_failure_count - 1))
    ends_at: datetime = asked.throttling_failure_timestamp + pause
    return max(ends_at - now, timedelta(seconds=1))


@transaction.atomic
def remove(user: User) -> bool:
    """Turn the second factor off; False when there was none."""
    StaticDevice.objects.filter(user=user).delete()
    return bool(TOTPDevice.objects.filter(user=user).delete()[0])


def secret(app: TOTPDevice) -> str:
    """Return the secret as people type it into an app, in groups of four."""
    text = b32encode(app.bin_key).decode()
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def qr_code(app: TOTPDevice, *, issuer: str) -> str:
    """Return the QR code that an app scans, as an address of the form data:image/svg+xml."""
    label = quote(f"{issuer.replace(':', ' ')}:{app.user.email}")
    words = urlencode({"secret": b32encode(app.bin_key).decode(), "issuer": issuer}, quote_via=quote)
    # White behind the black also where the page is dark: scanners want it so.
    uri: str = segno.make(f"otpauth://totp/{label}?{words}", error="m").svg_data_uri(scale=5, light="white")
    return uri


def _devices_for(user: User, typed: str) -> QuerySet[Device]:
    kind = TOTPDevice if len(typed) == APP_CODE_LENGTH else StaticDevice
    devices: QuerySet[Device] = kind.objects.filter(user=user, confirmed=True)
    return devices


def _typed(code: str) -> str:
    return code.replace(" ", "").replace("-", "").lower()
