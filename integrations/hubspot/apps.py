"""HubSpot: registers the provider, and what it says about a person."""

from django.apps import AppConfig


class HubSpotConfig(AppConfig):
    name = "integrations.hubspot"
    label = "hubspot"
    verbose_name = "HubSpot"

    def ready(self) -> None:
        from integrations import providers
        from integrations.hubspot import checks, receivers  # noqa: F401
        from integrations.hubspot.progress import about_person
        from integrations.hubspot.provider import HubSpot

        providers.register(HubSpot(), facts=about_person.facts)
