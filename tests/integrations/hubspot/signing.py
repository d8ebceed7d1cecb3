"""Signs requests as HubSpot does, apart from the product's own code."""

import base64
import hashlib
import hmac
import time

from django.conf import settings


def signed(path, body, *, method="POST", version="v3", age=0):
    """Return the headers of a request to a path of the platform host, signed so many seconds ago."""
    uri = f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}{path}"
    secret = settings.HUBSPOT_CLIENT_SECRET
    if version == "v3":
        timestamp = str(int((time.time() - age) * 1000))
        for escape, character in (("%40", "@"), ("%3A", ":"), ("%2F", "/")):
            uri = uri.replace(escape, character)
        message = f"{method}{uri}".encode() + body + timestamp.encode()
        found = base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
        return {"X-HubSpot-Signature-v3": found, "X-HubSpot-Request-Timestamp": timestamp}
    covered = body if version == "v1" else f"{method}{uri}".encode() + body
    found = hashlib.sha256(secret.encode() + covered).hexdigest()
    return {"X-HubSpot-Signature": found, "X-HubSpot-Signature-Version": version}
