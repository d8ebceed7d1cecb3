"""All settings of the installation, driven by the environment; docs/settings.md explains each one."""

from datetime import timedelta
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# "production" (the default), "demo" or "test": only the latter two have insecure conveniences.
ROLLCALL_ENV = env.str("ROLLCALL_ENV", default="production")
IS_PRODUCTION = ROLLCALL_ENV == "production"

SECRET_KEY = env.str("SECRET_KEY")
ROLLCALL_ENCRYPTION_KEYS = env.list("ROLLCALL_ENCRYPTION_KEYS")
DEBUG = env.bool("DEBUG", default=False)

# Host and port under which the installation itself is reached; portals live at <slug>.<PLATFORM_DOMAIN>.
PLATFORM_DOMAIN = env.str("PLATFORM_DOMAIN", default="localhost:8000")
PLATFORM_SCHEME = env.str("PLATFORM_SCHEME", default="https" if IS_PRODUCTION else "http")
PLATFORM_HOST = PLATFORM_DOMAIN.partition(":")[0]
# portals.hosts refuses every host that is neither the platform nor a portal, so Django's own list may be open.
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.apps.RollcallAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_celery_beat",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "csp",
    "config.apps.ConfigConfig",
    "portals",
    "users",
    "integrations",
    "integrations.gusto",
    "integrations.hubspot",
]
if not IS_PRODUCTION:
    INSTALLED_APPS.append("integrations.sandbox")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portals.hosts.PortalHostMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "users.backends.PortalAuthenticationMiddleware",
    "users.backends.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# Database: a hung process must not keep its locks for ever (limits in milliseconds).
DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"].update(
    CONN_MAX_AGE=60,
    CONN_HEALTH_CHECKS=True,
    DISABLE_SERVER_SIDE_CURSORS=env.bool("DISABLE_SERVER_SIDE_CURSORS", default=False),
)
DATABASES["default"].setdefault("OPTIONS", {}).update(
    options="-c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000 -c statement_timeout=60000",
    # Lets portals.statements keep prepared statements; Django's own queries are never prepared.
    prepare_threshold=5,
)

REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "portals.caches.OutlastingCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "rollcall",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
}

# Accounts and sessions
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.backends.RealmBackend"]
# E-mail addresses are unique per realm, which Django's own check cannot know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if ROLLCALL_ENV == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "users.password_rules.LengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Ten wrong passwords for one account from one network address lock that pair, and nobody else, for 15 minutes.
AXES_HANDLER = "users.lockouts.CacheHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "users.lockouts.account_key"
AXES_CLIENT_IP_CALLABLE = "portals.addresses.client_network"
AXES_LOCKOUT_CALLABLE = "users.lockouts.too_many_requests"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
# Sign-ins are rows that people can list and end; the age counts from the last visit.
SESSION_ENGINE = "users.sessions"
SESSION_COOKIE_AGE = int(timedelta(days=env.int("SESSION_DAYS", default=14)).total_seconds())
# Seconds that an invitation, welcome or reset link works; fixed by the product.
INVITATION_LIFETIME = timedelta(hours=72)

# How long entries of the audit trail are kept.
AUDIT_LIFETIME = timedelta(days=env.int("AUDIT_DAYS", default=365))

# Cookies and transport
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PLATFORM_SCHEME == "https"
# The prefix keeps other hosts below the same domain from setting this cookie.
SESSION_COOKIE_NAME = "__Host-session" if SESSION_COOKIE_SECURE else "session"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=IS_PRODUCTION)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if IS_PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^health/"]
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many proxies write to X-Forwarded-For, so that visitors' addresses are theirs.
PROXY_COUNT = env.int("PROXY_COUNT", default=int(BEHIND_PROXY))

# The admin's Alpine.js evaluates expressions and its widgets set inline styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        # No form-action: connecting posts a form that redirects to the provider's consent page.
    }
}

# Language, time, files
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
# Each test client makes its middleware anew: no walk through all static files each time.
WHITENOISE_AUTOREFRESH = DEBUG or ROLLCALL_ENV == "test"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Mail: always over SMTP; EMAIL_URL is smtp://user:password@host:port or smtp+tls://…
EMAIL_CONFIG = env.email("EMAIL_URL", default="smtp://localhost:25")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Rollcall <no-reply@example.com>")

