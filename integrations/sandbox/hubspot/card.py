"""The call that the application's card makes through HubSpot (page "Fetch data", `hubspot.fetch`)."""

from urllib.parse import quote, urlencode

from integrations.sandbox.hubspot import transport
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.transport import Answer, Message, Post, Signer

PATH = "card/enrollments/"
_SECONDS = 15.0
_TRIES = 2  # one repeat on connection faults and 5xx


def fetch(
    base_url: str,
    signer: Signer,
    post: Post,
    *,
    account: int,
    object_type: str,
    object_id: str,
    user: tuple[str, str],
    app_id: int,
    flaw: Flaw = Flaw.NONE,
) -> Answer:
    """Ask the application for what the card shows on a record; `user` is the id and address of who looks at it.

    HubSpot appends the last four parameters itself and signs the whole address.
    """
    user_id, email = user
    query = {
        "objectTypeId": object_type,
        "objectId": object_id,
        "userId": user_id,
        "portalId": account,
        "userEmail": email,
        "appId": app_id,
    }
    message = Message("GET", f"{base_url}{PATH}?{urlencode(query, quote_via=quote)}", seconds=_SECONDS, flaw=flaw)
    answer = Answer()
    for _ in range(_TRIES):
        answer = transport.send(message, signer, post)
        if 0 < answer.status < 500:
            break
    return answer
