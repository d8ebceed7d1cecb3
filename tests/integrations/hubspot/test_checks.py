import pytest

from integrations.hubspot.checks import check_hubspot


@pytest.fixture(autouse=True)
def complete(settings):
    """The settings of a working installation."""
    settings.HUBSPOT_API_URL = "https://api.hubapi.com"
    settings.HUBSPOT_AUTHORIZE_URL = "https://app.hubspot.com/oauth/authorize"
    settings.HUBSPOT_APP_ID, settings.HUBSPOT_CLIENT_ID, settings.HUBSPOT_CLIENT_SECRET = "7", "id", "secret"
    settings.HUBSPOT_API_VERSION, settings.HUBSPOT_RATE_LIMIT = "2026-09", 90
    settings.HUBSPOT_APP_OBJECT_SCOPES = ["crm.app.objects.a7_course_enrollment.view"]
    return settings


class TestCheckHubspot:
    def test_says_nothing_about_a_complete_provider(self):
        assert check_hubspot(None) == []

    def test_says_nothing_about_a_provider_that_is_not_set_up_at_all(self, settings):
        settings.HUBSPOT_APP_ID = settings.HUBSPOT_CLIENT_ID = settings.HUBSPOT_CLIENT_SECRET = ""

        assert check_hubspot(None) == []

    @pytest.mark.parametrize(
        ("setting", "value", "message"),
        [
            ("HUBSPOT_APP_ID", "", "hubspot.W001"),
            ("HUBSPOT_CLIENT_ID", "", "hubspot.W001"),
            ("HUBSPOT_CLIENT_SECRET", "", "hubspot.W001"),
            ("HUBSPOT_API_URL", "http://api.hubapi.com", "hubspot.E001"),
            ("HUBSPOT_AUTHORIZE_URL", "app.hubspot.com", "hubspot.E001"),
            ("HUBSPOT_API_VERSION", "v3", "hubspot.E002"),
            ("HUBSPOT_RATE_LIMIT", 0, "hubspot.E003"),
            ("HUBSPOT_RATE_LIMIT", 190, "hubspot.W002"),
            ("HUBSPOT_APP_OBJECT_SCOPES", ["crm.objects.deals.read"], "hubspot.E004"),
        ],
    )
    def test_names_what_is_missing_and_how_to_mend_it(self, settings, setting, value, message):
        setattr(settings, setting, value)

        (problem,) = check_hubspot(None)

        assert problem.id == message
        assert problem.hint
