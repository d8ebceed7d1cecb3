"""SAML 2.0 as the portal speaks it: the request that starts a sign-in, and the check of the answer.

python3-saml checks signatures and most of the rules. What it leaves open is checked here: it takes a missing audience,
recipient or InResponseTo for a good one, compares the recipient by "contains", allows five minutes of clock skew, and
looks at the first reference of a signature only.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from lxml.etree import LxmlError
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML
from onelogin.saml2.xmlparser import DTDForbidden, EntitiesForbidden

from portals.models import Portal, SamlSettings
from users.sign_on_reasons import Reason, Refused
from users.sso import Claims

CONSUMER_PATH, METADATA_PATH = "/saml/consumer", "/saml/metadata"
SKEW = timedelta(seconds=60)
# Characters of base64: the largest honest responses, with hundreds of groups, have a tenth of it.
MAX_RESPONSE = 400_000
MAX_NAME_ID = 256

NAMESPACES = {**Constants.NSMAP}
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_SIGNATURES = {Constants.RSA_SHA256, Constants.RSA_SHA384, Constants.RSA_SHA512} | {
    f"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha{bits}" for bits in (256, 384, 512)
}
_DIGESTS = {Constants.SHA256, Constants.SHA384, Constants.SHA512}
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_CANONICAL = {_EXCLUSIVE, f"{_EXCLUSIVE}WithComments"}
# Others could let a signature cover something else than what is read.
_TRANSFORMS = _CANONICAL | {"http://www.w3.org/2000/09/xmldsig#enveloped-signature"}

_Errors = OneLogin_Saml2_ValidationError
_REASONS = {
    _Errors.STATUS_CODE_IS_NOT_SUCCESS: Reason.PROVIDER_REFUSED,
    _Errors.ASSERTION_TOO_EARLY: Reason.TOO_EARLY,
    _Errors.ASSERTION_EXPIRED: Reason.EXPIRED,
    _Errors.SESSION_EXPIRED: Reason.EXPIRED,
    _Errors.WRONG_DESTINATION: Reason.WRONG_RECIPIENT,
    _Errors.EMPTY_DESTINATION: Reason.WRONG_RECIPIENT,
    _Errors.WRONG_AUDIENCE: Reason.WRONG_AUDIENCE,
    _Errors.WRONG_ISSUER: Reason.WRONG_ISSUER,
    _Errors.NO_SIGNED_ASSERTION: Reason.UNSIGNED,
    _Errors.NO_SIGNATURE_FOUND: Reason.UNSIGNED,
    _Errors.INVALID_SIGNATURE: Reason.WRONG_SIGNATURE,
    _Errors.DEPRECATED_SIGNATURE_METHOD: Reason.WEAK_ALGORITHM,
    _Errors.DEPRECATED_DIGEST_METHOD: Reason.WEAK_ALGORITHM,
    _Errors.NO_NAMEID: Reason.INVALID,
}


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an identity provider says of one person, after every check. `in_response_to` is empty if nobody asked."""

    id: str
    issuer: str
    name_id: str
    attributes: dict[str, list[str]]
    in_response_to: str
    expires_at: datetime

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can carry."""
        return {**asdict(self), "expires_at": self.expires_at.isoformat()}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Assertion:
        """Return what `plain` was made of."""
        return cls(**{**values, "expires_at": datetime.fromisoformat(values["expires_at"])})


def entity_id(portal: Portal) -> str:
    """Return the name of the portal among services: its address."""
    return portal.url("")


def start(*, portal: Portal, settings: SamlSettings, relay_state: str) -> tuple[str, str]:
    """Return the address that the browser goes to, and the id of the request that the answer must name."""
    # The library writes the address into XML as it is.
    sign_in_url = escape(settings.sign_in_url, {'"': "&quot;"})
    request = OneLogin_Saml2_Authn_Request(_library_settings(portal, settings, sign_in_url=sign_in_url))
    query = urlencode({"SAMLRequest": request.get_request(), "RelayState": relay_state})
    separator = "&" if "?" in settings.sign_in_url else "?"
    return f"{settings.sign_in_url}{separator}{query}", request.get_id()


def metadata(portal: Portal) -> bytes:
    """Return the metadata of the portal, for the identity provider."""
    settings = getattr(portal, "saml_settings", None) or SamlSettings(portal=portal)
    built: str | bytes = _library_settings(portal, settings, is_portal_only=True).get_sp_metadata()
    return built.encode() if isinstance(built, str) else built


def verify(*, portal: Portal, settings: SamlSettings, response: str, now: datetime) -> Assertion:
    """Return what the response says once all of it is proved. Raises Refused."""
    content = _decoded(response)
    document = _parsed(content)
    assertion = _check_shape(document)
    checked = _check_by_library(portal, settings, content)
    in_response_to, expires_at = _check_addressing(portal, assertion, document, now)
    name_id = checked.get_nameid() or ""
    if checked.get_nameid_format() == TRANSIENT:
        raise Refused(Reason.UNSTABLE_NAME_ID)
    if len(name_id) > MAX_NAME_ID:
        raise Refused(Reason.INVALID)
    return Assertion(
        id=assertion.get("ID"),
        issuer=settings.entity_id,
        name_id=name_id,
        attributes=_attributes(checked),
        in_response_to=in_response_to,
        expires_at=expires_at,
    )


def request_id_of(response: str) -> str:
    """Return the request that a response claims to answer, unproved; empty if it names none or cannot be read."""
    try:
        return _parsed(_decoded(response)).get("InResponseTo") or ""
    except Refused:
        return ""


def claims_of(settings: SamlSettings, assertion: Assertion) -> Claims:
    """Return what the portal makes of an assertion, by the settings' names of attributes."""
    attributes = assertion.attributes

    def first(name: str) -> str:
        return next(iter(attributes.get(name, [])), "") if name else ""

    mapped = {
        str(mapping.custom_field_id): "; ".join(attributes[mapping.attribute])
        for mapping in settings.mappings.all()
        if mapping.attribute in attributes
    }
    groups = attributes.get(settings.groups_attribute) if settings.groups_attribute else None
    return Claims(
        email=first(settings.email_attribute) if settings.email_attribute else assertion.name_id,
        first_name=first(settings.first_name_attribute)[:150],
        last_name=first(settings.last_name_attribute)[:150],
        values=mapped,
        group_titles=None if groups is None else tuple(groups),
        issuer=assertion.issuer,
        name_id=assertion.name_id,
    )


