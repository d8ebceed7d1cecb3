"""Ask before an edit of the settings is saved: who would change, and which mails would go."""

from __future__ import annotations

from hashlib import blake2b

from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import explanations
from integrations.engine.changes import Kind
from integrations.engine.records import Policy
from integrations.sync import effects
from integrations.sync.effects import Effect
from integrations.sync.policy import policy_for
from integrations.views import attributes
from integrations.views.base import ConnectedPage

# Fields of the form that are this page's own.
OWN_FIELDS = ("csrfmiddlewaretoken", "agreed", "edit")

WORDS: dict[str, str | Promise] = {
    Kind.ADD: gettext_lazy("would be created"),
    Kind.INVITE: gettext_lazy("would be invited"),
    Kind.LINK: gettext_lazy("would be linked to an existing user"),
    Kind.UPDATE: gettext_lazy("would get other values"),
    Kind.RESTORE: gettext_lazy("would get access back"),
    Kind.END_ACCESS: gettext_lazy("would lose access"),
    Kind.CHANGE_EMAIL: gettext_lazy("would get another e-mail address"),
    Kind.CLEAR: gettext_lazy("would have values emptied"),
    effects.OUT_OF_SCOPE: gettext_lazy("would no longer follow the connected system, or not be added"),
}


class ConfirmedSettings(ConnectedPage):
    """A page of settings that says what saving would bring about, and saves when that was agreed to."""

    def question(self, new: Policy) -> HttpResponse | None:
        """Return the page that asks; None when there is nothing to ask, or it was agreed to these settings."""
        old = policy_for(self.connection)
        seal = _seal(old, new)
        if old.version == new.version or self.request.POST.get("agreed") == seal:
            return None
        today = self.portal.today(timezone.now())
        effect = effects.effect_of(self.connection, old=old, new=new, today=today)
        if not effect.people:
            if effect.unread:
                messages.info(self.request, self._unread(effect))
            return None
        return self._ask(effect, seal)

    def _ask(self, effect: Effect, seal: str) -> HttpResponse:
        posted = [(name, value) for name, values in self.request.POST.lists() for value in values]
        context = {
            "effect": effect,
            "sentences": sentences(effect),
            "named": [
                (one.name, one.membership_id, ", ".join(_name_of(kind) for kind in one.kinds)) for one in effect.named
            ],
            "more": effect.people - len(effect.named),
            "unread": self._unread(effect),
            "posted": [(name, value) for name, value in posted if name not in OWN_FIELDS],
            "seal": seal,
        }
        return self.page("integrations/effect.html", context)

    def _unread(self, effect: Effect) -> str:
        """Return that some attributes were never read, so that nothing is known of them yet."""
        if not effect.unread:
            return ""
        labels = {one.key: str(one.label) for one in attributes.remembered(self.connection)}
        named = ", ".join(labels.get(key, key) for key in effect.unread)
        return _("Values of %(attributes)s are read by the next sync; whom they change is known then.") % {
            "attributes": named
        }


def sentences(effect: Effect) -> list[str]:
    """Return the effect as sentences, the riskiest first."""
    order = [Kind.END_ACCESS, Kind.CLEAR, Kind.CHANGE_EMAIL, effects.OUT_OF_SCOPE]
    kinds = sorted(effect.counts, key=lambda kind: (order.index(kind) if kind in order else len(order), kind))
    found = [f"{people(effect.counts[kind], is_whole=effect.is_whole)} {WORDS.get(kind, kind)}." for kind in kinds]
    count = effect.mails
    if count:
        found.append(ngettext("%d mail would go.", "%d mails would go.", count) % count)
    else:
        found.append(_("No mail would go."))
    return found


def people(count: int, *, is_whole: bool) -> str:
    """Return a number of people; what was counted before time was up is "at least"."""
    text = ngettext("%d person", "%d people", count) % count
    return text if is_whole else _("At least %(people)s") % {"people": text}


def _name_of(kind: str) -> str:
    return _("Out of scope") if kind == effects.OUT_OF_SCOPE else str(explanations.kind(kind))


def _seal(old: Policy, new: Policy) -> str:
    """Return what an answer must name: the settings that are asked about, and those that they replace."""
    return blake2b(f"{old.version} {new.version}".encode(), digest_size=12).hexdigest()
