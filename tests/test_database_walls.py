"""The database itself refuses relations between portals, whatever code writes them."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from integrations.models import Grant
from portals.models import GroupCourse, Portal
from tests.factories.portals import CourseFactory, PortalFactory, RealmFactory
from tests.factories.users import MembershipFactory, UserFactory
from tests.furnished import furnished_portal
from users.models import Enrollment, Membership

pytestmark = pytest.mark.django_db

APPS = ("portals", "users", "integrations", "hubspot")
# Who did or asked for something: an account of the realm or an operator, not a part of the row.
ACTORS = {"users.User"}
# Relations that cannot lead astray: the row only speaks of that one thing, or of nothing that belongs to a portal.
OWN = {"portals.Realm", *ACTORS}


@pytest.fixture
def realm():
    return RealmFactory()


@pytest.fixture
def ours(realm):
    return furnished_portal("Ours", realm=realm)


@pytest.fixture
def theirs(realm):
    return furnished_portal("Theirs", realm=realm)


def refused(write):
    with pytest.raises(IntegrityError, match=r"leads from one portal into another|stays with its owner"):  # noqa: SIM117
        with transaction.atomic():
            write()


def change(row, **fields):
    refused(lambda: type(row)._base_manager.filter(pk=row.pk).update(**fields))


def belongs_somewhere(model):
    """Whether rows of a model lead to a portal."""
    return model is Portal or any(
        belongs_somewhere(field.related_model)
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is not model and not field.null
    )


def relations_into_portals(model):
    return [
        field
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model._meta.label not in OWN and belongs_somewhere(field.related_model)
    ]


def walls():
    """Return the source of each wall by its table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgrelid::regclass::text, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE t.tgname LIKE 'wall\\_%\\_insert' AND t.tgenabled = 'O'"
        )
        return dict(cursor.fetchall())


class TestEveryModel:
    def test_with_two_ways_to_a_portal_is_walled(self):
        known, missing = walls(), []
        for app in APPS:
            for model in apps.get_app_config(app).get_models():
                relations = relations_into_portals(model)
                if model._meta.proxy or len(relations) < 2:
                    continue
                source = known.get(model._meta.db_table, "")
                missing += [f"{model._meta.label}.{one.name}" for one in relations if f"n.{one.column}" not in source]
        assert missing == []


class TestNewRows:
    def test_are_refused_when_they_lead_elsewhere(self, ours, theirs):
        now = timezone.now()
        for row in (
            GroupCourse(group=ours.group, course=theirs.course),
            Enrollment(membership=ours.member, course=theirs.course, enrolled_at=now),
            Enrollment(
                membership=ours.member,
                course=CourseFactory(portal=ours.portal),
                source_group=theirs.group,
                enrolled_at=now,
            ),
        ):
            refused(row.save)

    def test_are_refused_with_all_that_are_written_at_once(self, ours, theirs):
        rows = [
            Enrollment(membership=ours.admin, course=course, enrolled_at=timezone.now())
            for course in (CourseFactory(portal=ours.portal), theirs.course)
        ]

        refused(lambda: Enrollment.objects.bulk_create(rows))

        assert not ours.admin.enrollments.exists()

    def test_are_refused_for_an_account_of_another_realm(self, ours):
        stranger = UserFactory()

        refused(lambda: Membership.objects.create(portal=ours.portal, user=stranger, created_at=timezone.now()))

    def test_are_let_in_when_they_stay_in_the_portal(self, ours):
        course = CourseFactory(portal=ours.portal)

        Enrollment.objects.create(membership=ours.member, course=course, enrolled_at=timezone.now())

        assert course.enrollments.get().membership == ours.member


class TestChangedRows:
    def test_are_refused_when_they_lead_elsewhere(self, ours, theirs):
        change(ours.group_membership, group=theirs.group)
        change(ours.group_membership, membership=theirs.member)
        change(ours.enrollment, course=theirs.course)
        change(ours.enrollment, source_group=theirs.group)
        change(ours.group_course, course=theirs.course)
        change(ours.rule, base_group=theirs.base_group)
        change(ours.condition, custom_field=theirs.field)
        change(ours.mapping, custom_field=theirs.field)
        change(ours.identity, membership=theirs.member)

    def test_never_move_to_another_owner(self, ours, theirs):
        other_realm = RealmFactory()
        change(ours.portal, realm=other_realm)
        change(ours.member.user, realm=other_realm)
        for row in (ours.member, ours.group, ours.course, ours.field, ours.connection):
            change(row, portal=theirs.portal)

    def test_are_let_through_when_no_relation_changes(self, ours):
        ours.enrollment.percent = 50

        ours.enrollment.save()

        assert Enrollment.objects.get(pk=ours.enrollment.pk).percent == 50


class TestRealms:
    def test_are_not_crossed_by_sub_portals(self, ours):
        change(PortalFactory(), parent=ours.portal)

    def test_are_not_crossed_by_grants(self, ours):
        grant = Grant.objects.create(
            provider="gusto", realm=RealmFactory(), external_account_id="elsewhere", expires_at=timezone.now()
        )

        change(ours.connection, grant=grant)

    def test_hold_many_portals(self, ours, theirs):
        member = MembershipFactory(portal=theirs.portal, user=ours.member.user)

        assert member.portal.realm == ours.portal.realm
        assert isinstance(member, models.Model)
