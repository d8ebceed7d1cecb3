"""What an HR department does to its people: hire, change, end, rehire, remove."""

import threading
from datetime import date, timedelta
from typing import Any

from integrations.sandbox import broken, ids
from integrations.sandbox.clock import Clock
from integrations.sandbox.companies import Company
from integrations.sandbox.employees import Employee, Period, WorkPlace
from integrations.sandbox.names import FIRST_NAMES, LAST_NAMES

_PLAIN_FIELDS = frozenset(
    (
        "email",
        "employment_type",
        "first_name",
        "last_name",
        "date_of_birth",
        "middle_initial",
        "onboarding_status",
        "phone",
        "preferred_first_name",
        "title",
        "work_email",
    )
)


class Personnel:
    """The people side of the world. A `person` is named by UUID, e-mail address or full name.

    Every method raises ValueError, with a sentence for the reader, when it cannot be done.
    """

    lock: threading.RLock
    clock: Clock
    company: Company

    def find(self, person: str) -> Employee:
        """Return the one employee of the main company that is meant."""
        found = self.company.roster.find(person)
        wanted = person.strip().casefold()
        if found is None:
            found = next((one for one in self.company.roster if _is_called(one, wanted)), None)
        if found is None:
            raise ValueError(f"There is nobody called {person!r}.")
        return found

    def hire(
        self,
        first_name: str,
        last_name: str,
        *,
        email: str | None = None,
        work_email: str | None = None,
        title: str = "Sales Associate",
        department: str = "Sales",
        hired_on: date | str | None = None,
        **changes: Any,
    ) -> Employee:
        """Add a fully onboarded person; the e-mail address is made from the name if not given."""
        with self.lock:
            number = self.company.roster.new_number()
            since = _day(hired_on) or self.clock.today()
            mailbox = f"{first_name}.{last_name}.{number}".lower().replace(" ", "-")
            person = Employee(
                number=number,
                uuid=self.company.ids.uuid(ids.EMPLOYEE, number),
                first_name=first_name,
                last_name=last_name,
                email=email or f"{mailbox}@example.net",
                work_email=work_email or None,
                title=title,
                department_uuid=self.company.department_uuid(department),
                manager_uuid=None,
                periods=[Period(since)],
                work_places=[WorkPlace(since, self.company.locations[0].uuid)],
            )
            self._apply(person, changes)
            self.company.roster.add(person)
            self._tell(person, "created")
            return person

    def terminate(self, person: str, last_day: date | str | None = None, *, runs_payroll: bool = False) -> Employee:
        """Enter a termination; it is in effect from the day after `last_day` (today if not given)."""
        with self.lock:
            employee = self.find(person)
            period = employee.period(self.clock.today())
            if employee.periods[-1] is not period:
                raise ValueError(f"{employee.name} has a rehire ahead. Cancel that first.")
            period.last_day = _day(last_day) or self.clock.today()
            period.runs_payroll = runs_payroll
            is_over = period.is_over(self.clock.today())
            return self._keep(employee, "terminated", *(["terminated_effective"] if is_over else []))

    def let_team_leave(self, *, people: int = 6) -> int:
        """End the employment of the people who were entered last, as of yesterday; return how many that were."""
        with self.lock:
            today = self.clock.today()
            staying = [one for one in self.company.roster if one.is_onboarded and one.periods[-1].last_day is None]
            # Whoever begins only now cannot have left yesterday.
            working = [one for one in staying if one.periods[-1].hired_on < today]
            leavers = working[-people:] if people > 0 else []
            for employee in leavers:
                employee.periods[-1].last_day = today - timedelta(days=1)
                self._keep(employee)
            return len(leavers)

    def cancel_termination(self, person: str) -> Employee:
        """Take back a termination that is not in effect yet."""
        with self.lock:
            employee = self.find(person)
            period = employee.period(self.clock.today())
            if period.last_day is None:
                raise ValueError(f"{employee.name} has no termination.")
            if period.is_over(self.clock.today()):
                raise ValueError(f"{employee.name} has already left. Rehire them instead.")
            period.last_day = None
            return self._keep(employee, "termination_cancelled")

    def rehire(self, person: str, on: date | str | None = None) -> Employee:
        """Take somebody back from a day on (today if not given)."""
        with self.lock:
            employee = self.find(person)
            since = _day(on) or self.clock.today()
            last_day = employee.periods[-1].last_day
            if last_day is None:
                raise ValueError(f"{employee.name} has no termination to come back from.")
            if since <= last_day:
                raise ValueError(f"{employee.name} still works until {last_day}.")
            employee.periods.append(Period(since))
            is_back = since <= self.clock.today()
            return self._keep(employee, "rehired", *(["rehire_effective"] if is_back else []))

    def cancel_rehire(self, person: str) -> Employee:
        """Take back a rehire that has not begun."""
        with self.lock:
            employee = self.find(person)
            ahead = employee.rehire()
            if ahead is None or ahead.hired_on <= self.clock.today():
                raise ValueError(f"{employee.name} has no rehire ahead.")
            employee.periods.remove(ahead)
            return self._keep(employee, "rehire_cancelled")

    def rename(self, person: str, first_name: str, last_name: str) -> Employee:
        """Give somebody another name."""
        return self.change(person, first_name=first_name, last_name=last_name)

    def change(self, person: str, **changes: Any) -> Employee:
        """Change fields of somebody.

        Plain fields are those of the employee (`title`, `email`, `work_email`, `phone` and so on;
        nothing clears them). Further: `department` (title), `manager` (a person, or nothing),
        `location` (city), `hired_on`, `custom` (field name to value; None leaves the value out as
        never filled in, "" is a cleared one), `wire` (keys of the answer, laid over everything).
        """
        with self.lock:
            employee = self.find(person)
            self._apply(employee, changes)
            return self._keep(employee, "updated")

    def change_every(self, step: int, **changes: Any) -> int:
        """Change every `step`-th person in the same way, for load; return how many that were."""
        with self.lock:
            numbers = self.company.roster.numbers()[::step]
            for number in numbers:
                employee = self.company.roster.by_number(number)
                if employee is not None:
                    self._apply(employee, changes)
                    self._keep(employee, "updated")
            return len(numbers)

    def remove(self, person: str) -> None:
        """Delete somebody, as the provider allows for people who never finished onboarding."""
        with self.lock:
            employee = self.find(person)
            self.company.roster.remove(employee)
            self._tell(employee, "deleted")

    def add_broken(self, kind: str, *, field: str | None = None) -> Employee:
        """Add somebody whose data are wrong; the kinds are those of `broken.KINDS`."""
        with self.lock:
            if kind not in broken.KINDS:
                raise ValueError(f"Unknown kind {kind!r}; known: {', '.join(broken.KINDS)}.")
            number = self.company.roster.new_number()
            names = FIRST_NAMES[-number % len(FIRST_NAMES)], LAST_NAMES[-number % len(LAST_NAMES)]
            person = self.hire(*names)
            broken.break_person(self.company, person, kind, today=self.clock.today(), field=field)
            return self._keep(person, "updated")

    def rename_department(self, title: str, new_title: str) -> None:
        """Give a department another name; its UUID stays."""
        with self.lock:
            known = [uuid for uuid, name in self.company.departments.items() if name == title]
            if not known:
                raise ValueError(f"There is no department {title!r}.")
            self.company.departments[known[0]] = new_title
            self.company.roster.forget_answers()

    def _keep(self, employee: Employee, *events: str) -> Employee:
        self.company.roster.keep(employee)
        self._tell(employee, *events)
        return employee

    def _tell(self, employee: Employee, *events: str) -> None:
        """Let whoever listens know what happened to somebody."""
        raise NotImplementedError

    def _apply(self, employee: Employee, changes: dict[str, Any]) -> None:
        for key, value in changes.items():
            if key in _PLAIN_FIELDS:
                setattr(employee, key, value or None)
            else:
                self._apply_special(employee, key, value)
        if not employee.first_name or not employee.last_name:
            raise ValueError("A person needs a first and a last name.")

    def _apply_special(self, employee: Employee, key: str, value: Any) -> None:
        match key:
            case "department":
                employee.department_uuid = self.company.department_uuid(value) if value else None
            case "manager":
                employee.manager_uuid = self.find(value).uuid if value else None
            case "location":
                self._move(employee, value)
            case "hired_on":
                employee.period(self.clock.today()).hired_on = _day(value) or self.clock.today()
            case "custom":
                for name, text in value.items():
                    self._set_custom(employee, name, text)
            case "wire":
                employee.overrides |= value
            case _:
                raise ValueError(f"There is no field {key!r}.")

    def _move(self, employee: Employee, city: str) -> None:
        known = [place for place in self.company.locations if place.city == city]
        if not known:
            raise ValueError(f"There is no location in {city!r}.")
        employee.work_places.append(WorkPlace(self.clock.today(), known[0].uuid))

    def _set_custom(self, employee: Employee, name: str, value: str | None) -> None:
        known = [field for field in self.company.fields.values() if field.name == name]
        if not known:
            raise ValueError(f"There is no custom field {name!r}.")
        uuid = known[0].uuid
        if value is None:
            employee.custom.pop(uuid, None)
        elif value or uuid in employee.custom:  # what was never filled in cannot be cleared
            employee.custom[uuid] = str(value)


def _is_called(employee: Employee, wanted: str) -> bool:
    names = (employee.work_email, employee.email, employee.name)
    return any(name is not None and name.casefold() == wanted for name in names)


def _day(value: date | str | None) -> date | None:
    if not value or isinstance(value, date):
        return value or None
    try:
        return date.fromisoformat(value)
    except ValueError as problem:
        raise ValueError(f"{value!r} is not a date of the form 2026-12-31.") from problem
