"""The smallest valid rows of HubSpot's own tables."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from integrations.hubspot import models

from .integrations import ConnectionFactory


class ProgressPushFactory(DjangoModelFactory):
    class Meta:
        model = models.ProgressPush

    connection = factory.SubFactory(ConnectionFactory, provider="hubspot")
    enrollment_id = factory.Sequence(lambda number: 1_000_000 + number)
    membership_id = factory.Sequence(lambda number: 1_000_000 + number)
    next_try_at = factory.LazyFunction(timezone.now)


class ProgressTargetFactory(DjangoModelFactory):
    class Meta:
        model = models.ProgressTarget

    connection = factory.SubFactory(ConnectionFactory, provider="hubspot")
    strategy = models.Strategy.APP_OBJECT
    object_type = "a1_course_enrollment"
    checked_at = factory.LazyFunction(timezone.now)


class WorkflowCallFactory(DjangoModelFactory):
    class Meta:
        model = models.WorkflowCall

    connection = factory.SubFactory(ConnectionFactory, provider="hubspot", record_type="contacts")
    account_id = factory.SelfAttribute("connection.external_account_id")
    callback_id = factory.Sequence(lambda number: f"ap-{number}")
    kind = models.WorkflowCall.Kind.INVITE
    record_type = "CONTACT"
    record_id = "901"
    outcome = models.WorkflowCall.Outcome.INVITED
    received_at = factory.LazyFunction(timezone.now)
