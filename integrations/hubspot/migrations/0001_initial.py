import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('integrations', '0001_initial'),
        ('users', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProgressTarget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('chosen', models.CharField(blank=True, choices=[('app_object', 'Course enrollments of the app'), ('custom_object', 'A custom object of the account'), ('properties', "Properties of the person's record"), ('none', 'Nowhere')], default='', max_length=13, verbose_name='chosen')),
                ('strategy', models.CharField(choices=[('app_object', 'Course enrollments of the app'), ('custom_object', 'A custom object of the account'), ('properties', "Properties of the person's record"), ('none', 'Nowhere')], default='none', max_length=13, verbose_name='storage')),
                ('findings', models.JSONField(default=dict)),
                ('object_type', models.CharField(blank=True, default='', max_length=100)),
                ('names', models.JSONField(default=dict)),
                ('checked_at', models.DateTimeField(null=True, verbose_name='checked at')),
                ('paused_until', models.DateTimeField(null=True, verbose_name='paused until')),
                ('pause_reason', models.CharField(blank=True, default='', max_length=100)),
                ('failures_in_a_row', models.PositiveSmallIntegerField(default=0)),
                ('last_sent_at', models.DateTimeField(null=True, verbose_name='last sent at')),
                ('compared_to', models.CharField(blank=True, default='', max_length=200)),
                ('compared_at', models.DateTimeField(null=True, verbose_name='compared at')),
                ('repaired', models.PositiveIntegerField(default=0)),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='progress_target', to='integrations.connection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'storage of progress',
                'verbose_name_plural': 'storages of progress',
            },
        ),
        migrations.CreateModel(
            name='PrivacyReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(max_length=16)),
                ('asked_at', models.DateTimeField(verbose_name='asked at')),
                ('done_at', models.DateTimeField(verbose_name='done at')),
                ('removed', models.JSONField(default=dict, verbose_name='removed')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='privacy_receipts', to='integrations.connection', verbose_name='connection')),
            ],
            options={
                'verbose_name': "deletion at HubSpot's request",
                'verbose_name_plural': "deletions at HubSpot's request",
                'indexes': [models.Index(fields=['connection', '-asked_at'], name='privacy_receipt_list')],
                'constraints': [models.UniqueConstraint(fields=('connection', 'digest', 'asked_at'), name='privacy_receipt_once')],
            },
        ),
        migrations.CreateModel(
            name='ProgressPush',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('enrollment_id', models.BigIntegerField()),
                ('membership_id', models.BigIntegerField()),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('withheld', 'Withheld'), ('removing', 'To be removed'), ('kept', 'Kept'), ('failed', 'Refused')], default='waiting', max_length=8, verbose_name='state')),
                ('generation', models.PositiveIntegerField(default=1)),
                ('is_tried', models.BooleanField(default=False)),
                ('stored_in', models.CharField(blank=True, default='', max_length=100)),
                ('record_id', models.BigIntegerField(null=True)),
                ('person_key', models.CharField(blank=True, default='', max_length=64)),
                ('digest', models.BinaryField(max_length=16, null=True)),
                ('is_finished', models.BooleanField(default=False)),
                ('confirmed_at', models.DateTimeField(null=True, verbose_name='confirmed at')),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(verbose_name='next try')),
                ('claimed_by', models.UUIDField(null=True)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('problem', models.CharField(blank=True, default='', max_length=300, verbose_name='problem')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='progress_pushes', to='integrations.connection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'progress to report',
                'verbose_name_plural': 'progress to report',
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'removing'])), fields=['connection', 'next_try_at'], name='progress_push_due'), models.Index(fields=['membership_id'], name='progress_push_person'), models.Index(fields=['connection', 'record_id'], name='progress_push_record'), models.Index(condition=models.Q(('state', 'failed')), fields=['connection'], name='progress_push_failed')],
                'constraints': [models.UniqueConstraint(fields=('enrollment_id', 'attempt', 'connection'), name='progress_push_once')],
            },
        ),
        migrations.CreateModel(
            name='RecordAlias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=64, verbose_name='id at HubSpot')),
                ('kind', models.CharField(choices=[('merged', 'Merged into another record'), ('deleted', 'Deleted in HubSpot')], max_length=7, verbose_name='kind')),
                ('noted_at', models.DateTimeField(verbose_name='noted at')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='record_aliases', to='integrations.connection', verbose_name='connection')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='record_aliases', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'earlier HubSpot record',
                'verbose_name_plural': 'earlier HubSpot records',
                'constraints': [models.UniqueConstraint(fields=('connection', 'external_id'), name='record_alias_once')],
            },
        ),
        migrations.CreateModel(
            name='WorkflowCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_id', models.CharField(max_length=64, verbose_name='HubSpot account')),
                ('callback_id', models.CharField(max_length=200, verbose_name='id of the call')),
                ('kind', models.CharField(choices=[('invite', 'User Invite Action'), ('add', 'User Add Action')], max_length=6, verbose_name='action')),
                ('record_type', models.CharField(max_length=40, verbose_name='kind of record')),
                ('record_id', models.CharField(blank=True, max_length=64, verbose_name='HubSpot record')),
                ('workflow_id', models.CharField(blank=True, max_length=32, verbose_name='workflow')),
                ('inputs', models.JSONField(default=dict, verbose_name='chosen in the workflow')),
                ('outcome', models.CharField(blank=True, choices=[('created', 'Created'), ('invited', 'Invited'), ('already_member', 'Already a member'), ('reinvited', 'Invited again'), ('activated', 'Activated'), ('skipped', 'Skipped'), ('failed', 'Failed')], max_length=14, verbose_name='outcome')),
                ('error_code', models.CharField(blank=True, max_length=40, verbose_name='reason')),
                ('answer', models.JSONField(default=dict, verbose_name='answer')),
                ('state', models.CharField(choices=[('done', 'Done'), ('refused', 'Refused'), ('forgotten', 'Forgotten on request')], default='done', max_length=9, verbose_name='state')),
                ('received_at', models.DateTimeField(verbose_name='received at')),
                ('replayed_at', models.DateTimeField(null=True, verbose_name='carried out again at')),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='workflow_calls', to='integrations.connection', verbose_name='connection')),
                ('membership', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.membership', verbose_name='user')),
            ],
            options={
                'verbose_name': 'received call',
                'verbose_name_plural': 'received calls',
                'indexes': [models.Index(fields=['connection', '-received_at'], name='workflow_call_history'), models.Index(fields=['account_id', 'record_id'], name='workflow_call_record'), django.contrib.postgres.indexes.BrinIndex(fields=['received_at'], name='workflow_call_range')],
                'constraints': [models.UniqueConstraint(fields=('account_id', 'callback_id'), name='workflow_call_once')],
            },
        ),
    ]
