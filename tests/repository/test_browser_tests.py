"""Browser tests wait for what they look for: no test asks the page a question that is answered at once."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "e2e"
# What Playwright answers from whatever a busy machine has got to, for `expect` and tests.e2e.pages to ask instead.
HASTY = {
    *("all", "all_inner_texts", "all_text_contents", "bounding_box", "content", "count", "evaluate", "evaluate_all"),
    *("get_attribute", "inner_html", "inner_text", "input_value", "is_checked", "is_disabled", "is_editable"),
    *("is_enabled", "is_hidden", "is_visible", "query_selector", "query_selector_all", "text_content"),
    *("wait_for_timeout",),
}
# Modules that wait themselves before they ask.
PATIENT = {"axe.py", "pages.py"}


def hasty_looks(source):
    """Return the lines that call one of these methods, or read a page's address."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in HASTY)
        or (isinstance(node, ast.Attribute) and ast.unparse(node).endswith("page.url"))
    )


class TestBrowserTests:
    def test_wait_for_what_they_look_for(self):
        tests = [path for path in FOLDER.glob("*.py") if path.name not in PATIENT]

        assert [f"{path.name}:{line}" for path in tests for line in hasty_looks(path.read_text("utf-8"))] == []


class TestHastyLooks:
    @pytest.mark.parametrize(
        "line",
        [
            'assert page.get_by_role("heading", name="Paused").is_visible()',
            'assert "Paused" in page.content()',
            'assert "/sign-in/" in page.url',
            'assert elsewhere_page.url.endswith("/")',
            'width = builder.evaluate("document.documentElement.scrollWidth")',
            "assert not rows.count()",
        ],
    )
    def test_are_found(self, line):
        assert hasty_looks(line) == [1]

    @pytest.mark.parametrize(
        "line",
        [
            'expect(page.get_by_role("heading", name="Paused")).to_be_visible()',
            "page.goto(portal.url('/'))",
            "assert answer.content == b''",
            "mark_all(rows)",
        ],
    )
    def test_are_told_from_others(self, line):
        assert hasty_looks(line) == []
