"""The links and forms of a page, as a visitor sees them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

UNSEEN = {"head", "script", "style"}


@dataclass
class Button:
    """A button and what it sends along with its form."""

    words: str = ""
    name: str = ""
    value: str = ""
    action: str = ""


@dataclass
class Form:
    """What a visitor can fill in and send."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    # The words of every choice, by field: {"how": {"Create as active user only": "active"}}.
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)
    # The fields that take a file.
    files: set[str] = field(default_factory=set)

    def fill(self, name, value):
        """Answer a field; a choice is named by its words, or by how they begin."""
        if name in self.files:
            self.fields[name] = [value]
        elif name in self.choices:
            self.fields[name] = [self._choice(name, str(value))]
        elif name in self.fields:
            self.fields[name] = [str(value)]
        else:
            raise AssertionError(f"The form has no field {name!r} but {sorted({*self.fields, *self.choices})}.")

    def _choice(self, name, wanted):
        options = self.choices[name]
        found = [options[words] for words in options if words == wanted] or [
            value for words, value in options.items() if words.startswith(wanted)
        ]
        assert found, f"{name!r} offers no {wanted!r} but {sorted(options)}."
        return found[0]


class Reader(HTMLParser):
    """Finds the links and forms of a page, and what it says."""

    def __init__(self, source):
        super().__init__()
        self.links, self.forms, self.said = [], [], []
        self._form = self._text = self._select = None
        self._unseen = 0
        # Buttons may stand outside the form whose id they name.
        self._forms_by_id, self._buttons_elsewhere = {}, []
        self._label_of, self._labels = {}, {}
        self.feed(source)
        self._name_radios()
        for form_id, button in self._buttons_elsewhere:
            self._forms_by_id[form_id].buttons.append(button)

    def handle_starttag(self, tag, attrs):
        self._unseen += tag in UNSEEN
        values = {name: value or "" for name, value in attrs}
        handle = getattr(self, f"_start_{tag}", None)
        if handle:
            handle(values)

    def handle_endtag(self, tag):
        self._unseen -= tag in UNSEEN
        handle = getattr(self, f"_end_{tag}", None)
        if handle:
            handle()

    def handle_data(self, data):
        if not self._unseen:
            self.said.append(data)
        if self._text is not None:
            self._text.append(data)

    def _start_form(self, values):
        self._form = Form(values.get("action", ""), values.get("method", "get").upper())
        self.forms.append(self._form)
        self._forms_by_id[values.get("id", "")] = self._form

    def _end_form(self):
        self._form = None

    def _start_a(self, values):
        self._text, self._href = [], values.get("href", "")

    def _end_a(self):
        self.links.append((self._said(), self._href))

    def _start_label(self, values):
        self._text, self._for = [], values.get("for", "")

    def _end_label(self):
        self._labels[self._for] = self._said()

    def _start_button(self, values):
        self._text = []
        is_submit = values.get("type", "submit") == "submit" and values.get("formmethod") != "dialog"
        self._button = Button("", values.get("name", ""), values.get("value", ""), values.get("formaction", ""))
        if is_submit and "disabled" not in values:
            self._place(self._button, values.get("form"))

    def _end_button(self):
        self._button.words = self._said()

    def _place(self, button, form_id):
        if form_id:
            self._buttons_elsewhere.append((form_id, button))
        elif self._form:
            self._form.buttons.append(button)

    def _start_input(self, values):
        name, value, kind = values.get("name"), values.get("value", ""), values.get("type", "text")
        if self._form is None or "disabled" in values:
            return
        if kind in {"submit", "image"}:
            self._form.buttons.append(Button(value, name or "", value))
        elif name and kind in {"radio", "checkbox"}:
            self._label_of[values.get("id", "")] = (self._form, name, value or "on")
            self._form.choices.setdefault(name, {})
            if "checked" in values:
                self._form.fields.setdefault(name, []).append(value or "on")
        elif name and kind == "file":
            self._form.files.add(name)
        elif name and kind not in {"button", "reset"}:
            self._form.fields.setdefault(name, []).append(value)

    def _start_select(self, values):
        self._select = (self._form, values.get("name", "")) if self._form else None
        if self._select:
            self._form.choices[values.get("name", "")] = {}

    def _end_select(self):
        if self._select:
            form, name = self._select
            # A browser sends the first option when none is chosen.
            form.fields.setdefault(name, list(form.choices[name].values())[:1])
        self._select = None

    def _start_option(self, values):
        self._text, self._option = [], values

    def _end_option(self):
        words = self._said()
        if not self._select:
            return
        form, name = self._select
        value = self._option.get("value", words)
        form.choices[name][words] = value
        if "selected" in self._option:
            form.fields.setdefault(name, []).append(value)

    def _start_textarea(self, values):
        self._text, self._textarea = [], values.get("name", "")

    def _end_textarea(self):
        text = self._said()
        if self._form is not None:
            self._form.fields.setdefault(self._textarea, []).append(text)

    def _said(self):
        words = " ".join("".join(self._text or ()).split())
        self._text = None
        return words

    def _name_radios(self):
        for identifier, (form, name, value) in self._label_of.items():
            words = self._labels.get(identifier, "")
            form.choices[name][words] = value
