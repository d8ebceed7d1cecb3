"""Every reason, kind and problem of a sync has words."""

import re
from pathlib import Path

import pytest

from integrations import explanations, problems
from integrations.engine.changes import Kind, Reason
from integrations.engine.steps import Step
from portals import field_types


class TestSentence:
    @pytest.mark.parametrize("reason", Reason)
    def test_exists_for_every_reason_and_says_what_to_do(self, reason):
        assert reason.value in explanations._REASONS
        for text in (explanations.sentence(reason.value), explanations.advice(reason.value)):
            assert re.fullmatch(r"[A-Z].{20,}[.]", str(text))

    def test_is_empty_for_no_reason(self):
        assert explanations.sentence("") == explanations.advice("") == ""

    def test_copes_with_a_reason_of_another_version(self):
        assert "does not know the reason" in str(explanations.sentence("from_the_future"))


class TestKind:
    @pytest.mark.parametrize("kind", Kind)
    def test_exists_for_every_kind(self, kind):
        assert explanations.kind(kind.value) != kind.value


class TestFieldProblem:
    def test_exists_for_every_refusal_of_a_value(self):
        source = Path(field_types.__file__).read_text(encoding="utf-8")
        codes = set(re.findall(r'ValueRefused\("(\w+)"\)', source))

        assert codes
        assert codes <= set(explanations._FIELD_PROBLEMS)

    def test_says_why_an_address_was_not_taken_over(self):
        assert explanations.field_problem(Reason.SHARED_EMAIL) == explanations.sentence(Reason.SHARED_EMAIL)

    def test_has_words_for_what_it_does_not_know(self):
        assert str(explanations.field_problem("odd")) == "The value does not fit the field."


class TestProblem:
    @pytest.mark.parametrize("cause", problems.CAUSES)
    def test_exists_for_every_cause_and_says_where_to_mend_it(self, cause):
        words = explanations.problem(cause)

        for text in (words.sentence, words.advice):
            assert re.fullmatch(r"[A-Z].{20,}[.]", str(text))


class TestStep:
    @pytest.mark.parametrize("step", Step)
    def test_exists_for_every_step_as_question_and_answer(self, step):
        words = explanations.step(step)

        assert str(words.sentence).endswith("?")
        assert str(words.advice).endswith(".")
