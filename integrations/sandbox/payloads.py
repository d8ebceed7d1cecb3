"""The wire shapes of Gusto's App Integrations API, version 2026-06-15."""

import json
from datetime import date
from typing import Any

from integrations.sandbox import ids
from integrations.sandbox.companies import Company, Location
from integrations.sandbox.employees import MISSING, Employee, Home, Period
from integrations.sandbox.fields import CustomField

Json = dict[str, Any]

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_POLICY_UUID = "f6a8c0e2-1b3d-4f5a-8c7e-9d0b2f4a7001"
_HISTORY_TYPES = {
    "part_time_under_twenty_hours": "part_time",
    "part_time_twenty_plus_hours": "part_time_eligible",
    None: "not_set",
}


def encode(payload: Json) -> bytes:
    """Return compact JSON with letters of all languages as they are."""
    return _ENCODER.encode(payload).encode()


def company(company: Company) -> Json:
    """Return a Company, without the people in charge: they need further scopes."""
    return {
        "uuid": company.uuid,
        "name": company.name,
        "trade_name": company.trade_name,
        "slug": company.name.lower().replace(" & ", "-").replace(" ", "-"),
        "ein": "00-0000000",
        "tier": "plus",
        "entity_type": "LLC" if company.name.endswith("LLC") else "C-Corporation",
        "company_status": "Approved",
        "is_suspended": False,
        "is_partner_managed": False,
        "contractor_only": False,
        "join_date": "2019-05-20",
        "pay_schedule_type": "single",
        "locations": [_address(place) | {"active": True} for place in company.locations],
    }


def company_field(field: CustomField) -> Json:
    """Return the definition of a custom field."""
    return {
        "uuid": field.uuid,
        "name": field.name,
        "type": field.type,
        "description": field.description,
        "selection_options": field.options,
    }


def location(company: Company, place: Location) -> Json:
    """Return a Location."""
    return {
        "uuid": place.uuid,
        "version": company.ids.version(0, company.locations.index(place)),
        "company_uuid": company.uuid,
        "phone_number": "3035550100",
        **_address(place),
        "active": True,
        "inactive": False,
        "mailing_address": place is company.locations[0],
        "filing_address": place is company.locations[0],
        "created_at": "2019-05-20T09:12:44.000-07:00",
        "updated_at": "2024-03-02T10:01:00.000-07:00",
    }


def department(company: Company, uuid: str, member_uuids: list[str]) -> Json:
    """Return a Department with the UUIDs of its people."""
    return {
        "uuid": uuid,
        "company_uuid": company.uuid,
        "title": company.departments[uuid],
        "version": company.ids.version(0, list(company.departments).index(uuid), len(member_uuids)),
        "employees": [{"uuid": member} for member in member_uuids],
        "contractors": [],
    }


def employee(company: Company, person: Employee, *, today: date, includes: frozenset[str], with_pay: bool) -> Json:
    """Return an Employee; pay shows only `with_pay`, the scope compensations:read."""
    department_uuid = person.department_uuid
    payload: Json = {
        "uuid": person.uuid,
        "first_name": person.first_name,
        "middle_initial": person.middle_initial,
        "last_name": person.last_name,
        "preferred_first_name": person.preferred_first_name,
        "email": person.email,
        "work_email": person.work_email,
        "phone": person.phone,
        "company_uuid": company.uuid,
        "manager_uuid": person.manager_uuid,
        "version": company.ids.version(ids.EMPLOYEE, person.number, person.revision),
        "employee_code": f"{0x3A71C0 + person.number & 0xFFFFFF:06x}",
        "department": company.departments.get(department_uuid) if department_uuid else None,
        "department_uuid": department_uuid,
        "current_employment_status": person.employment_type,
        "terminated": person.is_terminated(today),
        "onboarded": person.is_onboarded,
        "onboarding_status": person.onboarding_status,
        "historical": False,
        "onboarding_documents_config": {"uuid": None, "i9_document": False},
        "two_percent_shareholder": False if person.is_onboarded else None,
        "payment_method": "Direct Deposit" if person.is_onboarded else "Check",
        "has_ssn": person.is_onboarded,
        "ssn": "",
        "date_of_birth": person.date_of_birth,
        "jobs": jobs(company, person, today=today, with_pay=with_pay),
        "eligible_paid_time_off": _time_off(person),
        "terminations": terminations(company, person, today=today),
        "garnishments": _garnishments(company, person),
    }
    if includes:
        _include(payload, company, person, today, includes)
    return _overridden(payload, person) if person.overrides else payload


