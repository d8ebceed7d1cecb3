"""Fixtures for tests about people."""

import pytest

from users import signals


@pytest.fixture
def heard():
    """The ids of enrollments that were announced from now on."""
    ids = []

    def listen(enrollment_ids, **_):
        ids.extend(enrollment_ids)

    signals.enrollments_changed.connect(listen)
    yield ids
    signals.enrollments_changed.disconnect(listen)
