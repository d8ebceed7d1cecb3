"""The card of the HubSpot project: its types fit HubSpot's packages, and it renders. Node is optional."""

import fcntl
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CARD = Path(__file__).resolve().parents[3] / "integrations" / "hubspot" / "project" / "src" / "app" / "cards"
NO_NETWORK = re.compile(r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT")


def run(*command):
    done = subprocess.run(command, cwd=CARD, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def has_packages():
    made, lock = CARD / "node_modules" / ".package-lock.json", CARD / "package-lock.json"
    return made.exists() and made.stat().st_mtime >= lock.stat().st_mtime


def install():
    code, printed = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
    if code and NO_NETWORK.search(printed):
        pytest.skip("No npm registry can be reached: the packages of HubSpot's card are missing.")
    assert code == 0, printed


@pytest.fixture(scope="module", autouse=True)
def packages():
    """The packages of the lock file, installed where they are missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("There is no node: install it (on Debian: apt install nodejs npm) to check HubSpot's card.")
    with (CARD / "package.json").open() as file:
        # Two processes of one test run may be here at once.
        fcntl.flock(file, fcntl.LOCK_EX)
        if not has_packages():
            install()


class TestCard:
    def test_fits_the_types_of_hubspots_packages(self):
        code, printed = run("npm", "run", "types")

        assert code == 0, printed

    def test_renders(self):
        code, printed = run("npm", "test")

        assert code == 0, printed
