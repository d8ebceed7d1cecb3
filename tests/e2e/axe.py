"""axe on a page in a real browser, in light and in dark."""

from axe_playwright_python.base import AXE_SCRIPT  # the script as the package ships it

SERIOUS = {"serious", "critical"}
WHOLE = {"resultTypes": ["violations"]}
# In the dark only the colours are others.
COLORS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
# The navigation is the same on every page of a visitor.
NAVIGATION = "#nav-sidebar-inner"
# A colour on its way to another would be measured; a style tag would be refused on the learners' pages.
STAND_STILL = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important; }");
    document.adoptedStyleSheets.push(sheet);
}"""


def findings(page, options, left_out=()):
    """Return what is wrong on the open page: a text for each serious finding."""
    context = {"exclude": [[selector] for selector in left_out]}
    found = page.evaluate("([context, options]) => axe.run(context, options)", [context, options])["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in SERIOUS]


def inspected(page, address, *, left_out=()):
    """Open a page and return what is wrong on it, but in the parts (CSS selectors) that are left out."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = page.goto(address)
    return inspected_here(page, f"{address} ({answer.status})", left_out=left_out)


def inspected_here(page, name, *, left_out=()):
    """Return what is wrong on the open page, in light and then in dark."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(STAND_STILL)
    page.evaluate(AXE_SCRIPT)
    found = [f"{name} in light: {text}" for text in findings(page, WHOLE, left_out)]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.evaluate("document.documentElement.classList.add('dark')")
    return found + [f"{name} in dark: {text}" for text in findings(page, COLORS, left_out)]
