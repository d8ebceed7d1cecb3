import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import users.models.invitations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('portals', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('is_active', models.BooleanField(default=True, verbose_name='may sign in')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('sign_in_count', models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='number of sign-ins')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('realm', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='users', to='portals.realm', verbose_name='realm')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'account',
                'verbose_name_plural': 'accounts',
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('actor_id', models.BigIntegerField(blank=True, null=True, verbose_name='account')),
                ('run_id', models.BigIntegerField(blank=True, null=True, verbose_name='sync run')),
                ('action', models.CharField(max_length=40, verbose_name='action')),
                ('object_type', models.CharField(max_length=60, verbose_name='kind of object')),
                ('object_id', models.BigIntegerField(blank=True, null=True, verbose_name='object id')),
                ('before', models.JSONField(blank=True, default=dict, verbose_name='before')),
                ('after', models.JSONField(blank=True, default=dict, verbose_name='after')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='network address')),
                ('portal', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit trail',
            },
        ),
        migrations.CreateModel(
            name='BulkJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('export_users', 'Download of user data'), ('import_users', 'Upload of users'), ('import_progress', 'Upload of course progress')], max_length=20, verbose_name='kind')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('review', 'To be reviewed'), ('done', 'Done'), ('failed', 'Failed')], default='waiting', max_length=7, verbose_name='state')),
                ('options', models.JSONField(blank=True, default=dict, verbose_name='options')),
                ('file_name', models.CharField(blank=True, max_length=200, verbose_name='file')),
                ('total', models.PositiveIntegerField(null=True, verbose_name='rows')),
                ('done', models.PositiveIntegerField(default=0, verbose_name='rows done')),
                ('failed', models.PositiveIntegerField(default=0, verbose_name='rows failed')),
                ('counts', models.JSONField(blank=True, default=dict, verbose_name='counts')),
                ('trouble', models.CharField(blank=True, max_length=500, verbose_name='why it failed')),
                ('created_at', models.DateTimeField(verbose_name='requested at')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished at')),
                ('lease_expires_at', models.DateTimeField(null=True)),
                ('heartbeat_at', models.DateTimeField(null=True)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('lapses', models.PositiveSmallIntegerField(default=0)),
                ('portal', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
            ],
            options={
                'verbose_name': 'upload or download',
                'verbose_name_plural': 'uploads and downloads',
            },
        ),
        migrations.CreateModel(
            name='BulkJobPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('upload', 'Uploaded file'), ('selection', 'Chosen rows'), ('result', 'Result')], max_length=9)),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='users.bulkjob')),
            ],
            options={
                'verbose_name': 'part of a file',
                'verbose_name_plural': 'parts of files',
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('learner', 'Learner'), ('manager', 'Manager'), ('instructor', 'Instructor'), ('admin', 'Admin')], default='learner', max_length=10, verbose_name='role')),
                ('is_limited', models.BooleanField(db_default=False, default=False, help_text='No access to portal settings, integrations and single sign-on.', verbose_name='limited admin')),
                ('permissions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=None, null=True, size=None, verbose_name='rights')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('active', 'Active'), ('ended', 'Access ended')], default='active', max_length=7, verbose_name='status')),
                ('source', models.CharField(choices=[('manual', 'Added by hand'), ('csv', 'CSV file'), ('gusto', 'Gusto'), ('hubspot', 'HubSpot'), ('sso', 'Single sign-on')], default='manual', max_length=20, verbose_name='source')),
                ('custom_data', models.JSONField(blank=True, default=dict, verbose_name='custom user data')),
                ('pinned_fields', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=None, editable=False, null=True, size=None, verbose_name='pinned fields')),
                ('last_day', models.DateField(blank=True, help_text='Access ends after this day.', null=True, verbose_name='last day of access')),
                ('ended_by', models.CharField(blank=True, max_length=20, verbose_name='access ended by')),
                ('ended_reason', models.CharField(blank=True, db_default='', max_length=200, verbose_name='reason')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='access ended at')),
                ('rule_groups', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, editable=False, size=None)),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('invitation_withdrawn_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='invitation cancelled at')),
                ('accepted_at', models.DateTimeField(blank=True, null=True, verbose_name='invitation accepted at')),
                ('ended_by_account', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='access ended by')),
                ('portal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='portals.portal', verbose_name='portal')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('invite', 'Invitation'), ('welcome', 'Welcome'), ('reset', 'Password reset')], max_length=7, verbose_name='kind')),
                ('state', models.CharField(choices=[('scheduled', 'Waiting to be sent'), ('held', 'Held for release'), ('sent', 'Sent'), ('failed', 'Could not be sent'), ('accepted', 'Accepted'), ('cancelled', 'Cancelled'), ('rejected', 'Rejected')], default='scheduled', max_length=9, verbose_name='state')),
                ('nonce', models.CharField(default=users.models.invitations.new_nonce, editable=False, max_length=32)),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('last_sent_at', models.DateTimeField(blank=True, null=True, verbose_name='last sent at')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires at')),
                ('times_sent', models.PositiveSmallIntegerField(default=0, verbose_name='times sent')),
                ('next_try_at', models.DateTimeField(blank=True, null=True, verbose_name='next try at')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('reminder', models.CharField(blank=True, choices=[('before', 'Before the link expires'), ('after', 'After the link expired')], db_default='', default='', max_length=6, verbose_name='reminder')),
                ('failure', models.CharField(blank=True, max_length=300, verbose_name='why it could not be sent')),
                ('source', models.CharField(choices=[('manual', 'Added by hand'), ('csv', 'CSV file'), ('gusto', 'Gusto'), ('hubspot', 'HubSpot'), ('sso', 'Single sign-on')], default='manual', max_length=20, verbose_name='source')),
                ('run_id', models.BigIntegerField(blank=True, null=True, verbose_name='sync run')),
                ('sent_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='sent by')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
            },
        ),
        migrations.CreateModel(
            name='ImportRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveIntegerField(verbose_name='line')),
                ('email', models.CharField(blank=True, max_length=300, verbose_name='e-mail address')),
                ('kind', models.CharField(choices=[('add', 'Create'), ('invite', 'Invite'), ('update', 'Update'), ('end_access', 'End access'), ('unchanged', 'Unchanged'), ('skip', 'Skip'), ('error', 'Error')], max_length=10, verbose_name='what happens')),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('held', 'Held for approval'), ('applied', 'Done'), ('refused', 'Changed since the preview'), ('nothing', 'Nothing to do')], max_length=7, verbose_name='state')),
                ('entry', models.JSONField(default=dict)),
                ('before', models.JSONField(default=dict, verbose_name='before')),
                ('after', models.JSONField(default=dict, verbose_name='after')),
                ('problems', models.JSONField(default=list, verbose_name='remarks')),
                ('applied_at', models.DateTimeField(null=True, verbose_name='done at')),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='users.bulkjob')),
                ('membership', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'row of a file',
                'verbose_name_plural': 'rows of files',
            },
        ),
        migrations.CreateModel(
            name='GroupMembership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('origin', models.CharField(choices=[('manual', 'By hand'), ('rule', 'By rule')], default='manual', max_length=6, verbose_name='added')),
                ('created_at', models.DateTimeField(verbose_name='member since')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='portals.group', verbose_name='group')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='group_memberships', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
            },
        ),
        migrations.CreateModel(
            name='GroupManager',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('can_create_users', models.BooleanField(default=False, verbose_name='may add people to this group')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='managers', to='portals.group', verbose_name='group')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='managed_groups', to='users.membership', verbose_name='manager')),
            ],
            options={
                'verbose_name': 'managed group',
                'verbose_name_plural': 'managed groups',
            },
        ),
        migrations.CreateModel(
            name='FormerEnrollment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('percent', models.PositiveSmallIntegerField(verbose_name='percent complete')),
                ('score', models.DecimalField(decimal_places=2, max_digits=5, null=True, verbose_name='score')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started at')),
                ('recorded_by', models.CharField(blank=True, choices=[('learner', 'The learner'), ('admin', 'An admin'), ('file', 'A file')], max_length=7, verbose_name='recorded by')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.course', verbose_name='course')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='former_enrollments', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'former enrollment',
                'verbose_name_plural': 'former enrollments',
            },
        ),
        migrations.CreateModel(
            name='Enrollment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('not_started', 'Not started'), ('in_progress', 'In progress'), ('completed', 'Completed'), ('passed', 'Passed'), ('failed', 'Failed'), ('pending_review', 'Pending review')], default='not_started', max_length=14, verbose_name='status')),
                ('percent', models.PositiveSmallIntegerField(default=0, verbose_name='percent complete')),
                ('score', models.DecimalField(blank=True, decimal_places=2, max_digits=5, null=True, verbose_name='score')),
                ('is_required', models.BooleanField(default=False, verbose_name='required')),
                ('due_on', models.DateField(blank=True, null=True, verbose_name='due on')),
                ('enrolled_at', models.DateTimeField(verbose_name='enrolled at')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='started at')),
                ('completed_at', models.DateTimeField(blank=True, null=True, verbose_name='completed at')),
                ('recorded_by', models.CharField(blank=True, choices=[('learner', 'The learner'), ('admin', 'An admin'), ('file', 'A file')], db_default='', default='', max_length=7, verbose_name='recorded by')),
                ('note', models.CharField(blank=True, db_default='', default='', max_length=500, verbose_name='note')),
                ('attempt', models.PositiveSmallIntegerField(db_default=1, default=1, editable=False)),
                ('reminder', models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('course', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='enrollments', to='portals.course', verbose_name='course')),
                ('source_group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='portals.group', verbose_name='through group')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='enrollments', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'enrollment',
                'verbose_name_plural': 'enrollments',
            },
        ),
        migrations.CreateModel(
            name='DeletionRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requested_at', models.DateTimeField(verbose_name='requested at')),
                ('due_at', models.DateTimeField(db_index=True, verbose_name='will be deleted at')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='deletion_request', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'deletion request',
                'verbose_name_plural': 'deletion requests',
            },
        ),
        migrations.CreateModel(
            name='CourseInstructor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='instructors', to='portals.course', verbose_name='course')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='instructed_courses', to='users.membership', verbose_name='instructor')),
            ],
            options={
                'verbose_name': 'instructed course',
                'verbose_name_plural': 'instructed courses',
            },
        ),
        migrations.CreateModel(
            name='PendingUser',
            fields=[
            ],
            options={
                'verbose_name': 'pending user',
                'verbose_name_plural': 'pending users',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('users.membership',),
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('password_changed', 'Password changed'), ('address_changed', 'E-mail address changed'), ('second_factor_added', 'Second factor set up'), ('second_factor_removed', 'Second factor removed'), ('deletion_asked', 'Deletion requested'), ('deletion_to_decide', 'Deletion requested, for admins'), ('deletion_taken_back', 'Deletion taken back'), ('report', 'Report, for admins'), ('job_ended', 'End of work in the background'), ('course_due', 'Reminder of courses'), ('people_added', 'Who was added, for admins')], max_length=21, verbose_name='kind')),
                ('address', models.EmailField(max_length=254, verbose_name='to')),
                ('state', models.CharField(choices=[('scheduled', 'Waiting to be sent'), ('sent', 'Sent'), ('failed', 'Could not be sent')], default='scheduled', max_length=9, verbose_name='state')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('next_try_at', models.DateTimeField(null=True, verbose_name='next try at')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('failure', models.CharField(blank=True, max_length=300, verbose_name='why it could not be sent')),
                ('subject', models.CharField(blank=True, max_length=200, verbose_name='subject')),
                ('text', models.TextField(blank=True, verbose_name='text')),
                ('link', models.URLField(blank=True, max_length=500, verbose_name='page')),
                ('portal', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'notice',
                'verbose_name_plural': 'notices',
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('device', models.CharField(blank=True, max_length=60, verbose_name='device')),
                ('address', models.CharField(blank=True, max_length=50, verbose_name='network')),
                ('signed_in_at', models.DateTimeField(null=True, verbose_name='signed in at')),
                ('last_seen_at', models.DateTimeField(null=True, verbose_name='last seen at')),
                ('portal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sign_ins', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'sign-in',
                'verbose_name_plural': 'sign-ins',
            },
        ),
        migrations.CreateModel(
            name='SignInAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('method', models.CharField(choices=[('saml', 'SAML'), ('signed_link', 'Signed link')], max_length=11, verbose_name='method')),
                ('reason', models.CharField(blank=True, max_length=40, verbose_name='refused because')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='network address')),
                ('membership', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.membership', verbose_name='user')),
                ('portal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'sign-in attempt',
                'verbose_name_plural': 'sign-in attempts',
            },
        ),
        migrations.CreateModel(
            name='SignOnIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('issuer', models.CharField(max_length=300, verbose_name='identity provider')),
                ('name_id', models.CharField(max_length=256, verbose_name='name id')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sign_on_identities', to='users.membership', verbose_name='user')),
                ('portal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'sign-on identity',
                'verbose_name_plural': 'sign-on identities',
            },
        ),
        migrations.CreateModel(
            name='SpentToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('portal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'spent token',
                'verbose_name_plural': 'spent tokens',
            },
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(models.F('realm'), django.db.models.functions.text.Lower('email'), name='user_email_once_per_realm'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('email'), condition=models.Q(('realm', None)), name='user_email_once_among_operators'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['portal', '-at'], name='audit_portal_at'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['object_type', 'object_id'], name='audit_object'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', '-at'], name='audit_actor'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['at'], name='audit_at_range'),
        ),
        migrations.AddIndex(
            model_name='bulkjob',
            index=models.Index(fields=['created_at'], name='bulk_job_created'),
        ),
        migrations.AddConstraint(
            model_name='bulkjob',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('portal', 'kind'), name='bulk_job_one_live'),
        ),
        migrations.AddConstraint(
            model_name='bulkjobpart',
            constraint=models.UniqueConstraint(fields=('job', 'purpose', 'number'), name='bulk_job_part_once'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['portal', 'created_at', 'id'], include=('status',), name='membership_listed'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['portal', 'status'], name='membership_status'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(condition=models.Q(('last_day__isnull', False), models.Q(('status', 'ended'), _negated=True)), fields=['last_day'], name='membership_last_day'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=django.contrib.postgres.indexes.GinIndex(fields=['custom_data'], name='membership_custom_data', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('user', 'portal'), name='membership_once_per_portal'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('is_limited', False), ('role', 'admin'), _connector='OR'), name='membership_limited_is_admin'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(condition=models.Q(('next_try_at__isnull', False), ('state__in', ['scheduled', 'sent'])), fields=['next_try_at'], name='invitation_outbox'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(condition=models.Q(('kind', 'invite'), ('state', 'sent')), fields=['expires_at'], name='invitation_expiring'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(condition=models.Q(('state', 'held')), fields=['run_id'], name='invitation_held'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(condition=models.Q(('sent_by__isnull', False)), fields=['sent_by'], name='invitation_sent_by'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['scheduled', 'held', 'sent', 'failed'])), fields=('membership', 'kind'), name='invitation_open_once'),
        ),
        migrations.AddConstraint(
            model_name='importrow',
            constraint=models.UniqueConstraint(fields=('job', 'line'), name='import_row_once'),
        ),
        migrations.AddConstraint(
            model_name='groupmembership',
            constraint=models.UniqueConstraint(fields=('membership', 'group'), name='group_membership_once'),
        ),
        migrations.AddConstraint(
            model_name='groupmanager',
            constraint=models.UniqueConstraint(fields=('membership', 'group'), name='group_manager_once'),
        ),
        migrations.AddConstraint(
            model_name='formerenrollment',
            constraint=models.UniqueConstraint(fields=('membership', 'course'), name='former_enrollment_once'),
        ),
        migrations.AddIndex(
            model_name='enrollment',
            index=models.Index(fields=['course', 'status'], name='enrollment_course_status'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=models.UniqueConstraint(fields=('membership', 'course'), name='enrollment_once'),
        ),
        migrations.AddConstraint(
            model_name='enrollment',
            constraint=models.CheckConstraint(condition=models.Q(('percent__lte', 100)), name='enrollment_percent'),
        ),
        migrations.AddConstraint(
            model_name='courseinstructor',
            constraint=models.UniqueConstraint(fields=('membership', 'course'), name='course_instructor_once'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('state', 'scheduled')), fields=['next_try_at'], name='notice_waiting'),
        ),
        migrations.AddIndex(
            model_name='signinattempt',
            index=models.Index(fields=['portal', '-at'], name='sign_in_attempt_portal_at'),
        ),
        migrations.AddConstraint(
            model_name='signonidentity',
            constraint=models.UniqueConstraint(fields=('portal', 'issuer', 'name_id'), name='sign_on_identity_once'),
        ),
        migrations.AddConstraint(
            model_name='signonidentity',
            constraint=models.UniqueConstraint(fields=('membership', 'issuer'), name='sign_on_identity_once_per_user'),
        ),
        migrations.AddIndex(
            model_name='spenttoken',
            index=models.Index(fields=['portal', 'expires_at'], name='spent_token_expiry'),
        ),
        migrations.AddConstraint(
            model_name='spenttoken',
            constraint=models.UniqueConstraint(fields=('portal', 'digest'), name='token_spent_once'),
        ),
    ]
