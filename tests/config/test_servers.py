"""The bundled servers start, keep their data where asked to, and leave nothing behind."""

import os
import select
import shutil
import signal
import subprocess
import sys

import psycopg
import pytest
import redis

from config.servers import CannotStartError, data_folder, restart, start_postgres, start_valkey


def query(url, statement):
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def ends(number, seconds=120):
    """Return whether the process with this number is gone, waiting for it."""
    try:
        watched = os.pidfd_open(number)
    except ProcessLookupError:
        return True
    with open(watched) as process:
        return bool(select.select([process], [], [], seconds)[0])


@pytest.fixture(scope="module")
def data(open_folder):
    """A data folder that a stopped server has used."""
    server = start_postgres(open_folder / "data", throwaway=False)
    query(server.url, "create table roll as select 'present' as word")
    server.stop()
    return open_folder / "data"


class TestStartPostgres:
    def test_finds_its_rows_again(self, data):
        server = start_postgres(data, throwaway=False)
        try:
            assert query(server.url, "select word from roll") == [("present",)]
        finally:
            server.stop()

    @pytest.mark.parametrize("left", [str(os.getpid()), "999999999", ""], ids=["alive", "dead", "empty"])
    def test_survives_what_a_crash_left(self, data, left):
        (data / "postmaster.pid").write_text(f"{left}\n")

        server = start_postgres(data, throwaway=False)

        server.stop()
        assert not (data / "postmaster.pid").exists()

    def test_tells_why_it_cannot_start(self, open_folder):
        foreign = open_folder / "foreign"
        foreign.mkdir()
        (foreign / "PG_VERSION").write_text("9\n")

        with pytest.raises(CannotStartError, match="Its log ends with"):
            start_postgres(foreign, throwaway=False)

    def test_makes_a_folder_anew_whose_making_was_cut_short(self, open_folder):
        unfinished = open_folder / "new.unfinished"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18\n")

        server = start_postgres(open_folder / "new", throwaway=True)

        server.stop()
        assert not unfinished.exists()

    def test_listens_on_no_port_and_leaves_nothing_behind(self):
        server = start_postgres(None, throwaway=True)
        addresses = query(server.url, "show listen_addresses")

        server.stop()

        assert addresses == [("",)]
        assert server.process.returncode == 0
        assert not server.scratch.exists()


class TestStartValkey:
    def test_answers_until_it_is_stopped(self):
        server = start_valkey()
        client = redis.from_url(server.url)
        answer = client.ping()

        server.stop()

        assert answer
        assert not server.scratch.exists()
        with pytest.raises(redis.ConnectionError):
            client.ping()


class TestRestart:
    def test_finds_the_rows_of_a_crashed_postgres_at_the_same_address(self, data):
        crashed = start_postgres(data, throwaway=False)
        crashed.process.send_signal(signal.SIGQUIT)
        crashed.process.wait()

        server = restart(crashed)
        try:
            assert query(crashed.url, "select word from roll") == [("present",)]
        finally:
            server.stop()

    def test_gives_a_valkey_without_data_at_the_same_address(self):
        crashed = start_valkey()
        client = redis.from_url(crashed.url)
        client.set("word", "present")
        crashed.process.kill()
        crashed.process.wait()

        server = restart(crashed)
        try:
            assert client.get("word") is None
        finally:
            server.stop()


class TestOwner:
    def test_takes_its_server_along_when_it_is_killed(self):
        program = (
            "import os, signal\n"
            "from config.servers import start_valkey\n"
            "server = start_valkey()\n"
            "print(server.process.pid, server.scratch, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )

        owner = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        number, scratch = owner.stdout.split()

        shutil.rmtree(scratch)
        assert ends(int(number))


class TestDataFolder:
    def test_is_the_wanted_one(self, open_folder):
        assert data_folder(open_folder / "demo") == open_folder / "demo"

    def test_is_closed_to_others(self, open_folder):
        assert data_folder(open_folder / "demo").stat().st_mode & 0o066 == 0
