"""Problems for HR: by cause, with people, to download, and gone once they are mended."""

import csv
import io
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from integrations import problems
from integrations.engine.changes import Reason
from tests.factories.integrations import (
    ConnectionFactory,
    ExternalIdentityFactory,
    PlannedChangeFactory,
    SyncRunFactory,
)
from tests.factories.users import InvitationFactory, MembershipFactory
from users.models import AuditEntry

from .conftest import ROOT, text_of

PAGE = f"{ROOT}gusto/problems/"


@pytest.fixture
def person(connection):
    """Make someone of the last snapshot."""

    def made(first_name, reason="", *, member=None, **fields):
        snapshot = {"first_name": first_name, "last_name": "Vale", "work_email": f"{first_name}@harbor.example"}
        snapshot |= fields.pop("snapshot", {})
        return ExternalIdentityFactory(
            connection=connection,
            state="linked" if member else "skipped",
            membership=member,
            reason=reason,
            snapshot=snapshot,
            **fields,
        )

    return made


@pytest.fixture
def learner(portal):
    return lambda **fields: MembershipFactory(portal=portal, **fields)


@pytest.fixture
def found(connection):
    """Return the open causes with their numbers."""
    return lambda: {one.cause: one.people for one in problems.open_problems(connection, timezone.now())}


class TestOpenProblems:
    def test_counts_people_whom_somebody_can_help(self, person, found):
        person("Tom", Reason.NO_EMAIL)
        person("Ada", Reason.NO_EMAIL)
        person("Ines", Reason.INACTIVE)

        assert found() == {"no_email": 2}

    def test_counts_refused_values_by_value(self, connection, person, learner):
        for first_name in ("Tom", "Ada"):
            flaws = [["department", "unknown_choice", "Space"]]
            person(first_name, member=learner(), flaws=flaws)
        person(
            "Ines", member=learner(), flaws=[["department", "unknown_choice", "Sea"], ["email", "email_taken", "x"]]
        )
        person("Bo", member=learner(), flaws=[["nickname", "characters_removed", "B"]])

        values, address = problems.open_problems(connection, timezone.now())

        assert (values.cause, values.people) == ("refused_value", 3)
        assert [(one.value, one.people) for one in values.values] == [("Space", 2), ("Sea", 1)]
        assert (address.cause, address.people) == ("address_not_followed", 1)

    def test_counts_impossible_dates(self, person, found, learner):
        person("Tom", member=learner(), flaws=[["hire_date", "not_a_date", "31.02.2026"]])

        assert found() == {"impossible_date": 1}

    def test_counts_managers_whom_nobody_knows(self, person, found, learner):
        boss = person("Ada", member=learner())
        person("Tom", member=learner(), snapshot={"manager_key": boss.external_id})
        person("Bo", member=learner(), snapshot={"manager_key": "gone"})
        person("Cy", member=learner(), snapshot={"manager_key": "gone", "status": "inactive"})

        assert found() == {"manager_missing": 1}

    def test_counts_people_with_access_who_were_not_listed(self, person, found, learner):
        person("Tom", member=learner(), times_missing=1)
        person("Ada", member=learner(status="ended"), times_missing=1)
        person("Bo", times_missing=4)

        assert found() == {"not_listed": 1}

    def test_counts_mails_that_failed(self, person, found, learner):
        waiting = learner(status="pending")
        InvitationFactory(membership=waiting, state="failed", failure="mailbox unknown")
        InvitationFactory(state="failed")
        person("Tom", member=waiting)

        assert found() == {"mail_failed": 1}

    def test_counts_changes_that_are_held(self, connection, person, found, learner):
        run = SyncRunFactory(connection=connection)
        tom = person("Tom", member=learner())
        for kind in ("end_access", "clear"):
            PlannedChangeFactory(run=run, external_id=tom.external_id, kind=kind, state="held")

        assert found() == {"held": 1}

    def test_forgets_what_was_held_too_long_ago(self, connection, person, found, learner):
        run = SyncRunFactory(connection=connection, created_at=timezone.now() - timedelta(days=2))
        PlannedChangeFactory(run=run, external_id=person("Tom", member=learner()).external_id, state="held")

        assert found() == {}

    @pytest.mark.parametrize("reason", Reason)
    def test_decides_on_every_reason(self, reason):
        as_it_should_be = {
            Reason.INACTIVE,
            Reason.LEFT,
            Reason.HIRE_DATE_AHEAD,
            Reason.REMOVED_BY_ADMIN,
            Reason.ENDED_BY_ADMIN,
            Reason.ERASED,
            Reason.SECOND_ADDRESS,
            Reason.DATA_DELETED,
            Reason.INVITATION_CANCELLED,
            # What an undo says of people.
            Reason.UNDONE,
            Reason.REMOVED_AGAIN,
            Reason.UNLINKED_AGAIN,
            Reason.ENDED_INSTEAD,
            Reason.MAIL_WAS_SENT,
            Reason.OUT_OF_SCOPE,
        }
        # Of lines of a run only, never of a person.
        of_runs = {
            Reason.MISSING,
            Reason.TOO_MANY_REMOVALS,
            Reason.ADDRESS_NOT_CONFIRMED,
            Reason.CHANGED_SINCE,
            Reason.READ_INCOMPLETE,
        }

        assert (reason in problems.REASONS) != (reason in as_it_should_be | of_runs)


