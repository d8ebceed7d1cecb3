import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0006_branding"),
    ]

    operations = [
        migrations.CreateModel(
            name="SamlCertificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pem", models.TextField(verbose_name="certificate (PEM)")),
                ("fingerprint", models.CharField(editable=False, max_length=64, verbose_name="SHA-256 fingerprint")),
                ("expires_at", models.DateTimeField(editable=False, verbose_name="expires at")),
            ],
            options={
                "verbose_name": "certificate",
                "verbose_name_plural": "certificates",
            },
        ),
        migrations.CreateModel(
            name="SamlMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attribute", models.CharField(max_length=200, verbose_name="attribute")),
            ],
            options={
                "verbose_name": "attribute mapping",
                "verbose_name_plural": "attribute mappings",
            },
        ),
        migrations.CreateModel(
            name="SamlSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity_id",
                    models.CharField(blank=True, max_length=300, verbose_name="entity id of the identity provider"),
                ),
                (
                    "sign_in_url",
                    models.CharField(
                        blank=True,
                        help_text="Learners are sent there to sign in (HTTP-Redirect).",
                        max_length=500,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^https?://[^\\s/]+(/\\S*)?$", "Enter an address that begins with https://."
                            )
                        ],
                        verbose_name="sign-in URL",
                    ),
                ),
                (
                    "sign_out_url",
                    models.CharField(
                        blank=True,
                        help_text="Learners are sent there after they sign out of the portal. Empty: they stay here.",
                        max_length=500,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^https?://[^\\s/]+(/\\S*)?$", "Enter an address that begins with https://."
                            )
                        ],
                        verbose_name="sign-out URL",
                    ),
                ),
                (
                    "name_id_format",
                    models.CharField(
                        choices=[
                            ("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "E-mail address"),
                            ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "Persistent"),
                            ("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "Unspecified"),
                        ],
                        default="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
                        help_text="The name id is how we know a person again. It must not change from one sign-in "
                        "to the next.",
                        max_length=80,
                        verbose_name="name id format",
                    ),
                ),
                (
                    "email_attribute",
                    models.CharField(
                        blank=True,
                        help_text="Empty: the name id is the address.",
                        max_length=200,
                        verbose_name="e-mail attribute",
                    ),
                ),
                (
                    "first_name_attribute",
                    models.CharField(blank=True, max_length=200, verbose_name="first name attribute"),
                ),
                (
                    "last_name_attribute",
                    models.CharField(blank=True, max_length=200, verbose_name="last name attribute"),
                ),
                (
                    "groups_attribute",
                    models.CharField(
                        blank=True,
                        help_text="Its values are titles of groups. Only groups with the switch “single sign-on” "
                        "follow it.",
                        max_length=200,
                        verbose_name="groups attribute",
                    ),
                ),
                (
                    "creates_people",
                    models.BooleanField(
                        default=False,
                        help_text="Off: only people who are in the portal already, or invited, come in.",
                        verbose_name="create people at their first sign-in",
                    ),
                ),
                (
                    "accepts_unasked",
                    models.BooleanField(
                        default=False,
                        help_text="Needed for the tile on your identity provider's start page. Safer when it is off.",
                        verbose_name="accept sign-ins that start at the identity provider",
                    ),
                ),
            ],
            options={
                "verbose_name": "SAML settings",
                "verbose_name_plural": "SAML settings",
            },
        ),
        migrations.CreateModel(
            name="SignedLinkMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "parameter",
                    models.CharField(
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="parameter",
                    ),
                ),
            ],
            options={
                "verbose_name": "parameter mapping",
                "verbose_name_plural": "parameter mappings",
            },
        ),
        migrations.CreateModel(
            name="SignedLinkSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("secret", models.TextField(blank=True, editable=False)),
                ("previous_secret", models.TextField(blank=True, editable=False)),
                (
                    "previous_until",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="previous secret works until"
                    ),
                ),
                (
                    "signature",
                    models.CharField(
                        choices=[
                            ("hmac", "HMAC-SHA256 over all fields (recommended)"),
                            ("sha256", "SHA-256 of a pattern (older sites)"),
                            ("md5", "MD5 of a pattern (oldest sites, weak)"),
                        ],
                        default="hmac",
                        max_length=6,
                        verbose_name="signature",
                    ),
                ),
                (
                    "accepts_weak",
                    models.BooleanField(
                        default=False,
                        help_text="Needed for SHA-256 and MD5 patterns: only what is in the pattern is protected.",
                        verbose_name="I accept that these links can be altered or forged more easily",
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        default="USER={email}&TS={time}&KEY={secret}",
                        help_text="May hold {email}, {time}, {secret}, {first_name}, {last_name}, {redirect} and "
                        "{parameter:Name}.",
                        max_length=300,
                        verbose_name="pattern of older sites",
                    ),
                ),
                (
                    "email_parameter",
                    models.CharField(
                        default="Email",
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="e-mail parameter",
                    ),
                ),
                (
                    "time_parameter",
                    models.CharField(
                        default="TS",
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="time parameter",
                    ),
                ),
                (
                    "token_parameter",
                    models.CharField(
                        default="SSOToken",
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="token parameter",
                    ),
                ),
                (
                    "first_name_parameter",
                    models.CharField(
                        default="FirstName",
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="first name parameter",
                    ),
                ),
                (
                    "last_name_parameter",
                    models.CharField(
                        default="LastName",
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="last name parameter",
                    ),
                ),
                (
                    "redirect_parameter",
                    models.CharField(
                        default="redirect_uri",
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "Use letters, digits, dots, hyphens and underscores."
                            )
                        ],
                        verbose_name="redirect parameter",
                    ),
                ),
                (
                    "max_age_minutes",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(30),
                        ],
                        verbose_name="minutes that a link works",
                    ),
                ),
                (
                    "sign_in_url",
                    models.CharField(
                        blank=True,
                        help_text="The page of your site that makes the links: learners who are not signed in are "
                        "sent there.",
                        max_length=500,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^https?://[^\\s/]+(/\\S*)?$", "Enter an address that begins with https://."
                            )
                        ],
                        verbose_name="sign-in URL",
                    ),
                ),
                (
                    "landing_path",
                    models.CharField(
                        default="/",
                        help_text="Where a link leads that does not say.",
                        max_length=200,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^/(?![/\\\\])[^\\s\\\\]*$", "Enter a path of this portal, such as /."
                            )
                        ],
                        verbose_name="landing page",
                    ),
                ),
                (
                    "unauthorized_url",
                    models.CharField(
                        blank=True,
                        help_text="Where people go whose link is refused. Empty: a page of the portal.",
                        max_length=500,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^https?://[^\\s/]+(/\\S*)?$", "Enter an address that begins with https://."
                            )
                        ],
                        verbose_name="unauthorised URL",
                    ),
                ),
                (
                    "sign_out_url",
                    models.CharField(
                        blank=True,
                        help_text="Learners are sent there after they sign out of the portal. Empty: they stay here.",
                        max_length=500,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^https?://[^\\s/]+(/\\S*)?$", "Enter an address that begins with https://."
                            )
                        ],
                        verbose_name="sign-out URL",
                    ),
                ),
                (
                    "creates_people",
                    models.BooleanField(
                        default=False,
                        help_text="Off: only people who are in the portal already, or invited, come in.",
                        verbose_name="create people at their first sign-in",
                    ),
                ),
            ],
            options={
                "verbose_name": "signed link settings",
                "verbose_name_plural": "signed link settings",
            },
        ),
        migrations.AddField(
            model_name="group",
            name="sso_sync",
            field=models.BooleanField(
                default=False,
                help_text="At each sign-in the identity provider decides who is a member.",
                verbose_name="single sign-on",
            ),
        ),
        migrations.AddField(
            model_name="samlmapping",
            name="custom_field",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="saml_mappings",
                to="portals.customfield",
                verbose_name="custom field",
            ),
        ),
        migrations.AddField(
            model_name="samlsettings",
            name="portal",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="saml_settings",
                to="portals.portal",
                verbose_name="portal",
            ),
        ),
        migrations.AddField(
            model_name="samlmapping",
            name="settings",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="mappings",
                to="portals.samlsettings",
                verbose_name="SAML settings",
            ),
        ),
        migrations.AddField(
            model_name="samlcertificate",
            name="settings",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="certificates",
                to="portals.samlsettings",
                verbose_name="SAML settings",
            ),
        ),
        migrations.AddField(
            model_name="signedlinkmapping",
            name="custom_field",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signed_link_mappings",
                to="portals.customfield",
                verbose_name="custom field",
            ),
        ),
        migrations.AddField(
            model_name="signedlinksettings",
            name="portal",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="signed_link_settings",
                to="portals.portal",
                verbose_name="portal",
            ),
        ),
        migrations.AddField(
            model_name="signedlinkmapping",
            name="settings",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="mappings",
                to="portals.signedlinksettings",
                verbose_name="signed link settings",
            ),
        ),
        migrations.AddConstraint(
            model_name="samlmapping",
            constraint=models.UniqueConstraint(fields=("settings", "custom_field"), name="saml_mapping_once"),
        ),
        migrations.AddConstraint(
            model_name="samlcertificate",
            constraint=models.UniqueConstraint(fields=("settings", "fingerprint"), name="saml_certificate_once"),
        ),
        migrations.AddConstraint(
            model_name="signedlinkmapping",
            constraint=models.UniqueConstraint(fields=("settings", "custom_field"), name="signed_link_mapping_once"),
        ),
    ]
