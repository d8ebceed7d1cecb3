"""Download all user data: at once for a small portal, by a job with progress for a large one."""

import csv
import io

import pytest

from tests.factories.portals import CustomFieldFactory
from tests.factories.users import MembershipFactory
from users.admin import exports

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def staff(portal):
    """Everyone of the portal: one is pending, one has a name that a spreadsheet could take for a formula."""
    office = CustomFieldFactory(portal=portal, label="Office")
    MembershipFactory(portal=portal, user__email="maya@harborpine.example", custom_data={office.key: "Porto"})
    MembershipFactory(portal=portal, user__email="noor@harborpine.example", status="pending")
    MembershipFactory(portal=portal, user__email="eve@harborpine.example", user__first_name="=1+1", status="ended")


def table(page):
    return {row["Email"]: row for row in csv.DictReader(io.StringIO(page.source.removeprefix("\ufeff"), newline=""))}


@pytest.mark.usefixtures("staff")
class TestDownloadOfUserData:
    def test_holds_everyone_pending_people_and_custom_user_data(self, admin):
        page = admin.open("/admin/users/membership/").follow("Download user data")
        assert "All 4 people, whether enabled, disabled or pending" in page.words

        rows = table(page.press("Download"))

        assert len(rows) == 4
        assert rows["maya@harborpine.example"]["Office"] == "Porto"
        assert rows["noor@harborpine.example"]["Status"] == "Pending"
        assert rows["eve@harborpine.example"]["First name"] == "'=1+1"

    def test_holds_what_the_list_shows(self, admin):
        page = admin.open("/admin/users/membership/?status=ended").follow("Download user data")

        assert list(table(page.press("Download"))) == ["eve@harborpine.example"]

    def test_is_made_in_the_background_for_a_large_portal(self, admin, monkeypatch):
        monkeypatch.setattr(exports, "AT_ONCE", 2)

        page = admin.open("/admin/users/membership/").follow("Download user data").press("Download")

        assert "Deleted on" in page.words
        assert len(table(page.follow("Download the file"))) == 4
