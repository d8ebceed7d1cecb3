"""Pure: is a webhook from Gusto? (docs.gusto.com, "Webhooks": hex HMAC-SHA256 of the raw body.)"""

from __future__ import annotations

import hashlib
import hmac


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether the signature is that of these very bytes; compared in constant time, never true without a secret."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(expected.encode(), signature.encode())
