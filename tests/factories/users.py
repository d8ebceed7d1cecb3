"""The smallest valid people."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from users import models

from .portals import PortalFactory, RealmFactory


class UserFactory(DjangoModelFactory):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    realm = factory.SubFactory(RealmFactory)
    email = factory.Sequence(lambda number: f"person{number}@example.com")
    first_name = "Robin"
    last_name = "Vale"
    password = factory.django.Password("correct horse battery")


class OperatorFactory(UserFactory):
    realm = None
    is_superuser = True


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = models.Membership

    portal = factory.SubFactory(PortalFactory)
    user = factory.SubFactory(UserFactory, realm=factory.SelfAttribute("..portal.realm"))
    created_at = factory.LazyFunction(timezone.now)


class AdminFactory(MembershipFactory):
    role = models.Membership.Role.ADMIN


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = models.Invitation

    membership = factory.SubFactory(MembershipFactory, status="pending")
    kind = models.Invitation.Kind.INVITE
    created_at = factory.LazyFunction(timezone.now)
    next_try_at = factory.LazyFunction(timezone.now)
