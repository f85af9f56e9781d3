"""What each script begins with: a browser, people who sign in, pictures, and the judge of accessibility.

A script is told all it needs in APPLYD_BROWSER, and ends with code 0 if it saw what a person should see.
"""

import json
import os
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

GIVEN = json.loads(os.environ["APPLYD_BROWSER"])
URL = GIVEN["url"]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        # Tests run as root in containers, where Chromium's own sandbox cannot be made.
        browser = playwright.chromium.launch(executable_path=GIVEN["chromium"], args=["--no-sandbox"])
        yield browser
        browser.close()


def context(browser, **how):
    """A browser of its own, in which nothing may go wrong unseen: a refused inline script is an error here."""
    made = browser.new_context(**{"viewport": WIDE, "color_scheme": "light", **how})
    made.set_default_timeout(10_000)
    made.wrong = []
    made.on("weberror", lambda error: made.wrong.append(str(error.error)))
    made.on("console", lambda said: said.type == "error" and made.wrong.append(said.text))
    return made


def sign_in(made, name):
    """By the one-time link of a person."""
    page = made.new_page()
    page.goto(URL + GIVEN["links"][name])
    page.get_by_role("button", name=f"Sign in as {name}").click()
    page.wait_for_url(f"{URL}/dashboard")
    return page


def faultless(page):
    """No fault that axe-core calls serious. It comes in past the page's policy, which stays as it is."""
    page.evaluate(Path(GIVEN["axe"]).read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    told = [(one["id"], [node["html"][:200] + " " + node["failureSummary"] for node in one["nodes"]]) for one in bad]
    assert not bad, f"{page.url}: {json.dumps(told, indent=1)}"


def pictures(page, name):
    """Wide and narrow, light and dark, each also judged; as it was afterwards."""
    for size, width in (WIDE, "1280"), (NARROW, "390"):
        page.set_viewport_size(size)
        for scheme in "light", "dark":
            page.emulate_media(color_scheme=scheme)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{page.url} is {wider} px too wide at {width} px"
            page.screenshot(path=Path(GIVEN["pictures"]) / f"{name}-{width}-{scheme}.png", full_page=True)
            faultless(page)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


def right(made):
    """Nothing went wrong in it, and it is closed."""
    assert not made.wrong, made.wrong
    made.close()
