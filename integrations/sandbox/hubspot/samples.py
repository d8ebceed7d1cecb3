"""The invented people of the accounts: a handful of cases first, then as many as wanted."""

import functools
import random
from collections.abc import Iterator
from datetime import date, timedelta

from integrations.sandbox.hubspot.accounts import Account, Login, Owner
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Record
from integrations.sandbox.hubspot.standard import FIRST_CONTACT_ID, FIRST_USER_ID, contacts, users
from integrations.sandbox.names import FIRST_NAMES, LAST_NAMES

USER_COUNT = 12
_FIRST_LOGIN = 9586501
_FIRST_OWNER = 41629771
_TEAMS = ({"id": "368389", "name": "Sales", "primary": True}, {"id": "368390", "name": "Support", "primary": True})
_DEPARTMENTS = ("sales", "support", "r_and_d", "operations")
_TITLES = ("Account manager", "Support engineer", "Trainer", "Product designer")
_CITIES = (
    ("Lisbon", "Portugal"),
    ("Dublin", "Ireland"),
    ("Porto", "Portugal"),
    ("Cork", "Ireland"),
    ("Hamburg", "Germany"),
)
_DAYS = 700

# The cases that the rest of the product has to get right; the first contact has id 901.
_CASES: tuple[dict[str, str], ...] = (
    {
        "email": "ana.silva@example.org",
        "firstname": "Ana",
        "lastname": "Silva",
        "phone": "+351 21 555 0101",
        "department": "sales",
        "region": "south",
        "languages": "english;portuguese",
        "badge_number": "4711",
        "hourly_rate": "28.50",
        "works_remotely": "true",
        "start_date": "2024-02-01",
        "last_interview_at": "2026-01-15T09:30:00.000Z",
        "jobtitle": "Account manager",
        "lifecyclestage": "customer",
    },
    {"email": "bjorn.astrom@example.org", "firstname": "Björn", "lastname": "Åström", "department": "r_and_d"},
    {"firstname": "Paulo", "lastname": "Teixeira", "phone": "+351 21 555 0103"},
    {"email": "Carla.Mendes@Example.ORG", "firstname": "Carla", "lastname": "Mendes", "department": "support"},
    {
        "email": "dana.kirsch@example.org",
        "hs_additional_emails": "training@shared.example;dana@private.example",
        "firstname": "Dana",
        "lastname": "Kirsch",
    },
    {
        "email": "eli.kirsch@example.org",
        "hs_additional_emails": "training@shared.example",
        "firstname": "Eli",
        "lastname": "Kirsch",
    },
    {"email": "noname@example.org"},
    {"email": "李.娜@example.org", "firstname": "娜", "lastname": "李", "languages": "english;german;spanish"},
    {"email": "left.company@example.org", "firstname": "Greta", "lastname": "Holm", "department": "left"},
    {"email": "owen.old@example.org", "firstname": "Owen", "lastname": "Ashby", "hubspot_owner_id": "41629780"},
)


def make_account(
    *,
    number: int,
    account_id: int,
    name: str,
    domain: str,
    tier: str,
    contact_count: int,
    seed: int,
    today: date,
    hosting: str = "na1",
    app_objects_enabled: bool = False,
) -> Account:
    """Return an account with `contact_count` contacts and twelve users; the same arguments make the same people."""
    made_at = f"{today - timedelta(days=_DAYS)}T09:00:00.000Z"
    account = Account(
        id=account_id,
        name=name,
        domain=domain,
        tier=tier,
        contacts=contacts(at=made_at),
        users=users(at=made_at),
        owners={},
        logins={},
        hosting=hosting,
        app_objects_enabled=app_objects_enabled,
    )
    for record in _contacts(contact_count, random.Random(f"{seed}-{number}-contacts"), domain, today):
        account.contacts.seed(record)
    _fill_users(account, random.Random(f"{seed}-{number}-users"), made_at)
    account.changes = 0
    return account


def _contacts(count: int, chance: random.Random, domain: str, today: date) -> Iterator[Record]:
    texts = _moments(today)
    owners = [str(_FIRST_OWNER + index) for index in range(USER_COUNT - 2)]
    for index in range(count):
        at = texts[int(chance.random() * len(texts))]
        number = str(FIRST_CONTACT_ID + index)
        properties = dict(_CASES[index]) if index < len(_CASES) else _made_up(index, chance, domain, owners)
        yield Record(number, properties, at, at)


@functools.cache
def _moments(today: date) -> tuple[str, ...]:
    """Return when a contact may have been made: a moment of each day before this one."""
    return tuple(f"{today - timedelta(days=days)}T09:11:02.120Z" for days in range(1, _DAYS))


def _made_up(index: int, chance: random.Random, domain: str, owners: list[str]) -> dict[str, str]:
    pick = int(chance.random() * (1 << 30))
    first = FIRST_NAMES[pick % len(FIRST_NAMES)]
    last = LAST_NAMES[pick // 128 % len(LAST_NAMES)]
    city, country = _CITIES[pick % len(_CITIES)]
    return {
        "email": f"{first}.{last}{index}@clients.{domain}".lower().replace("'", ""),
        "firstname": first,
        "lastname": last,
        "department": _DEPARTMENTS[pick // 7 % len(_DEPARTMENTS)],
        "jobtitle": _TITLES[pick // 3 % len(_TITLES)],
        "city": city,
        "country": country,
        "badge_number": str(1000 + index),
        "hubspot_owner_id": owners[pick % len(owners)],
    }


def _fill_users(account: Account, chance: random.Random, made_at: str) -> None:
    """Add twelve users: the ninth has no e-mail value, the tenth was deactivated, the eleventh is no owner."""
    names = list(zip(chance.sample(FIRST_NAMES, USER_COUNT), chance.sample(LAST_NAMES, USER_COUNT), strict=True))
    for index, (first, last) in enumerate(names):
        login_id, owner_id = _FIRST_LOGIN + index, str(_FIRST_OWNER + index)
        email = f"{first}.{last}@{account.domain}".lower().replace("'", "")
        is_deactivated, is_owner = index == USER_COUNT - 3, index != USER_COUNT - 2
        team = dict(_TEAMS[index % len(_TEAMS)])
        properties = {
            "hs_email": email if index != USER_COUNT - 4 else "",
            "hs_given_name": first,
            "hs_family_name": last,
            "hs_searchable_calculated_name": f"{first} {last}",
            "hs_job_title": _TITLES[index % len(_TITLES)],
            "hs_internal_user_id": str(login_id),
            "hubspot_owner_id": owner_id if is_owner else "",
            "hs_standard_time_zone": "europe-slash-dublin",
            "hs_deactivated": str(is_deactivated).lower(),
            "office": ("dublin", "lisbon", "remote")[index % 3],
            "joined_on": f"{2018 + index % 7}-03-0{1 + index % 9}",
        }
        _seed_user(account.users, FIRST_USER_ID + index, properties, made_at)
        if not is_deactivated:
            account.logins[str(login_id)] = Login(
                str(login_id), email, first, last, ["105"], str(team["id"]), is_super_admin=index == 0
            )
        if is_owner:
            active_id = None if is_deactivated else login_id
            account.owners[owner_id] = Owner(
                owner_id, email, first, last, active_id, login_id, made_at, made_at, is_deactivated, [_team(team)]
            )


def _seed_user(kind: ObjectType, number: int, properties: dict[str, str], at: str) -> None:
    kind.seed(Record(str(number), {name: value for name, value in properties.items() if value}, at, at))


def _team(team: Json) -> Json:
    return {"id": team["id"], "name": team["name"], "primary": team["primary"]}
