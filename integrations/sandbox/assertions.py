"""SAML answers of the sandbox's identity provider: as they should be, and spoiled in the ways that attackers know.

Elements and their order: "Assertions and Protocols for SAML V2.0", sections 2 and 3.
"""

import base64
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.utils import OneLogin_Saml2_Utils

EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_NAMESPACES = (
    'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_DENIED = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
LIFETIME = timedelta(minutes=5)

# What can go wrong, by name, in words for the page.
FAULTS = {
    "": "Nothing",
    "unsigned": "The assertion is not signed",
    "response_signed": "Only the response around it is signed",
    "sha1": "Signed with SHA-1",
    "other_key": "Signed with another key",
    "altered": "Altered after it was signed",
    "comment": "A comment inside the name, after it was signed",
    "wrapped": "Wrapped: a second assertion for somebody else",
    "wrong_issuer": "From another identity provider",
    "wrong_audience": "For another service",
    "wrong_recipient": "For another address",
    "expired": "Expired an hour ago",
    "too_early": "Valid in an hour",
    "other_request": "Answers a request that nobody sent",
    "unasked": "Answers no request at all",
    "transient": "A name that changes each time",
    "dtd": "With a document type definition",
    "denied": "The person was not let in",
    "replay": "The last answer once more",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer says; `request_id` is empty when nobody asked."""

    issuer: str
    consumer: str
    audience: str
    name_id: str
    request_id: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    name_id_format: str = EMAIL_FORMAT
    now: datetime = field(default_factory=lambda: datetime.now(tz=UTC))
    id: str = field(default_factory=lambda: f"_{secrets.token_hex(16)}")


class Signer:
    """A key and its certificate, made anew."""

    def __init__(self, name: str) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(tz=UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        self._key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.certificate = certificate.public_bytes(Encoding.PEM).decode()

    @property
    def certificate_text(self) -> str:
        """Return the certificate as it stands in metadata: base64 without lines around it."""
        return "".join(self.certificate.splitlines()[1:-1])

    def sign(self, xml: str, *, is_weak: bool = False) -> str:
        """Return the element, whose first issuer is followed by a signature over it."""
        algorithm = (Constants.RSA_SHA1, Constants.SHA1) if is_weak else (Constants.RSA_SHA256, Constants.SHA256)
        signed = OneLogin_Saml2_Utils.add_sign(xml, self._key, self.certificate, False, *algorithm)
        return signed.decode() if isinstance(signed, bytes) else str(signed)


def response(answer: Answer, signer: Signer, fault: str = "") -> str:
    """Return the answer as a browser posts it: base64 of XML."""
    answer = _spoiled(answer, fault)
    match fault:
        case "unsigned":
            xml = envelope(answer, assertion(answer))
        case "response_signed":
            xml = signer.sign(envelope(answer, assertion(answer)))
        case "wrapped":
            xml = wrapped(answer, signer)
        case "denied":
            xml = envelope(answer, "", status=_DENIED)
        case _:
            signed = (Signer("Somebody else") if fault == "other_key" else signer).sign(
                assertion(answer), is_weak=fault == "sha1"
            )
            xml = envelope(answer, _touched(answer, signed, fault))
    if fault == "dtd":
        xml = f'<!DOCTYPE samlp:Response [<!ENTITY who "{escape(answer.name_id)}">]>{xml}'
    return base64.b64encode(xml.encode()).decode()


def wrapped(answer: Answer, signer: Signer, *, victim: str = "admin@example.com") -> str:
    """Return a response whose signed assertion is hidden in a forged one that names somebody else."""
    signed = signer.sign(assertion(answer))
    begin, end = signed.index("<ds:Signature"), signed.index("</ds:Signature>") + len("</ds:Signature>")
    signature, original = signed[begin:end], signed[:begin] + signed[end:]
    hidden = signature.replace("</ds:Signature>", f"<ds:Object>{original}</ds:Object></ds:Signature>")
    forged = assertion(replace(answer, name_id=victim, id=f"_{secrets.token_hex(16)}"))
    place = forged.index("</saml:Issuer>") + len("</saml:Issuer>")
    return envelope(answer, forged[:place] + hidden + forged[place:])


def envelope(answer: Answer, content: str, *, status: str = _SUCCESS) -> str:
    """Return the response around an assertion."""
    asked = f" InResponseTo={quoteattr(answer.request_id)}" if answer.request_id else ""
    return (
        f'<samlp:Response {_NAMESPACES} ID="_{secrets.token_hex(16)}" Version="2.0" '
        f'IssueInstant="{_time(answer.now)}" Destination={quoteattr(answer.consumer)}{asked}>'
        f"<saml:Issuer>{escape(answer.issuer)}</saml:Issuer>"
        f'<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>{content}</samlp:Response>'
    )


def assertion(answer: Answer) -> str:
    """Return the assertion without a signature."""
    asked = f" InResponseTo={quoteattr(answer.request_id)}" if answer.request_id else ""
    begins, ends = _time(answer.now - timedelta(seconds=30)), _time(answer.now + LIFETIME)
    values = "".join(_attribute(name, texts) for name, texts in answer.attributes.items())
    statement = f"<saml:AttributeStatement>{values}</saml:AttributeStatement>" if values else ""
    return (
        f'<saml:Assertion {_NAMESPACES} ID="{answer.id}" Version="2.0" IssueInstant="{_time(answer.now)}">'
        f"<saml:Issuer>{escape(answer.issuer)}</saml:Issuer>"
        f'<saml:Subject><saml:NameID Format="{answer.name_id_format}">{escape(answer.name_id)}</saml:NameID>'
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData NotOnOrAfter="{ends}" Recipient={quoteattr(answer.consumer)}{asked}/>'
        "</saml:SubjectConfirmation></saml:Subject>"
        f'<saml:Conditions NotBefore="{begins}" NotOnOrAfter="{ends}"><saml:AudienceRestriction>'
        f"<saml:Audience>{escape(answer.audience)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{_time(answer.now)}"><saml:AuthnContext><saml:AuthnContextClassRef>'
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>"
        f"</saml:AuthnStatement>{statement}</saml:Assertion>"
    )


def metadata(issuer: str, sign_in_url: str, signers: list[Signer]) -> str:
    """Return the metadata of an identity provider with these keys."""
    keys = "".join(
        '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"{signer.certificate_text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for signer in signers
    )
    return (
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
        f'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID={quoteattr(issuer)}>'
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        f"{keys}<md:NameIDFormat>{EMAIL_FORMAT}</md:NameIDFormat>"
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        f"Location={quoteattr(sign_in_url)}/></md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def _spoiled(answer: Answer, fault: str) -> Answer:
    """Return what the answer says with this fault, before it is signed."""
    elsewhere, hour = "https://other-service.example", timedelta(hours=1)
    changes: dict[str, dict[str, Any]] = {
        "wrong_issuer": {"issuer": f"{elsewhere}/metadata"},
        "wrong_audience": {"audience": elsewhere},
        "wrong_recipient": {"consumer": f"{elsewhere}/saml/consumer"},
        "expired": {"now": answer.now - hour},
        "too_early": {"now": answer.now + hour},
        "other_request": {"request_id": f"_{secrets.token_hex(16)}"},
        "unasked": {"request_id": ""},
        "transient": {"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
    }
    return replace(answer, **changes.get(fault, {}))


def _touched(answer: Answer, signed: str, fault: str) -> str:
    """Return the signed assertion with this fault, which came after the signature."""
    name = escape(answer.name_id)
    if fault == "altered":
        return signed.replace(f">{name}<", ">admin@example.com<")
    if fault == "comment":
        return signed.replace(f">{name}<", f">{name.replace('.', '<!-- -->.', 1)}<")
    return signed


def _attribute(name: str, texts: list[str]) -> str:
    values = "".join(
        f'<saml:AttributeValue xsi:type="xs:string">{escape(text)}</saml:AttributeValue>' for text in texts
    )
    return (
        f'<saml:Attribute Name={quoteattr(name)} NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">'
        f"{values}</saml:Attribute>"
    )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
