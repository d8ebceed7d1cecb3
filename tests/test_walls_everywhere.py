"""Every address of the product, with the ids of another portal in it, as everyone who might try.

The addresses come from the URL configuration itself, so a new page is walked from the day it is added.
"""

import itertools

import pytest
from django.db import connection, models
from django.urls import URLPattern, get_resolver

from tests.factories.portals import RealmFactory
from tests.factories.users import MembershipFactory
from tests.furnished import furnished_portal

pytestmark = pytest.mark.django_db

MARKER = "SECRET"
# Words for parts of an address that are no ids.
WORDS = {
    "provider": ["gusto"],
    "cause": ["not_listed"],
    "app_label": ["portals", "users", "integrations"],
    "state": ["x"],
    "kind": ["invite"],
}
# What is open to everyone on purpose, and shows only what belongs to the visitor's own host.
LEFT_OUT = ("static/", "health/", "admin/jsi18n/")
MOST_PER_PAGE = 40
FIRST_ID = 900_001


def addresses(patterns=None, prefix=""):
    """Yield each address of the URL configuration with its converters."""
    for item in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(item.pattern)
        if isinstance(item, URLPattern):
            yield route, {**item.pattern.converters}
        else:
            yield from addresses(item.url_patterns, route)


PAGES = sorted({route for route, _converters in addresses() if not route.startswith(LEFT_OUT)})


def filled(route, ids):
    """Yield the route with foreign ids in the place of its parameters."""
    parts = route.replace("^", "").replace("$", "").split("<")
    names = [part.partition(">")[0].rpartition(":")[2] for part in parts[1:]]
    choices = [WORDS.get(name, ids) for name in names]
    for values in itertools.islice(itertools.product(*choices), MOST_PER_PAGE):
        ends = (part.partition(">")[2] for part in parts[1:])
        yield "/" + parts[0] + "".join(f"{value}{end}" for value, end in zip(values, ends, strict=True))


@pytest.fixture
def realm():
    return RealmFactory()


@pytest.fixture
def victim(realm):
    """The other portal; its rows have the same ids in every table, so that a few ids name them all."""
    with connection.cursor() as cursor:
        for sequence in connection.introspection.sequence_list():
            cursor.execute(f'ALTER SEQUENCE "{sequence["name"]}" RESTART WITH {FIRST_ID}')
    return furnished_portal(MARKER, realm=realm)


@pytest.fixture
def own(realm, victim):
    return furnished_portal("Ours", realm=realm)


@pytest.fixture
def foreign_ids(victim):
    """The ids of all that is the victim's; ids are per table, so each is tried everywhere."""
    rows = [row for row in vars(victim).values() if isinstance(row, models.Model)]
    ids = sorted({row.pk for row in rows})
    assert FIRST_ID <= ids[0] <= ids[-1] < FIRST_ID + 10
    return ids


def visitors(portal_client, own):
    learner = MembershipFactory(portal=own.portal)
    manager = MembershipFactory(portal=own.portal, role="manager")
    manager.managed_groups.create(group=own.group)
    for member in (own.admin, manager, learner):
        yield member.role, portal_client(own.portal, member.user, raise_request_exception=False)
    yield "visitor", portal_client(own.portal, raise_request_exception=False)


class TestEveryAddress:
    def test_says_nothing_about_another_portal(self, portal_client, own, victim, foreign_ids):
        said = []
        for who, client in visitors(portal_client, own):
            for route in PAGES:
                for address in filled(route, foreign_ids):
                    response = client.get(address, {"q": "SECRE", "group": victim.group.pk})
                    body = b"".join(response) if response.streaming else response.content
                    if MARKER in body.decode(errors="replace") or MARKER in str(response.headers):
                        said.append((who, address))
                    if response.status_code >= 500:
                        said.append((who, address, response.status_code))
        assert said == []

    def test_is_walked(self):
        assert len(PAGES) > 100
