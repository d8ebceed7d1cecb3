"""The Celery application; its tasks are found in each app's tasks module."""

import logging
import os
from typing import Any

from celery import Celery, Task
from celery.exceptions import OperationalError
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

logger = logging.getLogger(__name__)

# What sweeps and the clock find in the database, whether or not a message calls for it.
FOUND_AGAIN = {
    "integrations.hubspot.tasks.follow_actions",
    "integrations.hubspot.tasks.compare_progress",
    "integrations.hubspot.tasks.push_progress",
    "integrations.hubspot.tasks.take_up_told",
    "integrations.tasks.sync_connection",
    "users.tasks.carry_out_bulk_job",
    "users.tasks.send_invitations",
}


class WakeUpCall(Task):  # type: ignore[type-arg]
    """A task whose message may get lost where the database says what there is to do, and a sweep finds it.

    For those in FOUND_AGAIN `delay` returns None while the broker is away.
    """

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send the message. Raises OperationalError without a broker, unless the work is found again."""
        try:
            return super().apply_async(*args, **kwargs)
        except OperationalError:
            if self.name not in FOUND_AGAIN:
                raise
            logger.warning("The broker does not answer; %s starts when it is back.", self.name)
            return None


app = Celery("rollcall", task_cls=WakeUpCall)
# Threads of the web server would else fall back to an app without settings.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _spare_what_stays(**_: Any) -> None:
    # Only a worker has the settings loaded, and all of the program.
    from config import garbage  # noqa: PLC0415

    garbage.spare_what_stays()
