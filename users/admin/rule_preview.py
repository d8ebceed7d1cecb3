"""What a rule would do before it does it, with the people by name; run it, let it rest, discard what was built."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portals import csv_files, definitions, drafts
from portals.admin.rule_words import describe, labels_of
from portals.confirmations import ConfirmationForm
from portals.models import DynamicRule, Group
from portals.rules import CircularBase, ConditionRefused, Rule
from users import rule_effects
from users.admin.rule_builder import BuilderPage, RulePage, summary, words_of
from users.rule_effects import MATCHING, Effect, Fate

PAGE = 50
State, OnLeaving = DynamicRule.State, DynamicRule.OnLeaving
SHOWN = {"matches": list(MATCHING), "joins": [Fate.JOINS], "leaves": [Fate.LEAVES], "kept": [Fate.KEPT]}
FATE_WORDS = {
    Fate.JOINS: gettext_lazy("joins"),
    Fate.STAYS: gettext_lazy("is a member already"),
    Fate.LEAVES: gettext_lazy("leaves"),
    Fate.KEPT: gettext_lazy("stays, as a member by hand"),
}


class BuiltRulePage(RulePage):
    """A page about a rule that was built already."""

    built: DynamicRule
    latest: Rule

    def detour(self) -> HttpResponseBase | None:
        """Lead to the builder while there is no rule, or none that makes sense."""
        if self.rule is None:
            return redirect(self.url("rule"))
        self.built, self.latest = self.rule, drafts.latest(self.rule)
        try:
            definitions.fit(self.group.portal_id, self.latest.blocks)
        except ConditionRefused:
            messages.error(self.request, _("The rule cannot run like this. Mend what is marked below."))
            return redirect(self.url("rule") + "?check=1")
        return None


class PreviewPage(BuiltRulePage):
    """Who matches, joins and leaves, which enrollments follow; and the button that runs the rule."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show what would happen now."""
        now = timezone.now()
        asked: dict[str, Any] = {"portal_id": self.group.portal_id, "rule": self.latest, "now": now}
        effect = rule_effects.effect(**asked)
        shown = request.GET.get("show", "")
        shown = shown if shown in SHOWN else "joins" if effect.joins else "matches"
        total = _total(effect, shown)
        page = Paginator(range(total), PAGE).get_page(request.GET.get("page"))
        people = rule_effects.people(**asked, fates=SHOWN[shown], limit=PAGE, offset=(page.number - 1) * PAGE)
        context = {
            "effect": effect,
            "counts": [(name, words, _total(effect, name)) for name, words in _shown_words().items()],
            "shown": shown,
            "shown_words": _shown_words()[shown],
            "people": [(person, FATE_WORDS[fate]) for person, fate in people],
            "page": page,
            "page_numbers": page.paginator.get_elided_page_range(page.number),
            "anchor": "#people",
            "sentences": self.sentences(),
            "base_title": self.base_title(),
            "followers": self.followers(),
            "on_leaving": self.built.on_leaving,
            "choices": OnLeaving.choices,
            "is_at_work": self.built.state == State.ACTIVE and self.built.draft is None,
            "csv_url": self.url("rule_people"),
        }
        return self.page("preview", context)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Let the rule go to work."""
        on_leaving = request.POST.get("on_leaving")
        if on_leaving not in OnLeaving.values:
            return redirect(self.url("rule_preview"))
        try:
            self.run(on_leaving)
        except (ConditionRefused, ValidationError, CircularBase) as refusal:
            messages.error(request, words_of(refusal))
            return redirect(self.url("rule") + "?check=1")
        messages.success(
            request,
            _("The rule runs. People join and leave within minutes, and from now on whenever their data changes."),
        )
        return redirect(self.url("change"))

    @transaction.atomic
    def run(self, on_leaving: str) -> None:
        """Run what was built last and write it down."""
        before = {"state": self.built.state, **summary(drafts.saved(self.built))}
        rule = drafts.run_latest(rule=self.built, on_leaving=on_leaving)
        after = {"state": rule.state, "on_leaving": on_leaving, **summary(self.latest)}
        self.record("rule_run", rule, before=before, after=after)

    def sentences(self) -> list[list[str]]:
        """Return the conditions in words, block by block."""
        labels = labels_of(self.group.portal_id)
        return [[describe(one, labels) for one in block] for block in self.latest.blocks]

    def base_title(self) -> str:
        """Return the group that the rule takes its people from, nothing for everyone."""
        base = Group.objects.filter(portal=self.group.portal_id, pk=self.latest.base_group_id or 0).first()
        return base.title if base else ""

    def followers(self) -> list[str]:
        """Return the groups that take their people from this one by a rule at work."""
        groups = Group.objects.filter(rule__base_group=self.group.pk, rule__state=State.ACTIVE)
        return list(groups.order_by("title").values_list("title", flat=True))


class PeopleFile(BuiltRulePage):
    """The people who match, as a CSV file."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Return the file, written while it is read."""
        people = rule_effects.everyone(
            portal_id=self.group.portal_id, rule=self.latest, fates=MATCHING, now=timezone.now()
        )
        rows = (
            (person.user.last_name, person.user.first_name, person.user.email, person.get_status_display(), word)
            for person, word in ((person, FATE_WORDS[fate]) for person, fate in people)
        )
        header = [_("Last name"), _("First name"), _("E-mail address"), _("Status"), _("Group")]
        return csv_files.streamed(header, rows, name=f"{slugify(self.group.title) or 'group'}-people")


