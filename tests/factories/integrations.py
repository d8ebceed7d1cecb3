"""The smallest valid connections."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from integrations import models

from .portals import PortalFactory


class ConnectionFactory(DjangoModelFactory):
    class Meta:
        model = models.Connection

    portal = factory.SubFactory(PortalFactory)
    provider = "gusto"
    state = models.Connection.State.ACTIVE
    external_account_id = factory.Sequence(lambda number: f"company-{number}")


class InviteSettingsFactory(DjangoModelFactory):
    class Meta:
        model = models.InviteSettings

    connection = factory.SubFactory(ConnectionFactory)


class FieldMappingFactory(DjangoModelFactory):
    class Meta:
        model = models.FieldMapping

    connection = factory.SubFactory(ConnectionFactory)


class ExternalIdentityFactory(DjangoModelFactory):
    class Meta:
        model = models.ExternalIdentity

    connection = factory.SubFactory(ConnectionFactory)
    external_id = factory.Sequence(lambda number: f"person-{number}")
    state = models.ExternalIdentity.State.LINKED
    digest = b""


class SyncRunFactory(DjangoModelFactory):
    class Meta:
        model = models.SyncRun

    connection = factory.SubFactory(ConnectionFactory)
    trigger = models.SyncRun.Trigger.MANUAL
    state = models.SyncRun.State.COMPLETED
    created_at = factory.LazyFunction(timezone.now)


class PlannedChangeFactory(DjangoModelFactory):
    class Meta:
        model = models.PlannedChange

    run = factory.SubFactory(SyncRunFactory)
    external_id = factory.Sequence(lambda number: f"person-{number}")
    kind = "update"
    state = models.PlannedChange.State.APPLIED
