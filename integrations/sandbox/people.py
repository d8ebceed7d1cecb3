"""Invented people: number N of a seed is always the same person, made when asked for."""

from datetime import date, timedelta
from hashlib import blake2b

from integrations.sandbox import fields, ids
from integrations.sandbox.employees import Employee, Home, Period, WorkPlace
from integrations.sandbox.names import CITIES, FIRST_NAMES, HEADS, LAST_NAMES, STREETS, TITLES

# Twenty seats, so that one byte picks a department with believable weights.
_SEATS = ["Sales"] * 7 + ["Operations"] * 6 + ["Support"] * 3 + ["Engineering"] * 2 + ["People"] * 2
_SEAT_STEP = 7  # mixes the seats; coprime with 20, so each is met once in twenty people
_FIRST_SEATS = {
    department: next(seat for seat in range(len(_SEATS)) if _SEATS[seat * _SEAT_STEP % len(_SEATS)] == department)
    for department in HEADS
}
_TEAM_BLOCK = 60  # in each block of sixty the first of a department leads the rest
_NAME_PAIRS = len(FIRST_NAMES) * len(LAST_NAMES)
_NAME_STEP = 5153  # a prime that divides neither list's length: every pair comes before one repeats
_EMPLOYMENT_TYPES = (
    "full_time",
    "full_time",
    "full_time",
    "full_time",
    "full_time",
    "part_time_twenty_plus_hours",
    "part_time_under_twenty_hours",
    "seasonal",
)
_BADGE_COLORS = ("Teal", "Amber", "Slate", "Coral", "Moss")
_TRACK_OF_DEPARTMENT = {"Sales": "Sales", "Operations": "Floor", "Support": "Floor"}


class Generator:
    """Makes the people of one company from `first_number` on.

    The first five are the heads of the departments; who leads whom follows from the numbers.
    """

    def __init__(
        self,
        *,
        seed: int,
        today: date,
        make_ids: ids.Ids,
        chief_uuid: str,
        first_number: int,
        domain: str,
        department_uuids: dict[str, str],
        location_uuids: list[str],
    ) -> None:
        self._seed = seed
        self._today = today
        self._ids = make_ids
        self._chief_uuid = chief_uuid
        self._first = first_number
        self._domain = domain
        self._departments = department_uuids
        self._locations = location_uuids
        self._heads = {title: first_number + place for place, title in enumerate(HEADS)}

    def employee(self, number: int) -> Employee:
        """Return person `number` as they were on the day the sandbox began."""
        chance = blake2b(b"%d/%d" % (self._seed, number), digest_size=16).digest()
        position = number - self._first - len(HEADS)
        department = self._department(number)
        first_name, last_name, mailbox = self._name(number)
        place = chance[0] % len(self._locations)
        since = self._hired_on(number, chance)
        is_joining = number % 53 == 48
        return Employee(
            number=number,
            uuid=self._ids.uuid(ids.EMPLOYEE, number),
            first_name=first_name,
            last_name=last_name,
            email=f"{mailbox}@example.net",
            work_email=None if number % 9 == 0 or is_joining else f"{mailbox}@{self._domain}",
            title=HEADS[department] if position < 0 else self._title(department, chance),
            department_uuid=self._departments[department],
            manager_uuid=self._manager_uuid(number, department),
            periods=[Period(since, self._last_day(number))],
            work_places=[WorkPlace(since, self._locations[place])],
            home=self._home(chance, place),
            custom=self._custom(department, chance),
            middle_initial=chr(65 + chance[1] % 26) if chance[1] < 180 else None,
            preferred_first_name=first_name[:3] if chance[2] < 20 else None,
            phone=f"303555{100 + number % 9900:04d}" if chance[2] % 3 else None,
            date_of_birth=f"{1962 + chance[3] % 42}-{1 + chance[4] % 12:02d}-{1 + chance[5] % 28:02d}",
            employment_type=_EMPLOYMENT_TYPES[chance[6] % len(_EMPLOYMENT_TYPES)],
            onboarding_status=("self_onboarding_invited_started" if is_joining else "onboarding_completed"),
        )

    def _department(self, number: int) -> str:
        position = number - self._first
        if position < len(HEADS):
            return list(HEADS)[position]
        return _SEATS[(position - len(HEADS)) * _SEAT_STEP % len(_SEATS)]

    def _manager_uuid(self, number: int, department: str) -> str:
        position = number - self._first - len(HEADS)
        if position < 0:
            return self._chief_uuid
        lead = self._heads[department]
        block = position // _TEAM_BLOCK * _TEAM_BLOCK
        if block:  # the first sixty report to the head of their department
            lead_of_block = self._first + len(HEADS) + block + _FIRST_SEATS[department]
            lead = lead_of_block if number != lead_of_block else lead
        return self._ids.uuid(ids.EMPLOYEE, lead)

    @staticmethod
    def _name(number: int) -> tuple[str, str, str]:
        pair = number * _NAME_STEP % _NAME_PAIRS
        first_name, last_name = FIRST_NAMES[pair % len(FIRST_NAMES)], LAST_NAMES[pair // len(FIRST_NAMES)]
        namesakes = number // _NAME_PAIRS
        suffix = str(namesakes + 1) if namesakes else ""
        mailbox = f"{first_name}.{last_name}{suffix}".lower().replace("'", "")
        return first_name, last_name, mailbox

    @staticmethod
    def _title(department: str, chance: bytes) -> str:
        titles = TITLES[department]
        return titles[chance[7] % len(titles)]

    def _hired_on(self, number: int, chance: bytes) -> date:
        if number % 37 == 0:
            return self._today + timedelta(days=3 + chance[8] % 25)
        return self._today - timedelta(days=40 + (chance[8] << 8 | chance[9]) % 3000)

    def _last_day(self, number: int) -> date | None:
        if number % 29 == 4:
            return self._today - timedelta(days=1 + number % 30)
        if number % 41 == 2:
            return self._today + timedelta(days=2 + number % 20)
        return None

    @staticmethod
    def _home(chance: bytes, place: int) -> Home:
        city, state, zip_code = CITIES[(place + 3 * (chance[10] % 2)) % len(CITIES)]
        street = f"{10 + chance[11] * 3} {STREETS[chance[10] % len(STREETS)]}"
        return Home(street, city, state, zip_code)

    def _custom(self, department: str, chance: bytes) -> dict[str, str]:
        due = self._today + timedelta(days=chance[12] - 60)
        values = {
            fields.BADGE_COLOR: _BADGE_COLORS[chance[13] % len(_BADGE_COLORS)],
            fields.UNIFORM_BUDGET: f"{75 + chance[13] % 8 * 25}.00",
            fields.SAFETY_COURSE_DUE: due.isoformat(),
            fields.T_SHIRT_SIZE: fields.SHIRT_SIZES[chance[14] % len(fields.SHIRT_SIZES)],
            fields.COST_CENTER: f"{department[:3].upper()}-{100 + chance[0] % len(self._locations)}",
            fields.TRAINING_TRACK: _TRACK_OF_DEPARTMENT.get(department, "Office"),
        }
        if department == "Operations":
            values[fields.FORKLIFT_LEVEL] = str(1 + chance[15] % 4)
        return values
