"""The import contracts of pyproject.toml are kept."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class TestImports:
    def test_keep_the_contracts(self):
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

        checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

        assert checked.returncode == 0, checked.stdout + checked.stderr
