"""Pure: what an employee of Gusto is as a Person, and how each attribute is read.

A mapper is made once per read for the attributes that are wanted, so that no other attribute costs time per person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from integrations.engine.records import EmploymentStatus, Flaw, Person
from integrations.engine.texts import shown, storable
from integrations.gusto.payloads import Address, Employee, Job, Location, Text, Unreadable, stand_in_key

CUSTOM = "custom:"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What attributes need beside the employee; `work_places` and the values in it are by key."""

    # At the portal.
    today: date
    company: Mapping[str, str] = field(default_factory=dict)
    work_places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Which address is the account's: the first of these that is there.
    addresses: tuple[str, ...] = ("work_email", "email")


class Dates(NamedTuple):
    """What the dates of an employee say."""

    status: EmploymentStatus
    hired_on: date | None
    last_day: date | None


class Mapper:
    """Makes people of employees."""

    def __init__(self, wanted: Iterable[str], surroundings: Surroundings) -> None:
        wanted = sorted(wanted)
        self._surroundings = surroundings
        self._plain = [key for key in wanted if key in PLAIN]
        # One call for all of them; the uuid in front keeps it a tuple however many there are.
        self._read_plain = attrgetter("uuid", "uuid", *(PLAIN[key] for key in self._plain))
        self._flags = [key for key in wanted if key in FLAGS]
        self._derived = [(key, DERIVED[key]) for key in wanted if key in DERIVED]
        self._company = {key: surroundings.company[key] for key in wanted if key in surroundings.company}
        self._work = [key for key in wanted if key in WORK]
        self._wants_login = LOGIN in wanted
        self._has_rare = bool(self._flags or self._work or self._wants_login)
        self._custom = {key.removeprefix(CUSTOM): key for key in wanted if key.startswith(CUSTOM)}

    def person(self, employee: Employee | Unreadable, history: Mapping[str, str] | None = None) -> Person:
        """Return the person; attributes that were not delivered are left out.

        `history` holds the attributes that only calls about this one person tell.
        """
        if isinstance(employee, Unreadable) or not employee.uuid.isprintable():
            return _unreadable(employee)
        flaws: list[Flaw] = []
        dates = read_dates(employee, self._surroundings.today, flaws)
        first_name = storable(employee.first_name, "first_name", flaws)
        last_name = storable(employee.last_name, "last_name", flaws)
        work_email = storable(employee.work_email, "work_email", flaws)
        personal_email = storable(employee.email, "personal_email", flaws)
        attributes = self._attributes(employee, dates, flaws)
        for key, text in (history or {}).items():
            attributes[key] = text
        return Person(
            employee.uuid,
            first_name,
            last_name,
            work_email,
            personal_email,
            dates.status,
            dates.hired_on,
            dates.last_day,
            storable(employee.manager_uuid, "manager_uuid", flaws),
            attributes,
            # The same text may have been read twice.
            tuple(dict.fromkeys(flaws)) if flaws else (),
        )

    def _attributes(self, employee: Employee, dates: Dates, flaws: list[Flaw]) -> dict[str, str]:
        found = dict(self._company)
        for key, value in zip(self._plain, self._read_plain(employee)[2:], strict=True):
            if value:
                # Decided in C for all but a few texts; written out here because it is most of the work.
                found[key] = value.strip() if value.isprintable() else storable(value, key, flaws)
            elif value is not UNSET:
                found[key] = ""
        for key, derive in self._derived:
            value = derive(employee, dates)
            if value is not UNSET:
                found[key] = storable(value, key, flaws)
        if self._custom:
            self._add_custom(found, employee, flaws)
        if self._has_rare:
            self._add_rare(found, employee, flaws)
        return found

    def _add_custom(self, found: dict[str, str], employee: Employee, flaws: list[Flaw]) -> None:
        # Only fields that somebody filled in once are listed.
        for custom in employee.custom_fields or ():
            key = self._custom.get(custom.company_custom_field_id, "")
            if key:
                found[key] = storable(custom.value, key, flaws)

    def _add_rare(self, found: dict[str, str], employee: Employee, flaws: list[Flaw]) -> None:
        for key in self._flags:
            flag = getattr(employee, key)
            if flag is not UNSET:
                found[key] = _FLAGS.get(flag, "")
        place = self._surroundings.work_places.get(employee.uuid)
        if place:
            found.update((key, place[key]) for key in self._work)
        if self._wants_login:
            addresses = (getattr(employee, name) for name in self._surroundings.addresses)
            found[LOGIN] = storable(next(filter(None, addresses), ""), LOGIN, flaws)


def read_dates(employee: Employee, today: date, flaws: list[Flaw]) -> Dates:
    """Return status, hire date and last day of work; impossible dates become flaws and count as unknown."""
    hired_on = _day(_hire_date(employee), "hire_date", flaws)
    last_day = _last_day(employee, hired_on, flaws) if employee.terminations else None
    if employee.terminated:
        status = EmploymentStatus.INACTIVE
    elif employee.onboarded is False or (hired_on is not None and hired_on > today):
        status = EmploymentStatus.PENDING
    else:
        status = EmploymentStatus.ACTIVE
    return Dates(status, hired_on, last_day)


def work_values(location: Location) -> dict[str, str]:
    """Return the work attributes of those who work at a location; it has no name, so its address says which."""
    values = {f"work_{part}": storable(read(location), "", []) for part, read in ADDRESS.items()}
    label = ", ".join(filter(None, (values["work_street"], values["work_city"], values["work_state"])))
    return {**values, "work_location": label, "work_location_uuid": location.uuid}


