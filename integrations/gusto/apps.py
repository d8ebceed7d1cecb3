"""Gusto: registers the provider."""

from django.apps import AppConfig


class GustoConfig(AppConfig):
    name = "integrations.gusto"
    label = "gusto"
    verbose_name = "Gusto"

    def ready(self) -> None:
        from integrations import providers
        from integrations.gusto.provider import Gusto

        providers.register(Gusto())
