"""The settings of an installation on a server: checked as Django advises, with cookies that only https carries."""

import ast
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def on_a_server():
    """Run Python with the environment of a server and return what it did."""
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    environment = {
        **own,
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ROLLCALL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": "postgresql://rollcall@db.example/rollcall",
        "REDIS_URL": "redis://cache.example",
        "PLATFORM_DOMAIN": "training.example.com",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }

    def run(*arguments, **more):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


class TestProduction:
    def test_passes_the_checks_of_a_deployment(self, on_a_server):
        done = on_a_server("manage.py", "check", "--deploy", "--fail-level", "WARNING")

        assert (done.returncode, done.stderr) == (0, "")

    def test_is_strict_by_default(self, on_a_server):
        strict = {
            "SESSION_COOKIE_SECURE": True,
            "CSRF_COOKIE_SECURE": True,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "SESSION_COOKIE_NAME": "__Host-session",
            "SESSION_COOKIE_DOMAIN": None,
            "SESSION_COOKIE_AGE": 14 * 24 * 60 * 60,
            "PROXY_COUNT": 0,
        }
        program = (
            f"from django.conf import settings; print({{name: getattr(settings, name) for name in {list(strict)}}})"
        )

        assert ast.literal_eval(on_a_server("-c", program).stdout) == strict

    def test_believes_one_proxy_once_there_is_one(self, on_a_server):
        program = "from django.conf import settings; print(settings.PROXY_COUNT)"

        assert on_a_server("-c", program, BEHIND_PROXY="true").stdout.strip() == "1"
        assert on_a_server("-c", program, BEHIND_PROXY="true", PROXY_COUNT="2").stdout.strip() == "2"
