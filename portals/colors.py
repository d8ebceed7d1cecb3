"""Pure: keep a portal's own colour readable, whatever an admin picked (WCAG 2.2, success criterion 1.4.3)."""

# Smallest contrast of normal text.
READABLE = 4.5
# The backgrounds of rollcall/pages.css on which a link is hardest to read.
LIGHT, DARK = "#f3f4f6", "#111827"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours such as "#256188": 1 (equal) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(background: str) -> str:
    """Return white or black, whichever reads better on the colour."""
    return max("#ffffff", "#000000", key=lambda text: contrast(text, background))


def readable(color: str, background: str) -> str:
    """Return the colour, made darker or lighter until it can be read as text on the background."""
    toward = text_on(background)
    for percent in range(0, 101, 5):
        mixed = _mix(color, toward, percent)
        if contrast(mixed, background) >= READABLE:
            return mixed
    return toward


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in _channels(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(color: str, toward: str, percent: int) -> str:
    pairs = zip(_channels(color), _channels(toward), strict=True)
    return "#" + "".join(f"{(a * (100 - percent) + b * percent) // 100:02x}" for a, b in pairs)
