"""What the benchmark runs on: a PostgreSQL that survives power cuts, a Valkey, the sandbox as its own process."""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
from psycopg import sql

from config.servers import Server, start_postgres, start_valkey
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET, DEFAULT_CALLBACK

TEMPLATE = "migrated"
# Checkpoints and the cleaning of tables come at their own time; between measurements we do it ourselves.
SETTINGS = {"checkpoint_timeout": "1h", "max_wal_size": "30GB"}


class Sandbox:
    """The sandbox of one benchmark, by its control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def control(self, name: str, /, **arguments: Any) -> Any:
        """Call a method of the sandbox's world and return its answer."""
        answer = self._session.post(f"{self.url}/_control/{name}", json=arguments)
        answer.raise_for_status()
        return answer.json()

    def code(self, company: str) -> str:
        """Return a code as the consent page gives it."""
        return str(self.control("authorize", company=company)["code"])

    def token(self, company: str) -> str:
        """Return an access token with a grant of its own, and so with its own limit of calls."""
        body = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "grant_type": "authorization_code",
            "redirect_uri": DEFAULT_CALLBACK,
            "code": self.code(company),
        }
        answer = self._session.post(f"{self.url}/oauth/token", json=body)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def calls(self) -> dict[str, int]:
        """Return how many calls there were by status, and forget them."""
        counters = self._session.get(f"{self.url}/_control/counters").json()
        self.control("clear_calls")
        found: dict[str, int] = {}
        for row in counters.values():
            for status, count in row.items():
                found[status] = found.get(status, 0) + count
        return found


class Rig:
    """Running servers, and the environment that leads the product to them."""

    def __init__(self, postgres: Server, valkey: Server) -> None:
        self.postgres, self.valkey = postgres, valkey
        self._environment = {
            **os.environ,
            "ROLLCALL_ENV": "test",
            "SECRET_KEY": secrets.token_urlsafe(),
            "ROLLCALL_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "OAUTHLIB_INSECURE_TRANSPORT": "1",
            "REDIS_URL": valkey.url,
            "LOG_LEVEL": "ERROR",
            "GUSTO_CLIENT_ID": CLIENT_ID,
            "GUSTO_CLIENT_SECRET": CLIENT_SECRET,
        }

    def environment(self, database: str, **more: str) -> dict[str, str]:
        """Return the environment of a process that works on a database."""
        return {**self._environment, "DATABASE_URL": self.url(database), **more}

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return self.postgres.url.replace("/postgres?", f"/{database}?")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Return an own connection to a database, without transactions around statements."""
        return psycopg.connect(self.url(database), autocommit=True)

    @contextmanager
    def database(self, name: str, template: str = TEMPLATE) -> Iterator[str]:
        """Make a database for one measurement and drop it afterwards."""
        made, origin = sql.Identifier(name), sql.Identifier(template)
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, origin))
        try:
            yield name
        finally:
            with self.connect() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))

    def tidy(self, database: str) -> None:
        """Do what the background cleaning of tables would do later, so that it does not fall into a measurement."""
        with self.connect(database) as connection:
            connection.execute("VACUUM ANALYZE")

    @contextmanager
    def sandbox(self, people: int, *, contacts: int = 1) -> Iterator[Sandbox]:
        """Start the sandbox with so many people and no limit of Gusto's calls, and so many contacts in HubSpot."""
        world = ["--rate-limit", "0", "--people", str(people), "--hub-contacts", str(contacts)]
        command = [sys.executable, "manage.py", "sandbox", "--port", "0", *world]
        with subprocess.Popen(command, env=self.environment("postgres"), stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                first_line = process.stdout.readline()
                yield Sandbox(first_line.split()[2])
            finally:
                process.terminate()


@contextmanager
def rig() -> Iterator[Rig]:
    """Start the servers with a migrated database to copy from; stop them and delete their data afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-bench-")))
        folder.chmod(0o711)
        postgres = start_postgres(folder / "data", throwaway=False)
        stack.callback(postgres.stop)
        valkey = start_valkey()
        stack.callback(valkey.stop)
        made = Rig(postgres, valkey)
        with made.connect() as connection:
            for name, value in SETTINGS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=made.environment(TEMPLATE), check=True)
        yield made
