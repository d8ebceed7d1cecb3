"""Everyone can use the pages: axe finds nothing serious on any of them, in light and in dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from integrations.sync import mails
from portals.models import Course, CustomField, Group
from tests.e2e.conftest import ADMIN
from tests.flows.conftest import PASSWORD, link_in
from users import grouping, second_factors
from users import tasks as user_tasks
from users.models import Membership, PendingUser, User

SERIOUS = {"serious", "critical"}
GUSTO = "/admin/settings/integrations/gusto/"
# In the dark only the colours are others.
SCHEMES = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}


@pytest.fixture
def inspect(page, portal):
    """Open paths one after the other and return what is wrong on each, in both colour schemes."""

    def look(paths):
        found = []
        for scheme, options in SCHEMES.items():
            page.emulate_media(color_scheme=scheme)
            for path in paths:
                answer = page.goto(portal.url(path))
                assert answer.status in {200, 410}, path
                found += findings(f"{path} ({scheme})", Axe().run(page, options=options))
        return found

    return look


def findings(where, results):
    """Return a line for each serious finding: where, what, and the first element."""
    return [
        f"{where}: {found['id']}: {len(found['nodes'])}x {found['nodes'][0]['html'][:200]}"
        for found in results.response["violations"]
        if found["impact"] in SERIOUS
    ]


class TestSettingsPages:
    def test_before_the_first_consent(self, inspect, sign_in, page):
        sign_in(page)

        assert inspect(["/admin/settings/integrations/", GUSTO]) == []

    def test_once_connected_and_synced(self, inspect, sign_in, page, synced):
        sign_in(page)
        run = f"runs/{synced.runs.get().pk}/"

        pages = ["", "disconnect/", "mapping/", "invites/", "scope/", "people/", "runs/", run, f"{run}?show=skipped"]
        assert inspect(["/admin/settings/integrations/", *(f"{GUSTO}{path}" for path in pages)]) == []


class TestAdminPages:
    def test_of_people(self, inspect, sign_in, page, portal, synced):
        sign_in(page)
        waiting = PendingUser.objects.filter(portal=portal, status="pending").first()
        admin = Membership.objects.get(portal=portal, role="admin")

        assert (
            inspect(
                [
                    "/admin/",
                    "/admin/users/membership/",
                    f"/admin/users/membership/{admin.pk}/change/",
                    "/admin/users/membership/add/",
                    "/admin/users/pendinguser/",
                    f"/admin/users/pendinguser/{waiting.pk}/change/",
                    "/admin/users/auditentry/",
                ]
            )
            == []
        )

    def test_of_what_an_admin_defines(self, inspect, sign_in, page, portal):
        sign_in(page)
        group = Group.objects.get(portal=portal, title="Sales")
        course = Course.objects.filter(portal=portal).first()
        department = CustomField.objects.get(portal=portal, label="Department")

        assert (
            inspect(
                [
                    "/admin/portals/group/",
                    f"/admin/portals/group/{group.pk}/change/",
                    "/admin/portals/course/",
                    f"/admin/portals/course/{course.pk}/change/",
                    "/admin/portals/customfield/",
                    "/admin/portals/customfield/add/",
                    f"/admin/portals/customfield/{department.pk}/change/",
                    f"/admin/portals/dynamicrule/{group.rule.pk}/change/",
                    f"/admin/portals/portal/{portal.pk}/change/",
                ]
            )
            == []
        )


class TestSecurityPages:
    def test_of_an_admin_who_sets_up_a_second_factor(self, inspect, sign_in, page, portal):
        sign_in(page)
        second_factors.begin(User.objects.get(email=ADMIN))

        assert inspect(["/security/", "/password/", "/second-factor/", "/second-factor/begin/"]) == []


class TestLearnersPages:
    def test_before_signing_in(self, inspect, portal, synced, smtp):
        mails.release(mails.held(synced.runs.get()), now=timezone.now())
        user_tasks.send_invitations()
        path = "/" + link_in(smtp[0]).partition("//")[2].partition("/")[2]

        assert inspect(["/sign-in/", "/password/forgot/", path, "/invitation/nonsense/"]) == []

    def test_of_someone_with_courses(self, inspect, sign_in, page, portal, synced):
        maya = User.objects.get(email="maya@harborpine.example")
        maya.set_password(PASSWORD)
        maya.save()
        learner = maya.memberships.get()
        learner.status = "active"
        learner.save()
        grouping.regroup(portal_id=portal.pk, membership_ids=[learner.pk], now=timezone.now())
        sign_in(page, maya.email, PASSWORD)

        assert inspect(["/", f"/courses/{learner.enrollments.first().pk}/", "/profile/"]) == []
