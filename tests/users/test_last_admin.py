"""A portal keeps a full admin whatever happens, also when two admins act at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.admin_pages import errors, page, save
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users import access, erasure, last_admin, provisioning, staff
from users.models import Membership, User

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
YESTERDAY = date(2026, 2, 28)


def end(*admins):
    """End the access of admins of one portal, as the admin pages and the syncs do."""
    provisioning.end_access(
        portal=admins[0].portal,
        endings=[provisioning.Ending(admin.pk, None) for admin in admins],
        by="admin",
        cause=provisioning.Cause(),
        now=NOON,
    )


def working(portal):
    return last_admin.full_admins(portal).count()


@pytest.mark.django_db
class TestTheLastFullAdmin:
    @pytest.fixture
    def admin(self):
        admin = AdminFactory()
        # None of them replaces a full admin.
        AdminFactory(portal=admin.portal, is_limited=True)
        AdminFactory(portal=admin.portal, status="ended")
        AdminFactory(portal=admin.portal, status="pending")
        AdminFactory(portal=admin.portal, user__is_active=False)
        MembershipFactory(portal=admin.portal, role="manager")
        AdminFactory()
        return admin

    def test_keeps_the_access(self, admin):
        with pytest.raises(last_admin.LastAdmin):
            end(admin)

    def test_keeps_the_access_on_the_last_day(self, admin):
        Membership.objects.filter(pk=admin.pk).update(last_day=YESTERDAY, ended_by="admin")

        access.end_access_after_last_day(now=NOON)

        assert working(admin.portal) == 1

    @pytest.mark.parametrize(("role", "is_limited"), [("learner", False), ("manager", False), ("admin", True)])
    def test_keeps_the_rights(self, admin, role, is_limited):
        with pytest.raises(last_admin.LastAdmin):
            staff.set_role(membership=admin, role=role, is_limited=is_limited)

    def test_is_not_deleted(self, admin):
        with pytest.raises(erasure.LastFullAdmin):
            erasure.erase(membership=admin)

    def test_may_be_let_go_once_there_is_another(self, admin):
        AdminFactory(portal=admin.portal)

        end(admin)

        assert working(admin.portal) == 1

    def test_is_not_let_go_together_with_the_other(self, admin):
        with pytest.raises(last_admin.LastAdmin):
            end(admin, AdminFactory(portal=admin.portal))

    def test_is_not_locked_out_by_an_operator(self, portal_client, admin):
        response = save(portal_client(None, OperatorFactory()), page(User, "change", admin.user.pk), is_active="")

        assert "last admin of the portal" in errors(response)
        admin.user.refresh_from_db()
        assert admin.user.is_active

    def test_of_a_sub_portal_may_go_while_the_top_level_portal_has_one(self, admin):
        below = AdminFactory(portal=PortalFactory(realm=admin.portal.realm, parent=admin.portal))

        end(below)

        assert working(below.portal) == 1

    def test_is_none_in_a_sub_portal_who_lost_the_access_above(self):
        top = PortalFactory()
        portal = PortalFactory(realm=top.realm, parent=top)
        admin, shut_out = AdminFactory(portal=portal), AdminFactory(portal=portal)
        MembershipFactory(portal=top, user=shut_out.user, status="ended")

        with pytest.raises(last_admin.LastAdmin):
            end(admin)


def demote(admin):
    staff.set_role(membership=admin, role="learner")


def erase(admin):
    erasure.erase(membership=admin)


def pass_last_day(admin):
    access.end_access_after_last_day(now=NOON)


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    @pytest.mark.parametrize("one", [end, demote, erase, pass_last_day])
    @pytest.mark.parametrize("other", [end, demote, erase])
    def test_leave_one(self, one, other):
        portal = PortalFactory()
        first, second = AdminFactory(portal=portal), AdminFactory(portal=portal)
        if one is pass_last_day:
            Membership.objects.filter(pk=first.pk).update(last_day=YESTERDAY)
        start = Barrier(2)

        def carry_out(act, admin):
            admin = Membership.objects.select_related("portal", "user").get(pk=admin.pk)
            start.wait(timeout=60)
            try:
                with transaction.atomic():
                    act(admin)
            except (last_admin.LastAdmin, erasure.LastFullAdmin):
                return "refused"
            finally:
                connection.close()
            return "done"

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(carry_out, (one, other), (first, second)))

        assert working(portal) == 1
        assert outcomes.count("refused") == (0 if one is pass_last_day and "refused" not in outcomes else 1)


@pytest.mark.django_db
class TestFullAdmins:
    def test_are_those_of_the_portal_and_of_the_one_above(self):
        top = PortalFactory()
        portal = PortalFactory(realm=top.realm, parent=top)
        above, here = AdminFactory(portal=top), AdminFactory(portal=portal)
        AdminFactory(portal=PortalFactory(realm=top.realm, parent=top))
        MembershipFactory(portal=portal, created_at=timezone.now())

        assert set(last_admin.full_admins(portal)) == {above, here}
        assert set(last_admin.full_admins(top)) == {above}
