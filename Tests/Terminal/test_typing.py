"""Sixty statements typed by a script: no key lost or doubled, nothing strange on the screen."""

import json
import pathlib
import time

from terminal import TerminalTest, Wire, strange

WORDS = ["一つ", "two", "três", "４", "five 5", "six-6", "(seven)", "8,8", "neun ä", "ten"]


def statements():
    """Statements of all lengths, some of several rows, with their output."""
    result = []
    for number in range(60):
        word = WORDS[number % len(WORDS)]
        if number % 12 == 5:
            result.append((f"for x in [{number}, 1] {{\nprint '{word} {{x}}'\n}}", None))
        elif number % 7 == 3:
            result.append((f"print upper('{word} {number}') + \"{{1 + 1}}\"", None))
        else:
            result.append((f"print '{word} {number}'", f"{word} {number}"))
    return result


class Typing(TerminalTest):
    def test_speeds(self):
        self.together({"a person": self.person, "a machine": self.machine, "at once": self.at_once})

    def session(self, pause, per_write):
        home = self.folder()
        wire = Wire(home, columns=100, rows=40)
        self.addCleanup(wire.close)
        wire.read(b"> ")
        for text, output in statements():
            start = len(wire.data)
            data = text.encode() if per_write else None
            for piece in [data] if per_write else list(text):
                wire.send(piece)
                if pause:
                    time.sleep(pause)
            wire.send("\r")
            self.drain(wire, start, output)
        return home, wire

    def drain(self, wire, start, output):
        if output is not None:
            wire.read((output + "\r\n").encode(), 20) if (
                output + "\r\n").encode() not in wire.data[start:] else None

    def check(self, home, wire, prompt_count=None):
        wire.send("print 'the end'\r")
        wire.read(b"the end\r\n")
        time.sleep(0.2)
        wire.send("\x04")
        history = [
            json.loads(line)["text"]
            for line in pathlib.Path(home, "visen/history.jsonl").read_text().splitlines()]
        wanted = [self.indented(text) for text, _ in statements()] + ["print 'the end'"]
        self.assertEqual(history, wanted)
        self.assertFalse(strange(wire.data), strange(wire.data)[:5])

    @staticmethod
    def indented(text):
        return text.replace("{\nprint", "{\n  print")

    def person(self):
        home, wire = self.session(0.008, False)
        self.check(home, wire)

    def machine(self):
        home, wire = self.session(0, False)
        self.check(home, wire)

    def at_once(self):
        """All of it before the first has run."""
        home = self.folder()
        wire = Wire(home, columns=100, rows=40)
        self.addCleanup(wire.close)
        wire.read(b"> ")
        wire.send("".join(text.replace("\n", "\r") + "\r" for text, _ in statements()))
        for _, output in statements():
            if output and (output + "\r\n").encode() not in wire.data:
                wire.read((output + "\r\n").encode(), 30)
        self.check(home, wire)
