"""The records behind Gusto's /v1: companies, employees and what belongs to them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from integrations.sandbox import ids, payloads
from integrations.sandbox.companies import Company
from integrations.sandbox.employees import Employee
from integrations.sandbox.grants import Grant
from integrations.sandbox.refusals import invalid_parameter, missing_scope, not_found
from integrations.sandbox.selection import Selection
from integrations.sandbox.wire import Request, Response, Route, json_response
from integrations.sandbox.world import World

_DEFAULT_PER = 25
_LARGEST_PER = 500  # not documented; Gusto's own client asks for up to 500
_PAY_SCOPE = "compensations:read"
_INCLUDES = frozenset(
    (
        "all_compensations",
        "all_home_addresses",
        "company_name",
        "current_home_address",
        "custom_fields",
        "portal_invitations",
    )
)


@dataclass(frozen=True, slots=True)
class Context:
    """A request with a living token, and the day in Los Angeles."""

    request: Request
    grant: Grant
    today: date


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of how many records was asked for."""

    page: int
    per: int

    def cut(self, records: Sequence[Any]) -> Sequence[Any]:
        """Return the records of the page."""
        return records[(self.page - 1) * self.per : self.page * self.per]

    def headers(self, total: int) -> dict[str, str]:
        """Return what Gusto says about the pages; there is no Link header."""
        return {
            "X-Page": str(self.page),
            "X-Per-Page": str(self.per),
            "X-Total-Count": str(total),
            "X-Total-Pages": str(math.ceil(total / self.per)),
        }


