"""A real terminal around the built program: tmux draws the screen, the tests type and read.

VISEN names the binary. Each terminal has a home and a VISEN_HOME of its own, so that no user file
changes a key and no test sees another's data.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest
import uuid

VISEN = os.environ.get(
    "VISEN", str(pathlib.Path(__file__).resolve().parents[2] / ".build/debug/visen")
)
ROOT = pathlib.Path(__file__).resolve().parents[2]


def clean_environment(home, **extra):
    """The environment of a stranger: no keys, no user files, a UTF-8 locale."""
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "VISEN_HOME": str(pathlib.Path(home) / "visen"),
        "EDITRC": "",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
    }
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    environment.update(extra)
    return environment


class Terminal:
    """One tmux server with one window that runs the program."""

    def __init__(self, columns=100, rows=30, arguments="", home=None, **environment):
        self.owns_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="visen-terminal-")
        self.socket = "visen-" + uuid.uuid4().hex[:10]
        variables = clean_environment(self.home, **environment)
        command = ["env", "-i"] + [f"{name}={value}" for name, value in variables.items()]
        line = " ".join(_quoted(word) for word in command + [VISEN]) + " " + arguments
        # The shell stays after the program, so that the last screen can be read.
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
            f"{line}; echo \"[exit $?]\"; exec sleep 600",
        )

    def tmux(self, *words):
        result = subprocess.run(
            ["tmux", "-u", "-L", self.socket, *words], capture_output=True, text=True
        )
        if result.returncode != 0:
            raise AssertionError(f"tmux {words}: {result.stderr}")
        return result.stdout

    def type(self, text):
        """Types text as it is."""
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys):
        """Presses keys by tmux's names: Enter, Tab, C-c, Up …"""
        self.tmux("send-keys", *keys)

    def send_bytes(self, data):
        """Sends raw bytes, such as a bracketed paste."""
        self.tmux("send-keys", "-H", *[f"{byte:02x}" for byte in data])

    def enter(self, text):
        self.type(text)
        self.press("Enter")

    def screen(self, history=0, colors=False):
        words = ["capture-pane", "-p"]
        if history:
            words += ["-S", str(-history)]
        if colors:
            words += ["-e"]
        return self.tmux(*words)

    def cursor(self):
        place = self.tmux("display-message", "-p", "#{cursor_x},#{cursor_y}")
        column, row = place.strip().split(",")
        return int(column), int(row)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait(self, condition, seconds=15, what="the screen to change"):
        """Waits until `condition(screen)` holds; shows the screen when it never does."""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen(history=400)
            if condition(screen):
                return screen
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what}; the screen is:\n{screen}")
            time.sleep(0.05)

    def wait_for(self, text, seconds=15, count=1):
        """Waits until the text stands on the screen at least `count` times."""
        return self.wait(lambda screen: screen.count(text) >= count, seconds, repr(text))

    def wait_prompt(self, ending="> ", seconds=15):
        """Waits until the last row with text is a prompt with nothing typed."""

        def at_prompt(screen):
            rows = [row for row in screen.splitlines() if row.strip()]
            return bool(rows) and (rows[-1] + " ").endswith(ending)

        return self.wait(at_prompt, seconds, "a prompt")

    def close(self):
        subprocess.run(
            ["tmux", "-L", self.socket, "kill-server"], capture_output=True, check=False
        )
        if self.owns_home:
            shutil.rmtree(self.home, ignore_errors=True)


def _quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"


class TerminalTest(unittest.TestCase):
    """A test with terminals that close by themselves."""

    def terminal(self, **arguments):
        terminal = Terminal(**arguments)
        self.addCleanup(terminal.close)
        return terminal

    def folder(self):
        path = tempfile.mkdtemp(prefix="visen-home-")
        self.addCleanup(shutil.rmtree, path, True)
        return path


def run(arguments, home, input_text=None, seconds=60, **environment):
    """Runs the program without a terminal: (exit code, standard output, standard error)."""
    result = subprocess.run(
        [VISEN, *arguments],
        input=input_text,
        stdin=subprocess.DEVNULL if input_text is None else None,
        capture_output=True,
        text=True,
        timeout=seconds,
        env=clean_environment(home, **environment),
        cwd=ROOT,
    )
    return result.returncode, result.stdout, result.stderr
