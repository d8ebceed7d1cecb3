"""Addresses and forms of admin pages."""

from django.forms import ModelChoiceField
from django.urls import reverse


def page(model, name, *args):
    """Return the address of a page about a model, such as "changelist" or "change"."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def form_data(response):
    """Return what the form of a page would post as it is, and the models that its fields point to by field."""
    data, relations = {}, {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for name, field in form.fields.items():
            value = form[name].value()
            if isinstance(field, ModelChoiceField):
                relations[form.add_prefix(name)] = field.queryset.model
            if value is True:
                data[form.add_prefix(name)] = "on"
            elif value is not None and value is not False:
                data[form.add_prefix(name)] = value
            if field.show_hidden_initial:
                data[form.add_initial_prefix(name)] = "" if value is None else value
    return data, relations


def save(client, url, **changes):
    """Open a form, change some of its fields, post it and return the answer; an empty text clears a field."""
    data, _relations = form_data(client.get(url))
    return client.post(url, {**data, **changes})


def errors(response):
    """Return every complaint of a refused form as one text."""
    forms = [response.context["adminform"].form]
    found = []
    for inline in response.context["inline_admin_formsets"]:
        forms += inline.formset.forms
        found += inline.formset.non_form_errors()
    return " ".join([*found, *(str(text) for form in forms for texts in form.errors.values() for text in texts)])
