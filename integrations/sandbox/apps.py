"""Makes the `sandbox` command known to Django; the sandbox itself needs no Django."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The stand-ins for the providers, for the demo and the tests."""

    name = "integrations.sandbox"
    label = "integrations_sandbox"
    verbose_name = "Sandbox"
