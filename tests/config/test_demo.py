"""The demo starts on a bare machine, keeps its data, and stops with everything it started."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from config.children import Children
from config.management.commands.demo import Command
from config.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
OWN_SERVERS = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ROLLCALL_ENCRYPTION_KEYS", "ROLLCALL_ENV"}


def start(*arguments):
    environment = {name: value for name, value in os.environ.items() if name not in OWN_SERVERS}
    command = [sys.executable, "-u", "manage.py", "demo", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def read_until(process, words):
    """Return what the demo printed up to a line with these words."""
    printed = ""
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    raise AssertionError(f"The demo ended before it said “{words}”:\n{printed}")


@contextmanager
def running_demo(*arguments):
    process = start(*arguments)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        sys.stdout.write(process.communicate(timeout=200)[0])
    finally:
        # Whatever went wrong: the next test finds the folder free.
        process.kill()
        process.wait()


def processes_of(folder):
    """Return the numbers of all processes that were started with this folder's data."""
    found = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if str(folder) in line]


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


class TestDemo:
    def test_prints_addresses_and_sign_ins_stops_cleanly_and_finds_its_data_again(self, open_folder):
        port, sandbox = free_port(), free_port()
        with running_demo("--port", port, "--sandbox-port", sandbox, "--data", open_folder, "--people", 12) as demo:
            printed = read_until(demo, "Then you decide")
        keys = (open_folder / "keys.json").read_text()

        # The second time it is stopped in the middle of its start.
        with running_demo("--data", open_folder) as again:
            read_until(again, "Going on with the portals and people of the last time")

        for address in (f"http://harbor.localhost:{port}/admin/", f"http://learn.birch.localhost:{port}/"):
            assert address in printed
        assert f"http://127.0.0.1:{sandbox}/" in printed
        assert "Admin of Harbor & Pine Academy" in printed
        assert "By SAML: open" in printed
        assert f"http://customers.localhost:{port}/admin/" in printed
        assert (open_folder / "keys.json").read_text() == keys
        assert (demo.returncode, again.returncode) == (0, 0)
        assert processes_of(open_folder) == []

    def test_notices_ctrl_c_where_python_swallows_it(self):
        command = Command()
        with suppress(KeyboardInterrupt):
            command._interrupt()

        with pytest.raises(KeyboardInterrupt):
            command._check(Children(sys.stdout))

    def test_says_what_to_do_about_a_taken_port(self, open_folder, taken_port):
        demo = start("--port", taken_port, "--data", open_folder)
        printed, _ = demo.communicate(timeout=200)

        assert re.search(rf"Port {taken_port} is taken\. Choose another one with --port", printed)
        assert demo.returncode == 2

    def test_refuses_to_run_twice_on_the_same_data(self, open_folder):
        with (open_folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

            demo = start("--data", open_folder)
            printed, _ = demo.communicate(timeout=200)

        assert "runs already" in printed
        assert demo.returncode == 1

    def test_deletes_only_its_own_data(self, open_folder):
        (open_folder / "mail").mkdir(exist_ok=True)
        (open_folder / "sandbox.json").touch()
        (open_folder / "other").touch()

        demo = start("--reset", "--data", open_folder)
        demo.communicate(timeout=200)

        assert sorted(path.name for path in open_folder.iterdir()) == ["lock", "other"]
