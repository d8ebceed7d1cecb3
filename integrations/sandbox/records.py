"""Employees as JSON can hold them, and back."""

from dataclasses import asdict, replace
from datetime import date
from typing import Any

from integrations.sandbox.employees import MISSING, Employee, Home, Period, WorkPlace


def record_of(person: Employee) -> dict[str, Any]:
    """Return everything about one person; days become text and MISSING, which no JSON knows, a list of keys."""
    overrides = {key: value for key, value in person.overrides.items() if value is not MISSING}
    record = asdict(replace(person, overrides=overrides))
    for period in record["periods"]:
        period["hired_on"], period["last_day"] = _text(period["hired_on"]), _text(period["last_day"])
    for place in record["work_places"]:
        place["since"] = _text(place["since"])
    if person.second_job:
        title, since = person.second_job
        record["second_job"] = [title, _text(since)]
    return record | {"left_out": [key for key in person.overrides if key not in overrides]}


def employee_of(record: dict[str, Any]) -> Employee:
    """Return the person that a record was made of. Raises LookupError, TypeError or ValueError."""
    values = dict(record)
    values["overrides"] = record["overrides"] | dict.fromkeys(values.pop("left_out"), MISSING)
    values["periods"] = [
        Period(date.fromisoformat(one["hired_on"]), _day(one["last_day"]), one["runs_payroll"])
        for one in record["periods"]
    ]
    values["work_places"] = [
        WorkPlace(date.fromisoformat(one["since"]), one["location_uuid"]) for one in record["work_places"]
    ]
    values["home"] = Home(**record["home"]) if record["home"] else None
    if record["second_job"]:
        title, since = record["second_job"]
        values["second_job"] = title, date.fromisoformat(since)
    return Employee(**values)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
