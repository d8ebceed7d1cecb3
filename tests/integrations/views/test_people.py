"""People not taken over."""

import csv
import io
from http import HTTPStatus

import pytest

from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from users.models import AuditEntry

from .conftest import ROOT, text_of

PAGE = f"{ROOT}gusto/people/"


@pytest.fixture
def people(connection):
    def person(first_name, last_name, reason, state="skipped"):
        snapshot = {"first_name": first_name, "last_name": last_name, "work_email": f"{first_name}@harbor.example"}
        ExternalIdentityFactory(connection=connection, state=state, reason=reason, snapshot=snapshot)

    person("Maya", "Okafor", "", state="linked")
    person("Ines", "Duarte", "inactive")
    person("Tom", "Reyes", "no_email")
    ExternalIdentityFactory(connection=connection, state="failed", reason="could_not_be_saved", external_id="broken-1")


@pytest.mark.usefixtures("people")
class TestNotTakenOverPage:
    def test_lists_who_is_not_linked_with_reason_and_advice(self, portal_admin):
        page = text_of(portal_admin.get(PAGE))

        assert "Maya" not in page
        assert "Ines Duarte Ines@harbor.example" in page
        assert "The person is inactive in the connected system. Nothing to do." in page
        assert "Name unknown Gusto id broken-1" in page
        assert "All reasons (3)" in page

    def test_filters_by_reason(self, portal_admin):
        page = text_of(portal_admin.get(PAGE, {"reason": "no_email"}))

        assert "Tom Reyes" in page
        assert "Ines Duarte" not in page

    def test_searches(self, portal_admin):
        assert "Tom Reyes" not in text_of(portal_admin.get(PAGE, {"q": "duar"}))
        assert "broken-1" in text_of(portal_admin.get(PAGE, {"q": "broken-1"}))
        assert "Nobody fits." in text_of(portal_admin.get(PAGE, {"q": "zzz", "reason": "\0", "page": "x"}))

    def test_never_lists_people_of_another_portal(self, portal_admin):
        other = ConnectionFactory(external_account_id="c2")
        ExternalIdentityFactory(connection=other, state="skipped", external_id="elsewhere-1")

        assert "elsewhere-1" not in text_of(portal_admin.get(PAGE))

    def test_costs_the_same_for_any_number_of_people(self, connection, queries):
        before = queries(PAGE)
        ExternalIdentityFactory.create_batch(40, connection=connection, state="skipped", reason="left")

        assert queries(PAGE) == before <= 10


class TestEmptyList:
    def test_says_so(self, portal_admin, connection):
        response = portal_admin.get(PAGE)

        assert response.status_code == HTTPStatus.OK
        assert "Everyone is taken over, or there has been no sync yet." in text_of(response)


@pytest.mark.usefixtures("people")
class TestNotTakenOverDownload:
    def test_holds_what_the_page_lists(self, portal_admin, admin):
        response = portal_admin.get(f"{PAGE}csv/", {"reason": "inactive"})

        body = b"".join(response.streaming_content).decode("utf-8-sig")
        header, row = csv.reader(io.StringIO(body, newline=""))
        assert header[:3] == ["First name", "Last name", "E-mail"]
        assert row[:3] == ["Ines", "Duarte", "Ines@harbor.example"]
        assert AuditEntry.objects.get(action="people_exported").actor_id == admin.pk
