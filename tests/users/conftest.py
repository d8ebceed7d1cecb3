"""Fixtures for tests about people."""

import pytest

from integrations.hubspot.progress import queue
from users import signals


@pytest.fixture(autouse=True)
def nobody_listens(new_process, monkeypatch):
    """Let what happens to people be of no interest to HubSpot, which these tests know nothing of."""
    monkeypatch.setitem(queue._unused, "until", float("inf"))


@pytest.fixture
def heard():
    """The ids of enrollments that were announced from now on."""
    ids = []

    def listen(enrollment_ids, **_):
        ids.extend(enrollment_ids)

    signals.enrollments_changed.connect(listen)
    yield ids
    signals.enrollments_changed.disconnect(listen)
