"""The least that a sync can cost: fetch, decode, map ten values, a digest each, COPY, one insert, one update.

No types, no plan, no invitations, no audit trail, no groups; into one table with a JSON column, and with the three
indexes without which nobody could be found in it.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec
import psycopg
import requests

from integrations.sandbox import fields

PER_PAGE = 100
WINDOW_SECONDS = 60.0
CUSTOM = (fields.UNIFORM_BUDGET, fields.SAFETY_COURSE_DUE, fields.T_SHIRT_SIZE)

TABLES = """
CREATE TABLE IF NOT EXISTS person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text UNIQUE, email text, first_name text, last_name text,
    digest bytea, data jsonb);
CREATE UNIQUE INDEX IF NOT EXISTS person_email ON person (lower(email)) WHERE email <> '';
CREATE INDEX IF NOT EXISTS person_data ON person USING gin (data jsonb_path_ops);
CREATE TEMPORARY TABLE stage (key text, email text, first_name text, last_name text, digest bytea, data jsonb);
"""
INSERT = """
INSERT INTO person (key, email, first_name, last_name, digest, data)
SELECT key, email, first_name, last_name, digest, data FROM stage
WHERE NOT EXISTS (SELECT FROM person WHERE person.key = stage.key)
"""
UPDATE = """
UPDATE person SET email = stage.email, first_name = stage.first_name, last_name = stage.last_name,
    digest = stage.digest, data = stage.data
FROM stage WHERE stage.key = person.key AND stage.digest <> person.digest
"""


class _Job(msgspec.Struct, gc=False):
    title: str | None = None
    hire_date: str | None = None


class _Custom(msgspec.Struct, gc=False):
    company_custom_field_id: str
    value: str | None = None


class _Home(msgspec.Struct, gc=False):
    city: str | None = None


class _Employee(msgspec.Struct, gc=False):
    uuid: str
    first_name: str
    last_name: str
    email: str | None = None
    work_email: str | None = None
    department: str | None = None
    current_employment_status: str | None = None
    employee_code: str | None = None
    jobs: list[_Job] = []
    custom_fields: list[_Custom] = []
    current_home_address: _Home | None = None


def sync(token: str, company: str, calls_per_minute: int = 0) -> dict[str, Any]:
    """Bring the table in line with the company's people; return how many were inserted and updated."""
    pages = _pages(token, company, calls_per_minute)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute(TABLES)
        with cursor.copy("COPY stage FROM STDIN") as stream:
            for page in pages:
                for employee in page:
                    stream.write_row(_row(employee))
        cursor.execute("ANALYZE stage")
        inserted = cursor.execute(INSERT).rowcount
        updated = cursor.execute(UPDATE).rowcount
    return {"inserted": inserted, "updated": updated}


def _pages(token: str, company: str, calls_per_minute: int) -> Iterator[list[_Employee]]:
    decoder = msgspec.json.Decoder(list[_Employee])
    answered: deque[float] = deque(maxlen=calls_per_minute or None)
    headers = {"Authorization": f"Bearer {token}", "X-Gusto-API-Version": "2026-06-15"}
    options: dict[str, Any] = {"per": PER_PAGE, "include": "custom_fields,current_home_address"}
    url = f"{os.environ['GUSTO_API_URL']}/v1/companies/{company}/employees"
    with requests.Session() as session:
        session.headers.update(headers)
        session.trust_env = False
        number, last = 1, 1
        while number <= last:
            if calls_per_minute and len(answered) == calls_per_minute:
                time.sleep(max(0.0, answered[0] + WINDOW_SECONDS - time.monotonic()))
            answer = session.get(url, params={**options, "page": number})
            answer.raise_for_status()
            answered.append(time.monotonic())
            last = int(answer.headers["X-Total-Pages"])
            yield decoder.decode(answer.content)
            number += 1


def _row(employee: _Employee) -> tuple[str | bytes, ...]:
    job = employee.jobs[0] if employee.jobs else _Job()
    custom = {one.company_custom_field_id: one.value for one in employee.custom_fields}
    values = (
        employee.department,
        job.title,
        job.hire_date,
        job.hire_date and job.hire_date[:4],
        employee.current_home_address and employee.current_home_address.city,
        employee.current_employment_status,
        employee.employee_code,
        *(custom.get(field) for field in CUSTOM),
    )
    email = (employee.work_email or employee.email or "").lower()
    person = (employee.uuid, email, employee.first_name, employee.last_name)
    digest = blake2b("\x1f".join(map(str, person + values)).encode(), digest_size=16).digest()
    data = {str(place): value for place, value in enumerate(values) if value}
    return (*person, digest, msgspec.json.encode(data).decode())
