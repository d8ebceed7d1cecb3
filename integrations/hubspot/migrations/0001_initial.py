import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from portals import walls


class Migration(migrations.Migration):
    dependencies = [("integrations", "0013_action_runs"), ("users", "0018_pinned_fields")]

    operations = [
        migrations.CreateModel(
            name="WorkflowCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account_id", models.CharField(max_length=64, verbose_name="HubSpot account")),
                ("callback_id", models.CharField(max_length=200, verbose_name="id of the call")),
                (
                    "kind",
                    models.CharField(
                        choices=[("invite", "User Invite Action"), ("add", "User Add Action")],
                        max_length=6,
                        verbose_name="action",
                    ),
                ),
                ("record_type", models.CharField(max_length=40, verbose_name="kind of record")),
                ("record_id", models.CharField(blank=True, max_length=64, verbose_name="HubSpot record")),
                ("workflow_id", models.CharField(blank=True, max_length=32, verbose_name="workflow")),
                ("inputs", models.JSONField(default=dict, verbose_name="chosen in the workflow")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("created", "Created"),
                            ("invited", "Invited"),
                            ("already_member", "Already a member"),
                            ("reinvited", "Invited again"),
                            ("activated", "Activated"),
                            ("skipped", "Skipped"),
                            ("failed", "Failed"),
                        ],
                        max_length=14,
                        verbose_name="outcome",
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=40, verbose_name="reason")),
                ("answer", models.JSONField(default=dict, verbose_name="answer")),
                (
                    "state",
                    models.CharField(
                        choices=[("done", "Done"), ("refused", "Refused"), ("forgotten", "Forgotten on request")],
                        default="done",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                ("replayed_at", models.DateTimeField(null=True, verbose_name="carried out again at")),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="workflow_calls",
                        to="integrations.connection",
                        verbose_name="connection",
                    ),
                ),
                (
                    "membership",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="users.membership",
                        verbose_name="user",
                    ),
                ),
            ],
            options={"verbose_name": "received call", "verbose_name_plural": "received calls"},
        ),
        migrations.AddConstraint(
            model_name="workflowcall",
            constraint=models.UniqueConstraint(fields=("account_id", "callback_id"), name="workflow_call_once"),
        ),
        migrations.AddIndex(
            model_name="workflowcall",
            index=models.Index(fields=["connection", "-received_at"], name="workflow_call_history"),
        ),
        migrations.AddIndex(
            model_name="workflowcall",
            index=models.Index(fields=["account_id", "record_id"], name="workflow_call_record"),
        ),
        migrations.AddIndex(
            model_name="workflowcall",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["received_at"], name="workflow_call_range"),
        ),
        walls.wall(
            "hubspot_workflowcall",
            {"connection_id": "integrations_connection.portal_id", "membership_id": "users_membership.portal_id"},
        ),
    ]
