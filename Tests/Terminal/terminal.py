"""A real terminal around the built program: tmux draws the screen, the tests type and read.

VISEN names the binary. Each terminal has a home and a VISEN_HOME of its own, so that no user file
changes a key and no test sees another's data.
"""

import concurrent.futures
import os
import pathlib
import pty
import re
import select
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

    def __init__(self, columns=100, rows=30, arguments="", home=None, shell=False, folder=ROOT, **environment):
        self.owns_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="visen-terminal-")
        self.socket = "visen-" + uuid.uuid4().hex[:10]
        variables = clean_environment(self.home, **environment)
        command = ["env", "-i"] + [f"{name}={value}" for name, value in variables.items()]
        line = " ".join(_quoted(word) for word in command + [VISEN]) + " " + arguments
        if shell:
            # A shell with job control, in which the program is started by hand.
            line = " ".join(_quoted(word) for word in command) + (
                " PS1='$ ' bash --noprofile --norc -i")
        # The shell stays after the program, so that the last screen can be read.
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-c", str(folder), "-x", str(columns), "-y", str(rows),
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
        """Gives the window another size, and waits until the program could know of it."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        name = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        terminal = os.open(name, os.O_RDONLY | os.O_NOCTTY)
        try:
            end = time.monotonic() + 10
            while os.get_terminal_size(terminal) != (columns, rows):
                if time.monotonic() > end:
                    raise AssertionError(f"{name} does not become {columns} columns wide")
                time.sleep(0.01)
        finally:
            os.close(terminal)

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

    def together(self, scenes, workers=6):
        """Runs scenes that do not touch each other side by side; each is a test of its own."""
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            running = {name: pool.submit(scene) for name, scene in scenes.items()}
        for name, scene in running.items():
            with self.subTest(name):
                scene.result()

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


ESCAPE = re.compile(
    rb"\x1b\[[0-9;]*m"                # colours
    rb"|\x1b\[[0-9;?]*[ABCDGHJKhlPXZ@dfr]"  # moves and erasures of the editor and of tables
    rb"|\x1b\]8;;(?:https://www\.notion\.so/[0-9a-f]{32})?\x1b\\"  # links we built
    rb"|\x1b[=>78]|\x1b\(B"
    rb"| \x08")  # how libedit reaches the next row at the right margin


def strange(data):
    """What in a program's output a terminal would obey and Visen does not send by itself."""
    # What was read may end within an escape.
    rest = re.sub(rb"\x1b[^A-Za-z]*$", b"", ESCAPE.sub(b"", data)).decode("utf-8", "replace")
    return [
        f"U+{ord(character):04X} after {rest[max(0, place - 20):place]!r}"
        for place, character in enumerate(rest)
        if (ord(character) < 0x20 and character not in "\n\r\t")
        or 0x7F <= ord(character) < 0xA0
        or ord(character) in (0x2028, 0x2029, 0x200E, 0x200F, 0x061C, 0xFEFF)
        or 0x202A <= ord(character) <= 0x202E or 0x2066 <= ord(character) <= 0x2069
        or 0xE0000 <= ord(character) <= 0xE007F
    ]


class Wire:
    """The program on a pseudo-terminal, with the very bytes that it sends."""

    def __init__(self, home, arguments=(), columns=120, rows=50, **environment):
        import fcntl
        import struct
        import termios
        self.data = b""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(ROOT)
            os.execve(VISEN, [VISEN, *arguments], clean_environment(home, **environment))
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.terminal, text if isinstance(text, bytes) else text.encode())

    def read(self, until, seconds=20):
        """Reads until some bytes have come; gives what came since the call."""
        start = len(self.data)
        end = time.monotonic() + seconds
        while until not in self.data[start:]:
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waited for {until!r}; got {self.data[start:]!r}")
            if select.select([self.terminal], [], [], left)[0]:
                try:
                    piece = os.read(self.terminal, 65536)
                except OSError:
                    piece = b""
                if not piece:
                    raise AssertionError(f"it ended before {until!r}: {self.data[start:]!r}")
                self.data += piece
        return self.data[start:]

    def settle(self, seconds=0.4):
        """Reads until nothing has come for a while."""
        while select.select([self.terminal], [], [], seconds)[0]:
            self.data += os.read(self.terminal, 65536)

    def read_all(self, seconds=20):
        """Reads until the program ends."""
        try:
            self.read(b"\0 never \0", seconds)
        except AssertionError as error:
            if "it ended" not in str(error):
                raise
        return self.data

    def close(self):
        os.close(self.terminal)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if os.waitpid(self.process, os.WNOHANG)[0]:
                return
            time.sleep(0.02)
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