def _include(payload: Json, company: Company, person: Employee, today: date, includes: frozenset[str]) -> None:
    if "custom_fields" in includes:
        payload["custom_fields"] = custom_values(company, person)
    if "current_home_address" in includes:
        payload["current_home_address"] = _home(company, person)
    if "all_home_addresses" in includes:
        since = person.periods[0].hired_on.isoformat()
        payload["all_home_addresses"] = [_home(company, person) | {"effective_date": since}]
    if "company_name" in includes:
        payload["company_name"] = company.name
    if "portal_invitations" in includes:
        payload["member_portal_invitation_status"] = None
        payload["partner_portal_invitation_sent"] = None


def _overridden(payload: Json, person: Employee) -> Json:
    payload |= person.overrides
    return {key: value for key, value in payload.items() if value is not MISSING}


def custom_values(company: Company, person: Employee) -> list[Json]:
    """Return the values that were ever filled in; a cleared one is an empty string."""
    return [
        {
            "id": company.ids.uuid(ids.CUSTOM_VALUE, person.number, part),
            "company_custom_field_id": field.uuid,
            "name": field.name,
            "type": field.type,
            "description": field.description,
            "value": person.custom[field.uuid],
            "selection_options": field.options,
        }
        for part, field in enumerate(company.fields.values())
        if field.uuid in person.custom
    ]


def jobs(company: Company, person: Employee, *, today: date, with_pay: bool) -> list[Json]:
    """Return the primary job and a second one if there is one; nobody entered, no job."""
    if person.title is None:
        return []
    held = [(person.title, person.period(today).hired_on)]
    if person.second_job:
        held.append(person.second_job)
    listed = [_job(company, person, part, *job) for part, job in enumerate(held)]
    if not with_pay:
        return listed
    return [job | pay(company, person, part) for part, job in enumerate(listed)]


def _job(company: Company, person: Employee, part: int, title: str, hired_on: date) -> Json:
    return {
        "uuid": company.ids.uuid(ids.JOB, person.number, part),
        "version": company.ids.version(ids.JOB, person.number, person.revision),
        "employee_uuid": person.uuid,
        "primary": part == 0,
        "title": title,
        "hire_date": hired_on.isoformat(),
        "two_percent_shareholder": False,
        "state_wc_covered": None,
        "state_wc_class_code": None,
    }


def pay(company: Company, person: Employee, part: int) -> Json:
    """Return the keys of a job that need the scope compensations:read."""
    uuid = company.ids.uuid(ids.COMPENSATION, person.number, part)
    rate, unit = ("28.50", "Hour") if part else (f"{48 + person.number % 40}000.00", "Year")
    compensation: Json = {
        "uuid": uuid,
        "version": company.ids.version(ids.COMPENSATION, person.number, part),
        "job_uuid": company.ids.uuid(ids.JOB, person.number, part),
        "employee_uuid": person.uuid,
        "rate": rate,
        "payment_unit": unit,
        "flsa_status": "Nonexempt" if part else "Exempt",
        "effective_date": person.periods[-1].hired_on.isoformat(),
        "adjust_for_minimum_wage": False,
        "minimum_wages": [],
    }
    return {
        "rate": rate,
        "payment_unit": unit,
        "current_compensation_uuid": uuid,
        "compensations": [compensation],
    }


def terminations(company: Company, person: Employee, *, today: date) -> list[Json]:
    """Return the termination in effect or scheduled, if any, and older ones if the company keeps them."""
    now = person.period(today)
    shown = [now]
    if company.keeps_old_terminations:
        shown = [period for period in person.periods if period.hired_on <= now.hired_on]
    return [_termination(company, person, period, period.last_day, today) for period in shown if period.last_day]


def _termination(company: Company, person: Employee, period: Period, last_day: date, today: date) -> Json:
    return {
        "uuid": person.uuid,
        "employee_uuid": person.uuid,
        "version": company.ids.version(0, person.number, last_day.toordinal()),
        "active": period.is_over(today),
        "cancelable": last_day > today and not period.runs_payroll,
        "effective_date": last_day.isoformat(),
        "run_termination_payroll": period.runs_payroll,
    }