def _library_settings(
    portal: Portal, settings: SamlSettings, *, sign_in_url: str = "", is_portal_only: bool = False
) -> OneLogin_Saml2_Settings:
    """Return the library's settings; a new dictionary each time, because it changes them."""
    values: dict[str, Any] = {
        "strict": True,
        "sp": {
            "entityId": entity_id(portal),
            "assertionConsumerService": {"url": portal.url(CONSUMER_PATH)},
            "NameIDFormat": settings.name_id_format,
        },
        "security": {
            "wantAssertionsSigned": True,
            "rejectDeprecatedAlgorithm": True,
            "wantAttributeStatement": False,
            "requestedAuthnContext": False,
            # A network with host names of one word, such as the demo's.
            "allowSingleLabelDomains": True,
        },
    }
    if not is_portal_only:
        values["idp"] = {
            "entityId": settings.entity_id,
            "singleSignOnService": {"url": sign_in_url or settings.sign_in_url},
            "x509certMulti": {"signing": [one.pem for one in settings.certificates.order_by("-expires_at")]},
        }
    try:
        return OneLogin_Saml2_Settings(values, sp_validation_only=is_portal_only)
    except OneLogin_Saml2_Error:
        raise Refused(Reason.NOT_SET_UP) from None


def _decoded(response: str) -> bytes:
    if len(response) > MAX_RESPONSE:
        raise Refused(Reason.TOO_LARGE)
    try:
        return base64.b64decode("".join(response.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(Reason.MALFORMED) from None


def _parsed(content: bytes) -> Any:
    try:
        return OneLogin_Saml2_XML.to_etree(content)
    except (DTDForbidden, EntitiesForbidden):
        raise Refused(Reason.HAS_DTD) from None
    except (LxmlError, ValueError):
        raise Refused(Reason.MALFORMED) from None


def _check_shape(document: Any) -> Any:
    """Return the one assertion, which has the one signature over exactly itself, or raise Refused."""

    def query(path: str, node: Any = document) -> list[Any]:
        found: list[Any] = node.xpath(path, namespaces=NAMESPACES)
        return found

    if not query("self::samlp:Response"):
        raise Refused(Reason.MALFORMED)
    if query("//saml:EncryptedAssertion | //saml:EncryptedID | //saml:EncryptedAttribute"):
        raise Refused(Reason.ENCRYPTED)
    ids = query("//@ID | //@Id | //@id")
    if len(ids) != len(set(ids)) or len(query("//saml:Assertion")) > 1 or query("//*[local-name()='Object']"):
        raise Refused(Reason.WRAPPED)
    assertions = query("/samlp:Response/saml:Assertion")
    if len(assertions) != 1:
        # Without any, the provider usually says why in the status.
        raise Refused(Reason.WRAPPED if query("//saml:Assertion") else _status_reason(query))
    for signature in query("//ds:Signature"):
        _check_signature(signature, query)
    if len(query("ds:Signature", assertions[0])) != 1:
        raise Refused(Reason.UNSIGNED)
    return assertions[0]


def _status_reason(query: Any) -> Reason:
    status = query("/samlp:Response/samlp:Status/samlp:StatusCode/@Value")
    is_refusal = bool(status) and status[0] != Constants.STATUS_SUCCESS
    return Reason.PROVIDER_REFUSED if is_refusal else Reason.INVALID


def _check_signature(signature: Any, query: Any) -> None:
    """Refuse a signature that covers anything but its own parent, or is made with what could be broken."""
    parent = signature.getparent()
    references = query("ds:SignedInfo/ds:Reference", signature)
    if len(references) != 1 or references[0].get("URI") != f"#{parent.get('ID')}":
        raise Refused(Reason.WRAPPED)
    used = {
        "ds:SignedInfo/ds:SignatureMethod/@Algorithm": _SIGNATURES,
        "ds:SignedInfo/ds:Reference/ds:DigestMethod/@Algorithm": _DIGESTS,
        "ds:SignedInfo/ds:CanonicalizationMethod/@Algorithm": _CANONICAL,
        ".//ds:Transform/@Algorithm": _TRANSFORMS,
    }
    for path, allowed in used.items():
        if not set(query(path, signature)) <= allowed:
            raise Refused(Reason.WEAK_ALGORITHM)


def _check_by_library(portal: Portal, settings: SamlSettings, content: bytes) -> OneLogin_Saml2_Response:
    scheme, _, host = portal.url("").partition("://")
    request = {"https": "on" if scheme == "https" else "off", "http_host": host, "script_name": CONSUMER_PATH}
    try:
        checked = OneLogin_Saml2_Response(_library_settings(portal, settings), base64.b64encode(content).decode())
        checked.is_valid(request, raise_exceptions=True)
    except OneLogin_Saml2_ValidationError as error:
        raise Refused(_REASONS.get(error.code, Reason.INVALID)) from None
    except (OneLogin_Saml2_Error, LxmlError, ValueError):
        raise Refused(Reason.INVALID) from None
    return checked


def _check_addressing(portal: Portal, assertion: Any, document: Any, now: datetime) -> tuple[str, datetime]:
    """Refuse what is for another service, address or time; return the request it answers and when it expires."""

    def query(path: str, node: Any = assertion) -> list[Any]:
        found: list[Any] = node.xpath(path, namespaces=NAMESPACES)
        return found

    consumer = portal.url(CONSUMER_PATH)
    restrictions = query("saml:Conditions/saml:AudienceRestriction")
    for restriction in restrictions:
        if entity_id(portal) not in [_text(node) for node in query("saml:Audience", restriction)]:
            raise Refused(Reason.WRONG_AUDIENCE)
    if not restrictions:
        raise Refused(Reason.WRONG_AUDIENCE)
    bearer = f"saml:Subject/saml:SubjectConfirmation[@Method='{Constants.CM_BEARER}']/saml:SubjectConfirmationData"
    confirmations = query(bearer)
    # One only: with several, the library may have looked at another one.
    if len(confirmations) != 1 or confirmations[0].get("Recipient") != consumer:
        raise Refused(Reason.WRONG_RECIPIENT)
    if document.get("Destination", consumer) != consumer:
        raise Refused(Reason.WRONG_RECIPIENT)
    answered = confirmations[0].get("InResponseTo") or ""
    # The response's own mark is not covered by the assertion's signature.
    if (document.get("InResponseTo") or "") not in {"", answered}:
        raise Refused(Reason.OTHER_BROWSER)
    limits = [confirmations[0], *query("saml:Conditions")]
    expiries = [_instant(node.get("NotOnOrAfter")) for node in limits if node.get("NotOnOrAfter")]
    beginnings = [_instant(node.get("NotBefore")) for node in limits if node.get("NotBefore")]
    if not confirmations[0].get("NotOnOrAfter") or min(expiries) + SKEW <= now:
        raise Refused(Reason.EXPIRED)
    if any(beginning > now + SKEW for beginning in beginnings):
        raise Refused(Reason.TOO_EARLY)
    return answered, min(expiries) + SKEW


def _instant(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(OneLogin_Saml2_Utils.parse_SAML_to_time(text), tz=UTC)
    except (ValueError, OverflowError):
        raise Refused(Reason.INVALID) from None


def _text(node: Any) -> str:
    return "".join(node.itertext()).strip()


def _attributes(checked: OneLogin_Saml2_Response) -> dict[str, list[str]]:
    try:
        found: dict[str, list[Any]] = checked.get_attributes()
    except OneLogin_Saml2_ValidationError:
        raise Refused(Reason.INVALID) from None
    # Values that are no text, such as a name id inside an attribute, are of no use here.
    return {name: [value for value in values if isinstance(value, str)] for name, values in found.items()}
