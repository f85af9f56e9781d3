"""Applications and approvals: found, read, edited, approved and declined; by keyboard, without scripts, by two at once."""

import json
import urllib.parse
import urllib.request

from playwright.sync_api import expect

from driver import GIVEN, URL, chromium, context, faultless, pictures, right, sign_in

# What outsiders write: each would set `pwned`, open a dialog or leave the page if it were more than text.
MARKS = ["<script>pwned=1</script>", "<img src=x onerror=pwned=1>", "<svg onload=pwned=1>", "<b onmouseover=pwned=1>x</b>",
         "<iframe srcdoc='<script>parent.pwned=1</script>'>", "<a href='javascript:pwned=1'>x</a>", "<details open ontoggle=pwned=1>",
         "<input autofocus onfocus=pwned=1>", "<style>*{display:none}</style>", "<form action='//evil.example'><button>x"]
BEFORE = ["", "\">", "'>", "-->", "</textarea>", "</title>", "</script>", "{{7*7}}", "${7*7}", "]]>",
          "\u2028", "&lt;", "\\\">", "`>", "</pre>", "%22%3E", "&#34;&#62;", "\u202e", "<!--", "</option>"]
PAYLOADS = [before + mark for before in BEFORE for mark in MARKS]


def apply(number, letter):
    """A call of the API, as any client makes it."""
    body = json.dumps({"jobId": f"~02{2_100_000_000_000_000_000 + number}", "coverLetter": letter}).encode()
    headers = {"x-api-key": GIVEN["key"], "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{URL}/api/auto-apply-v2/apply", body, headers)) as answer:
        return json.load(answer)["queueId"]


def at(page, path):
    page.goto(URL + path)
    return page


def approving(browser):
    """One looks, edits and approves; the other, whose page is open, sees it leave."""
    first = apply(1, "The first letter.\n\nWith two parts.")
    ada, ben = context(browser), context(browser)
    page, other = sign_in(ada, "Ada"), sign_in(ben, "Ben")
    at(other, "/dashboard/approvals").locator("html[data-live]").wait_for(state="attached")
    pictures(at(page, "/dashboard/approvals"), "approvals")
    page.get_by_role("link", name="The first letter").click()
    page.get_by_role("link", name="Edit").wait_for()
    page.keyboard.press("e")
    page.locator("textarea[name=letter]").fill("A better letter.\n\nStill with two parts.")
    page.get_by_label("Dollars an hour").fill("nothing")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    ada.wrong.clear()
    pictures(page, "edit")
    page.get_by_label("Dollars an hour").fill("72.5")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/approvals/{first}")
    page.locator(".letter", has_text="A better letter.").wait_for()
    # A key goes to the button and another presses it: nothing is spent by one.
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Make the preview")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Approve and submit").wait_for()
    pictures(page, "approval")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/approvals?last={first}")
    other.get_by_text("Nothing waits for you").wait_for()
    at(page, f"/dashboard/applications/{first}").get_by_text("applied", exact=True).wait_for()
    pictures(page, "application")

    second = apply(2, "Another letter.")
    at(page, f"/dashboard/approvals/{second}").keyboard.press("r")
    page.keyboard.type("wrong tone")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/approvals?last={second}")
    assert at(other, "/dashboard/approvals").locator("form[action*=approve]").count() == 0
    right(ada)
    right(ben)


def finding(browser):
    """The filter stands in the address; without scripts too."""
    for scripts in True, False:
        made = context(browser, java_script_enabled=scripts)
        page = at(sign_in(made, "Cleo" if scripts else "Dora"), "/dashboard/applications")
        if scripts:
            page.keyboard.press("/")
            page.keyboard.type("better")
            page.keyboard.press("Enter")
        else:
            page.get_by_label("Text").fill("better")
            page.get_by_role("button", name="Find").click()
        page.wait_for_url("**q=better**")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_label("Status").select_option("Failed")
        page.get_by_label("Text").fill("")
        page.get_by_role("button", name="Find").click()
        page.wait_for_url("**status=failed**")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.locator("tbody a").click()
        page.get_by_text("wrong tone").first.wait_for()
        right(made)


def strangers(browser):
    """Two hundred texts that want to be more than text stay what they are, wherever they are shown."""
    ids = [apply(100 + number, payload) for number, payload in enumerate(PAYLOADS)]
    made = context(browser)
    made.on("dialog", lambda dialog: made.wrong.append(f"a dialog: {dialog.message}"))
    page = sign_in(made, "Eve")

    def harmless():
        assert page.evaluate("typeof pwned") == "undefined", page.url
        assert page.url.startswith(f"{URL}/dashboard/"), page.url
        assert page.locator("main h1").is_visible(), page.url
        assert page.locator("main :is(script, iframe, img, style, input[autofocus])").count() == 0, page.url

    for number, (id, payload) in enumerate(zip(ids, PAYLOADS)):
        at(page, f"/dashboard/applications/{id}")
        harmless()
        shown = page.locator(".letter").first.inner_text()
        assert MARKS[number % len(MARKS)][:8] in shown, (payload, shown)
        if number < len(MARKS):
            at(page, f"/dashboard/approvals/{id}")
            harmless()
            at(page, f"/dashboard/approvals/{id}/edit")
            assert page.get_by_label("Letter").input_value() == payload
            assert page.evaluate("typeof pwned") == "undefined", page.url
            at(page, f"/dashboard/approvals/{id}")
            page.get_by_label("Reason").fill(payload.replace("\u2028", ""))
            page.get_by_role("button", name="Decline").click()
            page.get_by_role("heading", name="Approvals").wait_for()
            harmless()
            at(page, f"/dashboard/applications/{id}")
            harmless()
        if number % 10 == 0:
            at(page, f"/dashboard/applications?q={urllib.parse.quote(payload)}")
            harmless()
    at(page, "/dashboard/applications")
    harmless()
    pages = 1
    older = page.get_by_role("link", name="Older")
    while older.count():
        at(page, older.get_attribute("href"))
        harmless()
        pages += 1
    assert pages >= 5, pages
    pictures(page, "applications")
    right(made)


with chromium() as browser:
    approving(browser)
    finding(browser)
    strangers(browser)
