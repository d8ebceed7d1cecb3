"""The sandbox as an identity provider: one chooses who one is, and what goes wrong.

GET  /idp/metadata  what portals need to know
GET  /idp/sign-in   the page with the people; with SAMLRequest as portals send it, or with `consumer` and `audience`
                    for a sign-in that starts here
POST /idp/sign-in   the answer, in a form that leads back to the portal
"""

import base64
import binascii
import threading
import zlib
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree
from onelogin.saml2.xmlparser import fromstring

from integrations.sandbox import assertions
from integrations.sandbox.assertions import FAULTS, Answer, Signer
from integrations.sandbox.companies import Company
from integrations.sandbox.pages import form, hidden, message_page, page, select, text_input
from integrations.sandbox.wire import Request, Response
from integrations.sandbox.world import World

CONSUMER_PATH = "/saml/consumer"
_LARGEST_REQUEST = 100_000
_SHOWN_PEOPLE = 100


class NoRequest(Exception):
    """What should be a request of a portal is none."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants somebody to sign in: the portal's address for answers, its name, and its request if it sent one."""

    consumer: str
    audience: str
    request_id: str
    relay_state: str


class IdentityProvider:
    """Signs assertions about the people of the sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._signer: Signer | None = None
        self._last_answer = ""

    @staticmethod
    def is_for(request: Request) -> bool:
        """Tell whether a request is for the identity provider."""
        return request.path.startswith("/idp/")

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        base = f"http://{request.headers.get('host', '')}"
        try:
            match request.method, request.path:
                case "GET", "/idp/metadata":
                    return self._metadata(base)
                case "GET", "/idp/sign-in":
                    return self._choose(_wish(request.query), request.query.get("company", ""))
                case "POST", "/idp/sign-in":
                    return self._sign_in(base, {name: str(value) for name, value in request.fields().items()})
        except NoRequest as problem:
            return message_page("Nobody wants you to sign in", str(problem), status=400)
        return message_page("There is nothing here", "The address is wrong.", status=404)

    @property
    def signer(self) -> Signer:
        """The key, made when it is first needed, since that takes a moment."""
        with self._lock:
            self._signer = self._signer or Signer("Sandbox identity provider")
            return self._signer

    def _metadata(self, base: str) -> Response:
        xml = assertions.metadata(f"{base}/idp/metadata", f"{base}/idp/sign-in", [self.signer])
        return Response(200, xml.encode(), content_type="application/samlmetadata+xml")

    def _choose(self, wish: Wish, company: str) -> Response:
        with self._world.lock:
            people = self._people(company)
        carried = hidden(
            consumer=wish.consumer,
            audience=wish.audience,
            request_id=wish.request_id,
            relay_state=wish.relay_state,
        )
        body = (
            f"{carried}{select('person', 'Who are you?', people)}"
            f"{text_input('email', 'Or another e-mail address', kind='email')}"
            f"{select('fault', 'What goes wrong', FAULTS)}"
        )
        host = urlsplit(wish.consumer).netloc
        return page(
            f"Sign in to {host}", f"<section>{form('/idp/sign-in', body, 'Sign in')}</section>", is_narrow=True
        )

    def _people(self, company: str) -> dict[str, str]:
        """Return who can be chosen: address and name, of a company or of all."""
        names: dict[str, str] = {}
        for one in self._world.companies.values():
            if company in {"", one.uuid, one.name}:
                for person in islice(one.roster, _SHOWN_PEOPLE):
                    if person.work_email:
                        names[person.work_email] = f"{person.name} ({one.name})"
        return names

    def _sign_in(self, base: str, fields: dict[str, str]) -> Response:
        wish = Wish(
            consumer=fields.get("consumer", ""),
            audience=fields.get("audience", ""),
            request_id=fields.get("request_id", ""),
            relay_state=fields.get("relay_state", ""),
        )
        _check(wish)
        email = fields.get("email", "").strip() or fields.get("person", "")
        with self._world.lock:
            attributes = self._attributes(email)
        answer = Answer(
            issuer=f"{base}/idp/metadata",
            consumer=wish.consumer,
            audience=wish.audience,
            name_id=email,
            request_id=wish.request_id,
            attributes=attributes,
        )
        posted = self._response(answer, fields.get("fault", ""))
        values = hidden(SAMLResponse=posted, RelayState=wish.relay_state)
        return page(f"Hello, {email}", f"<section>{form(wish.consumer, values, 'Continue')}</section>", is_narrow=True)

    def _response(self, answer: Answer, fault: str) -> str:
        signer = self.signer
        with self._lock:
            if fault != "replay" or not self._last_answer:
                self._last_answer = assertions.response(answer, signer, fault)
            return self._last_answer

    def _attributes(self, email: str) -> dict[str, list[str]]:
        """Return what is known of a person; of a stranger only the address."""
        for company in self._world.companies.values():
            for person in company.roster:
                if person.work_email == email:
                    department = company.departments.get(person.department_uuid or "")
                    return {
                        "email": [email],
                        "firstName": [person.preferred_first_name or person.first_name],
                        "lastName": [person.last_name],
                        "jobTitle": [person.title] if person.title else [],
                        "department": [department] if department else [],
                        "groups": _groups(company, department),
                    }
        return {"email": [email]}


def _groups(company: Company, department: str | None) -> list[str]:
    return [company.name, *([department] if department else [])]


def _wish(query: dict[str, str]) -> Wish:
    relay_state = query.get("RelayState", "")
    if "SAMLRequest" not in query:
        wish = Wish(query.get("consumer", ""), query.get("audience", ""), "", relay_state)
    else:
        request = _request(query["SAMLRequest"])
        wish = Wish(
            consumer=request.get("AssertionConsumerServiceURL") or "",
            audience=request.findtext("{urn:oasis:names:tc:SAML:2.0:assertion}Issuer") or "",
            request_id=request.get("ID") or "",
            relay_state=relay_state,
        )
    _check(wish)
    return wish


def _request(text: str) -> etree._Element:
    """Return the element of a request by HTTP-Redirect: deflated, then base64."""
    try:
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(base64.b64decode(text), _LARGEST_REQUEST)
        found: etree._Element = fromstring(inflated)
    except (binascii.Error, zlib.error, etree.LxmlError, ValueError):
        raise NoRequest("The SAMLRequest cannot be read.") from None
    return found


def _check(wish: Wish) -> None:
    parts = urlsplit(wish.consumer)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path != CONSUMER_PATH:
        raise NoRequest("The portal names no address for the answer.")
