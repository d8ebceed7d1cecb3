import pytest

from integrations.checks import check_encryption_keys, check_gusto


@pytest.fixture(autouse=True)
def complete(settings):
    """The settings of a working installation."""
    settings.GUSTO_API_URL = "https://api.gusto-demo.com"
    settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = "id", "secret"
    settings.GUSTO_API_VERSION, settings.GUSTO_RATE_LIMIT = "2026-06-15", 200
    return settings


def found(check):
    return [message.id for message in check(None)]


class TestCheckGusto:
    def test_says_nothing_about_a_complete_provider(self):
        assert found(check_gusto) == []

    def test_says_nothing_about_a_provider_that_is_not_set_up_at_all(self, settings):
        settings.GUSTO_CLIENT_ID = settings.GUSTO_CLIENT_SECRET = ""

        assert found(check_gusto) == []

    @pytest.mark.parametrize(
        ("setting", "value", "message"),
        [
            ("GUSTO_CLIENT_SECRET", "", "integrations.W001"),
            ("GUSTO_CLIENT_ID", "", "integrations.W001"),
            ("GUSTO_API_URL", "http://api.gusto.com", "integrations.E002"),
            ("GUSTO_API_URL", "api.gusto.com", "integrations.E002"),
            ("GUSTO_API_VERSION", "v1", "integrations.E003"),
            ("GUSTO_RATE_LIMIT", 0, "integrations.E004"),
        ],
    )
    def test_names_what_is_missing_and_how_to_mend_it(self, settings, setting, value, message):
        setattr(settings, setting, value)

        (problem,) = check_gusto(None)

        assert problem.id == message
        assert problem.hint
        assert "secret" not in problem.msg.lower().replace("gusto_client_secret", "")


class TestCheckEncryptionKeys:
    def test_says_nothing_about_a_ring_of_keys(self):
        assert found(check_encryption_keys) == []

    @pytest.mark.parametrize("keys", [[], ["too-short"]])
    def test_refuses_a_ring_that_cannot_seal(self, settings, keys):
        settings.ROLLCALL_ENCRYPTION_KEYS = keys

        assert found(check_encryption_keys) == ["integrations.E001"]
