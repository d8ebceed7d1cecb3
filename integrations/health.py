"""How the installation is: facts collected when somebody asks, and what they mean in words.

Nothing here depends on the scheduler or the workers, so that their silence shows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Min
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations import providers, rate_limits, troubles
from integrations.engine.care import Trouble
from integrations.models import Connection, Heartbeat, SyncRun
from integrations.sync import care
from users.models import Invitation, Notice

logger = logging.getLogger(__name__)

# A job must have gone from end to end within this time; beat sends one every thirty seconds.
LONGEST_ROUND_TRIP = timedelta(minutes=2)
# What is due must have been taken up by then.
LONGEST_WAIT = timedelta(minutes=10)
# Tries after which a mail is stuck, unless others leave.
MANY_TRIES = 3
LATELY = timedelta(hours=1)
QUEUES = ("default", "mail", "sync", "hubspot")
# The page is for people: whoever has more in trouble sees the first ones.
MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Broken:
    """A connection that needs somebody."""

    portal: str
    system: str
    trouble: Trouble
    url: str
    last_complete_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found; ages are None where there is nothing to have an age."""

    has_database: bool = True
    has_redis: bool = True
    heartbeat_age: timedelta | None = None
    # Messages that wait for a worker, None when the broker cannot be asked.
    waiting_jobs: int | None = 0
    oldest_run_age: timedelta | None = None
    oldest_mail_age: timedelta | None = None
    stuck_mails: int = 0
    has_sent_mail_lately: bool = False
    connections: int = 0
    broken: list[Broken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is well or not, in words, and what to do."""

    key: str
    label: str
    is_ok: bool
    words: str
    advice: str = ""


def collect(now: datetime) -> Facts:
    """Return the facts; asks database and broker, and no provider."""
    waiting_jobs = _waiting_jobs()
    try:
        # An error must not break a transaction of the caller's.
        with transaction.atomic():
            return _stored_facts(now, waiting_jobs)
    except DatabaseError:
        logger.warning("health: the database does not answer", exc_info=True)
        connection.close()
        return Facts(has_database=False, has_redis=waiting_jobs is not None, waiting_jobs=waiting_jobs)


def judge(facts: Facts) -> list[Check]:
    """Return what the facts mean, check by check."""
    if not facts.has_database:
        return [_database(facts), _broker(facts)]
    return [_database(facts), _broker(facts), _workers(facts), _syncs(facts), _mail(facts), _connections(facts)]


def is_well(checks: list[Check]) -> bool:
    """Whether nothing is wrong."""
    return all(check.is_ok for check in checks)


def as_json(facts: Facts, checks: list[Check]) -> dict[str, object]:
    """Return the report for programs."""
    return {
        "status": "ok" if is_well(checks) else "wrong",
        "checks": {check.key: {"ok": check.is_ok, "words": check.words} for check in checks},
        "connections": [
            {
                "portal": one.portal,
                "system": one.system,
                "trouble": one.trouble.value,
                "last_complete_at": one.last_complete_at.isoformat() if one.last_complete_at else None,
            }
            for one in facts.broken
        ],
    }


def _stored_facts(now: datetime, waiting_jobs: int | None) -> Facts:
    beat = Heartbeat.objects.filter(name=Heartbeat.WORKER).annotate(age=Now() - F("at")).first()
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED).aggregate(at=Min("created_at"))["at"]
    mails = [model.objects.filter(state=model.State.SCHEDULED) for model in (Invitation, Notice)]
    due = [moment for rows in mails if (moment := rows.aggregate(at=Min("next_try_at"))["at"]) and moment <= now]
    broken = care.in_trouble(now).select_related("portal").order_by("last_complete_sync_at", "pk")[:MOST_NAMED]
    return Facts(
        has_redis=waiting_jobs is not None,
        heartbeat_age=beat.age if beat else None,
        waiting_jobs=waiting_jobs,
        oldest_run_age=now - waiting if waiting else None,
        oldest_mail_age=now - min(due) if due else None,
        stuck_mails=sum(rows.filter(tries__gte=MANY_TRIES).count() for rows in mails),
        has_sent_mail_lately=Invitation.objects.filter(last_sent_at__gt=now - LATELY).exists(),
        connections=Connection.objects.exclude(state=Connection.State.DISCONNECTED).count(),
        broken=[_broken(one, now) for one in broken],
    )


def _broken(one: Connection, now: datetime) -> Broken:
    return Broken(
        portal=one.portal.name,
        system=providers.get(one.provider).label,
        trouble=care.trouble_of(one, now) or Trouble.SILENT,
        url=one.portal.url(f"/admin/settings/integrations/{one.provider}/"),
        last_complete_at=one.last_complete_sync_at,
    )


def _waiting_jobs() -> int | None:
    """Return how many messages no worker has taken, or None when the broker does not answer."""
    try:
        store = rate_limits.open_store(settings.REDIS_URL)
        return sum(int(store.llen(queue)) for queue in QUEUES)
    except redis.RedisError:
        logger.warning("health: the broker does not answer", exc_info=True)
        return None


def _database(facts: Facts) -> Check:
    if facts.has_database:
        return Check("database", _("Database"), True, _("It answers."))
    advice = _("Start PostgreSQL, or check DATABASE_URL. Nothing works without it; nothing is lost.")
    return Check("database", _("Database"), False, _("It does not answer."), advice)


def _broker(facts: Facts) -> Check:
    label = _("Redis (broker)")
    if facts.has_redis:
        return Check("redis", label, True, _("It answers."))
    advice = _("Start Redis or Valkey, or check REDIS_URL. Pages go on working; syncs and mails wait and then go on.")
    return Check("redis", label, False, _("It does not answer."), advice)


def _workers(facts: Facts) -> Check:
    label, age = _("Workers and scheduler"), facts.heartbeat_age
    if age is not None and age <= LONGEST_ROUND_TRIP:
        return Check("workers", label, True, _("A job went through within the last two minutes."))
    if age is None:
        words = _("No job has ever gone through.")
    else:
        words = _("The last job went through %(time)s ago.") % {"time": _in_words(age)}
    if facts.waiting_jobs is None:
        advice = _("Start Redis first: jobs travel through it.")
    elif facts.waiting_jobs:
        waiting = ngettext("%(count)s job waits", "%(count)s jobs wait", facts.waiting_jobs)
        advice = waiting % {"count": facts.waiting_jobs} + ": " + _("start a worker, or more of them.")
    else:
        advice = _("No job waits: start beat, which sends them.")
    return Check("workers", label, False, words, advice)


def _syncs(facts: Facts) -> Check:
    label, age = _("Syncs that wait"), facts.oldest_run_age
    if age is None or age <= LONGEST_WAIT:
        return Check("syncs", label, True, _("No sync has waited for long."))
    words = _("A sync has been waiting for %(time)s.") % {"time": _in_words(age)}
    return Check("syncs", label, False, words, _("Start a worker for the queue “sync”, or more of them."))


def _mail(facts: Facts) -> Check:
    label, age = _("Mail"), facts.oldest_mail_age
    if facts.stuck_mails and not facts.has_sent_mail_lately:
        words = ngettext(
            "%(count)s mail was tried in vain several times, and none left in the last hour.",
            "%(count)s mails were tried in vain several times, and none left in the last hour.",
            facts.stuck_mails,
        )
        advice = _("Check the mail server and EMAIL_URL. The mails are kept and tried again.")
        return Check("mail", label, False, words % {"count": facts.stuck_mails}, advice)
    if age is not None and age > LONGEST_WAIT:
        words = _("A mail has been due for %(time)s.") % {"time": _in_words(age)}
        return Check("mail", label, False, words, _("Start a worker for the queue “mail”, or more of them."))
    return Check("mail", label, True, _("No mail has waited for long."))


def _connections(facts: Facts) -> Check:
    label = _("Connections")
    if not facts.broken:
        words = ngettext("%(count)s connection, in order.", "%(count)s connections, all in order.", facts.connections)
        return Check("connections", label, True, words % {"count": facts.connections})
    count = len(facts.broken)
    words = ngettext("%(count)s of %(all)s needs somebody.", "%(count)s of %(all)s need somebody.", count)
    advice = _("See below which, and why. The admins of the portals were told by mail.")
    return Check("connections", label, False, words % {"count": count, "all": facts.connections}, advice)


def trouble_in_words(one: Broken) -> str:
    """Return what is wrong with a connection."""
    return str(troubles.sentence(one.trouble))


def _in_words(age: timedelta) -> str:
    now = timezone.now()
    return timesince(now - age, now)