class QuestionForm(ConfirmationForm):
    """A question about the rule of a group."""

    def __init__(self, *args: Any, question: tuple[Any, Any, list[Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title, self.button, self._sentences = question

    def sentences(self) -> list[Any]:
        """Return what will happen."""
        return self._sentences


class AskingPage(RulePage):
    """Asks first, acts on POST."""

    done: Any = ""

    def detour(self) -> HttpResponseBase | None:
        """Lead to the group while there is no rule."""
        return None if self.rule else redirect(self.url("change"))

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Ask."""
        form = QuestionForm(None, rows=[self.group], request=request, question=self.question())
        context = {
            **self.model_admin.admin_site.each_context(request),
            "opts": self.model_admin.opts,
            "original": self.group,
            "title": form.title,
            "form": form,
            "names": [str(self.group)],
            "back": self.url("rule"),
        }
        return TemplateResponse(request, "admin/confirmation.html", context)

    @transaction.atomic
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Act."""
        if self.rule:
            self.act(self.rule)
        messages.success(request, self.done)
        return redirect(self.url("change"))

    def question(self) -> tuple[Any, Any, list[Any]]:
        """Return title, button and what will happen."""
        raise NotImplementedError

    def act(self, rule: DynamicRule) -> None:
        """Do what was asked about."""
        raise NotImplementedError


class DeactivatePage(AskingPage):
    """Let a rule rest."""

    done = gettext_lazy("The rule rests. Its members stay as they are.")

    def question(self) -> tuple[Any, Any, list[Any]]:
        """Say that the members stay."""
        count = self.group.members.filter(origin="rule").count()
        stay = ngettext(
            "%d member by rule stays, with all courses.", "%d members by rule stay, with all courses.", count
        )
        sentences = [
            _("Nobody joins or leaves by the rule any more."),
            stay % count,
            _("When the rule runs again it takes them over, and whoever does not match then leaves."),
        ]
        return _("Deactivate the rule"), _("Deactivate"), sentences

    def act(self, rule: DynamicRule) -> None:
        """Let the rule rest and write it down."""
        drafts.deactivate(rule)
        self.record("rule_deactivated", rule, before={"state": rule.state}, after={"state": State.DRAFT})


class DiscardPage(AskingPage):
    """Forget what was built and not run."""

    done = gettext_lazy("Discarded.")

    def question(self) -> tuple[Any, Any, list[Any]]:
        """Say what is lost."""
        sentences = [_("What was built and not run is forgotten. No member joins or leaves.")]
        return _("Discard the draft"), _("Discard"), sentences

    def act(self, rule: DynamicRule) -> None:
        """Forget the draft and write it down."""
        self.record("rule_draft_discarded", rule, before=summary(drafts.latest(rule)))
        drafts.discard_draft(rule)


def urls(model_admin: Any) -> list[URLPattern]:
    """Return the pages about a group's rule."""
    pages = {
        "rule": ("rule/", BuilderPage),
        "rule_preview": ("rule/preview/", PreviewPage),
        "rule_people": ("rule/preview/people.csv", PeopleFile),
        "rule_deactivate": ("rule/deactivate/", DeactivatePage),
        "rule_discard": ("rule/discard/", DiscardPage),
    }
    return [
        path(
            f"<int:object_id>/{address}",
            model_admin.admin_site.admin_view(page.as_view(model_admin=model_admin)),
            name=f"portals_group_{name}",
        )
        for name, (address, page) in pages.items()
    ]


def _shown_words() -> dict[str, str]:
    return {
        "matches": _("match the rule"),
        "joins": _("join the group"),
        "leaves": _("leave the group"),
        "kept": _("stay by hand, though they do not match"),
    }


def _total(effect: Effect, shown: str) -> int:
    return int(getattr(effect, shown))