def _last_day(employee: Employee, hired_on: date | None, flaws: list[Flaw]) -> date | None:
    # Terminations may be moved, cancelled or lie ahead: the latest counts. One from before the hire date was left
    # over by a rehire (the list may keep it).
    days = (_day(one.effective_date, "termination_date", flaws) for one in employee.terminations or ())
    last = max(filter(None, days), default=None)
    return None if last and hired_on and last < hired_on else last


def _hire_date(employee: Employee) -> str | None:
    jobs = employee.jobs or ()
    for job in jobs:
        if job.primary:
            if job.hire_date:
                return job.hire_date
            break
    return min((job.hire_date for job in jobs if job.hire_date), default=employee.hired_at)


def _day(text: str | None, attribute: str, flaws: list[Flaw]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        flaws.append(Flaw(attribute, "not_a_date", shown(text)))
        return None


def _unreadable(employee: Employee | Unreadable) -> Person:
    key = employee.key if isinstance(employee, Unreadable) else employee.uuid
    if not key.isprintable():
        key = stand_in_key(key.encode(errors="replace"))
    return Person(key=key, is_readable=False)


# How attributes are read. Each function returns UNSET for "not delivered"; null and "" were delivered empty.


def _primary(jobs: list[Job]) -> Job:
    return next((job for job in jobs if job.primary), jobs[0])


def _job_title(employee: Employee, _dates: Dates) -> Text:
    jobs = employee.jobs
    return _primary(jobs).title if jobs else _empty(jobs)


def _all_job_titles(employee: Employee, _dates: Dates) -> Text:
    jobs = employee.jobs
    if not jobs:
        return _empty(jobs)
    first = _primary(jobs)
    titles = [first.title, *(job.title for job in jobs if job is not first)]
    return "; ".join(title for title in titles if title)


def _job_count(employee: Employee, _dates: Dates) -> Text:
    return UNSET if employee.jobs is UNSET else str(len(employee.jobs or ()))


def _flsa_status(employee: Employee, _dates: Dates) -> Text:
    jobs = employee.jobs
    if not jobs:
        return _empty(jobs)
    job = _primary(jobs)
    if job.compensations is None:
        return UNSET
    current = (one for one in job.compensations if one.uuid == job.current_compensation_uuid)
    return next((one.flsa_status for one in current), None)


def _hire_date_text(employee: Employee, dates: Dates) -> Text:
    if dates.hired_on:
        return dates.hired_on.isoformat()
    # A date that could not be read leaves the old value.
    return UNSET if _hire_date(employee) else _empty(employee.jobs)


def _hire_year(employee: Employee, dates: Dates) -> Text:
    return str(dates.hired_on.year) if dates.hired_on else _hire_date_text(employee, dates)


def _termination_date(employee: Employee, dates: Dates) -> Text:
    if dates.last_day:
        return dates.last_day.isoformat()
    unread: list[Flaw] = []
    _last_day(employee, None, unread)
    return UNSET if unread else _empty(employee.terminations)


def _termination_scheduled(employee: Employee, dates: Dates) -> Text:
    return _FLAGS[dates.last_day is not None and not employee.terminated]


def _full_name(employee: Employee, _dates: Dates) -> Text:
    return f"{employee.first_name or ''} {employee.last_name or ''}"


def _display_name(employee: Employee, _dates: Dates) -> Text:
    return f"{employee.preferred_first_name or employee.first_name or ''} {employee.last_name or ''}"


def _street(address: Address) -> str:
    return ", ".join(filter(None, (address.street_1, address.street_2)))


def _home(read: Callable[[Address], str | None]) -> Callable[[Employee, Dates], Text]:
    def home(employee: Employee, _dates: Dates) -> Text:
        address = employee.current_home_address
        return read(address) if isinstance(address, Address) else address

    return home


def _empty(delivered: object) -> UnsetType | None:
    return UNSET if delivered is UNSET else None


_FLAGS = {True: "true", False: "false"}

ADDRESS: dict[str, Callable[[Address], str | None]] = {
    "city": attrgetter("city"),
    "state": attrgetter("state"),
    "zip": attrgetter("zip"),
    "country": attrgetter("country"),
    "street": _street,
}
# Attribute and field.
PLAIN = {
    "first_name": "first_name",
    "last_name": "last_name",
    "middle_initial": "middle_initial",
    "preferred_first_name": "preferred_first_name",
    "personal_email": "email",
    "work_email": "work_email",
    "phone": "phone",
    "employee_uuid": "uuid",
    "employee_code": "employee_code",
    "employment_type": "current_employment_status",
    "onboarding_status": "onboarding_status",
    "department": "department",
    "department_uuid": "department_uuid",
    "manager_uuid": "manager_uuid",
    "company_uuid": "company_uuid",
}
FLAGS = frozenset({"onboarded", "terminated", "historical", "two_percent_shareholder"})
DERIVED: dict[str, Callable[[Employee, Dates], Text]] = {
    "full_name": _full_name,
    "display_name": _display_name,
    "employment_status": lambda _employee, dates: dates.status.value,
    "hire_date": _hire_date_text,
    "hire_year": _hire_year,
    "termination_date": _termination_date,
    "termination_scheduled": _termination_scheduled,
    "job_title": _job_title,
    "all_job_titles": _all_job_titles,
    "job_count": _job_count,
    "flsa_status": _flsa_status,
    **{f"home_{part}": _home(read) for part, read in ADDRESS.items()},
}
LOGIN = "email_login"
COMPANY = frozenset({"company_name", "company_trade_name"})
WORK = frozenset({"work_location", "work_location_uuid", *(f"work_{part}" for part in ADDRESS)})
# One call per person each.
HISTORY = frozenset({"original_hire_date", "rehire_date"})
