"""Gusto's App Integrations API: one method per endpoint, errors as in integrations.http.

Reference: docs.gusto.com/app-integrations/reference, version 2026-06-15.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

import msgspec

from integrations import bodies
from integrations.gusto import payloads
from integrations.http import Answer, Api, ProviderUnavailable, RecordMissing

# The largest page that every endpoint is known to serve.
PER_PAGE = 100
# Keeps new people on the last page while the list is read; the default order is not documented.
ORDER = "created_at:asc"

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as raw JSON, and what its headers announce."""

    number: int
    total_pages: int
    total_count: int | None
    body: bytes = field(repr=False)


class Client:
    """Calls for one company."""

    def __init__(self, api: Api, company_uuid: str = "") -> None:
        self._api = api
        self._company = f"/v1/companies/{company_uuid}"

    def token_info(self) -> payloads.TokenInfo:
        """Return whose token this is (GET /v1/token_info)."""
        return decoded(self._api.get("/v1/token_info"), payloads.TokenInfo)

    def company(self, uuid: str) -> payloads.Company:
        """Return a company (GET /v1/companies/{company_id}; scope companies:read)."""
        return decoded(self._api.get(f"/v1/companies/{uuid}"), payloads.Company)

    def employees(self, number: int, *, include: str = "") -> Page:
        """Return one page of everyone, whatever their status.

        GET /v1/companies/{company_id}/employees; scope employees:read. `include` is a list with commas.
        """
        return self._page("/employees", number, {"sort_by": ORDER, **({"include": include} if include else {})})

    def employee(self, uuid: str, number: int, *, include: str = "") -> Page:
        """Return one employee as a page of one (GET /v1/employees/{employee_id}; scope employees:read).

        `number` is the page's. Raises RecordMissing.
        """
        answer = self._api.get(f"/v1/employees/{quote(uuid, safe='')}", {"include": include} if include else None)
        return Page(number, number, None, b"[" + answer.body + b"]")

    def work_location(self, employee_uuid: str) -> str:
        """Return the uuid of the location where somebody works today, or an empty text.

        GET /v1/employees/{employee_id}/work_addresses; scope employees:read.
        """
        try:
            answer = self._api.get(f"/v1/employees/{quote(employee_uuid, safe='')}/work_addresses")
        except RecordMissing:
            return ""
        addresses = decoded(answer, list[payloads.WorkAddress])
        return next((one.location_uuid or "" for one in addresses if one.active), "")

    def system_token(self, *, client_id: str, client_secret: str) -> str:
        """Return a token of the application itself (POST /oauth/token, grant_type=system_access), for webhooks."""
        body = {"client_id": client_id, "client_secret": client_secret, "grant_type": "system_access"}
        return decoded(self._api.post("/oauth/token", body), payloads.SystemToken).access_token

    def subscribe(self, *, token: str, url: str, types: Sequence[str]) -> str:
        """Return the uuid of a new subscription (POST /v1/webhook_subscriptions; system token)."""
        body = {"url": url, "subscription_types": list(types)}
        return decoded(self._api.post("/v1/webhook_subscriptions", body, token=token), payloads.Subscription).uuid

    def verify_subscription(self, *, token: str, uuid: str, verification_token: str) -> None:
        """Prove that we got the token (PUT /v1/webhook_subscriptions/{uuid}/verify). Raises RequestRejected."""
        body = {"verification_token": verification_token}
        self._api.put(f"/v1/webhook_subscriptions/{quote(uuid, safe='')}/verify", body, token=token)

    def employees_at(self, location_uuid: str) -> Iterator[str]:
        """Yield the uuids of those whose primary work location this is (same endpoint, location_uuid)."""
        for page in self._pages("/employees", {"sort_by": ORDER, "location_uuid": location_uuid}):
            for employee in decoded_body(page.body, list[payloads.EmployeeKey]):
                if isinstance(employee.uuid, str):
                    yield employee.uuid

    def custom_fields(self) -> Iterator[payloads.CompanyField]:
        """Yield the company's own fields (GET /v1/companies/{company_id}/custom_fields; scope companies:read)."""
        for page in self._pages("/custom_fields", {}):
            yield from decoded_body(page.body, payloads.CompanyFields).custom_fields

    def locations(self) -> Iterator[payloads.Location]:
        """Yield the company's addresses (GET /v1/companies/{company_id}/locations; scope companies:read)."""
        for page in self._pages("/locations", {}):
            yield from decoded_body(page.body, list[payloads.Location])

    def rehire(self, employee_uuid: str) -> payloads.Rehire | None:
        """Return a rehire (GET /v1/employees/{employee_id}/rehire; scope employments:read), None for 204."""
        answer = self._api.get(f"/v1/employees/{employee_uuid}/rehire")
        return decoded(answer, payloads.Rehire) if answer.body else None

    def employment_history(self, employee_uuid: str) -> list[payloads.EmploymentPeriod]:
        """Return the stays (GET /v1/employees/{employee_id}/employment_history; scope employments:read)."""
        answer = self._api.get(f"/v1/employees/{employee_uuid}/employment_history")
        return decoded(answer, list[payloads.EmploymentPeriod])

    def revoke(self, *, client_id: str, client_secret: str, token: str) -> None:
        """End the grant of an access token (POST /oauth/revoke); other grants of the company go on."""
        self._api.post("/oauth/revoke", {"client_id": client_id, "client_secret": client_secret, "token": token})

    def close(self) -> None:
        """Let the network connection go."""
        self._api.close()

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Page]:
        number, total = 1, 1
        while number <= total:
            page = self._page(path, number, params)
            yield page
            number, total = number + 1, page.total_pages

    def _page(self, path: str, number: int, params: Mapping[str, str]) -> Page:
        # The guide on pagination: X-Page, X-Per-Page, X-Total-Count, X-Total-Pages; no Link header, no envelope.
        answer = self._api.get(self._company + path, {"page": number, "per": PER_PAGE, **params})
        shown = _number(answer, "X-Page")
        if shown not in {None, number}:
            raise ProviderUnavailable(f"Gusto: page {shown} came instead of page {number}")
        total_pages = _number(answer, "X-Total-Pages")
        if total_pages is None:
            # Gusto's own command-line client then stops at a page that is not full.
            is_full = len(decoded(answer, list[msgspec.Raw])) >= PER_PAGE
            total_pages = number + 1 if is_full else number
        return Page(number, total_pages, _number(answer, "X-Total-Count"), answer.body)


def decoded(answer: Answer, shape: type[Shape]) -> Shape:
    """Return the body of an answer. Raises ProviderUnavailable when it has another shape."""
    return decoded_body(answer.body, shape)


def decoded_body(body: bytes, shape: type[Shape]) -> Shape:
    """Return what a body says. Raises ProviderUnavailable when it has another shape."""
    try:
        return bodies.read(lambda text: msgspec.json.decode(text, type=shape), body)
    except ValueError:
        raise ProviderUnavailable("Gusto: unreadable answer") from None


def _number(answer: Answer, name: str) -> int | None:
    text = answer.headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
