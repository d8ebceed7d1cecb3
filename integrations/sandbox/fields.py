"""The custom fields that the sandbox's companies keep about their people."""

from dataclasses import dataclass

_UUID = "d4e1f3a5-8b0c-4d6e-9f20-3a5b7c9d60{:02d}"
BADGE_COLOR = _UUID.format(1)
UNIFORM_BUDGET = _UUID.format(2)
FORKLIFT_LEVEL = _UUID.format(3)
SAFETY_COURSE_DUE = _UUID.format(4)
T_SHIRT_SIZE = _UUID.format(5)
COST_CENTER = _UUID.format(6)
TRAINING_TRACK = _UUID.format(7)

SHIRT_SIZES = ("S", "M", "L", "XL")


@dataclass(slots=True)
class CustomField:
    """One field of a company; `options` only for type `radio`."""

    uuid: str
    name: str
    type: str
    description: str | None = None
    options: list[str] | None = None


def default_fields() -> dict[str, CustomField]:
    """Return a fresh set of the default fields, one of each type at least."""
    known = [
        CustomField(BADGE_COLOR, "Badge color", "text"),
        CustomField(UNIFORM_BUDGET, "Uniform budget", "currency"),
        CustomField(FORKLIFT_LEVEL, "Forklift level", "number"),
        CustomField(SAFETY_COURSE_DUE, "Safety course due", "date"),
        CustomField(T_SHIRT_SIZE, "T-shirt size", "radio", "Used for the welcome box", list(SHIRT_SIZES)),
        CustomField(COST_CENTER, "Cost center", "text"),
        CustomField(TRAINING_TRACK, "Training track", "radio", None, ["Sales", "Floor", "Office"]),
    ]
    return {field.uuid: field for field in known}