class TestPeopleOf:
    @pytest.mark.parametrize("cause", problems.CAUSES)
    def test_finds_as_many_as_were_counted(self, connection, person, learner, cause):
        run = SyncRunFactory(connection=connection)
        tom = person("Tom", member=learner(), times_missing=1, snapshot={"manager_key": "gone"})
        PlannedChangeFactory(run=run, external_id=tom.external_id, kind="end_access", state="held")
        waiting = learner(status="pending")
        InvitationFactory(membership=waiting, state="failed")
        flaws = [["email", "email_taken", "x"], ["team", "too_long", "y"], ["start", "not_a_date", "z"]]
        person("Ada", member=waiting, flaws=flaws)
        for reason in problems.REASONS:
            person("Bo", reason)

        counted = {one.cause: one.people for one in problems.open_problems(connection, timezone.now())}

        assert problems.people_of(connection, cause, timezone.now()).count() == counted[cause] == 1


class TestProblemsPage:
    def test_says_what_is_wrong_with_whom_and_where_to_mend_it(self, portal_admin, person, learner):
        person("Tom", Reason.NO_EMAIL)
        person("Ada", member=learner(), flaws=[["department", "unknown_choice", "Space"]])

        page = text_of(portal_admin.get(PAGE))

        assert "The person has no e-mail address that may be used. 1 person" in page
        assert "Department: “Space” This value is not among the choices of the field." in page
        assert "Add the missing choice or an alias under “Map your data”" in page

    def test_closes_an_item_when_its_cause_is_gone(self, portal_admin, connection, person):
        tom = person("Tom", Reason.NO_EMAIL)
        connection.last_complete_sync_at = timezone.now()
        connection.save()
        assert "There are no open problems" not in text_of(portal_admin.get(PAGE))

        tom.reason, tom.state = "", "linked"
        tom.save()

        assert "There are no open problems" in text_of(portal_admin.get(PAGE))

    def test_says_that_nothing_is_known_before_the_first_sync(self, portal_admin, connection):
        assert "Nothing is known yet" in text_of(portal_admin.get(PAGE))

    def test_never_counts_people_of_another_portal(self, portal_admin, connection):
        other = ConnectionFactory(external_account_id="c2")
        ExternalIdentityFactory(connection=other, state="skipped", reason="no_email")

        assert "Nothing is known yet" in text_of(portal_admin.get(PAGE))

    def test_costs_the_same_for_any_number_of_people(self, connection, queries):
        before = queries(PAGE)
        for reason in problems.REASONS:
            flaws = [["department", "unknown_choice", reason.value]]
            ExternalIdentityFactory.create_batch(5, connection=connection, state="skipped", reason=reason, flaws=flaws)

        assert queries(PAGE) <= before + 1 <= 16


class TestProblemPage:
    def test_lists_the_people_with_what_is_wrong(self, portal_admin, person, learner):
        person("Ada", member=learner(), flaws=[["department", "unknown_choice", "Space"]])
        person("Tom", Reason.NO_EMAIL)

        page = text_of(portal_admin.get(f"{PAGE}refused_value/"))

        assert "Ada Vale" in page
        assert "Department: “Space”" in page
        assert "Tom Vale" not in page

    def test_narrows_to_one_value(self, portal_admin, person, learner):
        person("Ada", member=learner(), flaws=[["department", "unknown_choice", "Space"]])
        person("Tom", member=learner(), flaws=[["department", "unknown_choice", "Sea"]])

        page = text_of(portal_admin.get(f"{PAGE}refused_value/", {"attribute": "department", "value": "Sea"}))

        assert "Tom Vale" in page
        assert "Ada Vale" not in page

    def test_says_why_a_mail_failed(self, portal_admin, person, learner):
        waiting = learner(status="pending")
        InvitationFactory(membership=waiting, state="failed", failure="mailbox unknown")
        person("Tom", member=waiting)

        assert "mailbox unknown" in text_of(portal_admin.get(f"{PAGE}mail_failed/"))

    def test_says_that_nobody_is_concerned_any_more(self, portal_admin, connection):
        assert "Nobody is concerned any more." in text_of(portal_admin.get(f"{PAGE}held/"))

    @pytest.mark.parametrize("cause", ["inactive", "nonsense", "missing"])
    def test_knows_only_its_causes(self, portal_admin, connection, cause):
        for address in (f"{PAGE}{cause}/", f"{PAGE}{cause}/csv/"):
            assert portal_admin.get(address).status_code == HTTPStatus.NOT_FOUND

    def test_costs_the_same_for_any_number_of_people(self, connection, queries):
        before = queries(f"{PAGE}no_email/")
        ExternalIdentityFactory.create_batch(40, connection=connection, state="skipped", reason="no_email")

        assert queries(f"{PAGE}no_email/") <= before + 1 <= 12


class TestProblemDownload:
    def test_holds_what_the_page_lists(self, portal_admin, admin, person, learner):
        person("Ada", member=learner(), flaws=[["department", "unknown_choice", "=Space"]])
        person("Tom", Reason.NO_EMAIL)

        response = portal_admin.get(f"{PAGE}refused_value/csv/")

        body = b"".join(response.streaming_content).decode("utf-8-sig")
        header, row = csv.reader(io.StringIO(body, newline=""))
        assert header[:3] == ["First name", "Last name", "E-mail"]
        assert row[:2] == ["Ada", "Vale"]
        assert "Department: “=Space”" in row
        entry = AuditEntry.objects.get(action="people_exported")
        assert (entry.actor_id, entry.after) == (admin.pk, {"cause": "refused_value"})
