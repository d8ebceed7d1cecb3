from django.db import migrations

from portals import walls

MEMBERSHIP = {"membership_id": "users_membership.portal_id"}
GROUP = {"group_id": "portals_group.portal_id"}
COURSE = {"course_id": "portals_course.portal_id"}


class Migration(migrations.Migration):
    dependencies = [("portals", "0002_walls"), ("users", "0001_initial")]

    operations = [
        walls.anchor("users_user", "realm_id"),
        walls.anchor("users_membership", "portal_id"),
        walls.anchor("users_bulkjob", "portal_id"),
        walls.wall("users_membership", {"portal_id": "portals_portal.realm_id", "user_id": "users_user.realm_id"}),
        walls.wall("users_groupmembership", {**MEMBERSHIP, **GROUP}),
        walls.wall("users_enrollment", {**MEMBERSHIP, **COURSE, "source_group_id": "portals_group.portal_id"}),
        walls.wall("users_formerenrollment", {**MEMBERSHIP, **COURSE}),
        walls.wall("users_groupmanager", {**MEMBERSHIP, **GROUP}),
        walls.wall("users_courseinstructor", {**MEMBERSHIP, **COURSE}),
        walls.wall("users_importrow", {"job_id": "users_bulkjob.portal_id", **MEMBERSHIP}),
        walls.wall("users_signonidentity", {"portal_id": "", **MEMBERSHIP}),
        walls.wall("users_signinattempt", {"portal_id": "", **MEMBERSHIP}),
    ]
