"""The companies of the sandbox: what they are, and where and in which departments they work."""

from dataclasses import dataclass, field
from datetime import date

from integrations.sandbox import ids
from integrations.sandbox.fields import CustomField, default_fields
from integrations.sandbox.names import HEADS
from integrations.sandbox.people import Generator
from integrations.sandbox.roster import Roster
from integrations.sandbox.samples import CHIEF_UUID, sample_people

HARBOR_UUID = "5f0c2b1e-8d0e-4c1b-9f3a-6c2f5a7d9b10"
_DEPARTMENT_UUID = "a1d7e7a2-0f5b-4d57-8d3b-52f4a0f3c1{:02d}"
_LOCATION_UUID = "c9b7f3de-1c55-4a35-8a57-0f6ad6b6e2{:02d}"


@dataclass(slots=True)
class Location:
    """A place of work; it has an address and no name."""

    uuid: str
    street: str
    city: str
    state: str
    zip: str


@dataclass(slots=True)
class Company:
    """One customer of the provider."""

    uuid: str
    name: str
    trade_name: str
    admin_uuid: str
    ids: ids.Ids
    roster: Roster
    departments: dict[str, str]
    locations: list[Location]
    fields: dict[str, CustomField] = field(default_factory=default_fields)
    keeps_old_terminations: bool = False  # what the provider does is not documented

    def location(self, uuid: str) -> Location:
        """Return the location with this UUID. Raises KeyError."""
        for place in self.locations:
            if place.uuid == uuid:
                return place
        raise KeyError(uuid)

    def department_uuid(self, title: str) -> str:
        """Return the UUID of a department; an unknown title founds a new one."""
        for uuid, known in self.departments.items():
            if known == title:
                return uuid
        uuid = self.ids.uuid(ids.DEPARTMENT, len(self.departments))
        self.departments[uuid] = title
        return uuid


def harbor(*, people: int, seed: int, today: date) -> Company:
    """Return the main company, with the sample cases among its `people`."""
    make_ids = ids.Ids(f"harbor {seed}")
    departments = {_DEPARTMENT_UUID.format(place): title for place, title in enumerate(HEADS, start=1)}
    locations = [
        Location(_LOCATION_UUID.format(1), "1200 Larimer St", "Denver", "CO", "80204"),
        Location(_LOCATION_UUID.format(2), "401 Congress Ave", "Austin", "TX", "78701"),
        Location(_LOCATION_UUID.format(3), "615 SW Morrison St", "Portland", "OR", "97205"),
    ]
    uuids = {title: uuid for uuid, title in departments.items()}
    places = [place.uuid for place in locations]
    samples = sample_people(today=today, departments=uuids, locations=places)
    generator = Generator(
        seed=seed,
        today=today,
        make_ids=make_ids,
        chief_uuid=CHIEF_UUID,
        first_number=len(samples) + 1,
        domain="harborpine.example",
        department_uuids=uuids,
        location_uuids=places,
    )
    return Company(
        uuid=HARBOR_UUID,
        name="Harbor & Pine Outfitters LLC",
        trade_name="Harbor & Pine",
        admin_uuid=make_ids.uuid(ids.ADMIN, 1),
        ids=make_ids,
        roster=Roster(make_ids=make_ids, generator=generator, samples=samples, count=people),
        departments=departments,
        locations=locations,
    )


def further_company(*, number: int, name: str, people: int, seed: int, today: date) -> Company:
    """Return a company without sample cases; number 1 is the one that is always there."""
    make_ids = ids.Ids(f"company {number} {seed}")
    departments = {make_ids.uuid(ids.DEPARTMENT, place): title for place, title in enumerate(HEADS)}
    locations = [Location(make_ids.uuid(ids.LOCATION, 1), "9 Mill Rd", "Boise", "ID", "83702")]
    domain = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
    generator = Generator(
        seed=seed + number,
        today=today,
        make_ids=make_ids,
        chief_uuid=make_ids.uuid(ids.EMPLOYEE, 1),
        first_number=1,
        domain=f"{domain or 'company'}.example",
        department_uuids={title: uuid for uuid, title in departments.items()},
        location_uuids=[place.uuid for place in locations],
    )
    return Company(
        uuid=make_ids.uuid(ids.COMPANY, number),
        name=name,
        trade_name=name.removesuffix(" Inc"),
        admin_uuid=make_ids.uuid(ids.ADMIN, 1),
        ids=make_ids,
        roster=Roster(make_ids=make_ids, generator=generator, samples=[], count=people),
        departments=departments,
        locations=locations,
    )
