"""One employee and what the calendar makes of them."""

from dataclasses import dataclass, field
from datetime import date

ONBOARDED = "onboarding_completed"
MISSING = object()  # an override with this value takes the key out of the answer


@dataclass(slots=True)
class Period:
    """One stay with the company; `last_day` is the last day of work."""

    hired_on: date
    last_day: date | None = None
    runs_payroll: bool = False

    def is_over(self, today: date) -> bool:
        """Tell whether the last day has passed: the day itself still counts as employed."""
        return self.last_day is not None and today > self.last_day


@dataclass(slots=True)
class WorkPlace:
    """From which day on somebody works at which location."""

    since: date
    location_uuid: str


@dataclass(slots=True)
class Home:
    """A home address; every part may be missing."""

    street: str | None
    city: str | None
    state: str | None
    zip: str | None


@dataclass(slots=True)
class Employee:
    """Everything the sandbox knows about one person of one company."""

    number: int
    uuid: str
    first_name: str
    last_name: str
    email: str | None
    work_email: str | None
    title: str | None
    department_uuid: str | None
    manager_uuid: str | None
    periods: list[Period]
    work_places: list[WorkPlace]
    home: Home | None = None
    custom: dict[str, str] = field(default_factory=dict)
    middle_initial: str | None = None
    preferred_first_name: str | None = None
    phone: str | None = None
    date_of_birth: str | None = None
    employment_type: str | None = "full_time"
    onboarding_status: str = ONBOARDED
    second_job: tuple[str, date] | None = None
    overrides: dict[str, object] = field(default_factory=dict)
    revision: int = 0

    @property
    def name(self) -> str:
        """Return first and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def is_onboarded(self) -> bool:
        """Tell whether somebody finished entering this person."""
        return self.onboarding_status == ONBOARDED

    def period(self, today: date) -> Period:
        """Return the newest stay that has begun, or the first one if none has."""
        begun = [period for period in self.periods if period.hired_on <= today]
        return begun[-1] if begun else self.periods[0]

    def rehire(self) -> Period | None:
        """Return the stay that a rehire began or will begin."""
        return self.periods[-1] if len(self.periods) > 1 else None

    def is_terminated(self, today: date) -> bool:
        """Tell whether a termination is in effect; a scheduled one is not."""
        return self.period(today).is_over(today)

    def is_leaving(self, today: date) -> bool:
        """Tell whether a termination is in effect or scheduled."""
        return self.period(today).last_day is not None

    def work_place(self, today: date) -> WorkPlace | None:
        """Return where the person works today, or will work first."""
        if not self.work_places:
            return None
        begun = [place for place in self.work_places if place.since <= today]
        return begun[-1] if begun else self.work_places[0]