def rehire(company: Company, person: Employee, period: Period, *, today: date) -> Json:
    """Return the Rehire that began or will begin `period`."""
    place = person.work_place(today)
    return {
        "version": company.ids.version(0, person.number, period.hired_on.toordinal()),
        "employee_uuid": person.uuid,
        "active": period.hired_on <= today,
        "effective_date": period.hired_on.isoformat(),
        "employment_status": _history_type(person),
        "file_new_hire_report": True,
        "work_location_uuid": (place.location_uuid if place else company.locations[0].uuid),
        "two_percent_shareholder": False,
    }


def employment_history(person: Employee, *, today: date) -> list[Json]:
    """Return the stays that have begun, the first one even if it has not."""
    begun = [p for p in person.periods if p.hired_on <= today] or person.periods[:1]
    return [
        {
            "hire_date": period.hired_on.isoformat(),
            "termination_date": period.last_day.isoformat() if period.last_day else None,
            "file_new_hire_report": True,
            "two_percent_shareholder": False,
            "employment_status": _history_type(person),
        }
        for period in begun
    ]


def work_addresses(company: Company, person: Employee, *, today: date) -> list[Json]:
    """Return where the person worked, works and will work."""
    current = person.work_place(today)
    return [
        {
            "uuid": company.ids.uuid(ids.WORK_ADDRESS, person.number, part),
            "employee_uuid": person.uuid,
            "location_uuid": work_place.location_uuid,
            "effective_date": work_place.since.isoformat(),
            "active": work_place is current,
            "version": company.ids.version(ids.WORK_ADDRESS, person.number, part),
            **_address(company.location(work_place.location_uuid)),
        }
        for part, work_place in enumerate(person.work_places)
    ]


def home_addresses(company: Company, person: Employee) -> list[Json]:
    """Return the home addresses; the sandbox knows at most one."""
    if person.home is None:
        return []
    return [
        _home(company, person)
        | {
            "employee_uuid": person.uuid,
            "effective_date": person.periods[0].hired_on.isoformat(),
            "courtesy_withholding": False,
            "version": company.ids.version(ids.HOME_ADDRESS, person.number, person.revision),
        }
    ]


def _home(company: Company, person: Employee) -> Json:
    home = person.home or Home(None, None, None, None)
    return {
        "uuid": company.ids.uuid(ids.HOME_ADDRESS, person.number),
        "street_1": home.street,
        "street_2": None,
        "city": home.city,
        "state": home.state,
        "zip": home.zip,
        "country": "USA",
        "active": True,
    }


def _address(place: Location) -> Json:
    return {
        "street_1": place.street,
        "street_2": None,
        "city": place.city,
        "state": place.state,
        "zip": place.zip,
        "country": "USA",
    }


def _history_type(person: Employee) -> str:
    kind = person.employment_type
    return _HISTORY_TYPES.get(kind, kind) or "not_set"


def _time_off(person: Employee) -> list[Json]:
    if not person.is_onboarded:
        return []
    return [
        {
            "name": "Vacation Hours",
            "policy_name": "Paid Time Off",
            "policy_uuid": _POLICY_UUID,
            "accrual_unit": "Hour",
            "accrual_rate": "120.0",
            "accrual_method": "per_pay_period",
            "accrual_period": "Year",
            "accrual_balance": f"{person.number * 7 % 160}.5",
            "maximum_accrual_balance": "160.0",
            "paid_at_termination": True,
        }
    ]


def _garnishments(company: Company, person: Employee) -> list[Json]:
    if person.number % 23 != 11:
        return []
    return [
        {
            "uuid": company.ids.uuid(ids.GARNISHMENT, person.number),
            "version": company.ids.version(ids.GARNISHMENT, person.number),
            "employee_uuid": person.uuid,
            "active": True,
            "amount": "40.00",
            "description": "Company loan",
            "court_ordered": False,
            "times": None,
            "recurring": True,
            "annual_maximum": None,
            "pay_period_maximum": "100.00",
            "deduct_as_percentage": False,
            "total_amount": None,
        }
    ]
