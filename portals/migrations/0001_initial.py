import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import portals.field_types
import portals.models.realms
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Course',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('reference', models.CharField(blank=True, max_length=50, verbose_name='reference code')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('archived', 'Archived')], default='draft', max_length=10, verbose_name='status')),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('content_url', models.URLField(blank=True, verbose_name='content link')),
                ('content_text', models.TextField(blank=True, verbose_name='content')),
                ('first_reminder_days', models.PositiveSmallIntegerField(blank=True, help_text='A mail to those who have not finished the course. Empty: no reminder.', null=True, validators=[django.core.validators.MaxValueValidator(365)], verbose_name='first reminder (days before it is due)')),
                ('second_reminder_days', models.PositiveSmallIntegerField(blank=True, help_text='0: on the day itself. Empty: no second reminder.', null=True, validators=[django.core.validators.MaxValueValidator(365)], verbose_name='second reminder (days before it is due)')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'course',
                'verbose_name_plural': 'courses',
            },
        ),
        migrations.CreateModel(
            name='Group',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('sso_sync', models.BooleanField(default=False, help_text='At each sign-in the identity provider decides who is a member.', verbose_name='single sign-on')),
            ],
            options={
                'verbose_name': 'group',
                'verbose_name_plural': 'groups',
            },
        ),
        migrations.CreateModel(
            name='Realm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True, verbose_name='name')),
            ],
            options={
                'verbose_name': 'realm',
                'verbose_name_plural': 'realms',
            },
        ),
        migrations.CreateModel(
            name='DynamicRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on_leaving', models.CharField(choices=[('unenroll', "Unenroll from the group's unfinished courses"), ('keep', 'Keep them enrolled')], default='unenroll', max_length=10, verbose_name='people who no longer match')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('broken', 'Broken')], default='draft', max_length=10, verbose_name='state')),
                ('draft', models.JSONField(blank=True, editable=False, null=True, verbose_name='draft')),
                ('base_group', models.ForeignKey(blank=True, help_text='Empty: everyone in the portal.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='derived_rules', to='portals.group', verbose_name='only people of this group')),
                ('group', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='rule', to='portals.group', verbose_name='group')),
            ],
            options={
                'verbose_name': 'dynamic rule',
                'verbose_name_plural': 'dynamic rules',
            },
        ),
        migrations.CreateModel(
            name='GroupCourse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_required', models.BooleanField(default=False, verbose_name='required')),
                ('due_days', models.PositiveSmallIntegerField(blank=True, help_text='Days after the enrollment; empty: no due date.', null=True, verbose_name='due after (days)')),
                ('reenroll_completed', models.BooleanField(default=False, verbose_name='enroll again those who completed it before')),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='group_courses', to='portals.course', verbose_name='course')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='group_courses', to='portals.group', verbose_name='group')),
            ],
            options={
                'verbose_name': 'course of a group',
                'verbose_name_plural': 'courses of a group',
            },
        ),
        migrations.CreateModel(
            name='Portal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('slug', models.SlugField(help_text="First part of the portal's address.", max_length=63, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$', 'Use lower-case letters, digits and hyphens.')], verbose_name='address')),
                ('custom_domain', models.CharField(blank=True, max_length=253, validators=[django.core.validators.RegexValidator('^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9-]{1,63})+$', 'Enter a host name in lower case.')], verbose_name='custom domain')),
                ('custom_domain_verified_at', models.DateTimeField(blank=True, null=True, verbose_name='custom domain verified at')),
                ('time_zone', models.CharField(default='UTC', max_length=64, validators=[portals.models.realms.check_time_zone], verbose_name='time zone')),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'German')], default='en', help_text='The language of the mails with invitations and links.', max_length=12, verbose_name='language')),
                ('sign_in_method', models.CharField(choices=[('password', 'Password'), ('saml', 'SAML single sign-on'), ('signed_link', 'Signed link (SQSSO)')], default='password', max_length=12, verbose_name='sign-in method')),
                ('accent_color', models.CharField(default='#256188', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9a-fA-F]{6}$', 'Enter a colour such as #256188.')], verbose_name='accent colour')),
                ('logo_digest', models.CharField(blank=True, editable=False, max_length=32)),
                ('mail_sender', models.CharField(blank=True, help_text='The name that people see in their inbox. Empty: the name of the portal.', max_length=80, verbose_name='sender of mails')),
                ('remind_days_before', models.PositiveSmallIntegerField(choices=[(0, 'Do not remind'), (1, 'One day before'), (2, 'Two days before')], default=0, verbose_name='remind invited people before their link expires')),
                ('remind_days_after', models.PositiveSmallIntegerField(choices=[(0, 'Do not remind'), (1, 'One day after'), (3, 'Three days after'), (7, 'A week after')], default=0, verbose_name='send a new link after the first one expired')),
                ('tells_of_new_people', models.BooleanField(db_default=False, default=False, help_text='Of people added by hand, and those who came by single sign-on; not of files and syncs.', verbose_name='tell the admins every morning who was added')),
                ('new_people_told_on', models.DateField(blank=True, editable=False, null=True)),
                ('may_request_deletion', models.BooleanField(default=False, help_text='They ask on their profile page. For seven days they or an admin can take it back.', verbose_name='people may ask for their account to be deleted')),
                ('deletion_contact', models.EmailField(blank=True, help_text='Empty: every admin of the portal.', max_length=254, verbose_name='who is told about such requests')),
                ('enabled_integrations', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, help_text='Integrations that the admins of this portal may set up.', size=None, verbose_name='turned-on integrations')),
                ('may_add_people_known_elsewhere', models.BooleanField(default=False, help_text='Off: such people can only be invited, and confirm by the link in the mail.', verbose_name='allow adding people who are known elsewhere in the realm')),
                ('admins_need_second_factor', models.BooleanField(default=False, help_text="On: the admin pages open only after a code from the admin's phone.", verbose_name='admins must use a second factor')),
                ('custom_field_limit', models.PositiveSmallIntegerField(default=10, verbose_name='number of custom fields')),
                ('seats', models.PositiveIntegerField(blank=True, help_text='How many people may have access at the same time. Empty: any number.', null=True, verbose_name='number of seats')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sub_portals', to='portals.portal', verbose_name='parent')),
                ('realm', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='portals', to='portals.realm', verbose_name='realm')),
            ],
            options={
                'verbose_name': 'portal',
                'verbose_name_plural': 'portals',
            },
        ),
        migrations.AddField(
            model_name='group',
            name='portal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='portals.portal', verbose_name='portal'),
        ),
        migrations.CreateModel(
            name='CustomField',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(max_length=100, verbose_name='label')),
                ('type', models.CharField(choices=[('string', 'Text'), ('integer', 'Whole number'), ('decimal', 'Decimal number'), ('date', 'Date'), ('string_choice', 'Choice of texts'), ('integer_choice', 'Choice of whole numbers'), ('decimal_choice', 'Choice of decimal numbers')], default=portals.field_types.FieldType['STRING'], max_length=16, verbose_name='type')),
                ('is_multiple', models.BooleanField(default=False, verbose_name='several choices allowed')),
                ('is_required', models.BooleanField(default=False, verbose_name='required')),
                ('learner_may_edit', models.BooleanField(default=False, verbose_name='learner may edit')),
                ('learner_may_see', models.BooleanField(default=True, verbose_name='learner may see')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('portal', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='custom_fields', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'custom field',
                'verbose_name_plural': 'custom user data',
            },
        ),
        migrations.AddField(
            model_name='course',
            name='portal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='courses', to='portals.portal', verbose_name='portal'),
        ),
        migrations.CreateModel(
            name='PortalLogo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.BinaryField()),
                ('portal', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='logo', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'logo',
                'verbose_name_plural': 'logos',
            },
        ),
        migrations.CreateModel(
            name='RuleCondition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('block', models.PositiveSmallIntegerField(default=1, verbose_name='block')),
                ('subject', models.CharField(choices=[('email_domain', 'email_domain'), ('created_on', 'created_on'), ('custom_field', 'custom_field')], max_length=16, verbose_name='looks at')),
                ('operator', models.CharField(choices=[('is', 'is'), ('is_not', 'is_not'), ('is_one_of', 'is_one_of'), ('is_none_of', 'is_none_of'), ('contains', 'contains'), ('does_not_contain', 'does_not_contain'), ('starts_with', 'starts_with'), ('ends_with', 'ends_with'), ('less', 'less'), ('at_most', 'at_most'), ('greater', 'greater'), ('at_least', 'at_least'), ('between', 'between'), ('in_last_days', 'in_last_days'), ('more_than_days_ago', 'more_than_days_ago'), ('contains_any', 'contains_any'), ('contains_all', 'contains_all'), ('contains_none', 'contains_none'), ('is_empty', 'is_empty'), ('is_not_empty', 'is_not_empty')], max_length=20, verbose_name='comparison')),
                ('operands', models.JSONField(blank=True, default=list, verbose_name='values')),
                ('custom_field', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rule_conditions', to='portals.customfield', verbose_name='custom field')),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conditions', to='portals.dynamicrule', verbose_name='dynamic rule')),
            ],
            options={
                'verbose_name': 'condition',
                'verbose_name_plural': 'conditions',
            },
        ),
        migrations.CreateModel(
            name='SamlSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity_id', models.CharField(blank=True, max_length=300, verbose_name='entity id of the identity provider')),
                ('sign_in_url', models.CharField(blank=True, help_text='Learners are sent there to sign in (HTTP-Redirect).', max_length=500, validators=[django.core.validators.RegexValidator('^https?://[^\\s/]+(/\\S*)?$', 'Enter an address that begins with https://.')], verbose_name='sign-in URL')),
                ('sign_out_url', models.CharField(blank=True, help_text='Learners are sent there after they sign out of the portal. Empty: they stay here.', max_length=500, validators=[django.core.validators.RegexValidator('^https?://[^\\s/]+(/\\S*)?$', 'Enter an address that begins with https://.')], verbose_name='sign-out URL')),
                ('name_id_format', models.CharField(choices=[('urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', 'E-mail address'), ('urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', 'Persistent'), ('urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified', 'Unspecified')], default='urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', help_text='The name id is how we know a person again. It must not change from one sign-in to the next.', max_length=80, verbose_name='name id format')),
                ('email_attribute', models.CharField(blank=True, help_text='Empty: the name id is the address.', max_length=200, verbose_name='e-mail attribute')),
                ('first_name_attribute', models.CharField(blank=True, max_length=200, verbose_name='first name attribute')),
                ('last_name_attribute', models.CharField(blank=True, max_length=200, verbose_name='last name attribute')),
                ('groups_attribute', models.CharField(blank=True, help_text='Its values are titles of groups. Only groups with the switch “single sign-on” follow it.', max_length=200, verbose_name='groups attribute')),
                ('creates_people', models.BooleanField(default=False, help_text='Off: only people who are in the portal already, or invited, come in.', verbose_name='create people at their first sign-in')),
                ('accepts_unasked', models.BooleanField(default=False, help_text="Needed for the tile on your identity provider's start page. Safer when it is off.", verbose_name='accept sign-ins that start at the identity provider')),
                ('portal', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='saml_settings', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'SAML settings',
                'verbose_name_plural': 'SAML settings',
            },
        ),
        migrations.CreateModel(
            name='SamlMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attribute', models.CharField(max_length=200, verbose_name='attribute')),
                ('custom_field', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='saml_mappings', to='portals.customfield', verbose_name='custom field')),
                ('settings', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='portals.samlsettings', verbose_name='SAML settings')),
            ],
            options={
                'verbose_name': 'attribute mapping',
                'verbose_name_plural': 'attribute mappings',
            },
        ),
        migrations.CreateModel(
            name='SamlCertificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pem', models.TextField(verbose_name='certificate (PEM)')),
                ('fingerprint', models.CharField(editable=False, max_length=64, verbose_name='SHA-256 fingerprint')),
                ('expires_at', models.DateTimeField(editable=False, verbose_name='expires at')),
                ('settings', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='certificates', to='portals.samlsettings', verbose_name='SAML settings')),
            ],
            options={
                'verbose_name': 'certificate',
                'verbose_name_plural': 'certificates',
            },
        ),
        migrations.CreateModel(
            name='SignedLinkSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.TextField(blank=True, editable=False)),
                ('previous_secret', models.TextField(blank=True, editable=False)),
                ('previous_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='previous secret works until')),
                ('signature', models.CharField(choices=[('hmac', 'HMAC-SHA256 over all fields (recommended)'), ('sha256', 'SHA-256 of a pattern (older sites)'), ('md5', 'MD5 of a pattern (oldest sites, weak)')], default='hmac', max_length=6, verbose_name='signature')),
                ('accepts_weak', models.BooleanField(default=False, help_text='Needed for SHA-256 and MD5 patterns: only what is in the pattern is protected.', verbose_name='I accept that these links can be altered or forged more easily')),
                ('pattern', models.CharField(default='USER={email}&TS={time}&KEY={secret}', help_text='May hold {email}, {time}, {secret}, {first_name}, {last_name}, {redirect} and {parameter:Name}.', max_length=300, verbose_name='pattern of older sites')),
                ('email_parameter', models.CharField(default='Email', max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='e-mail parameter')),
                ('time_parameter', models.CharField(default='TS', max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='time parameter')),
                ('token_parameter', models.CharField(default='SSOToken', max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='token parameter')),
                ('first_name_parameter', models.CharField(default='FirstName', max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='first name parameter')),
                ('last_name_parameter', models.CharField(default='LastName', max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='last name parameter')),
                ('redirect_parameter', models.CharField(default='redirect_uri', max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='redirect parameter')),
                ('max_age_minutes', models.PositiveSmallIntegerField(default=5, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(30)], verbose_name='minutes that a link works')),
                ('sign_in_url', models.CharField(blank=True, help_text='The page of your site that makes the links: learners who are not signed in are sent there.', max_length=500, validators=[django.core.validators.RegexValidator('^https?://[^\\s/]+(/\\S*)?$', 'Enter an address that begins with https://.')], verbose_name='sign-in URL')),
                ('landing_path', models.CharField(default='/', help_text='Where a link leads that does not say.', max_length=200, validators=[django.core.validators.RegexValidator('^/(?![/\\\\])[^\\s\\\\]*$', 'Enter a path of this portal, such as /.')], verbose_name='landing page')),
                ('unauthorized_url', models.CharField(blank=True, help_text='Where people go whose link is refused. Empty: a page of the portal.', max_length=500, validators=[django.core.validators.RegexValidator('^https?://[^\\s/]+(/\\S*)?$', 'Enter an address that begins with https://.')], verbose_name='unauthorised URL')),
                ('sign_out_url', models.CharField(blank=True, help_text='Learners are sent there after they sign out of the portal. Empty: they stay here.', max_length=500, validators=[django.core.validators.RegexValidator('^https?://[^\\s/]+(/\\S*)?$', 'Enter an address that begins with https://.')], verbose_name='sign-out URL')),
                ('creates_people', models.BooleanField(default=False, help_text='Off: only people who are in the portal already, or invited, come in.', verbose_name='create people at their first sign-in')),
                ('portal', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='signed_link_settings', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'signed link settings',
                'verbose_name_plural': 'signed link settings',
            },
        ),
        migrations.CreateModel(
            name='SignedLinkMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('parameter', models.CharField(max_length=60, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]+$', 'Use letters, digits, dots, hyphens and underscores.')], verbose_name='parameter')),
                ('custom_field', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signed_link_mappings', to='portals.customfield', verbose_name='custom field')),
                ('settings', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='portals.signedlinksettings', verbose_name='signed link settings')),
            ],
            options={
                'verbose_name': 'parameter mapping',
                'verbose_name_plural': 'parameter mappings',
            },
        ),
        migrations.CreateModel(
            name='CustomFieldChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(max_length=200, verbose_name='value')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('field', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='choices', to='portals.customfield', verbose_name='custom field')),
            ],
            options={
                'verbose_name': 'choice',
                'verbose_name_plural': 'choices',
                'constraints': [models.UniqueConstraint(fields=('field', 'value'), name='custom_field_choice_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='dynamicrule',
            constraint=models.CheckConstraint(condition=models.Q(('base_group', None), models.Q(('base_group', models.F('group')), _negated=True), _connector='OR'), name='rule_base_is_another_group'),
        ),
        migrations.AddConstraint(
            model_name='groupcourse',
            constraint=models.UniqueConstraint(fields=('group', 'course'), name='group_course_once'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.UniqueConstraint(models.F('portal'), django.db.models.functions.text.Lower('title'), name='group_title_once'),
        ),
        migrations.AddConstraint(
            model_name='customfield',
            constraint=models.UniqueConstraint(models.F('portal'), django.db.models.functions.text.Lower('label'), name='custom_field_label_once'),
        ),
        migrations.AddConstraint(
            model_name='customfield',
            constraint=models.CheckConstraint(condition=models.Q(('is_multiple', False), ('type__endswith', 'choice'), _connector='OR'), name='custom_field_multiple_is_choice'),
        ),
        migrations.AddConstraint(
            model_name='course',
            constraint=models.UniqueConstraint(models.F('portal'), django.db.models.functions.text.Lower('title'), name='course_title_once'),
        ),
        migrations.AddConstraint(
            model_name='course',
            constraint=models.UniqueConstraint(models.F('portal'), django.db.models.functions.text.Lower('reference'), condition=models.Q(('reference', ''), _negated=True), name='course_reference_once'),
        ),
        migrations.AddConstraint(
            model_name='portal',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('custom_domain'), condition=models.Q(('custom_domain_verified_at__isnull', False), models.Q(('custom_domain', ''), _negated=True)), name='portal_custom_domain_once'),
        ),
        migrations.AddConstraint(
            model_name='rulecondition',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('custom_field__isnull', False), ('subject', 'custom_field')), models.Q(models.Q(('subject', 'custom_field'), _negated=True), ('custom_field', None)), _connector='OR'), name='rule_condition_names_its_field'),
        ),
        migrations.AddConstraint(
            model_name='samlmapping',
            constraint=models.UniqueConstraint(fields=('settings', 'custom_field'), name='saml_mapping_once'),
        ),
        migrations.AddConstraint(
            model_name='samlcertificate',
            constraint=models.UniqueConstraint(fields=('settings', 'fingerprint'), name='saml_certificate_once'),
        ),
        migrations.AddConstraint(
            model_name='signedlinkmapping',
            constraint=models.UniqueConstraint(fields=('settings', 'custom_field'), name='signed_link_mapping_once'),
        ),
    ]
