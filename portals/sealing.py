"""Seals secrets for storage: encrypted, authenticated, and bound to the place that they belong to."""

from __future__ import annotations

import functools
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(Exception):
    """The text was not sealed with a known key, or not for this place."""


def seal(text: str, *, place: str) -> str:
    """Return `text` encrypted for one place, such as "integrations_grant.access_token.<key of the row>"."""
    return _ring().encrypt(f"{place}\n{text}".encode()).decode()


def unseal(sealed: str, *, place: str) -> str:
    """Return the text that was sealed for this place. Raises SealBroken."""
    try:
        found_place, _, text = _ring().decrypt(sealed.encode()).decode().partition("\n")
    except InvalidToken:
        raise SealBroken(f"{place}: no key opens it") from None
    if not hmac.compare_digest(found_place.encode(), place.encode()):
        raise SealBroken(f"{place}: sealed for another place")
    return text


def reseal(sealed: str) -> str:
    """Return the same secret under the newest key. Raises SealBroken."""
    try:
        return _ring().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken("no key opens it") from None


def check_keys(keys: list[str]) -> None:
    """Raise ValueError unless there is a key and every key has the right form."""
    if not keys:
        raise ValueError("no key")
    for key in keys:
        Fernet(key)


def _ring() -> MultiFernet:
    return _ring_of(tuple(settings.ROLLCALL_ENCRYPTION_KEYS))


@functools.lru_cache(maxsize=4)
def _ring_of(keys: tuple[str, ...]) -> MultiFernet:
    # The first key encrypts; every key decrypts, so old ones can be retired after rotate_keys.
    return MultiFernet([Fernet(key) for key in keys])
