"""How the installation is: facts, what they mean, and where one can ask."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone

from config.servers import free_port
from integrations import health, tasks
from integrations.engine.care import Trouble
from integrations.health import Broken, Facts, collect, judge
from integrations.models import Heartbeat
from tests.factories.integrations import ConnectionFactory, SyncRunFactory
from tests.factories.users import AdminFactory, InvitationFactory, OperatorFactory
from tests.workers import forget_tasks

MINUTE = timedelta(minutes=1)
WELL = {"heartbeat_age": MINUTE / 2}
BROKEN = Broken("Harbor", "Gusto", Trouble.SILENT, "https://harbor.example.com/", None)


def wrong(**facts):
    return {check.key: check for check in judge(Facts(**{**WELL, **facts})) if not check.is_ok}


@pytest.fixture
def no_broker(settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"


class TestJudge:
    @pytest.mark.parametrize(
        ("facts", "keys"),
        [
            ({}, set()),
            ({"has_database": False}, {"database"}),
            ({"has_database": False, "has_redis": False}, {"database", "redis"}),
            ({"has_redis": False}, {"redis"}),
            ({"heartbeat_age": None}, {"workers"}),
            ({"heartbeat_age": 2 * MINUTE}, set()),
            ({"heartbeat_age": 2.1 * MINUTE}, {"workers"}),
            ({"oldest_run_age": 9 * MINUTE, "oldest_mail_age": 9 * MINUTE}, set()),
            ({"oldest_run_age": 11 * MINUTE}, {"syncs"}),
            ({"oldest_mail_age": 11 * MINUTE}, {"mail"}),
            ({"stuck_mails": 3}, {"mail"}),
            ({"stuck_mails": 3, "has_sent_mail_lately": True}, set()),
            ({"broken": [BROKEN]}, {"connections"}),
        ],
    )
    def test_finds(self, facts, keys):
        assert set(wrong(**facts)) == keys

    @pytest.mark.parametrize(
        ("waiting", "advice"),
        [
            (None, "Start Redis first: jobs travel through it."),
            (0, "No job waits: start beat, which sends them."),
            (7, "7 jobs wait: start a worker, or more of them."),
        ],
    )
    def test_tells_a_dead_scheduler_from_dead_workers(self, waiting, advice):
        assert wrong(heartbeat_age=None, waiting_jobs=waiting)["workers"].advice == advice


@pytest.mark.django_db
class TestCollect:
    def test_sees_a_job_that_went_through(self):
        tasks.beat_heart()
        tasks.beat_heart()

        assert Heartbeat.objects.count() == 1
        assert collect(timezone.now()).heartbeat_age < MINUTE

    def test_sees_silence_without_any_scheduler(self):
        long_ago, now = timezone.now() - timedelta(days=9), timezone.now()
        silent = ConnectionFactory(connected_at=long_ago, last_complete_sync_at=now - timedelta(hours=37))
        ConnectionFactory(connected_at=long_ago, last_complete_sync_at=now - timedelta(hours=35))
        ConnectionFactory(connected_at=now, last_complete_sync_at=now - timedelta(days=5))
        ConnectionFactory(connected_at=long_ago, state="disconnected")

        facts = collect(now)

        assert [(one.portal, one.trouble) for one in facts.broken] == [(silent.portal.name, "silent")]
        assert facts.connections == 3

    def test_sees_what_waits(self):
        now = timezone.now()
        SyncRunFactory(state="queued", created_at=now - timedelta(minutes=30))
        InvitationFactory(state="scheduled", next_try_at=now - timedelta(minutes=20))
        InvitationFactory(state="scheduled", next_try_at=now + timedelta(minutes=20), tries=3)

        facts = collect(now)

        assert (facts.oldest_run_age, facts.oldest_mail_age) == (30 * MINUTE, 20 * MINUTE)
        assert (facts.stuck_mails, facts.has_sent_mail_lately) == (1, False)

    def test_goes_on_without_the_broker(self, no_broker):
        facts = collect(timezone.now())

        assert (facts.has_database, facts.has_redis) == (True, False)

    def test_goes_on_without_the_database(self, monkeypatch):
        def fail(*args):
            raise DatabaseError

        monkeypatch.setattr(health, "_stored_facts", fail)
        monkeypatch.setattr(health.connection, "close", lambda: None)

        assert collect(timezone.now()).has_database is False

    def test_costs_the_same_for_any_number_of_connections(self, django_assert_num_queries):
        ConnectionFactory(state="needs_reconnecting")
        with django_assert_num_queries(11):
            collect(timezone.now())
        ConnectionFactory.create_batch(5, state="needs_reconnecting")

        with django_assert_num_queries(11):
            collect(timezone.now())


@pytest.mark.django_db
class TestReport:
    @pytest.fixture(autouse=True)
    def running(self):
        tasks.beat_heart()

    def test_says_only_how_it_is_to_strangers(self, portal_client):
        answer = portal_client(None).get("/health/")

        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        ConnectionFactory(state="needs_reconnecting")
        answer = portal_client(None).get("/health/")
        assert (answer.status_code, answer.json()) == (503, {"status": "wrong"})

    def test_says_only_how_it_is_to_a_portals_admin(self, portal_client):
        admin = AdminFactory()

        for host in (admin.portal, None):
            assert portal_client(host, admin.user).get("/health/").json() == {"status": "ok"}

    def test_tells_operators_what_is_wrong(self, portal_client):
        broken = ConnectionFactory(state="needs_reconnecting")

        answer = portal_client(None, OperatorFactory()).get("/health/").json()

        assert answer["checks"]["workers"]["ok"] is True
        assert answer["checks"]["connections"]["ok"] is False
        assert answer["connections"][0]["portal"] == broken.portal.name

    def test_tells_whoever_has_the_token(self, portal_client, settings):
        def ask(token):
            return portal_client(None).get("/health/", headers={"Authorization": f"Bearer {token}"}).json()

        assert "checks" not in ask("")
        settings.HEALTH_TOKEN = "a long random text"
        assert "checks" in ask("a long random text")
        assert "checks" not in ask("another text")
        assert "checks" not in ask("")


@pytest.mark.django_db
class TestPage:
    def test_says_what_is_wrong_and_what_to_do(self, portal_client):
        forget_tasks()
        broken = ConnectionFactory(state="quarantined", quarantine="emptied")

        page = portal_client(None, OperatorFactory()).get("/admin/health/").content.decode()

        assert "No job has ever gone through." in page
        assert "start beat" in page
        assert broken.portal.name in page
        assert "The list of people was empty, although there were people before." in page

    def test_says_that_all_is_well(self, portal_client):
        tasks.beat_heart()

        assert "All is well" in portal_client(None, OperatorFactory()).get("/admin/health/").content.decode()

    def test_is_for_operators(self, portal_client):
        admin = AdminFactory()

        assert portal_client(None).get("/admin/health/").url == "/sign-in/?next=/admin/health/"
        assert portal_client(admin.portal, admin.user).get("/admin/health/").status_code == 404
        assert portal_client(admin.portal, OperatorFactory()).get("/admin/health/").status_code == 404

    def test_is_reached_from_the_first_page(self, portal_client):
        page = portal_client(None, OperatorFactory()).get("/admin/").content.decode()

        assert "/admin/health/" in page


@pytest.mark.django_db
class TestCheckHealth:
    def test_ends_with_0_when_all_is_well(self, capsys):
        tasks.beat_heart()

        call_command("check_health")

        assert "ok    Workers and scheduler" in capsys.readouterr().out

    def test_ends_with_1_and_says_why(self, capsys):
        ConnectionFactory(state="needs_reconnecting")

        with pytest.raises(SystemExit) as end:
            call_command("check_health")

        said = capsys.readouterr().out
        assert end.value.code == 1
        assert "WRONG Workers and scheduler: No job has ever gone through." in said
        assert "Gusto: The other system no longer accepts the consent that was given." in said

    def test_speaks_json(self, capsys):
        with pytest.raises(SystemExit):
            call_command("check_health", "--json")

        report = json.loads(capsys.readouterr().out)
        assert report["status"] == "wrong"
        assert report["checks"]["database"]["ok"] is True
