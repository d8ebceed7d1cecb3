"""Of someone who is deleted for good, nothing stays that names them."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.signals import pre_delete
from django.utils import timezone

from integrations.engine.changes import Reason
from integrations.models import ExternalIdentity, Tombstone
from tests.factories.portals import GroupFactory, PortalFactory, RealmFactory
from tests.factories.users import AdminFactory, MembershipFactory
from tests.furnished import furnished_portal
from users import audit, erasure
from users.models import AuditEntry, DeletionRequest, GroupMembership, Membership, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    """A portal with an admin, and a member with every kind of record."""
    made = furnished_portal("Harbor", realm=RealmFactory())
    made.member.user.first_name, made.member.user.last_name = "Maya", "Okafor"
    made.member.user.email = "maya.okafor@harbor.test"
    made.member.user.save()
    made.change.person = "Maya Okafor <maya.okafor@harbor.test>"
    made.change.save()
    audit.record(portal=made.portal, action="learner_changed", object=made.member, after={"first_name": "Maya"})
    audit.record(
        portal=made.portal, action="group_changed", object=made.group, after={"member": {"added": ["Maya Okafor"]}}
    )
    return made


def stored_texts():
    """Return every row of our tables as text."""
    found = []
    with connection.cursor() as cursor:
        for app in ("portals", "users", "integrations"):
            for model in apps.get_app_config(app).get_models():
                cursor.execute(f"SELECT t::text FROM {model._meta.db_table} AS t")  # noqa: S608
                found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


class TestErase:
    def test_leaves_nothing_that_names_the_person(self, world):
        erasure.erase(membership=world.member)

        stored = stored_texts()
        for word in ("Maya", "Okafor", "maya.okafor"):
            assert word not in stored
        assert not User.objects.filter(pk=world.member.user_id).exists()
        assert not ExternalIdentity.objects.filter(pk=world.identity.pk).exists()

    def test_leaves_an_entry_that_says_so(self, world):
        erasure.erase(membership=world.member, actor=world.admin.user, reason="by_admin")

        entry = AuditEntry.objects.get(action="account_erased")
        assert (entry.object_id, entry.actor_id, entry.after) == (world.member.pk, world.admin.user_id, {})

    def test_leaves_digests_in_place_of_ids_and_addresses(self, world):
        erasure.erase(membership=world.member)

        assert Tombstone.objects.filter(portal=world.portal).count() == 2

    def test_does_not_touch_anyone_else(self, world):
        other = furnished_portal("Birch", realm=world.portal.realm)
        before = AuditEntry.objects.get(pk=other.audit_entry.pk).before

        erasure.erase(membership=world.member)

        assert AuditEntry.objects.get(pk=other.audit_entry.pk).before == before
        assert Membership.objects.filter(pk__in=[other.member.pk, world.waiting.pk]).count() == 2

    def test_reaches_the_portals_below_the_top_level_one(self, world):
        below = PortalFactory(realm=world.portal.realm, parent=world.portal)
        MembershipFactory(portal=below, user=world.member.user)

        erasure.erase(membership=world.member)

        assert not below.memberships.exists()

    def test_stays_local_below_the_top_level_portal(self, world):
        below = PortalFactory(realm=world.portal.realm, parent=world.portal)
        local = MembershipFactory(portal=below, user=world.member.user)

        erasure.erase(membership=local)

        assert Membership.objects.filter(pk=world.member.pk).exists()
        assert User.objects.get(pk=world.member.user_id).email == "maya.okafor@harbor.test"

    def test_never_takes_the_last_full_admin(self, world):
        AdminFactory(portal=world.portal, is_limited=True)

        with pytest.raises(erasure.LastFullAdmin):
            erasure.erase(membership=world.admin)

        assert Membership.objects.filter(pk=world.admin.pk).exists()


@pytest.mark.django_db(transaction=True)
class TestEraseMeanwhile:
    """Others are at work with the same person."""

    @pytest.fixture
    def aside(self):
        """Call a function in a thread of its own, with a connection of its own."""

        def carry_out(act):
            try:
                act()
            finally:
                connection.close()

        with ThreadPoolExecutor() as pool:
            yield lambda act: pool.submit(carry_out, act)

    def test_comes_before_what_is_added_while_it_deletes(self, world, aside):
        group, adding = GroupFactory(portal=world.portal), []

        def add(**_):
            rows = GroupMembership.objects
            row = {"membership": world.member, "group": group, "created_at": timezone.now()}
            adding.append(aside(lambda: rows.create(**row)))
            wait(adding, timeout=0.5)

        pre_delete.connect(add, sender=Membership)
        try:
            erasure.erase(membership=world.member)
        finally:
            pre_delete.disconnect(add, sender=Membership)

        assert isinstance(adding[0].exception(60), IntegrityError)
        assert not Membership.objects.filter(pk=world.member.pk).exists()

    def test_holds_nothing_that_those_need_for_whom_it_waits(self, world, aside):
        with transaction.atomic():
            Membership.objects.select_for_update().get(pk=world.member.pk)
            deletion = aside(lambda: erasure.erase(membership=world.member))
            wait([deletion], timeout=0.5)
            world.member.enrollments.update(percent=50)
        deletion.result(60)

        assert not Membership.objects.filter(pk=world.member.pk).exists()


class TestEraseDue:
    def test_waits_seven_days(self, world):
        now = timezone.now()
        erasure.ask(membership=world.member, actor=world.member.user, now=now)

        assert erasure.erase_due(now=now + timedelta(days=6, hours=23)) == 0
        assert erasure.erase_due(now=now + timedelta(days=7)) == 1
        assert erasure.erase_due(now=now + timedelta(days=7)) == 0

    def test_waits_for_another_admin(self, world):
        now, second = timezone.now(), AdminFactory(portal=world.portal)
        erasure.ask(membership=world.admin, actor=world.admin.user, now=now)
        Membership.objects.filter(pk=second.pk).update(status="ended")

        assert erasure.erase_due(now=now + timedelta(days=8)) == 0
        assert DeletionRequest.objects.exists()


class TestTheTrail:
    def test_refuses_to_be_changed(self, world):
        for write in (
            lambda: AuditEntry.objects.update(reason="nothing happened"),
            lambda: AuditEntry.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
                write()

    def test_is_cleared_by_age(self, world):
        now = timezone.now()
        old = AuditEntry.objects.create(portal=world.portal, at=now - timedelta(days=400), action="x", object_type="y")

        assert audit.forget_older(than=now - timedelta(days=365), batch=1) == 1

        assert not AuditEntry.objects.filter(pk=old.pk).exists()
        assert AuditEntry.objects.exists()


def test_the_reason_is_explained():
    from integrations import explanations  # noqa: PLC0415

    assert "deleted for good" in str(explanations.sentence(Reason.ERASED))
