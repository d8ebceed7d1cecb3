"""Every setting of the environment is read once, has one line in .env.example and one row in docs/settings.md."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r"\benv\.\w+\(\s*\"([A-Z_]+)\"")
EXAMPLE = re.compile(r"^(?:# ?)?([A-Z][A-Z_]+)=", re.MULTILINE)
ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def names_in(path, pattern):
    return pattern.findall((ROOT / path).read_text())


class TestSettings:
    def test_are_each_read_once(self):
        read = names_in("config/settings.py", READ)

        assert sorted(read) == sorted(set(read))

    def test_have_one_line_in_the_example(self):
        assert sorted(names_in(".env.example", EXAMPLE)) == sorted(names_in("config/settings.py", READ))

    def test_have_one_row_in_the_documentation(self):
        assert sorted(names_in("docs/settings.md", ROW)) == sorted(names_in("config/settings.py", READ))


class TestDocumentation:
    def test_links_lead_to_files(self):
        pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        links = [
            (page.name, link)
            for page in pages
            for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text())
            if not (page.parent / link).exists()
        ]

        assert links == []
