"""What HubSpot offers for mapping: the properties of the chosen record type, each with its kind and its options.

Birth dates, pay and identity numbers are left out on purpose, as are properties that the account keeps as sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from integrations.hubspot.mapper import IDENTITIES, OWNER_EMAIL, USERS, Reading, reading_of
from integrations.hubspot.payloads import Option, Property
from integrations.providers import Attribute

KINDS = {
    Reading.TEXT: "text",
    Reading.NUMBER: "decimal",
    Reading.BOOLEAN: "boolean",
    Reading.CHOICE: "choice",
    Reading.CHOICES: "choice",
    Reading.DATE: "date",
    Reading.MOMENT: "date",
    Reading.OWNER: "text",
}
EMAILS = frozenset({"email", "work_email", "hs_email"})
# Properties that every account has; about the person more than about the work.
PERSONAL = frozenset({"gender", "marital_status", "relationship_status", "military_status"})

_NEVER = re.compile(
    r"(?<![a-z])(birth|(dob|ssn|salary|wages?|pay|iban|passport)(?![a-z])|hourly.rate|social.security|tax.id|national.id)"
)


def offered(definitions: Iterable[Property]) -> list[Property]:
    """Return the definitions that may be mapped and read."""
    return [one for one in definitions if _is_offered(one)]


def available(definitions: Iterable[Property]) -> list[Attribute]:
    """Return what can be mapped: HubSpot's own properties first, each kind in order of its labels."""
    found = [attribute for one in offered(definitions) for attribute in _attributes(one)]
    return sorted(found, key=lambda one: (one.is_own, one.label.lower(), one.key))


def standard(record_type: str) -> list[Attribute]:
    """Return what every account has; asks nobody."""
    names = IDENTITIES[record_type]
    title = "hs_job_title" if record_type == USERS else "jobtitle"
    return [
        Attribute(names.email, _("E-mail"), "email"),
        Attribute(names.first_name, _("First name"), "text"),
        Attribute(names.last_name, _("Last name"), "text"),
        Attribute(title, _("Job title"), "text"),
    ]


def _is_offered(definition: Property) -> bool:
    if definition.hidden or definition.archived or reading_of(definition) is None:
        return False
    if definition.data_sensitivity not in {None, "", "non_sensitive"}:
        return False
    return not _NEVER.search(f"{definition.name} {definition.label or ''}".lower())


def _attributes(definition: Property) -> Iterator[Attribute]:
    reading = reading_of(definition)
    label = definition.label or definition.name
    is_own = not definition.hubspot_defined
    if reading is Reading.OWNER:
        yield Attribute(definition.name, _("%(owner)s: name") % {"owner": label}, "text", is_own=is_own)
        yield Attribute(
            definition.name + OWNER_EMAIL, _("%(owner)s: e-mail") % {"owner": label}, "email", is_own=is_own
        )
        return
    options = _options(definition) if reading in {Reading.CHOICE, Reading.CHOICES} else []
    yield Attribute(
        key=definition.name,
        label=label,
        kind="email" if definition.name in EMAILS else KINDS[reading or Reading.TEXT],
        options=tuple(option.value for option in options),
        option_labels=tuple(option.label or option.value for option in options),
        is_multiple=reading is Reading.CHOICES,
        is_sensitive=definition.name in PERSONAL,
        is_own=is_own,
        help=definition.description or "",
    )


def _options(definition: Property) -> list[Option]:
    return [option for option in definition.options or () if not option.hidden]
