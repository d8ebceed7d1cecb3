"""Logos: an upload becomes a PNG of a known size, drawn anew so that nothing hidden in the file is passed on."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import IO

from django.utils.translation import gettext as _
from PIL import Image

from portals.models import Portal, PortalLogo

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 1_000_000
# Of the file, so that a small file cannot unfold into gigabytes; and of what is kept.
MOST_PIXELS = 16_000_000
KEPT_SIZE = (600, 200)


class NotALogo(ValueError):
    """The file cannot be used; the text is for the person who chose it."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that is ready to be kept."""

    content: bytes

    @property
    def digest(self) -> str:
        """What its address is made of."""
        return sha256(self.content).hexdigest()[:32]

    def __str__(self) -> str:
        return self.digest


def read(file: IO[bytes]) -> Logo:
    """Return the picture in a file; raises NotALogo."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise NotALogo(_("Choose a file of at most 1 MB."))
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise NotALogo(_("Choose a picture with fewer pixels."))
            drawn = picture.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, NotALogo):
            raise
        raise NotALogo(_("Choose a PNG, JPEG or WebP file.")) from None
    drawn.thumbnail(KEPT_SIZE)
    kept = BytesIO()
    drawn.save(kept, "PNG", optimize=True)
    return Logo(kept.getvalue())


def keep(portal: Portal, logo: Logo | None) -> None:
    """Make a picture the portal's logo, or remove the present one."""
    if logo is None:
        PortalLogo.objects.filter(portal=portal).delete()
    else:
        PortalLogo.objects.update_or_create(portal=portal, defaults={"content": logo.content})
    portal.logo_digest = logo.digest if logo else ""
    portal.save(update_fields=["logo_digest"])
