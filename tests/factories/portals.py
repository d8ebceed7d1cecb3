"""The smallest valid portals and definitions."""

import factory
from factory.django import DjangoModelFactory

from portals import models


class RealmFactory(DjangoModelFactory):
    class Meta:
        model = models.Realm

    name = factory.Sequence(lambda number: f"Realm {number}")


class PortalFactory(DjangoModelFactory):
    class Meta:
        model = models.Portal

    realm = factory.SubFactory(RealmFactory)
    name = factory.Sequence(lambda number: f"Portal {number}")
    slug = factory.Sequence(lambda number: f"portal-{number}")
    enabled_integrations = ["gusto"]


class CustomFieldFactory(DjangoModelFactory):
    class Meta:
        model = models.CustomField
        skip_postgeneration_save = True

    portal = factory.SubFactory(PortalFactory)
    label = factory.Sequence(lambda number: f"Field {number}")

    @factory.post_generation
    def choices(self, create, extracted, **kwargs):
        for value in extracted or ():
            self.choices.create(value=value)


class GroupFactory(DjangoModelFactory):
    class Meta:
        model = models.Group

    portal = factory.SubFactory(PortalFactory)
    title = factory.Sequence(lambda number: f"Group {number}")


class CourseFactory(DjangoModelFactory):
    class Meta:
        model = models.Course

    portal = factory.SubFactory(PortalFactory)
    title = factory.Sequence(lambda number: f"Course {number}")
    status = models.Course.Status.PUBLISHED


class GroupCourseFactory(DjangoModelFactory):
    class Meta:
        model = models.GroupCourse

    group = factory.SubFactory(GroupFactory)
    course = factory.SubFactory(CourseFactory, portal=factory.SelfAttribute("..group.portal"))


class DynamicRuleFactory(DjangoModelFactory):
    class Meta:
        model = models.DynamicRule

    group = factory.SubFactory(GroupFactory)
    state = models.DynamicRule.State.ACTIVE


class SamlSettingsFactory(DjangoModelFactory):
    class Meta:
        model = models.SamlSettings

    portal = factory.SubFactory(PortalFactory, sign_in_method="saml")
    entity_id = "https://id.example.com/metadata"
    sign_in_url = "https://id.example.com/sign-in"


class SignedLinkSettingsFactory(DjangoModelFactory):
    class Meta:
        model = models.SignedLinkSettings

    portal = factory.SubFactory(PortalFactory, sign_in_method="signed_link")
