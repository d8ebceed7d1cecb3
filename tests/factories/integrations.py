"""The smallest valid connections."""

import factory
from factory.django import DjangoModelFactory

from integrations import models

from .portals import PortalFactory


class ConnectionFactory(DjangoModelFactory):
    class Meta:
        model = models.Connection

    portal = factory.SubFactory(PortalFactory)
    provider = "gusto"
    state = models.Connection.State.ACTIVE


class InviteSettingsFactory(DjangoModelFactory):
    class Meta:
        model = models.InviteSettings

    connection = factory.SubFactory(ConnectionFactory)


class FieldMappingFactory(DjangoModelFactory):
    class Meta:
        model = models.FieldMapping

    connection = factory.SubFactory(ConnectionFactory)
