"""A real browser, asked over its DevTools protocol what its frames show, sandboxed ones too."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.request

from websockets.sync.client import connect

PATH = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)  # fmt: skip
PATIENCE_SECONDS = 60
TEXT = "document.body?.innerText ?? ''"
PLOTTED = (
    "[...document.querySelectorAll('.js-plotly-plot svg text')].map(t => t.textContent).join()"
)
"""Words of a frame; and of what plotly has drawn there."""


@contextlib.contextmanager
def browser(folder):
    """A browser until the end of the block; gives where it listens."""
    process = subprocess.Popen(
        [PATH, *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        file = folder / "DevToolsActivePort"
        end = time.monotonic() + PATIENCE_SECONDS
        while not (file.exists() and file.read_text()) and time.monotonic() < end:
            time.sleep(0.1)
        yield f"http://127.0.0.1:{file.read_text().split()[0]}"
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def page(devtools, url):
    """Open a page in a browser that listens there."""
    asked = urllib.request.Request(f"{devtools}/json/new?about:blank", method="PUT")
    with urllib.request.urlopen(asked) as answer:
        address = json.load(answer)["webSocketDebuggerUrl"]
    with connect(address, max_size=None) as socket:
        yield Page(socket, url)


class Page:
    """A page that is being shown."""

    def __init__(self, socket, url):
        self._socket, self._number, self._contexts = socket, 0, {}
        self.errors = []
        attach = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}
        self.call("Target.setAutoAttach", attach)
        self.call("Runtime.enable")
        self.call("Page.navigate", {"url": url})

    def call(self, method, parameters=None, session=None):
        """One command; events that come before its answer are noted."""
        number = self._send(method, parameters, session)
        while True:
            said = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            if said.get("id") == number:
                return said.get("result", {})
            self._note(said)

    def _send(self, method, parameters, session):
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters or {}}
        self._socket.send(json.dumps(asked | ({"sessionId": session} if session else {})))
        return self._number

    def values(self, expression):
        """What each frame makes of an expression, as text."""
        found = []
        for session, context in list(self._contexts):
            asked = {"expression": expression, "contextId": context}
            answer = self.call("Runtime.evaluate", asked, session)
            found.append(str(answer.get("result", {}).get("value", "")))
        return found

    def wait_for(self, *words, of=TEXT):
        """The text of the first frame that shows all of these; AssertionError if none does."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            for text in self.values(of):
                if all(word in text for word in words):
                    return text
            time.sleep(0.5)
        raise AssertionError(f"no frame shows {words}: {[text[:500] for text in self.values(of)]}")

    def _note(self, said):
        method, values, session = said.get("method"), said.get("params", {}), said.get("sessionId")
        if method == "Runtime.executionContextCreated":
            self._contexts[session, values["context"]["id"]] = values
        elif method == "Runtime.executionContextDestroyed":
            self._contexts.pop((session, values["executionContextId"]), None)
        elif method == "Runtime.exceptionThrown":
            self.errors.append(values["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and values["type"] == "error":
            self.errors.append(values["args"])
        elif method == "Target.attachedToTarget":
            # Its answer is not waited for: that of the command under way would be lost.
            self._send("Runtime.enable", None, values["sessionId"])
