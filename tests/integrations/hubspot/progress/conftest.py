"""People of a portal who are linked to HubSpot's records and take courses, and what HubSpot has of it."""

import pytest
from django.utils import timezone

from integrations.hubspot.models import ProgressPush
from integrations.hubspot.progress import push
from integrations.sandbox.hubspot import app
from tests.factories.integrations import ExternalIdentityFactory
from tests.factories.portals import CourseFactory
from tests.factories.users import MembershipFactory
from users import enrollments

ANA, BJORN = "901", "902"


@pytest.fixture
def connection(db, connect_hubspot):
    """A portal's connection by contacts, with every scope and an app object."""
    return connect_hubspot()


@pytest.fixture
def course(connection):
    """A published course of the portal."""
    return CourseFactory(portal=connection.portal, title="Safety basics", reference="SAFE-1")


@pytest.fixture
def link():
    """Link somebody, new unless given, to a record at HubSpot; return the membership."""

    def make(connection, key=ANA, learner=None, **fields):
        learner = learner or MembershipFactory(portal=connection.portal, **fields)
        ExternalIdentityFactory(connection=connection, membership=learner, external_id=key)
        return learner

    return make


@pytest.fixture
def learner(connection, link):
    """Somebody who has accepted and is linked to Ana's contact."""
    return link(connection)


@pytest.fixture
def enroll():
    """Enroll somebody in a course as the product does; return the enrollment."""

    def make(learner, course, **options):
        enrollments.enroll(course=course, membership_ids=[learner.pk], now=timezone.now(), **options)
        return learner.enrollments.get(course=course)

    return make


@pytest.fixture
def send(connection):
    """Send what is due."""

    def now(which=None):
        return push.carry_out((which or connection).pk, now=timezone.now(), seconds=30)

    return now


@pytest.fixture
def records(hub):
    """The records of the app object by enrollment key, with the names that we gave their properties."""

    def read(account=None, object_type=app.APP_OBJECT):
        prefix = f"a{app.APP_ID}_"
        kind = (account or hub).find_type(object_type)
        found = {}
        for record in kind:
            values = {name.removeprefix(prefix): value for name, value in record.properties.items()}
            found[values["enrollment_key"]] = values
        return found

    return read


@pytest.fixture
def shown_on(hub):
    """The keys of the records that a contact shows."""

    def read(contact=ANA, object_type=app.APP_OBJECT):
        kind = hub.find_type(object_type)
        name = next(name for name in kind.definitions if name.endswith("enrollment_key"))
        linked = hub.associations.of(hub.contacts.type_id, contact, kind.type_id)
        living = (kind.get(record_id) for record_id, _ in linked)
        return sorted(record.properties[name] for record in living if record)

    return read


@pytest.fixture
def calls(sandbox):
    """Count the calls whose path contains a text."""
    return lambda text: sum(text in call.path for call in sandbox.world.calls.newest(1000))


@pytest.fixture
def key():
    """The key of an enrollment's record."""
    return lambda enrollment: f"prt_{enrollment.membership.portal_id}:{enrollment.pk}"


@pytest.fixture
def push_of():
    """The row of the outbox for an enrollment."""
    return lambda enrollment: ProgressPush.objects.get(enrollment_id=enrollment.pk)


@pytest.fixture
def due_again():
    """Let everything that waits be due now."""

    def make():
        ProgressPush.objects.filter(state__in=ProgressPush.OPEN).update(next_try_at=timezone.now(), claimed_until=None)

    return make
