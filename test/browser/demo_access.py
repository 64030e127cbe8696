"""The demo page without a mouse, and as a screen reader has it.

Everything is reached by Tab and used by keys; each control has a name; messages and states are
announced; texts stand out from their ground, in light and in dark.
usage: demo_access.py BUILD      (the build directory)
"""

import sys
from collections.abc import Iterator

from zcomet_lab.browsing import run_in_browser
from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Programs
from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import CONTROL, ENTER, TAB, Browser

from demo_window import DemoWindow

STOPS_MAX = 30
# What Tab reaches on a page that listens, in this order.
STOPS = [
    ("textbox", "Id"),
    ("button", "Listen"),
    ("log", "Messages"),
    ("link", "Open a second window on 1"),
    ("textbox", "Message"),
    ("button", "Send"),
    ("group", "A command that sends"),
    ("button", "Copy the command that sends"),
    ("group", "A command that listens"),
    ("button", "Copy the command that listens"),
    ("group", "JavaScript that listens"),
    ("button", "Copy the JavaScript"),
]
HEADINGS = ["Zcomet", "Listen", "Messages", "Send to 1", "From a terminal, from a page"]
# WCAG 2, 1.4.3.
CONTRAST_MIN = 4.5
TEXTS = [
    "h1",
    "h2",
    "label",
    ".faint",
    "#state",
    "#id",
    "#message",
    "a",
    "button",
    ".quiet",
    "code",
]
TEXTS += ["#log .text", "#log time", "#log .gap"]
# The colour of an element's text, and that of the next ground behind it.
COLOURS = """
let ground = document.querySelector(arguments[0]);
const text = getComputedStyle(ground).color;
while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") {
  ground = ground.parentElement;
}
return [text, getComputedStyle(ground).backgroundColor];
"""


def stops(browser: Browser) -> Iterator[tuple[str, str]]:
    """What Tab reaches from here on, up to the end of the page."""
    for _ in range(STOPS_MAX):
        browser.press(TAB)
        element = browser.focused()
        if browser.run("return document.activeElement === document.body"):
            return
        yield browser.role(element), browser.label(element)


def check_keys(window: DemoWindow) -> None:
    """One types, sends and reads without touching a mouse."""
    browser = window.switch()
    browser.press(TAB)
    assert browser.label(browser.focused()) == "Id"
    browser.press(CONTROL + "a")
    browser.write("1")
    browser.press(ENTER)
    window.await_text("#state", "Listening to 1.")
    assert browser.label(browser.focused()) == "Message", "one can type a message at once"
    browser.write("by keys")
    browser.press(ENTER)
    window.await_messages("by keys")
    assert browser.run("return document.activeElement.value") == ""


def check_stops(browser: Browser) -> None:
    # From the beginning of the page on.
    browser.run("document.querySelector('h1').tabIndex = -1; document.querySelector('h1').focus()")
    found = list(stops(browser))
    assert found == STOPS, found
    for selector in ("#id", "#message", "#window", "button"):
        script = f"document.querySelector('{selector}').focus();"
        browser.run(script)
        browser.press(TAB)
        outline = browser.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"one sees where the keyboard is, after {selector}: {outline}"


def check_announcements(browser: Browser) -> None:
    """What changes is said aloud, and does not take the keyboard."""
    log = browser.element("#log")
    assert (browser.role(log), browser.label(log)) == ("log", "Messages")
    assert (
        browser.run("return document.getElementById('log').getAttribute('aria-live')") == "polite"
    )
    for selector in ("#state", "#sent", "#copied"):
        assert browser.role(browser.element(selector)) == "status", selector


def check_structure(browser: Browser) -> None:
    def texts(selector: str) -> list[str]:
        script = f"return [...document.querySelectorAll('{selector}')].map((one) => one.innerText)"
        return list(browser.run(script))

    assert texts("h1, h2, h3") == HEADINGS, texts("h1, h2, h3")
    assert len(texts("h1")) == 1
    assert len(texts("main")) == 1
    assert browser.run("return document.documentElement.lang") == "en"
    regions = browser.run("return document.querySelectorAll('section').length")
    assert regions == len(HEADINGS) - 1
    assert browser.role(browser.element("section")) == "region"
    assert browser.label(browser.element("section")) == "Listen"
    hint = "document.getElementById(document.activeElement.getAttribute('aria-describedby'))"
    browser.run("document.getElementById('id').focus()")
    assert "64" in str(browser.run(f"return {hint}.innerText"))


def check_mistake(window: DemoWindow) -> None:
    """An id that is none is named as a mistake, and nothing is opened."""
    browser = window.switch()
    browser.run("document.getElementById('id').focus()")
    browser.press(CONTROL + "a")
    browser.write("a b")
    browser.press(ENTER)
    assert browser.run("return document.getElementById('id').matches(':invalid')")
    assert window.text("#state") == "Listening to 1."


def brightness(colour: str) -> float:
    """The relative luminance of "rgb(R, G, B)" (WCAG 2)."""
    parts = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear)))


def contrast(browser: Browser, selector: str) -> float:
    text, ground = map(brightness, browser.run(COLOURS, selector))
    return (max(text, ground) + 0.05) / (min(text, ground) + 0.05)


def check_colours(browser: Browser) -> list[float]:
    """Returns the least contrast in light and in dark."""
    browser.run("append('gap', 'a gap')")
    least = []
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        wanted = f"return matchMedia('(prefers-color-scheme: {scheme})').matches"
        await_true(f"it is {scheme}", lambda: bool(browser.run(wanted)))
        found = {selector: contrast(browser, selector) for selector in TEXTS}
        low = {name: value for name, value in found.items() if value < CONTRAST_MIN}
        assert not low, f"{scheme}: {low}"
        least.append(min(found.values()))
    return least


def check(browser: Browser, _: Programs, __: Broker, web_node: WebNode) -> str:
    window = DemoWindow.open(browser, web_node.http)
    check_keys(window)
    check_stops(browser)
    check_announcements(browser)
    check_structure(browser)
    check_mistake(window)
    light, dark = check_colours(browser)
    return f"{len(STOPS)} stops of Tab; least contrast {light:.1f} in light, {dark:.1f} in dark"


if __name__ == "__main__":
    sys.exit(run_in_browser(check, "--api", FREE_HTTP_PORT))
