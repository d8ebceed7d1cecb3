"""What every tracked file keeps to: no address of a package index, no path of a machine, no vague name."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THIS_FILE = Path(__file__).relative_to(ROOT)
INDEX_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|registry\.yarnpkg|npmmirror|index-url\s*=|find-links\s*="
    r"|artifactory|nexus\.|devpi"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|root|home/\w+|Users/\w+|opt/(?:pypi|wheels)[\w-]*)(?:/|\b)")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b|\bxox[bp]-[0-9A-Za-z-]{20,}"
)
VAGUE_NAMES = {"utils", "util", "helpers", "common", "shared", "core", "misc", "services"}
MADE_FOLDERS = {
    ".venv",
    ".tools",
    ".demo",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "node_modules",
    "staticfiles",
}
BINARY = {".png", ".jpg", ".ico", ".woff2", ".gz", ".mo"}


def tracked_files():
    """Return every file that git knows, or in an export without git every file, relative to the root."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        names = (Path(name) for name in listing.stdout.split("\0") if name)
    else:
        names = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = (name for name in names if not MADE_FOLDERS & set(name.parts))
    return [name for name in names if (ROOT / name).is_file()]


def text_files():
    """Return the tracked files a person wrote or reads, with their text; this file's own patterns aside."""
    readable = (name for name in tracked_files() if name.suffix not in BINARY and name != THIS_FILE)
    return [(name, (ROOT / name).read_text(encoding="utf-8")) for name in readable]


def lines_with(pattern):
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


class TestTrackedFiles:
    def test_name_no_package_index(self):
        assert lines_with(INDEX_HOST) == []

    def test_hold_no_path_of_a_machine(self):
        assert lines_with(MACHINE_PATH) == []

    def test_hold_no_secret(self):
        assert lines_with(SECRET) == []

    def test_end_with_one_line_break(self):
        broken = [str(name) for name, text in text_files() if text and (not text.endswith("\n") or "\r" in text)]

        assert broken == []

    def test_are_named_after_their_topic(self):
        # A template that replaces one of the admin theme's has to keep its path.
        own = [name for name in tracked_files() if name.parts[:2] != ("templates", "unfold")]

        vague = [str(name) for name in own if VAGUE_NAMES & {name.stem, *name.parent.parts}]

        assert vague == []

    def test_include_nothing_that_is_made_from_others(self):
        assert [str(name) for name in tracked_files() if MADE_FOLDERS & set(name.parts)] == []


class TestSearchPatterns:
    """The patterns above find what they are for, so that an empty list means a clean project."""

    @pytest.mark.parametrize(
        ("pattern", "line"),
        [
            (INDEX_HOST, "--index-url = anything"),
            (INDEX_HOST, "https://files.pythonhosted.org/packages/a.whl"),
            (MACHINE_PATH, 'cd "/root/project"'),
            (MACHINE_PATH, "see /home/someone/notes"),
            (SECRET, "-----BEGIN RSA PRIVATE KEY-----"),
        ],
    )
    def test_find(self, pattern, line):
        assert pattern.search(line)

    @pytest.mark.parametrize(
        "line", ["{% url 'home' %}", "/admin/settings/", "tests/work/x", "https://a.example/root"]
    )
    def test_pass_over_addresses_of_the_product(self, line):
        assert not MACHINE_PATH.search(line)
