"""Read what an identity provider publishes about itself: its metadata, and its certificates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction
from django.utils.translation import gettext as _
from lxml.etree import LxmlError
from onelogin.saml2.errors import OneLogin_Saml2_Error
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.xmlparser import DTDForbidden, EntitiesForbidden, NotSupportedError

from portals.models import SamlCertificate, SamlSettings

MAX_BYTES = 500_000
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class MetadataRefused(ValueError):
    """This is no metadata, or no certificate, that can be used; the text says why, for the admin."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What metadata says of an identity provider; addresses may be empty."""

    entity_id: str
    sign_in_url: str
    sign_out_url: str
    certificates: tuple[str, ...]


def read(content: bytes) -> Metadata:
    """Return what the metadata says. Raises MetadataRefused."""
    if len(content) > MAX_BYTES:
        raise MetadataRefused(_("The file is too large to be metadata."))
    try:
        found: dict[str, Any] = OneLogin_Saml2_IdPMetadataParser.parse(content)
    except (DTDForbidden, EntitiesForbidden, NotSupportedError):
        raise MetadataRefused(_("The file has a document type definition, which is not allowed.")) from None
    except (LxmlError, OneLogin_Saml2_Error, ValueError, TypeError, AttributeError):
        raise MetadataRefused(_("The file is not SAML metadata.")) from None
    provider = found.get("idp", {})
    if not provider.get("entityId") or not provider.get("singleSignOnService", {}).get("url"):
        raise MetadataRefused(_("The file names no identity provider with a sign-in URL for HTTP-Redirect."))
    certificates = _signing(provider)
    if not certificates:
        raise MetadataRefused(_("The file holds no certificate for signing."))
    return Metadata(
        entity_id=provider["entityId"],
        sign_in_url=provider["singleSignOnService"]["url"],
        sign_out_url=provider.get("singleLogoutService", {}).get("url", ""),
        certificates=tuple(certificates),
    )


def certificate_of(text: str) -> SamlCertificate:
    """Return an unsaved certificate for a PEM text, or for its bare base64 lines. Raises MetadataRefused."""
    text = text.strip()
    pem = text if text.startswith(_BEGIN) else f"{_BEGIN}\n{text}\n{_END}"
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise MetadataRefused(_("This is not an X.509 certificate in PEM form.")) from None
    return SamlCertificate(
        pem=found.public_bytes(Encoding.PEM).decode(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        expires_at=found.not_valid_after_utc,
    )


@transaction.atomic
def take_over(settings: SamlSettings, metadata: Metadata) -> None:
    """Save what the metadata says in place of what was known. Raises MetadataRefused.

    The sign-out URL is an admin's choice: metadata names an endpoint for messages there, not a page for people.
    """
    certificates = [certificate_of(text) for text in metadata.certificates]
    settings.entity_id, settings.sign_in_url = metadata.entity_id, metadata.sign_in_url
    settings.save()
    replace_certificates(settings, certificates)


def replace_certificates(settings: SamlSettings, certificates: Iterable[SamlCertificate]) -> None:
    """Let these certificates be the only ones that count."""
    wanted = {one.fingerprint: one for one in certificates}
    settings.certificates.exclude(fingerprint__in=wanted).delete()
    known = set(settings.certificates.values_list("fingerprint", flat=True))
    for fingerprint in wanted.keys() - known:
        wanted[fingerprint].settings = settings
        wanted[fingerprint].save()


def days_left(certificate: SamlCertificate, now: datetime) -> int:
    """Return for how many whole days a certificate is still valid, negative once it is not."""
    return (certificate.expires_at - now).days


def _signing(provider: dict[str, Any]) -> list[str]:
    several = provider.get("x509certMulti", {}).get("signing", [])
    return list(several or filter(None, [provider.get("x509cert")]))
