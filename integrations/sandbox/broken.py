"""People whose data are wrong in the ways that real data are wrong."""

from datetime import date
from typing import Any

from integrations.sandbox import fields, payloads
from integrations.sandbox.companies import Company
from integrations.sandbox.employees import MISSING, Employee

KINDS = {
    "no_email": "No e-mail address at all",
    "duplicate_email": "The same e-mail addresses as somebody else",
    "impossible_date": "Hired on 31 February",
    "unknown_choice": "A T-shirt size that is no option",
    "long_name": "A first name of 10,000 characters",
    "nul_name": "A NUL character in the name",
    "wrong_type": "A number where text belongs",
    "missing_field": "A required field is missing",
}
IMPOSSIBLE_DATE = "2026-02-31"
_DEFAULT_FIELDS = {"wrong_type": "email", "missing_field": "last_name"}


def break_person(company: Company, person: Employee, kind: str, *, today: date, field: str | None = None) -> None:
    """Spoil one person; `field` is the key for "wrong_type" and "missing_field".

    Raises ValueError for an unknown kind.
    """
    key = field or _DEFAULT_FIELDS.get(kind, "")
    match kind:
        case "no_email":
            person.email = person.work_email = None
        case "duplicate_email":
            other = next((one for one in company.roster if one.work_email), None)
            if other is None:
                raise ValueError("There is nobody whose address could be shared.")
            person.email, person.work_email = other.email, other.work_email
        case "impossible_date":
            person.overrides["jobs"] = _impossible_jobs(company, person, today)
            person.custom[fields.SAFETY_COURSE_DUE] = IMPOSSIBLE_DATE
        case "unknown_choice":
            person.custom[fields.T_SHIRT_SIZE] = "Enormous"
        case "long_name":
            person.first_name = "Maximilian" * 1000
        case "nul_name":
            person.first_name = f"{person.first_name[:2]}\0{person.first_name[2:]}"
        case "wrong_type":
            person.overrides[key] = 42
        case "missing_field":
            person.overrides[key] = MISSING
        case _:
            raise ValueError(f"Unknown kind {kind!r}; known: {', '.join(KINDS)}.")


def _impossible_jobs(company: Company, person: Employee, today: date) -> list[dict[str, Any]]:
    jobs = payloads.jobs(company, person, today=today, with_pay=False)
    return [job | {"hire_date": IMPOSSIBLE_DATE} for job in jobs]