class Resources:
    """One method per endpoint."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Return the endpoints with the scopes that they need."""
        people, work, company = "employees:read", "employments:read", "companies:read"
        departments = "departments:read"
        at, one = "/v1/companies/{company_id}", "/v1/employees/{employee_id}"
        return [
            Route.of("GET", f"{at}/employees", self.employees, people),
            Route.of("GET", "/v1/token_info", self.token_info),
            Route.of("GET", at, self.company, company),
            Route.of("GET", f"{at}/custom_fields", self.company_fields, company),
            Route.of("GET", f"{at}/locations", self.locations, company),
            Route.of("GET", "/v1/locations/{location_id}", self.location, company),
            Route.of("GET", f"{at}/departments", self.departments, departments),
            Route.of("GET", "/v1/departments/{department_id}", self.department, departments),
            Route.of("POST", f"{at}/disconnect_app_integration", self.disconnect),
            Route.of("GET", one, self.employee, people),
            Route.of("GET", f"{one}/custom_fields", self.custom_values, people),
            Route.of("GET", f"{one}/work_addresses", self.work_addresses, people),
            Route.of("GET", "/v1/work_addresses/{address_id}", self.work_address, people),
            Route.of("GET", f"{one}/home_addresses", self.home_addresses, people),
            Route.of("GET", "/v1/home_addresses/{address_id}", self.home_address, people),
            Route.of("GET", f"{one}/terminations", self.terminations, work),
            Route.of("GET", "/v1/terminations/{employee_id}", self.termination, work),
            Route.of("GET", f"{one}/rehire", self.rehire, work),
            Route.of("GET", f"{one}/employment_history", self.employment_history, work),
        ]

    def token_info(self, context: Context) -> Response:
        """Tell whose token it is; a token of the application belongs to no company."""
        company = self._world.companies.get(context.grant.company_uuid or "")
        if company is None:
            return json_response({"scope": "public", "resource": None, "resource_owner": None})
        return json_response(
            {
                "scope": " ".join(sorted(self._world.scopes)),
                "resource": {"type": "Company", "uuid": company.uuid},
                "resource_owner": {"type": "CompanyAdmin", "uuid": company.admin_uuid},
            }
        )

    def company(self, context: Context, company_id: str) -> Response:
        """Return the company."""
        return json_response(payloads.company(self._company(context, company_id)))

    def company_fields(self, context: Context, company_id: str) -> Response:
        """Return the definitions of the custom fields."""
        company = self._company(context, company_id)
        found = [payloads.company_field(field) for field in company.fields.values()]
        return _listed(context.request, found, envelope="custom_fields")

    def locations(self, context: Context, company_id: str) -> Response:
        """Return the places of work."""
        company = self._company(context, company_id)
        found = [payloads.location(company, place) for place in company.locations]
        return _listed(context.request, found)

    def location(self, context: Context, location_id: str) -> Response:
        """Return one place of work."""
        company = self._own_company(context)
        try:
            return json_response(payloads.location(company, company.location(location_id)))
        except KeyError as missing:
            raise not_found() from missing

    def departments(self, context: Context, company_id: str) -> Response:
        """Return the departments with the UUIDs of their people; not paged."""
        company = self._company(context, company_id)
        return json_response([self._department(company, uuid) for uuid in company.departments])

    def department(self, context: Context, department_id: str) -> Response:
        """Return one department."""
        company = self._own_company(context)
        if department_id not in company.departments:
            raise not_found()
        return json_response(self._department(company, department_id))

    def disconnect(self, context: Context, company_id: str) -> Response:
        """Revoke every grant of the company; for a token of the application only."""
        if context.grant.company_uuid is not None:
            raise missing_scope("companies:disconnect_app_integration")
        if company_id not in self._world.companies:
            raise not_found()
        self._world.revoke_grants(company_id)
        return Response(204)

    def employees(self, context: Context, company_id: str) -> Response:
        """Return the employee list or a page of it."""
        company, query = self._company(context, company_id), context.request.query
        if query.get("payroll_uuid"):
            raise not_found()  # the sandbox runs no payroll
        includes = self._includes(query)
        selection, paging = Selection.of(query), _paging(query)
        with self._world.lock:
            numbers = company.roster.numbers()
            if not selection.is_everyone:
                numbers = company.roster.select(selection, lambda people: selection.choose(people, context.today))
            total = len(numbers)
            shown = paging.cut(numbers) if paging else numbers
            pieces = self._pieces(company, shown, includes, context.today)
            if context.request.fault == "page_shift" and shown:
                self._remove_last(company, shown)
        body = b"[%b]" % b",".join(pieces)
        return Response(200, body, paging.headers(total) if paging else {})

    def employee(self, context: Context, employee_id: str) -> Response:
        """Return one employee."""
        company, person = self._employee(context, employee_id)
        includes = self._includes(context.request.query)
        with self._world.lock:
            pieces = self._pieces(company, [person.number], includes, context.today)
        return Response(200, pieces[0])

    def custom_values(self, context: Context, employee_id: str) -> Response:
        """Return the custom values of one employee."""
        company, person = self._employee(context, employee_id)
        found = payloads.custom_values(company, person)
        return _listed(context.request, found, envelope="custom_fields")

    def work_addresses(self, context: Context, employee_id: str) -> Response:
        """Return where one employee works, worked and will work."""
        company, person = self._employee(context, employee_id)
        return json_response(payloads.work_addresses(company, person, today=context.today))

    def work_address(self, context: Context, address_id: str) -> Response:
        """Return one work address."""
        company, person = self._owner(context, address_id, ids.WORK_ADDRESS)
        found = payloads.work_addresses(company, person, today=context.today)
        return json_response(_only(found, address_id))

    def home_addresses(self, context: Context, employee_id: str) -> Response:
        """Return the home addresses of one employee."""
        company, person = self._employee(context, employee_id)
        return json_response(payloads.home_addresses(company, person))

    def home_address(self, context: Context, address_id: str) -> Response:
        """Return one home address."""
        company, person = self._owner(context, address_id, ids.HOME_ADDRESS)
        return json_response(_only(payloads.home_addresses(company, person), address_id))

    def terminations(self, context: Context, employee_id: str) -> Response:
        """Return the terminations of one employee, none or one in practice."""
        company, person = self._employee(context, employee_id)
        return json_response(payloads.terminations(company, person, today=context.today))

    def termination(self, context: Context, employee_id: str) -> Response:
        """Return the newest termination of one employee."""
        company, person = self._employee(context, employee_id)
        found = payloads.terminations(company, person, today=context.today)
        if not found:
            raise not_found()
        return json_response(found[-1])

    def rehire(self, context: Context, employee_id: str) -> Response:
        """Return the rehire of one employee, 204 if there is none."""
        company, person = self._employee(context, employee_id)
        period = person.rehire()
        if period is None:
            return Response(204)
        return json_response(payloads.rehire(company, person, period, today=context.today))

    def employment_history(self, context: Context, employee_id: str) -> Response:
        """Return the stays of one employee."""
        _, person = self._employee(context, employee_id)
        return json_response(payloads.employment_history(person, today=context.today))

    def _own_company(self, context: Context) -> Company:
        return self._world.companies[context.grant.company_uuid or ""]

    def _company(self, context: Context, company_id: str) -> Company:
        """Return the token's company. Raises Refused (404) for any other."""
        if company_id != context.grant.company_uuid:
            raise not_found()
        return self._own_company(context)

    def _employee(self, context: Context, employee_id: str) -> tuple[Company, Employee]:
        company = self._own_company(context)
        person = company.roster.find(employee_id)
        if person is None:
            raise not_found()
        return company, person

    def _owner(self, context: Context, record_id: str, kind: int) -> tuple[Company, Employee]:
        company = self._own_company(context)
        found = company.ids.read(record_id)
        person = company.roster.by_number(found[1]) if found and found[0] == kind else None
        if person is None:
            raise not_found()
        return company, person

    def _department(self, company: Company, uuid: str) -> payloads.Json:
        with self._world.lock:
            numbers = company.roster.select(
                ("department", uuid),
                lambda people: [one.number for one in people if one.department_uuid == uuid],
            )
            found = (company.roster.by_number(number) for number in numbers)
            return payloads.department(company, uuid, [person.uuid for person in found if person])

    def _includes(self, query: dict[str, str]) -> frozenset[str]:
        includes = frozenset(filter(None, query.get("include", "").split(",")))
        if includes - _INCLUDES:
            unknown = ", ".join(sorted(includes - _INCLUDES))
            raise invalid_parameter("include", f"Cannot include {unknown}.")
        if "all_compensations" in includes and _PAY_SCOPE not in self._world.scopes:
            raise missing_scope(_PAY_SCOPE)
        return includes

    def _pieces(self, company: Company, numbers: Sequence[int], includes: frozenset[str], today: date) -> list[bytes]:
        with_pay = _PAY_SCOPE in self._world.scopes

        def encode(person: Employee) -> bytes:
            return payloads.encode(
                payloads.employee(company, person, today=today, includes=includes, with_pay=with_pay)
            )

        return company.roster.pieces(numbers, (includes, with_pay), encode)

    @staticmethod
    def _remove_last(company: Company, shown: Sequence[int]) -> None:
        person = company.roster.by_number(shown[-1])
        if person is not None:
            company.roster.remove(person)


def _paging(query: dict[str, str]) -> Paging | None:
    if "page" not in query and "per" not in query:
        return None
    page = _positive(query, "page", 1)
    return Paging(page, min(_positive(query, "per", _DEFAULT_PER), _LARGEST_PER))


def _positive(query: dict[str, str], key: str, default: int) -> int:
    text = query.get(key, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise invalid_parameter(key, f"{key} must be a whole number above 0.")
    return int(text)


def _listed(request: Request, records: list[payloads.Json], *, envelope: str | None = None) -> Response:
    paging = _paging(request.query)
    shown = list(paging.cut(records)) if paging else records
    response = json_response({envelope: shown} if envelope else shown)
    if paging:
        response.headers |= paging.headers(len(records))
    return response


def _only(records: list[payloads.Json], uuid: str) -> payloads.Json:
    for record in records:
        if record["uuid"] == uuid:
            return record
    raise not_found()
