"""Cells of lists that say two things in two lines, so that a list fits on a screen without scrolling sideways."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from users.models import User


def name_and_address(user: User) -> SafeString:
    """Return the name and, below it, the e-mail address; the address alone of someone without a name."""
    name = user.full_name
    if not name:
        return format_html('<span class="font-semibold">{}</span>', user.email)
    template = '<span class="font-semibold nowrap">{}</span><br><span class="font-normal">{}</span>'
    return format_html(template, name, user.email)


def with_note(main: Any, note: Any) -> SafeString:
    """Return what a cell says first and, if there is one, a note in smaller letters below it."""
    if not note:
        return conditional_escape(main)
    return format_html('{}<span class="cell-note block pt-1 text-xs font-normal">{}</span>', main, note)


def label(words: Any, color: str) -> SafeString:
    """Return words in a coloured label of the theme."""
    return render_to_string("unfold/helpers/label.html", {"text": words, "type": color})


def day(moment: date | datetime) -> SafeString:
    """Return a day in short, by the portal's time, on one line."""
    shown = timezone.localtime(moment) if isinstance(moment, datetime) else moment
    return format_html('<span class="nowrap">{}</span>', date_format(shown, "SHORT_DATE_FORMAT"))
