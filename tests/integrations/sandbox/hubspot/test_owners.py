"""Owners and the users of the provisioning API."""

import pytest

from tests.integrations.sandbox.hubspot.conftest import OWNERS

LOGINS = "/settings/users/2026-03"


class TestOwners:
    def test_come_in_pages(self, app, account):
        first = app.get(OWNERS, limit=6).json()
        second = app.get(OWNERS, limit=6, after=first["paging"]["next"]["after"]).json()

        ids = [one["id"] for one in (*first["results"], *second["results"])]
        assert len(set(ids)) == len(ids) == 10
        assert "paging" not in second

    def test_who_were_removed_are_listed_apart(self, app):
        [gone] = app.get(OWNERS, archived="true").json()["results"]

        assert gone["userId"] is None
        assert gone["userIdIncludingInactive"]
        assert app.get(f"{OWNERS}/{gone['id']}").status_code == 404
        assert app.get(f"{OWNERS}/{gone['id']}", archived="true").status_code == 200

    def test_are_found_by_address_and_by_the_id_of_their_login(self, app, account):
        [found] = app.get(OWNERS, email=account.admin.email.upper()).json()["results"]

        assert app.get(f"{OWNERS}/{account.admin.id}", idProperty="userId").json() == found
        assert app.get(f"{OWNERS}/{account.admin.id}").status_code == 404

    @pytest.mark.parametrize("query", [{"limit": 501}, {"after": "no cursor"}])
    def test_refuse(self, app, query):
        assert app.get(OWNERS, **query).status_code == 400


class TestLogins:
    def test_leave_out_the_deactivated(self, app, account):
        logins = app.get(LOGINS).json()["results"]

        assert len(logins) == 11
        assert sum(one["superAdmin"] for one in logins) == 1

    def test_are_found_by_id_and_address(self, app, account):
        by_id = app.get(f"{LOGINS}/{account.admin.id}").json()
        by_address = app.get(f"{LOGINS}/{account.admin.email}", idProperty="EMAIL").json()

        assert by_id == by_address
        assert app.get(f"{LOGINS}/1").status_code == 404

    def test_can_be_read_with_either_scope(self, app, hubspot):
        hubspot.withdraw_scope("settings.users.read")
        either = app.get(LOGINS).status_code
        hubspot.withdraw_scope("crm.objects.users.read")

        assert (either, app.get(LOGINS).status_code) == (200, 403)

    def test_have_teams(self, app):
        teams = app.get(f"{LOGINS}/teams").json()["results"]

        assert {one["name"] for one in teams} == {"Sales", "Support"}
