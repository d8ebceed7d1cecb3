"""Who should be in the portal, with which data, groups, courses and mails: from the wire, without the product.

Compared row by row with the database after every measured sync, so that a fast wrong answer fails.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import requests

from integrations.sandbox import fields

DEPARTMENTS = ("Sales", "Operations", "Support", "Engineering", "People")
CITIES = ("Austin", "Boulder", "Portland", "Round Rock", "Beaverton")
CITIES_WITH_COURSE = ("Austin",)

PEOPLE = """
SELECT i.external_id, i.state, u.email, u.first_name, u.last_name, m.role, m.status, m.source, m.last_day::text,
    (SELECT jsonb_object_agg(f.label, data.value) FROM jsonb_each(m.custom_data) AS data
        JOIN portals_customfield AS f ON f.id = data.key::bigint AND f.portal_id = m.portal_id),
    ARRAY(SELECT g.title FROM users_groupmembership AS gm JOIN portals_group AS g ON g.id = gm.group_id
        WHERE gm.membership_id = m.id ORDER BY g.title COLLATE "C"),
    ARRAY(SELECT c.title FROM users_enrollment AS e JOIN portals_course AS c ON c.id = e.course_id
        WHERE e.membership_id = m.id ORDER BY c.title COLLATE "C"),
    ARRAY(SELECT v.kind || ' ' || v.state FROM users_invitation AS v WHERE v.membership_id = m.id),
    (SELECT count(*) FROM users_auditentry AS a WHERE a.object_type = 'users.membership' AND a.object_id = m.id
        AND a.action = 'learner_added')
FROM integrations_externalidentity AS i
LEFT JOIN users_membership AS m ON m.id = i.membership_id
LEFT JOIN users_user AS u ON u.id = m.user_id
WHERE i.connection_id = %s AND i.external_id = ANY (%s)
"""
COUNTS = """
SELECT (SELECT count(*) FROM integrations_externalidentity WHERE connection_id = c.id),
    (SELECT count(*) FROM users_membership WHERE portal_id = c.portal_id),
    (SELECT count(*) FROM users_user AS u JOIN portals_portal AS p ON p.realm_id = u.realm_id WHERE p.id = c.portal_id)
FROM integrations_connection AS c WHERE c.id = %s
"""
NOBODY: tuple[Any, ...] = (None,) * 8 + ([], [], [], 0)


class Wrong(Exception):
    """The database is not what the sandbox's people make of it."""


def check(*, api_url: str, token: str, company: str, database: psycopg.Connection, connection_id: int) -> int:
    """Compare everyone and return how many learners there are. Raises Wrong with the first differences."""
    today = datetime.now(ZoneInfo("America/Los_Angeles")).date()
    totals = Counter[str]()
    for people in pages(api_url, token, company):
        wanted = {one["uuid"]: _wanted(one, today) for one in people}
        found = {row[0]: row[1:] for row in database.execute(PEOPLE, (connection_id, list(wanted)))}
        wrong = [(key, row, found.get(key)) for key, row in wanted.items() if found.get(key) != row]
        if wrong:
            raise Wrong(f"{len(wrong)} differ on a page; wanted and found: {wrong[0]}")
        totals["people"] += len(wanted)
        totals["learners"] += sum(row[0] == "linked" for row in wanted.values())
    counts = database.execute(COUNTS, (connection_id,)).fetchone()
    if counts != (totals["people"], totals["learners"], totals["learners"]):
        raise Wrong(f"identities, memberships and accounts are {counts}, the list has {dict(totals)}")
    return totals["learners"]


def pages(api_url: str, token: str, company: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the provider's list page by page, as it is on the wire."""
    headers = {"Authorization": f"Bearer {token}", "X-Gusto-API-Version": "2026-06-15"}
    with requests.Session() as session:
        for number in count(1):
            answer = session.get(
                f"{api_url}/v1/companies/{company}/employees",
                params={"page": str(number), "per": "100", "include": "custom_fields,current_home_address"},
                headers=headers,
            )
            answer.raise_for_status()
            yield json.loads(answer.content)
            if number >= int(answer.headers["X-Total-Pages"]):
                return


def _wanted(employee: dict[str, Any], today: date) -> tuple[Any, ...]:
    """Return what PEOPLE should find for an employee, after the id."""
    email = (employee["work_email"] or employee["email"] or "").lower()
    final_day = last_day(employee)
    if not email or employee["terminated"] or (final_day and date.fromisoformat(final_day) < today):
        return ("skipped", *NOBODY)
    data = custom_data(employee)
    groups = [title for title in (data.get("department"), data.get("home_city")) if title in DEPARTMENTS + CITIES]
    courses = [f"About {title}" for title in groups if title in DEPARTMENTS + CITIES_WITH_COURSE]
    names = employee["first_name"], employee["last_name"]
    state = "learner", "active", "gusto", final_day, data or None
    return ("linked", email, *names, *state, sorted(groups), sorted(courses), ["welcome held"], 1)


def last_day(employee: dict[str, Any]) -> str | None:
    """Return the last day of the present employment, as ISO date."""
    days = [one["effective_date"] for one in employee["terminations"]]
    hired_on = _hire_date(employee)
    return max((day for day in days if not hired_on or day >= hired_on), default=None)


def _hire_date(employee: dict[str, Any]) -> str | None:
    return next((job["hire_date"] for job in employee["jobs"] if job["primary"]), None)


def custom_data(employee: dict[str, Any]) -> dict[str, Any]:
    """Return the typed values by attribute; what is empty is left out."""
    hired_on = _hire_date(employee)
    custom = {one["company_custom_field_id"]: one["value"] for one in employee["custom_fields"]}
    budget = custom.get(fields.UNIFORM_BUDGET)
    values = {
        "department": employee["department"],
        "job_title": next((job["title"] for job in employee["jobs"] if job["primary"]), None),
        "hire_date": hired_on,
        "hire_year": int(hired_on[:4]) if hired_on else None,
        "home_city": (employee["current_home_address"] or {}).get("city"),
        "employment_type": employee["current_employment_status"],
        "employee_code": employee["employee_code"],
        f"custom:{fields.UNIFORM_BUDGET}": float(budget.replace(",", "")) if budget else None,
        f"custom:{fields.SAFETY_COURSE_DUE}": custom.get(fields.SAFETY_COURSE_DUE),
        f"custom:{fields.T_SHIRT_SIZE}": custom.get(fields.T_SHIRT_SIZE),
    }
    return {key: value for key, value in values.items() if value is not None}
