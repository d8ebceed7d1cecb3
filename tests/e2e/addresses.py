"""Every page of the product that a visitor can open, found by asking the URL configuration."""

from itertools import islice

from django.apps import apps
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

STANDARD = ("changelist", "add", "history", "delete", "change")
# Rows that are tried for a page that only some of them have.
MOST_TRIES = 30


def named(patterns=None, namespace=""):
    """Yield the name of every address with the names of its parameters."""
    for item in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(item, URLPattern):
            if item.name:
                yield namespace + item.name, tuple(item.pattern.regex.groupindex)
        else:
            yield from named(item.url_patterns, namespace + (f"{item.namespace}:" if item.namespace else ""))


def is_standard(name):
    """Whether Django's admin brings this page for every model, whoever may open it."""
    return name.startswith("admin:") and name.rpartition("_")[2] in STANDARD


def filled(name, parameters, values):
    """Yield addresses with this name, with what `values` knows for its parameters; else with ids of its model."""
    *fixed, varied = parameters or [""]
    known = {key: values[key][0] for key in fixed if key in values}
    for value in _values(name, varied, values) if varied else [None]:
        try:
            yield reverse(name, kwargs={**known, varied: value} if varied else {})
        except NoReverseMatch:
            return


def _values(name, parameter, values):
    if name in values:
        return values[name]
    if parameter in values:
        return [values[parameter][0]] if len(values[parameter]) == 1 else values[parameter]
    app, _, rest = name.removeprefix("admin:").partition("_")
    model = apps.get_app_config(app).models.get(rest.partition("_")[0]) if app in apps.app_configs else None
    return [] if model is None else model._default_manager.order_by("pk").values_list("pk", flat=True)[:MOST_TRIES]


def opened(client, addresses, *, tries=MOST_TRIES):
    """Return the first address that answers with a whole page, or None."""
    for address in islice(addresses, tries):
        answer = client.get(address)
        if answer.status_code == 405:
            return None
        if answer.status_code == 200 and not answer.streaming and b"<html" in answer.content:
            return address
    return None
