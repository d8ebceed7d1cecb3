"""Undoing a run from a terminal."""

import json

import pytest
from django.core.management import CommandError, call_command

from integrations.models import ExternalIdentity
from tests.factories.integrations import ConnectionFactory, PlannedChangeFactory, SyncRunFactory
from tests.factories.users import MembershipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner():
    """Somebody whose name a run changed."""
    return MembershipFactory(user__last_name="Lund")


@pytest.fixture
def line(learner):
    """What that run did."""
    connection = ConnectionFactory(portal=learner.portal)
    return PlannedChangeFactory(
        run=SyncRunFactory(connection=connection),
        membership_id=learner.pk,
        before={"last_name": "Okafor"},
        after={"last_name": "Lund"},
        trace={"last_name": ["Okafor", "Lund"]},
    )


def undo(capsys, *arguments):
    """Return the exit code and what was printed."""
    code = 0
    try:
        call_command("undo", "--json", *arguments)
    except SystemExit as end:
        code = end.code
    return code, json.loads(capsys.readouterr().out)


class TestUndo:
    def test_takes_back_and_reports(self, learner, line, capsys):
        ExternalIdentity.objects.create(
            connection=line.run.connection,
            external_id=line.external_id,
            membership=learner,
            state="linked",
            digest=b"",
        )

        code, report = undo(capsys, "--run", str(line.run_id))

        learner.user.refresh_from_db()
        assert (code, learner.user.last_name) == (0, "Okafor")
        assert (report["state"], report["taken_back"], report["left"]) == ("completed", 1, 0)
        assert ExternalIdentity.objects.get().rejected == {"update": {"last_name": "Lund"}}

    def test_tells_that_something_was_left(self, learner, line, capsys):
        learner.user.last_name = "Winter"
        learner.user.save(update_fields=["last_name"])

        code, report = undo(capsys, "--run", str(line.run_id))

        assert (code, report["left"]) == (3, 1)

    def test_changes_nothing_the_second_time(self, line, capsys):
        first = undo(capsys, "--run", str(line.run_id))

        assert undo(capsys, "--run", str(line.run_id)) == first

    def test_gives_back_access_only(self, line):
        with pytest.raises(CommandError, match="ended nobody’s access"):
            call_command("undo", "--run", str(line.run_id), "--access-only")

    def test_is_wrongly_used_without_such_a_run(self):
        with pytest.raises(CommandError) as refusal:
            call_command("undo", "--run", "999999")
        assert refusal.value.returncode == 2

    def test_says_why_a_preview_cannot_be_undone(self):
        run = SyncRunFactory(trigger="preview")

        with pytest.raises(CommandError, match="changes nothing"):
            call_command("undo", "--run", str(run.pk))
