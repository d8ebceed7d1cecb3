"""Processes that have started leave what they loaded out of their search for garbage."""

import gc

import pytest
from celery.signals import worker_process_init

from config import garbage
from config.celery import app


@pytest.fixture(autouse=True)
def as_it_was():
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


class TestSpareWhatStays:
    def test_leaves_it_out_and_looks_less_often(self):
        garbage.spare_what_stays()

        assert gc.get_freeze_count() > 100_000
        assert gc.get_threshold()[0] == garbage.OBJECTS

    def test_happens_in_each_process_of_a_worker(self):
        gc.set_threshold(700)

        worker_process_init.send(sender=app)

        assert gc.get_threshold()[0] == garbage.OBJECTS
