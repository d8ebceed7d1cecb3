import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0005_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="PortalLogo",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("content", models.BinaryField()),
            ],
            options={
                "verbose_name": "logo",
                "verbose_name_plural": "logos",
            },
        ),
        migrations.RemoveConstraint(
            model_name="portal",
            name="portal_custom_domain_once",
        ),
        migrations.AddField(
            model_name="portal",
            name="deletion_contact",
            field=models.EmailField(
                blank=True,
                help_text="Empty: every admin of the portal.",
                max_length=254,
                verbose_name="who is told about such requests",
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="logo_digest",
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="portal",
            name="mail_sender",
            field=models.CharField(
                blank=True,
                help_text="The name that people see in their inbox. Empty: the name of the portal.",
                max_length=80,
                verbose_name="sender of mails",
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="may_request_deletion",
            field=models.BooleanField(
                default=False,
                help_text="They ask on their profile page. For seven days they or an admin can take it back.",
                verbose_name="people may ask for their account to be deleted",
            ),
        ),
        migrations.AddConstraint(
            model_name="portal",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("custom_domain"),
                condition=models.Q(
                    ("custom_domain_verified_at__isnull", False), models.Q(("custom_domain", ""), _negated=True)
                ),
                name="portal_custom_domain_once",
            ),
        ),
        migrations.AddField(
            model_name="portallogo",
            name="portal",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="logo",
                to="portals.portal",
                verbose_name="portal",
            ),
        ),
    ]
