"""Where each reason stops a person on the way into the portal."""

import pytest

from integrations.engine import steps
from integrations.engine.changes import Reason
from integrations.engine.steps import Step


class TestStopOf:
    @pytest.mark.parametrize("reason", Reason)
    def test_knows_every_reason(self, reason):
        assert reason in steps.STOPS
        assert steps.stop_of(reason.value) in Step

    def test_copes_with_a_reason_of_another_version(self):
        assert steps.stop_of("from_the_future") is Step.SAVED


class TestPassed:
    def test_ends_before_the_stop(self):
        assert steps.passed(Step.WANTED_BACK) == [Step.LISTED, Step.READABLE]
        assert steps.passed(Step.LISTED) == []

    def test_is_everything_without_a_stop(self):
        assert steps.passed(None) == list(Step)
