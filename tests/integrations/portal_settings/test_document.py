"""What may stand in a file of settings, and what is refused with a reason."""

import json

import pytest

from integrations.portal_settings import document
from integrations.portal_settings.document import Unfit

HEAD = {"format": document.FORMAT, "version": document.VERSION}


def read(**sections):
    return document.parse(json.dumps({**HEAD, **sections}).encode())


class TestParse:
    def test_reads_a_file_that_says_little(self):
        assert read().custom_fields == []
        assert read(custom_fields=[{"label": "Team", "type": "string"}]).custom_fields[0].learner_may_see

    def test_reads_a_file_that_begins_with_a_byte_order_mark(self):
        assert document.parse(b"\xef\xbb\xbf" + json.dumps(HEAD).encode())

    def test_leaves_out_blanks_around_names(self):
        assert read(groups=[{"title": " Sellers "}]).groups[0].title == "Sellers"

    def test_keeps_the_blanks_of_a_course(self):
        assert read(courses=[{"title": "Tea", "content_text": "  Hot\n"}]).courses[0].content_text == "  Hot\n"

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "no file with settings"),
            (b'{"format"', "no file with settings"),
            (b"\xff\xfe", "no file with settings"),
            (b"[" * 5000, "no file with settings"),
            (b"[]", "does not hold the settings"),
            (b'{"version": 1}', "does not hold the settings"),
            (b" " * (document.MOST_BYTES + 1), "larger than 2 MB"),
        ],
    )
    def test_refuses_what_is_no_such_file(self, content, why):
        with pytest.raises(Unfit, match=why):
            document.parse(content)

    def test_refuses_a_version_that_it_does_not_know(self):
        with pytest.raises(Unfit, match="version 2; this installation reads 1"):
            read(version=2)

    @pytest.mark.parametrize(
        ("sections", "why"),
        [
            ({"people": []}, "unknown field `people`"),
            ({"groups": [{"title": "A", "id": 7}]}, r"unknown field `id` - at `\$.groups\[0\]`"),
            ({"groups": [{"title": 7}]}, r"Expected `str`, got `int` - at `\$.groups\[0\].title`"),
            ({"groups": [{"title": " "}]}, "length >= 1"),
            ({"groups": [{"title": "a" * 201}]}, "length <= 200"),
            ({"groups": [{"title": "A\0"}]}, "NUL"),
            ({"custom_fields": [{"label": "A", "type": "boolean"}]}, "Invalid enum value 'boolean'"),
            ({"groups": [{"title": "A", "courses": [{"course": "B", "due_days": -1}]}]}, "int` >= 0"),
            ({"connections": {"gusto": {"safety": {"most_percent": 51}}}}, "int` <= 50"),
            ({"connections": {"gusto": {"token": "secret"}}}, "unknown field `token`"),
            ({"groups": [{"title": "A"}, {"title": "a"}]}, "The group “a” is there twice"),
            ({"custom_fields": [{"label": "A", "type": "string"}] * 2}, "The custom field “A” is there twice"),
        ],
    )
    def test_refuses_what_does_not_fit_and_says_where(self, sections, why):
        with pytest.raises(Unfit, match=why):
            read(**sections)


class TestWrite:
    def test_gives_the_same_text_for_the_same_settings(self):
        wanted = read(groups=[{"title": "Sellers"}], connections={"gusto": {"invites": {"when": "hire_date"}}})

        text = document.write(wanted)

        assert document.parse(text.encode()) == wanted
        assert document.write(document.parse(text.encode())) == text
        assert text.endswith("}\n")
