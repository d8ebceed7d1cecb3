"""What HubSpot sends: signed calls from many connections at once, at a fixed pace or as fast as they are answered."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from integrations.sandbox.hubspot.app import CLIENT_SECRET

INVITE = "/integrations/hubspot/actions/user-invite/"
WEBHOOKS = "/integrations/hubspot/webhooks/"
CONNECTIONS = 16
TIMEOUT = 30
_numbers = count(1)


@dataclass(frozen=True)
class Call:
    """One request: where to, which bytes, and what makes it one."""

    path: str
    key: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came back, and the seconds from the moment at which the call was due."""

    key: str
    status: int
    body: bytes
    seconds: float


class Sender:
    """Sends signed requests to the web server, over connections that stay open."""

    def __init__(self, port: int, host: str) -> None:
        self._port, self._host = port, host
        self._own = threading.local()

    def send(self, call: Call, due: float) -> Answer:
        """Send one call; a connection that the server has closed meanwhile is opened again."""
        for attempt in (1, 2):
            connection = self._connection()
            try:
                connection.request("POST", call.path, call.body, self._headers(call))
                response = connection.getresponse()
                body = response.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                if attempt == 2:
                    return Answer(call.key, 0, b"", time.perf_counter() - due)
            else:
                return Answer(call.key, response.status, body, time.perf_counter() - due)
        raise AssertionError

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        return found

    def _headers(self, call: Call) -> dict[str, str]:
        timestamp = str(time.time_ns() // 1_000_000)
        message = f"POSThttp://{self._host}{call.path}".encode() + call.body + timestamp.encode()
        signature = hmac.digest(CLIENT_SECRET.encode(), message, hashlib.sha256)
        return {
            "Host": self._host,
            "Content-Type": "application/json",
            "X-HubSpot-Signature-v3": base64.b64encode(signature).decode(),
            "X-HubSpot-Request-Timestamp": timestamp,
        }


def at_pace(sender: Sender, calls: Sequence[Call], *, per_second: int) -> list[Answer]:
    """Send each call when it is due, whether or not the ones before were answered."""
    begin = time.perf_counter() + 0.5

    def send(place: int) -> Answer:
        due = begin + place / per_second
        time.sleep(max(0.0, due - time.perf_counter()))
        return sender.send(calls[place], due)

    with ThreadPoolExecutor(CONNECTIONS * 2) as pool:
        return list(pool.map(send, range(len(calls))))


def flat_out(sender: Sender, calls: Sequence[Call], *, connections: int = CONNECTIONS) -> tuple[list[Answer], float]:
    """Send every call as soon as a connection is free; return the answers and the seconds that it took."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        answers = list(pool.map(lambda call: sender.send(call, time.perf_counter()), calls))
    return answers, time.perf_counter() - begin


def actions(people: Iterable[tuple[str, str]], *, account: str, inputs: dict[str, str]) -> list[Call]:
    """Return an execution of the User Invite Action for each contact: (record id, address)."""
    return [_action(record, email, account, inputs) for record, email in people]


def events(records: Iterable[str], *, account: str) -> list[Call]:
    """Return a delivery with one changed property for each record."""
    return [_event(record, account) for record in records]


def with_repeats(calls: Sequence[Call], *, every: int, seed: int = 1) -> list[Call]:
    """Return the calls with one in so many sent again, soon after or at the same moment."""
    chance = random.Random(seed)
    sent: list[Call] = []
    for place, call in enumerate(calls, start=1):
        sent.append(call)
        if place % every == 0:
            sent.append(chance.choice(calls[max(0, place - every) : place]))
    return sent


def shuffled(calls: Sequence[Call], *, times: int, seed: int = 1) -> list[Call]:
    """Return each call so many times, in any order."""
    repeated = list(calls) * times
    random.Random(seed).shuffle(repeated)
    return repeated


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the seconds within which this share of the calls was answered."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def differing(answers: Sequence[Answer]) -> int:
    """Return how many calls were answered in more than one way."""
    known: dict[str, bytes] = {}
    return len({one.key for one in answers if known.setdefault(one.key, one.body) != one.body})


def wait_until(is_so: Callable[[], bool], *, seconds: float) -> bool:
    """Return whether the condition came about in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


def _action(record: str, email: str, account: str, inputs: dict[str, str]) -> Call:
    key = f"ap-{account}-{next(_numbers)}-3-0"
    body = {
        "callbackId": key,
        "origin": {"portalId": int(account), "actionDefinitionId": 10860211, "actionDefinitionVersion": 2},
        "context": {"source": "WORKFLOWS", "workflowId": 192814114},
        "object": {
            "objectId": int(record),
            "objectType": "CONTACT",
            "properties": {"email": email, "firstname": "Robin", "lastname": f"Vale {record}", "hs_object_id": record},
        },
        "inputFields": inputs,
    }
    return Call(INVITE, key, json.dumps(body).encode())


def _event(record: str, account: str) -> Call:
    number = next(_numbers)
    event = {
        "eventId": number,
        "subscriptionId": 770001,
        "portalId": int(account),
        "appId": 1122334,
        "occurredAt": time.time_ns() // 1_000_000,
        "subscriptionType": "object.propertyChange",
        "attemptNumber": 0,
        "objectTypeId": "0-1",
        "objectId": int(record),
        "propertyName": "jobtitle",
        "propertyValue": "Team lead",
        "changeSource": "CRM_UI",
    }
    return Call(WEBHOOKS, str(number), json.dumps([event]).encode())