# Celery: messages are wake-up calls; the work itself is in PostgreSQL.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "socket_keepalive": True, "socket_timeout": 30}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A page that wakes a worker must not wait long for a broker that is away.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "integrations.tasks.sync_connection": {"queue": "sync"},
    "integrations.hubspot.tasks.*": {"queue": "hubspot"},
    "users.tasks.send_invitations": {"queue": "mail"},
    "users.tasks.send_notices": {"queue": "mail"},
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "sync-due-connections": {"task": "integrations.tasks.sync_due_connections", "schedule": timedelta(minutes=2)},
    "tell-admins": {"task": "integrations.tasks.tell_admins", "schedule": timedelta(minutes=2)},
    "beat-heart": {"task": "integrations.tasks.beat_heart", "schedule": timedelta(seconds=30)},
    "take-up-hubspot-records": {
        "task": "integrations.hubspot.tasks.take_up_records",
        "schedule": timedelta(minutes=1),
    },
    "take-up-events": {"task": "integrations.tasks.take_up_events", "schedule": timedelta(minutes=1)},
    "follow-workflow-actions": {"task": "integrations.hubspot.tasks.follow_actions", "schedule": timedelta(minutes=5)},
    "forget-workflow-calls": {
        "task": "integrations.hubspot.tasks.forget_old_calls",
        "schedule": crontab(hour=3, minute=10),
    },
    "sweep-progress": {"task": "integrations.hubspot.tasks.sweep_progress", "schedule": timedelta(minutes=1)},
    "sweep-lapsed-runs": {"task": "integrations.tasks.sweep_runs", "schedule": timedelta(seconds=15)},
    "drop-old-links": {"task": "integrations.tasks.drop_old_links", "schedule": crontab(hour=3, minute=10)},
    "forget-old-lines": {"task": "integrations.tasks.forget_old_lines", "schedule": crontab(hour=3, minute=25)},
    "end-access-after-last-day": {"task": "users.tasks.end_access_after_last_day", "schedule": crontab(minute=5)},
    "remind-of-invitations": {"task": "users.tasks.remind_of_invitations", "schedule": crontab(minute=35)},
    "tell-of-new-people": {"task": "users.tasks.tell_of_new_people", "schedule": crontab(minute=25)},
    "remind-of-courses": {"task": "users.tasks.remind_of_courses", "schedule": crontab(minute=50)},
    "send-waiting-mail": {"task": "users.tasks.send_invitations", "schedule": timedelta(seconds=20)},
    "send-waiting-notices": {"task": "users.tasks.send_notices", "schedule": timedelta(seconds=30)},
    "forget-old-sign-ins": {"task": "users.tasks.forget_old_sign_ins", "schedule": crontab(hour=0, minute=50)},
    "erase-people": {"task": "users.tasks.erase_people", "schedule": crontab(minute=15)},
    "forget-audit-entries": {"task": "users.tasks.forget_old_audit_entries", "schedule": crontab(hour=2, minute=30)},
    "regroup-by-date": {"task": "users.tasks.regroup_everyone", "schedule": crontab(minute=20)},
    "sweep-bulk-jobs": {"task": "users.tasks.sweep_bulk_jobs", "schedule": timedelta(seconds=30)},
    "delete-old-bulk-jobs": {"task": "users.tasks.delete_old_bulk_jobs", "schedule": crontab(hour=3, minute=40)},
}

# Gusto; the host differs between its demo and production environments.
GUSTO_API_URL = env.str("GUSTO_API_URL", default="https://api.gusto-demo.com")
GUSTO_CLIENT_ID = env.str("GUSTO_CLIENT_ID", default="")
GUSTO_CLIENT_SECRET = env.str("GUSTO_CLIENT_SECRET", default="")
GUSTO_API_VERSION = env.str("GUSTO_API_VERSION", default="2026-06-15")
# Calls per rolling minute and grant.
GUSTO_RATE_LIMIT = env.int("GUSTO_RATE_LIMIT", default=200)

# HubSpot: the app of a developer project; the authorize address serves accounts of every region.
HUBSPOT_API_URL = env.str("HUBSPOT_API_URL", default="https://api.hubapi.com")
HUBSPOT_AUTHORIZE_URL = env.str("HUBSPOT_AUTHORIZE_URL", default="https://app.hubspot.com/oauth/authorize")
HUBSPOT_APP_ID = env.str("HUBSPOT_APP_ID", default="")
HUBSPOT_CLIENT_ID = env.str("HUBSPOT_CLIENT_ID", default="")
HUBSPOT_CLIENT_SECRET = env.str("HUBSPOT_CLIENT_SECRET", default="")
HUBSPOT_API_VERSION = env.str("HUBSPOT_API_VERSION", default="2026-09")
# The scopes of the app object, spelled as on the app's page once its project is uploaded.
HUBSPOT_APP_OBJECT_SCOPES = env.list("HUBSPOT_APP_OBJECT_SCOPES", default=[])
# Calls per rolling ten seconds and HubSpot account, of the 110 that HubSpot allows.
HUBSPOT_RATE_LIMIT = env.int("HUBSPOT_RATE_LIMIT", default=105)
# Signatures of versions 1 and 2 carry no date: whoever has seen a request could send it again.
HUBSPOT_ACCEPT_UNDATED_SIGNATURES = env.bool("HUBSPOT_ACCEPT_UNDATED_SIGNATURES", default=False)

# Where the stand-in for both systems listens; empty in production.
SANDBOX_URL = env.str("SANDBOX_URL", default="")

# Opens the details at /health/ to a monitor; without it only operators see them.
HEALTH_TOKEN = env.str("HEALTH_TOKEN", default="")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": f"config.logs.{'JsonLine' if IS_PRODUCTION else 'OneLine'}"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}

UNFOLD = {
    "SITE_TITLE": "Rollcall",
    "SITE_HEADER": "Rollcall",
    "SITE_SYMBOL": "how_to_reg",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": None,
    "STYLES": ["/static/rollcall/admin.css"],
    "COMMAND": {"search_models": False},
    "ACCOUNT": {"navigation": [{"title": _("Sign-in and security"), "link": reverse_lazy("users:security")}]},
    "SIDEBAR": {
        "show_search": False,
        "navigation": "config.navigation.sidebar",
    },
    "SITE_URL": reverse_lazy("users:courses"),
}
