"""A folder that the servers' own account can reach, which pytest's are not for root."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_folder():
    folder = Path(tempfile.mkdtemp(prefix="rollcall-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
