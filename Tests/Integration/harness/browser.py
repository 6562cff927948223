"""A headless Chromium, spoken to over the DevTools protocol through a pipe: no port, no driver, nothing to install."""

import base64
import ctypes
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import time

from .waiting import eventually

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# Names of keys to what the protocol wants of them.
_KEYS = {
    "Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "End": ("End", 35, ""),
    "Home": ("Home", 36, ""), "ArrowLeft": ("ArrowLeft", 37, ""), "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""), "ArrowDown": ("ArrowDown", 40, ""), "Space": ("Space", 32, " "),
}  # fmt: skip


class Browser:
    """One process of Chromium; each `tab` is a fresh context without a history, a cache or cookies."""

    def __init__(self, folder):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert program, "no chromium: Debian's package of that name has it"
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()

        def prepare():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            # The numbers that Chromium reads from and writes to; moved up first, as they may be in use.
            low, high = os.dup2(commands, 60, False), os.dup2(answers, 61, False)
            os.dup2(low, 3)
            os.dup2(high, 4)

        options = [
            "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--disable-dev-shm-usage", "--disable-breakpad", "--mute-audio", "--hide-scrollbars",
            f"--user-data-dir={folder}",
        ]  # fmt: skip
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        with open(os.path.join(folder, "chromium.log"), "wb") as log:
            self._process = subprocess.Popen(
                [program, *options, "about:blank"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # Python's own descriptors close themselves; closing all others would close 3 and 4 again.
                close_fds=False, start_new_session=True, preexec_fn=prepare,
            )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._tabs = {}

    def tab(self, width=1280, height=900, dark=False):
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session, target, context)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.send(f"{domain}.enable")
        tab.resize(width, height)
        tab.colours(dark)
        return tab

    def send(self, method, parameters=None, session=None, timeout=60):
        """One command and its answer; events that come meanwhile go to their tabs."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._next(deadline, method)
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def forget(self, tab):
        self._tabs.pop(tab.session, None)
        self.send("Target.disposeBrowserContext", {"browserContextId": tab.context})

    def _next(self, deadline, what):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            assert left > 0, f"Chromium does not answer {what}"
            if select.select([self._answers], [], [], left)[0]:
                received = os.read(self._answers, 1 << 20)
                assert received, "Chromium has ended"
                self._buffer += received
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(text)
        tab = self._tabs.get(message.get("sessionId"))
        if tab and "method" in message:
            tab.noted(message["method"], message["params"])
        return message

    def close(self):
        try:
            self.send("Browser.close", timeout=20)
            self._process.wait(20)  # So that it takes its children along.
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            # With its children, which are in the session that was made for it.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)


class Tab:
    """One page, and everything that it complains about."""

    def __init__(self, browser, session, target, context):
        self.browser, self.session, self.target, self.context = browser, session, target, context
        self.complaints = []
        self.requests = []

    def send(self, method, parameters=None):
        return self.browser.send(method, parameters, self.session)

    def noted(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(each.get("value", each)) for each in parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    # --- How it looks ---

    def resize(self, width, height):
        self.send("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})  # fmt: skip

    def colours(self, dark):
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", {"features": [feature]})

    def screenshot(self, path, whole=False):
        picture = self.send("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    # --- What is in it ---

    def open(self, url):
        self.send("Page.navigate", {"url": url})
        self.wait("document.readyState === 'complete'")
        return self

    def ask(self, expression):
        """The value of a JavaScript expression, which may be a promise."""
        answer = self.send(
            "Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True}
        )
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait(self, expression, timeout=30):
        """Waits until an expression is true, and returns it."""

        def holds():
            value = self.ask(f"(async value => (value = await value) instanceof Node || value)({expression})")
            # A page that does not get there mostly says why.
            assert value, f"{value!r}; the page says: {self.text()[:1500]}; complaints: {self.complaints}"
            return value

        return eventually(holds, expression, timeout)

    def text(self, selector="body"):
        return self.ask(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_text(self, text, selector="body", timeout=30):
        return self.wait(
            f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(text)})", timeout
        )

    # --- What a person does ---

    def place(self, selector):
        """The middle of an element, which is scrolled into view and has come to rest."""
        box = self.wait(
            "(async () => {"
            f"const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            "const box = () => (b => [b.left, b.top, b.width, b.height])(e.getBoundingClientRect());"
            "e.scrollIntoView({block: 'center'}); const before = box();"
            "await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));"
            "return before[2] && String(box()) === String(before) ? before : null; })()"
        )
        return box[0] + box[2] / 2, box[1] + box[3] / 2

    def mouse(self, kind, x, y, **more):
        self.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    def click(self, selector):
        x, y = self.place(selector)
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)

    def drag(self, start, end):
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        for share in (0.3, 0.7, 1):
            place = [a + (b - a) * share for a, b in zip(start, end)]
            self.mouse("mouseMoved", *place, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def press(self, key):
        code, number, text = _KEYS[key]
        about = {"key": key if key != "Space" else " ", "code": code, "windowsVirtualKeyCode": number}
        self.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **about})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **about})

    def type(self, text):
        self.send("Input.insertText", {"text": text})

    def close(self):
        self.browser.forget(self)
