import django.db.models.deletion
from django.db import migrations, models

from portals import walls


class Migration(migrations.Migration):
    dependencies = [
        ("hubspot", "0002_aliases_and_receipts"),
        ("integrations", "0013_action_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProgressTarget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "chosen",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("app_object", "Course enrollments of the app"),
                            ("custom_object", "A custom object of the account"),
                            ("properties", "Properties of the person's record"),
                            ("none", "Nowhere"),
                        ],
                        default="",
                        max_length=13,
                        verbose_name="chosen",
                    ),
                ),
                (
                    "strategy",
                    models.CharField(
                        choices=[
                            ("app_object", "Course enrollments of the app"),
                            ("custom_object", "A custom object of the account"),
                            ("properties", "Properties of the person's record"),
                            ("none", "Nowhere"),
                        ],
                        default="none",
                        max_length=13,
                        verbose_name="storage",
                    ),
                ),
                ("findings", models.JSONField(default=dict)),
                ("object_type", models.CharField(blank=True, default="", max_length=100)),
                ("names", models.JSONField(default=dict)),
                ("checked_at", models.DateTimeField(null=True, verbose_name="checked at")),
                ("paused_until", models.DateTimeField(null=True, verbose_name="paused until")),
                ("pause_reason", models.CharField(blank=True, default="", max_length=100)),
                ("failures_in_a_row", models.PositiveSmallIntegerField(default=0)),
                ("last_sent_at", models.DateTimeField(null=True, verbose_name="last sent at")),
                ("compared_to", models.CharField(blank=True, default="", max_length=200)),
                ("compared_at", models.DateTimeField(null=True, verbose_name="compared at")),
                ("repaired", models.PositiveIntegerField(default=0)),
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="progress_target",
                        to="integrations.connection",
                        verbose_name="connection",
                    ),
                ),
            ],
            options={
                "verbose_name": "storage of progress",
                "verbose_name_plural": "storages of progress",
            },
        ),
        migrations.CreateModel(
            name="ProgressPush",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("enrollment_id", models.BigIntegerField()),
                ("membership_id", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("withheld", "Withheld"),
                            ("removing", "To be removed"),
                            ("kept", "Kept"),
                            ("failed", "Refused"),
                        ],
                        default="waiting",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("generation", models.PositiveIntegerField(default=1)),
                ("is_tried", models.BooleanField(default=False)),
                ("stored_in", models.CharField(blank=True, default="", max_length=100)),
                ("record_id", models.BigIntegerField(null=True)),
                ("person_key", models.CharField(blank=True, default="", max_length=64)),
                ("digest", models.BinaryField(max_length=16, null=True)),
                ("is_finished", models.BooleanField(default=False)),
                ("confirmed_at", models.DateTimeField(null=True, verbose_name="confirmed at")),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(verbose_name="next try")),
                ("claimed_by", models.UUIDField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("problem", models.CharField(blank=True, default="", max_length=300, verbose_name="problem")),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="progress_pushes",
                        to="integrations.connection",
                        verbose_name="connection",
                    ),
                ),
            ],
            options={
                "verbose_name": "progress to report",
                "verbose_name_plural": "progress to report",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "removing"])),
                        fields=["connection", "next_try_at"],
                        name="progress_push_due",
                    ),
                    models.Index(fields=["membership_id"], name="progress_push_person"),
                    models.Index(fields=["connection", "record_id"], name="progress_push_record"),
                    models.Index(
                        condition=models.Q(("state", "failed")), fields=["connection"], name="progress_push_failed"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("enrollment_id", "connection"), name="progress_push_once")
                ],
            },
        ),
        walls.wall(
            "hubspot_progresspush",
            {"connection_id": "integrations_connection.portal_id", "membership_id": "users_membership.portal_id"},
        ),
    ]
