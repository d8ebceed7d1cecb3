import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('portals', '0001_initial'),
        ('users', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=20, unique=True, verbose_name='name')),
                ('at', models.DateTimeField(verbose_name='at')),
            ],
            options={
                'verbose_name': 'sign of life',
                'verbose_name_plural': 'signs of life',
            },
        ),
        migrations.CreateModel(
            name='WebhookSubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(choices=[('gusto', 'Gusto'), ('hubspot', 'HubSpot')], max_length=20, unique=True, verbose_name='provider')),
                ('external_id', models.CharField(max_length=64, verbose_name='id at the provider')),
                ('state', models.CharField(choices=[('pending', 'Waits to be verified'), ('verified', 'Verified')], default='pending', max_length=8, verbose_name='state')),
                ('token', models.TextField(blank=True, editable=False)),
                ('candidates', models.JSONField(default=list, editable=False)),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('verified_at', models.DateTimeField(blank=True, null=True, verbose_name='verified at')),
            ],
            options={
                'verbose_name': 'webhook subscription',
                'verbose_name_plural': 'webhook subscriptions',
            },
        ),
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(choices=[('gusto', 'Gusto'), ('hubspot', 'HubSpot')], max_length=20, verbose_name='provider')),
                ('record_type', models.CharField(blank=True, max_length=10, verbose_name='record type')),
                ('state', models.CharField(choices=[('active', 'Active'), ('needs_reconnecting', 'Needs reconnecting'), ('quarantined', 'Paused after trouble'), ('disconnected', 'Not connected')], default='disconnected', max_length=20, verbose_name='state')),
                ('state_reason', models.CharField(blank=True, max_length=300, verbose_name='reason')),
                ('external_account_id', models.CharField(blank=True, max_length=64, verbose_name='external account')),
                ('external_account_name', models.CharField(blank=True, max_length=200, verbose_name='name of the external account')),
                ('connected_at', models.DateTimeField(blank=True, null=True, verbose_name='connected at')),
                ('disconnected_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='disconnected at')),
                ('last_manual_sync_at', models.DateTimeField(blank=True, null=True, verbose_name='last manual sync')),
                ('next_due_at', models.DateTimeField(blank=True, null=True, verbose_name='next daily sync')),
                ('last_complete_sync_at', models.DateTimeField(blank=True, null=True, verbose_name='last complete sync')),
                ('failures_in_a_row', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('quarantined_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='paused since')),
                ('quarantine', models.CharField(blank=True, editable=False, max_length=20)),
                ('told_trouble', models.CharField(blank=True, editable=False, max_length=20)),
                ('report_to', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, editable=False, size=None)),
                ('unwanted_reports', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, editable=False, size=None)),
                ('connected_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='connected by')),
                ('portal', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='connections', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'connection',
                'verbose_name_plural': 'connections',
            },
        ),
        migrations.CreateModel(
            name='ConsentRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state_digest', models.CharField(max_length=64, unique=True)),
                ('provider', models.CharField(choices=[('gusto', 'Gusto'), ('hubspot', 'HubSpot')], max_length=20)),
                ('record_type', models.CharField(blank=True, max_length=10)),
                ('code_verifier', models.CharField(blank=True, max_length=128)),
                ('created_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('sealed_token', models.TextField(blank=True)),
                ('external_account_id', models.CharField(blank=True, max_length=64)),
                ('external_account_name', models.CharField(blank=True, max_length=200)),
                ('portal', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'consent under way',
                'verbose_name_plural': 'consents under way',
            },
        ),
        migrations.CreateModel(
            name='FieldMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attribute', models.CharField(max_length=100, verbose_name='attribute')),
                ('fallback_attribute', models.CharField(blank=True, help_text='Used when the attribute is empty.', max_length=100, verbose_name='otherwise')),
                ('default', models.CharField(blank=True, max_length=200, verbose_name='default')),
                ('when_empty', models.CharField(choices=[('clear', 'Clear the field'), ('keep', 'Keep the old value')], default='clear', max_length=5, verbose_name='when the attribute is empty')),
                ('is_broken', models.BooleanField(default=False, verbose_name='attribute is gone')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='integrations.connection', verbose_name='connection')),
                ('custom_field', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mappings', to='portals.customfield', verbose_name='custom field')),
            ],
            options={
                'verbose_name': 'field mapping',
                'verbose_name_plural': 'field mappings',
            },
        ),
        migrations.CreateModel(
            name='ChoiceAlias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(max_length=200, verbose_name='value at the provider')),
                ('choice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='portals.customfieldchoice', verbose_name='choice')),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='integrations.fieldmapping', verbose_name='field mapping')),
            ],
            options={
                'verbose_name': 'alias of a choice',
                'verbose_name_plural': 'aliases of choices',
            },
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('provider', models.CharField(choices=[('gusto', 'Gusto'), ('hubspot', 'HubSpot')], max_length=20, verbose_name='provider')),
                ('external_account_id', models.CharField(max_length=64, verbose_name='external account')),
                ('external_account_name', models.CharField(blank=True, max_length=200, verbose_name='name of the external account')),
                ('access_token', models.TextField(editable=False)),
                ('refresh_token', models.TextField(blank=True, editable=False)),
                ('expires_at', models.DateTimeField(verbose_name='access token expires at')),
                ('scopes', models.TextField(blank=True, verbose_name='granted scopes')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('refreshed_at', models.DateTimeField(blank=True, null=True, verbose_name='refreshed at')),
                ('realm', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='portals.realm', verbose_name='realm')),
            ],
            options={
                'verbose_name': 'grant',
                'verbose_name_plural': 'grants',
            },
        ),
        migrations.AddField(
            model_name='connection',
            name='grant',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='connections', to='integrations.grant', verbose_name='grant'),
        ),
        migrations.CreateModel(
            name='InviteSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('when', models.CharField(choices=[('added', 'When they are added to Gusto'), ('hire_date', 'On their hiring date')], default='added', max_length=10, verbose_name='When do you want to invite them?')),
                ('how', models.CharField(choices=[('active_welcome', 'Create as an active user and send a welcome email'), ('active', 'Create as active user only'), ('pending_invite', 'Create as pending user and send invitation email')], default='pending_invite', max_length=15, verbose_name='How to add new users?')),
                ('address', models.CharField(choices=[('work_first', 'Work e-mail, else personal e-mail'), ('personal_first', 'Personal e-mail, else work e-mail'), ('work_only', 'Work e-mail only')], default='work_first', max_length=15, verbose_name='Which e-mail address?')),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='invite_settings', to='integrations.connection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'invite settings',
                'verbose_name_plural': 'invite settings',
            },
        ),
        migrations.CreateModel(
            name='SafetySettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('most_people', models.PositiveSmallIntegerField(default=3, help_text='Changes that take something away wait for you when they concern more people than this …', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='people per day')),
                ('most_percent', models.PositiveSmallIntegerField(default=10, help_text='… and more than this share of the linked people.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)], verbose_name='percent per day')),
                ('holds_first_mails', models.BooleanField(default=True, help_text='You release them when all looks right.', verbose_name='hold the mails of the first sync')),
                ('most_mails', models.PositiveIntegerField(default=50, help_text='The mails of a sync wait for your release when there are more than this in a day.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='mails per day')),
                ('scope', models.JSONField(blank=True, default=list, verbose_name='scope')),
                ('out_of_scope', models.CharField(choices=[('keep', 'Leave them as they are'), ('end_access', 'End their access')], default='keep', max_length=10, verbose_name='people who leave the scope')),
                ('ends_missing', models.BooleanField(default=False, verbose_name='end the access of people who are missing from two complete lists in a row')),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='safety_settings', to='integrations.connection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'scope and safety',
                'verbose_name_plural': 'scope and safety',
            },
        ),
        migrations.CreateModel(
            name='SyncPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('fingerprint', models.BinaryField(max_length=16)),
                ('identity_ranges', models.JSONField(default=list)),
                ('people', models.PositiveIntegerField(default=0)),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='integrations.connection')),
            ],
        ),
        migrations.CreateModel(
            name='SyncRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('trigger', models.CharField(choices=[('schedule', 'Daily sync'), ('manual', 'Started by an admin'), ('command', 'Started by an operator'), ('retry', 'Tried again'), ('approval', 'Approved changes'), ('preview', 'Preview'), ('plan', 'Applied a preview'), ('undo', 'Undid a sync'), ('restore', 'Gave access back'), ('event', 'Reported by the provider'), ('action', 'Asked for by workflows'), ('linking', 'Looked for learners to link')], max_length=10, verbose_name='started')),
                ('state', models.CharField(choices=[('queued', 'Waiting to start'), ('running', 'Running'), ('completed', 'Completed'), ('partial', 'Completed in part'), ('failed', 'Failed'), ('cancelled', 'Stopped')], default='queued', max_length=10, verbose_name='state')),
                ('local_day', models.DateField(blank=True, null=True)),
                ('created_at', models.DateTimeField(verbose_name='requested at')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='started at')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('lapses', models.PositiveSmallIntegerField(default=0)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('policy', models.JSONField(default=dict, editable=False)),
                ('cursor', models.JSONField(default=dict, editable=False)),
                ('totals', models.JSONField(default=dict, verbose_name='totals')),
                ('plan_hash', models.CharField(blank=True, editable=False, max_length=32)),
                ('trouble', models.CharField(blank=True, max_length=500, verbose_name='trouble')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='integrations.connection', verbose_name='connection')),
                ('origin', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='followers', to='integrations.syncrun', verbose_name='of run')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='started by')),
            ],
            options={
                'verbose_name': 'sync run',
                'verbose_name_plural': 'sync runs',
            },
        ),
        migrations.CreateModel(
            name='PlannedChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=64, verbose_name='id at the provider')),
                ('person', models.CharField(blank=True, max_length=330, verbose_name='person')),
                ('membership_id', models.BigIntegerField(blank=True, null=True, verbose_name='user')),
                ('kind', models.CharField(max_length=12, verbose_name='change')),
                ('reason', models.CharField(blank=True, max_length=40, verbose_name='reason')),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('applied', 'Done'), ('held', 'Held for approval'), ('rejected', 'Rejected'), ('skipped', 'Skipped'), ('failed', 'Failed'), ('undone', 'Undone')], max_length=8, verbose_name='state')),
                ('before', models.JSONField(default=dict, verbose_name='before')),
                ('after', models.JSONField(default=dict, verbose_name='after')),
                ('consequences', models.JSONField(null=True, verbose_name='consequences')),
                ('source', models.JSONField(editable=False, null=True)),
                ('trace', models.JSONField(editable=False, null=True)),
                ('warnings', models.JSONField(default=list, verbose_name='warnings')),
                ('run', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='integrations.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'change',
                'verbose_name_plural': 'changes',
            },
        ),
        migrations.CreateModel(
            name='Tombstone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(max_length=16)),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('portal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portals.portal', verbose_name='portal')),
            ],
            options={
                'verbose_name': 'mark of a deleted person',
                'verbose_name_plural': 'marks of deleted people',
            },
        ),
        migrations.CreateModel(
            name='WebhookEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(choices=[('gusto', 'Gusto'), ('hubspot', 'HubSpot')], max_length=20, verbose_name='provider')),
                ('event_id', models.CharField(max_length=64, verbose_name='event')),
                ('kind', models.CharField(max_length=60, verbose_name='kind')),
                ('account_id', models.CharField(max_length=64, verbose_name='external account')),
                ('person_id', models.CharField(blank=True, max_length=64, verbose_name='person')),
                ('details', models.JSONField(default=dict, editable=False)),
                ('happened_at', models.DateTimeField(verbose_name='happened at')),
                ('received_at', models.DateTimeField(verbose_name='received at')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('taken', 'Taken up'), ('ignored', 'Not needed')], default='waiting', max_length=7, verbose_name='state')),
                ('connection', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='integrations.connection', verbose_name='connection')),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='events', to='integrations.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'webhook event',
                'verbose_name_plural': 'webhook events',
            },
        ),
        migrations.CreateModel(
            name='CalendarLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('portal', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_links', to='portals.portal', verbose_name='portal')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'calendar link',
                'verbose_name_plural': 'calendar links',
                'constraints': [models.UniqueConstraint(fields=('portal', 'user'), name='calendar_link_once')],
            },
        ),
        migrations.CreateModel(
            name='ExternalIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=64, verbose_name='id at the provider')),
                ('state', models.CharField(choices=[('linked', 'Linked'), ('skipped', 'Skipped'), ('failed', 'Failed')], max_length=7, verbose_name='state')),
                ('reason', models.CharField(blank=True, max_length=40, verbose_name='reason')),
                ('digest', models.BinaryField(max_length=16)),
                ('snapshot', models.JSONField(default=dict, verbose_name='last snapshot')),
                ('flaws', models.JSONField(null=True, verbose_name='refused values')),
                ('rejected', models.JSONField(null=True, verbose_name='rejected changes')),
                ('due_on', models.DateField(blank=True, null=True, verbose_name='look again on')),
                ('times_missing', models.PositiveSmallIntegerField(default=0, verbose_name='times missing')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='identities', to='integrations.connection', verbose_name='connection')),
                ('membership', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='external_identities', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'external identity',
                'verbose_name_plural': 'external identities',
                'indexes': [models.Index(condition=models.Q(('due_on__isnull', False)), fields=['connection', 'due_on'], name='identity_due'), models.Index(condition=models.Q(('state', 'linked'), _negated=True), fields=['connection', 'state'], name='identity_not_linked'), models.Index(condition=models.Q(('flaws__isnull', False)), fields=['connection'], name='identity_flawed'), models.Index(condition=models.Q(('reason__in', ['unreadable', 'could_not_be_saved'])), fields=['connection'], name='identity_broken'), models.Index(condition=models.Q(('reason', ''), _negated=True), fields=['connection', 'reason'], name='identity_reason'), models.Index(condition=models.Q(('times_missing__gt', 0)), fields=['connection'], name='identity_missing')],
                'constraints': [models.UniqueConstraint(fields=('connection', 'external_id'), name='identity_once'), models.UniqueConstraint(condition=models.Q(('membership__isnull', False)), fields=('membership', 'connection'), name='identity_one_person_per_membership')],
            },
        ),
        migrations.AddConstraint(
            model_name='fieldmapping',
            constraint=models.UniqueConstraint(fields=('connection', 'custom_field'), name='mapping_one_source_per_field'),
        ),
        migrations.AddConstraint(
            model_name='choicealias',
            constraint=models.UniqueConstraint(fields=('mapping', 'value'), name='alias_once'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.UniqueConstraint(fields=('provider', 'external_account_id'), name='grant_once_per_account'),
        ),
        migrations.AddIndex(
            model_name='connection',
            index=models.Index(fields=['provider', 'external_account_id'], name='connection_account'),
        ),
        migrations.AddIndex(
            model_name='connection',
            index=models.Index(condition=models.Q(('state__in', ['active', 'quarantined'])), fields=['next_due_at'], name='connection_due_at'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(fields=('portal', 'provider'), name='connection_once_per_portal'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(condition=models.Q(('provider', 'gusto'), models.Q(('state', 'disconnected'), _negated=True)), fields=('external_account_id',), name='connection_gusto_company_once'),
        ),
        migrations.AddConstraint(
            model_name='syncpage',
            constraint=models.UniqueConstraint(fields=('connection', 'number'), name='sync_page_once'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(fields=['connection', '-created_at'], name='run_history'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['lease_expires_at'], name='run_lapsed'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running'])), fields=('connection',), name='run_one_live'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.UniqueConstraint(condition=models.Q(('local_day__isnull', False), models.Q(('trigger', 'action'), _negated=True)), fields=('connection', 'local_day'), name='run_one_per_day'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.UniqueConstraint(condition=models.Q(('local_day__isnull', False), ('trigger', 'action')), fields=('connection', 'local_day'), name='run_one_of_actions_per_day'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.UniqueConstraint(condition=models.Q(('trigger__in', ['plan', 'undo', 'restore']), models.Q(('state', 'failed'), _negated=True)), fields=('origin', 'trigger'), name='run_origin_used_once'),
        ),
        migrations.AddIndex(
            model_name='plannedchange',
            index=models.Index(fields=['run', 'kind', 'state'], name='change_run_kind'),
        ),
        migrations.AddConstraint(
            model_name='tombstone',
            constraint=models.UniqueConstraint(fields=('portal', 'digest'), name='tombstone_once'),
        ),
        migrations.AddIndex(
            model_name='webhookevent',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['connection', 'person_id'], name='webhook_event_to_take_up'),
        ),
        migrations.AddIndex(
            model_name='webhookevent',
            index=models.Index(fields=['provider', 'account_id', 'person_id'], name='webhook_event_person'),
        ),
        migrations.AddIndex(
            model_name='webhookevent',
            index=models.Index(fields=['received_at'], name='webhook_event_received'),
        ),
        migrations.AddConstraint(
            model_name='webhookevent',
            constraint=models.UniqueConstraint(fields=('provider', 'event_id', 'connection'), name='webhook_event_once', nulls_distinct=False),
        ),
    ]
