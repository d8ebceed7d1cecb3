"""What a test asks an open page beyond Playwright's `expect`: each waits until the page has loaded.

A click does not wait for what it leads to. Wait for something of the next page first: `expect(...)`, `wait_for_url`.
"""

# Sends a form from the page that is open, with its own token, as a stranger with the browser's tools would.
POST = """async ([address, fields]) => {
    const token = document.querySelector('[name=csrfmiddlewaretoken]').value;
    const body = new URLSearchParams({...fields, csrfmiddlewaretoken: token});
    return (await fetch(address, {method: 'POST', body, redirect: 'manual'})).status;
}"""
# Icons are words until their font is there, and such words are wide.
WIDTHS = "document.fonts.ready.then(() => [document.documentElement.scrollWidth, window.innerWidth])"


def fits(page):
    """Whether the page is no wider than the screen."""
    page.wait_for_load_state()
    wide, screen = page.evaluate(WIDTHS)
    return wide <= screen


def fits_without_script(page):
    """Whether nothing reaches out of the screen, as far as boxes tell without a script."""
    page.wait_for_load_state()
    boxes = [part.bounding_box() for part in page.locator("main *").all()]
    return all(box["x"] + box["width"] <= page.viewport_size["width"] for box in boxes if box)


def width_of(picture):
    """Return how wide a picture is by itself once it is there, in pixels."""
    return picture.evaluate("image => image.decode().then(() => image.naturalWidth)")


def posted(page, address, fields):
    """Post fields to an address and return the status of the answer, 0 for one that leads elsewhere."""
    page.wait_for_load_state()
    return page.evaluate(POST, [address, fields])
