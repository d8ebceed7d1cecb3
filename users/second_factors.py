"""The second factor of an account: an authenticator app, and recovery codes for the day it is lost."""

from __future__ import annotations

from base64 import b32encode
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from users.models import User

RECOVERY_CODES = 10
# Codes of the app are this long, recovery codes longer.
APP_CODE_LENGTH = 6


def is_set_up(user: User) -> bool:
    """Whether signing in asks this account for a code."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


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
    device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
    if device is None or not device.verify_token(_typed(code)):
        return None
    TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return new_recovery_codes(user)


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Return new codes, shown this once; the old ones stop working."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def recovery_codes_left(user: User) -> int:
    """Return how many recovery codes still work."""
    return StaticToken.objects.filter(device__user=user).count()


@transaction.atomic
def verify(user: User, code: str) -> Device | None:
    """Return the device whose code this is, which is used up by it; None when it is wrong or has to wait."""
    typed = _typed(code)
    device = _device_for(user, typed)
    return device if device and device.verify_token(typed) else None


def wait(user: User, code: str, *, now: datetime) -> timedelta | None:
    """Return how long codes of this sort are refused after wrong ones; None when they are not."""
    device = _device_for(user, _typed(code))
    if device is None or device.verify_is_allowed()[0]:
        return None
    # As django-otp counts: the wait doubles with each wrong code in a row.
    pause = timedelta(seconds=device.get_throttle_factor() * 2 ** (device.throttling_failure_count - 1))
    return max(device.throttling_failure_timestamp + pause - now, timedelta(seconds=1))


@transaction.atomic
def remove(user: User) -> bool:
    """Turn the second factor off; False when there was none."""
    StaticDevice.objects.filter(user=user).delete()
    return bool(TOTPDevice.objects.filter(user=user).delete()[0])


def secret(device: TOTPDevice) -> str:
    """Return the secret as people type it into an app, in groups of four."""
    text = b32encode(device.bin_key).decode()
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def qr_code(device: TOTPDevice, *, issuer: str) -> str:
    """Return the QR code that an app scans, as an address of the form data:image/svg+xml."""
    label = quote(f"{issuer.replace(':', ' ')}:{device.user.email}")
    words = urlencode({"secret": b32encode(device.bin_key).decode(), "issuer": issuer}, quote_via=quote)
    # White behind the black also where the page is dark: scanners want it so.
    uri: str = segno.make(f"otpauth://totp/{label}?{words}", error="m").svg_data_uri(scale=5, light="white")
    return uri


def _device_for(user: User, typed: str) -> Device | None:
    kind = TOTPDevice if len(typed) == APP_CODE_LENGTH else StaticDevice
    return kind.objects.select_for_update().filter(user=user, confirmed=True).first()


def _typed(code: str) -> str:
    return code.replace(" ", "").replace("-", "").lower()
