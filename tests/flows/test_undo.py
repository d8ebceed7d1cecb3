"""A sync that went wrong: its run is undone, or only the access that it ended is given back."""

from datetime import timedelta

import pytest

from users.models import Membership

from .conftest import GUSTO, sync, sync_and_release_now, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def wrong(admin, connection, world, today, after_an_hour):
    """The page of a run that followed three mistakes of HR: a name, a termination, a person twice."""
    sync_and_release_now(connection)
    world.rename("Maya Okafor", "Maya", "Lund")
    world.terminate("Wei Zhang", today - timedelta(days=2))
    world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
    after_an_hour(connection)
    return admin.open(f"{GUSTO}runs/{sync_now(connection).pk}/")


class TestUndo:
    def test_asks_with_numbers_and_leaves_everyone_as_they_were(self, wrong, people):
        question = wrong.follow("Undo this run").words
        assert "1 change of values" in question
        assert "1 person gets back the access" in question
        assert "Whoever has been changed since is left as they are and listed." in question

        page = wrong.press("Undo this run").words

        assert "3 Taken back" in page
        assert "People read" not in page
        assert people("Maya Okafor").user.last_name == "Okafor"
        assert people("Wei Zhang").status == "pending"
        assert people("Noor Ahmadi").status == "ended"

    def test_lists_what_was_changed_since(self, wrong, people):
        maya = people("Maya Lund").user
        maya.last_name = "Winter"
        maya.save(update_fields=["last_name"])

        page = wrong.follow("Undo this run").press("Undo this run").words

        assert "1 Left as it is" in page
        assert "has been changed in the meantime, so it was left as it is" in page
        assert people("Maya Winter")

    def test_is_not_done_again_by_the_next_sync(self, wrong, people, connection, after_an_hour):
        wrong.follow("Undo this run").press("Undo this run")
        after_an_hour(connection)

        sync_now(connection)

        assert people("Maya Okafor")
        assert people("Wei Zhang").status == "pending"

    def test_happens_once(self, wrong):
        run = wrong.path
        wrong.follow("Undo this run").press("Undo this run")

        page = wrong.open(run)

        assert "This run was undone." in page.words
        assert not page.has_button("Undo this run")
        assert "Undo this run" not in page.words

    def test_gives_back_only_the_access_that_the_run_ended(self, wrong, people):
        wrong.follow("Restore everyone whose access this run ended").press("Give access back")

        assert people("Wei Zhang").status == "pending"
        assert people("Maya Lund")

    def test_of_the_first_sync_removes_everyone_again(self, admin, connection):
        page = sync(admin).follow("Undo this run")
        assert "18 people whom this run added are removed" in page.words
        assert "18 mails that have not been sent vanish." in page.words

        page.press("Undo this run", typed="18")

        assert not Membership.objects.learners().exists()
