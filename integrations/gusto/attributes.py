"""What Gusto offers for mapping: the words for an admin, the kind of each value, the values of choices.

Pay, birth dates and identity numbers are left out on purpose: no training rule needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from integrations.gusto.mapper import CUSTOM
from integrations.gusto.payloads import CompanyField
from integrations.providers import Attribute

# The wire values, as the App Integrations reference lists them.
EMPLOYMENT_TYPES = (
    "full_time",
    "part_time_under_twenty_hours",
    "part_time_twenty_plus_hours",
    "variable",
    "seasonal",
)
ONBOARDING_STATUSES = (
    "onboarding_completed",
    "admin_onboarding_incomplete",
    "self_onboarding_pending_invite",
    "self_onboarding_invited",
    "self_onboarding_invited_started",
    "self_onboarding_invited_overdue",
    "self_onboarding_completed_by_employee",
    "self_onboarding_awaiting_admin_review",
)
FLSA_STATUSES = (
    "Exempt",
    "Salaried Nonexempt",
    "Nonexempt",
    "Owner",
    "Commission Only Exempt",
    "Commission Only Nonexempt",
)
FIELD_KINDS = {"text": "text", "currency": "decimal", "number": "decimal", "date": "date", "radio": "choice"}


def available(scopes: Iterable[str], fields: Iterable[CompanyField]) -> list[Attribute]:
    """Return what a grant with these scopes can read, the company's own fields last."""
    found = [*_person(), *_work(), *_dates(), *_places()]
    if "employments:read" in scopes:
        found += _history()
    if "compensations:read" in scopes:
        found.append(Attribute("flsa_status", _("FLSA status"), "choice", FLSA_STATUSES))
    return found + [_custom(field) for field in fields]


def _person() -> Iterator[Attribute]:
    yield Attribute("first_name", _("First name"), "text")
    yield Attribute("last_name", _("Last name"), "text")
    yield Attribute("middle_initial", _("Middle initial"), "text")
    yield Attribute("preferred_first_name", _("Preferred first name"), "text")
    yield Attribute("full_name", _("Full name"), "text")
    yield Attribute("display_name", _("Display name"), "text", help=_("Preferred first name and last name."))
    yield Attribute("email_login", _("E-mail used for the account"), "email")
    yield Attribute("work_email", _("Work e-mail"), "email")
    yield Attribute("personal_email", _("Personal e-mail"), "email")
    yield Attribute("phone", _("Phone"), "text")
    yield Attribute("employee_code", _("Employee code"), "text")
    yield Attribute("employee_uuid", _("Gusto employee id"), "text")


def _work() -> Iterator[Attribute]:
    statuses = ("active", "pending", "inactive")
    yield Attribute("department", _("Department"), "text")
    yield Attribute("department_uuid", _("Department id"), "text")
    yield Attribute("job_title", _("Job title"), "text")
    yield Attribute("all_job_titles", _("All job titles"), "text", help=_("With a semicolon between them."))
    yield Attribute("job_count", _("Number of jobs"), "integer")
    yield Attribute("employment_status", _("Employment status"), "choice", statuses)
    yield Attribute("employment_type", _("Employment type"), "choice", EMPLOYMENT_TYPES)
    yield Attribute("onboarding_status", _("Onboarding status"), "choice", ONBOARDING_STATUSES)
    yield Attribute("onboarded", _("Onboarding complete"), "boolean")
    yield Attribute("terminated", _("Terminated"), "boolean")
    yield Attribute("historical", _("Historical record"), "boolean")
    yield Attribute("two_percent_shareholder", _("2% shareholder"), "boolean", is_sensitive=True)
    yield Attribute("manager_uuid", _("Manager id"), "text")
    yield Attribute("manager_name", _("Manager name"), "text")
    yield Attribute("manager_email", _("Manager e-mail"), "email")
    yield Attribute("is_manager", _("Manages people"), "boolean")
    yield Attribute("company_uuid", _("Gusto company id"), "text")
    yield Attribute("company_name", _("Company name"), "text")
    yield Attribute("company_trade_name", _("Company trade name"), "text")


def _dates() -> Iterator[Attribute]:
    yield Attribute("hire_date", _("Hire date"), "date", help=_("After a rehire, the date of the rehire."))
    yield Attribute("hire_year", _("Hire year"), "integer")
    yield Attribute("termination_date", _("Last day of work"), "date")
    yield Attribute("termination_scheduled", _("Termination scheduled"), "boolean")


def _history() -> Iterator[Attribute]:
    slow = _("Costs one more call per person; the sync of a large company takes longer.")
    yield Attribute("original_hire_date", _("First hire date"), "date", help=slow)
    yield Attribute("rehire_date", _("Rehire date"), "date", help=slow)


def _places() -> Iterator[Attribute]:
    slow = _("The sync reads the list once more for each work location.")
    yield Attribute("work_location", _("Work location"), "text", help=slow)
    yield Attribute("work_location_uuid", _("Work location id"), "text", help=slow)
    yield Attribute("work_street", _("Work street"), "text", help=slow)
    yield Attribute("work_city", _("Work city"), "text", help=slow)
    yield Attribute("work_state", _("Work state"), "text", help=slow)
    yield Attribute("work_zip", _("Work ZIP code"), "text", help=slow)
    yield Attribute("work_country", _("Work country"), "text", help=slow)
    yield Attribute("home_street", _("Home street"), "text", is_sensitive=True)
    yield Attribute("home_city", _("Home city"), "text")
    yield Attribute("home_state", _("Home state"), "text")
    yield Attribute("home_zip", _("Home ZIP code"), "text")
    yield Attribute("home_country", _("Home country"), "text")


def _custom(field: CompanyField) -> Attribute:
    """Return a field of the company; names may be shared or change, so the uuid is the key."""
    return Attribute(
        CUSTOM + field.uuid,
        field.name,
        FIELD_KINDS.get(field.type, "text"),
        tuple(field.selection_options or ()),
        help=field.description or "",
        is_own=True,
    )
