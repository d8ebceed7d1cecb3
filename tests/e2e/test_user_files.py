"""Download and upload of users in a browser."""

import csv

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import inspected, inspected_here
from tests.factories.users import MembershipFactory
from tests.workers import forget_tasks
from users.admin import exports

LIST = "/admin/users/membership/"


@pytest.fixture
def maya(portal):
    return MembershipFactory(portal=portal, user__email="maya@example.com", user__first_name="Maya")


def rows_of(download):
    with open(download.path(), encoding="utf-8-sig", newline="") as file:
        return {row["Email"]: row for row in csv.DictReader(file)}


class TestDownload:
    def test_is_a_file_with_everyone(self, page, sign_in, portal, maya):
        sign_in(page)
        page.goto(portal.url(LIST))
        page.get_by_role("link", name="Download user data").click()

        with page.expect_download() as caught:
            page.get_by_role("button", name="Download", exact=True).click()

        assert caught.value.suggested_filename.endswith(".csv")
        assert rows_of(caught.value)["maya@example.com"]["First name"] == "Maya"

    def test_of_a_large_portal_is_made_while_one_watches(
        self, page, sign_in, portal, maya, start_worker, smtp, monkeypatch
    ):
        monkeypatch.setattr(exports, "AT_ONCE", 0)
        forget_tasks()
        start_worker()
        sign_in(page)
        page.goto(portal.url(f"{LIST}export/"))
        page.get_by_role("button", name="Download", exact=True).click()

        expect(page.get_by_role("link", name="Download the file")).to_be_visible()
        page.reload()
        with page.expect_download() as caught:
            page.get_by_role("link", name="Download the file").click()

        assert "maya@example.com" in rows_of(caught.value)


class TestUpload:
    def test_is_shown_before_it_happens(self, page, sign_in, portal, maya, start_worker, smtp):
        forget_tasks()
        start_worker()
        sign_in(page)
        page.goto(portal.url(f"{LIST}import/"))
        content = b"email,firstname\nmaya@example.com,Mia\nnonsense,X\n"
        file = {"name": "people.csv", "mimeType": "text/csv", "buffer": content}
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_label("Update people who are in the portal already").check()
        page.get_by_role("button", name="Show what would happen").click()

        expect(page.get_by_text("1 person is changed.")).to_be_visible()
        expect(page.get_by_text("“nonsense” is no e-mail address.")).to_be_visible()
        assert inspected_here(page, "preview") == []
        page.get_by_role("button", name="Carry it out").click()

        expect(page.locator("#rows").get_by_text("Done")).to_be_visible()
        maya.user.refresh_from_db()
        assert maya.user.first_name == "Mia"

    def test_pages_are_accessible(self, page, sign_in, portal):
        sign_in(page)

        found = []
        for path in (f"{LIST}import/", f"{LIST}export/", "/admin/users/bulkjob/"):
            found += inspected(page, portal.url(path))

        assert found == []
