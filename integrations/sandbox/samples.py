"""A handful of people whose cases the rest of the product has to get right, relative to today."""

from datetime import date, timedelta

from integrations.sandbox import fields
from integrations.sandbox.employees import Employee, Home, Period, WorkPlace

_UUID = "0b6d1f7a-2f3e-4f0a-9a51-1d8c7e5f30{:02d}"
CHIEF_UUID = _UUID.format(1)


def sample_people(*, today: date, departments: dict[str, str], locations: list[str]) -> list[Employee]:
    """Return numbers 1 to 10: the general manager first, then one person per case."""
    builder = _Builder(departments, locations)

    def ago(days: int) -> date:
        return today - timedelta(days=days)

    chief = builder.person("Ines", "Duarte", "People", "General Manager", ago(2600))
    chief.manager_uuid = None
    maya = builder.person("Maya", "Okafor", "Sales", "Account Executive", ago(1044))
    maya.middle_initial, maya.preferred_first_name = "R", "May"
    maya.phone = "3035550142"
    maya.work_places = [WorkPlace(ago(1044), locations[1]), WorkPlace(ago(530), locations[0])]
    leaver = builder.person("Tomas", "Lindqvist", "Operations", "Warehouse Lead", ago(1970))
    leaver.periods[0].last_day = ago(15)
    leaving = builder.person("Priya", "Raman", "Sales", "Support Specialist", ago(1350))
    leaving.periods[0].last_day = today + timedelta(days=30)
    rehired = builder.person("Daniel", "Achebe", "Sales", "Account Manager", ago(2190))
    rehired.periods = [Period(ago(2190), ago(570)), Period(ago(135))]
    no_work_email = builder.person("Jorge", "Silva", "Operations", "Picker", ago(268))
    no_work_email.email, no_work_email.work_email = "jorge.silva.home@example.net", None
    no_work_email.employment_type = "part_time_under_twenty_hours"
    with_fields = builder.person("Aiko", "Tanaka", "Sales", "Trainer", ago(920))
    with_fields.custom = _every_field(today)
    for person, size, track in (
        (chief, "M", "Office"),
        (maya, "S", "Sales"),
        (leaver, "L", "Floor"),
        (leaving, "S", "Sales"),
        (rehired, "L", "Sales"),
        (no_work_email, "XL", "Floor"),
    ):
        person.custom = {fields.T_SHIRT_SIZE: size, fields.TRAINING_TRACK: track}
    two_jobs = builder.person("Ruth", "Abara", "Sales", "Store Manager", ago(2600))
    two_jobs.second_job = ("Weekend Trainer", ago(800))
    people = [
        chief,
        maya,
        leaver,
        leaving,
        rehired,
        _joining(builder.person("Lena", "Fischer", None, None, today)),
        no_work_email,
        with_fields,
        two_jobs,
        _unfinished(builder.person("Sam", "Boyd", "Sales", "Driver", today + timedelta(days=19))),
    ]
    for number, employee in enumerate(people, start=1):
        employee.number, employee.uuid = number, _UUID.format(number)
        if employee.home:
            employee.home.street = f"{80 + number} Juniper Ct"
            employee.date_of_birth = f"{1970 + 2 * number}-04-17"
    return people


class _Builder:
    """Fills in what most of the samples share."""

    def __init__(self, departments: dict[str, str], locations: list[str]) -> None:
        self._departments = departments
        self._locations = locations

    def person(self, first: str, last: str, department: str | None, title: str | None, since: date) -> Employee:
        return Employee(
            number=0,
            uuid="",
            first_name=first,
            last_name=last,
            email=f"{first}.{last}@example.net".lower(),
            work_email=f"{first}@harborpine.example".lower(),
            title=title,
            department_uuid=self._departments[department] if department else None,
            manager_uuid=CHIEF_UUID,
            periods=[Period(since)],
            work_places=[WorkPlace(since, self._locations[0])],
            home=Home("88 Juniper Ct", "Boulder", "CO", "80302"),
        )


def _every_field(today: date) -> dict[str, str]:
    """One value of each type, and one that was filled in once and cleared again."""
    return {
        fields.BADGE_COLOR: "Teal",
        fields.UNIFORM_BUDGET: "1,150.00",
        fields.FORKLIFT_LEVEL: "3",
        fields.SAFETY_COURSE_DUE: (today + timedelta(days=77)).isoformat(),
        fields.T_SHIRT_SIZE: "M",
        fields.COST_CENTER: "",
        fields.TRAINING_TRACK: "Sales",
    }


def _joining(employee: Employee) -> Employee:
    """Invited to fill in their own data: no job, department or manager yet."""
    employee.onboarding_status = "self_onboarding_invited"
    employee.work_email = employee.manager_uuid = employee.employment_type = None
    employee.date_of_birth = employee.home = None
    employee.work_places = []
    return employee


def _unfinished(employee: Employee) -> Employee:
    """An admin is still entering this person, who starts in some weeks and has no address."""
    employee.onboarding_status = "admin_onboarding_incomplete"
    employee.email = employee.work_email = employee.date_of_birth = employee.home = None
    return employee
