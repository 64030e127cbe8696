"""The demo page in a browser: what people do with it, and what they see."""

from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import CONTROL, ENTER, SHIFT, Browser


MESSAGES = "return [...document.querySelectorAll('#messages .text')].map((one) => one.innerText)"


class DemoWindow:
    """A window of the browser that has the demo page open."""

    def __init__(self, browser: Browser, window: str) -> None:
        """`window` as Browser.switch_to() takes it."""
        self.browser = browser
        self.window = window

    @classmethod
    def open(cls, browser: Browser, http: str) -> "DemoWindow":
        """Opens the page of a web node in the browser's present window."""
        browser.open(f"{http}/")
        script = "return location.href + document.readyState"
        await_true("the page is there", lambda: bool(browser.run(script) == f"{http}/complete"))
        return cls(browser, browser.window())

    def switch(self) -> Browser:
        """The browser, with this window in front."""
        self.browser.switch_to(self.window)
        return self.browser

    def text(self, selector: str) -> str:
        """What a part of the page shows."""
        found = self.switch().run(f"return document.querySelector('{selector}').innerText")
        return str(found).strip()

    def messages(self) -> list[str]:
        return list(self.switch().run(MESSAGES))

    def await_messages(self, *wanted: str) -> None:
        """Waits until the page shows exactly these."""
        await_true(
            lambda: f"the page shows {wanted} (it shows {self.messages()})",
            lambda: self.messages() == list(wanted),
        )

    def await_text(self, selector: str, text: str) -> None:
        await_true(
            lambda: f"{selector} says '{text}' (it says '{self.text(selector)}')",
            lambda: self.text(selector) == text,
        )

    def listen(self, user_id: str) -> None:
        """Types an id, presses Enter, and waits until the stream is open."""
        browser = self.switch()
        browser.click("#id")
        browser.press(CONTROL + "a")
        browser.write(user_id)
        browser.press(ENTER)
        self.await_text("#state", f"Listening to {user_id}.")

    def send(self, text: str) -> None:
        """Types a message, which may have several lines, and presses Enter."""
        browser = self.switch()
        browser.click("#message")
        for number, line in enumerate(text.split("\n")):
            if number > 0:
                browser.press(SHIFT + ENTER)
            browser.write(line)
        browser.press(ENTER)

    def open_second(self) -> "DemoWindow":
        """Follows the page's link to a second window on the same id."""
        browser = self.switch()
        before = browser.windows()
        browser.click("#window")
        await_true("there is a second window", lambda: len(browser.windows()) > len(before))
        (window,) = set(browser.windows()) - set(before)
        return DemoWindow(browser, window)
