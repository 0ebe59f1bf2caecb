"""One walk through what a person does at the prompt, in every kind of terminal and through pipes.

What is the same everywhere is checked here; what only one kind of terminal shows has a scene in
test_prompt.py, whose head lists all of them.
"""

import re

from terminal import VISEN, TerminalTest, Wire, run, strange
from test_prompt import END, PASTE, PromptTest

MODES = {
    "80 columns": {},
    "LC_ALL=C": {"LC_ALL": "C"},
    "LC_ALL=ja_JP.UTF-8 that is not installed": {"LC_ALL": "ja_JP.UTF-8"},
    "TERM=dumb": {"TERM": "dumb"},
    "TERM=vt100": {"TERM": "vt100"},
    "40 columns": {"columns": 40},
    "200 columns": {"columns": 200},
    "NO_COLOR": {"NO_COLOR": "1"},
}
HISTORY = ["print '一番'", "print 'るす'", "for x in [7] {\n  print x\n}", "rows"]


class Walk:
    """The steps of a walk; each leaves an empty prompt behind."""

    def __init__(self, test, screen, mode):
        self.test, self.screen, self.mode = test, screen, mode
        self.is_dumb = mode.get("TERM") == "dumb"

    @staticmethod
    def flat(text):
        """A text without the spaces and row ends in it, which depend on the width."""
        return "".join(text.split())

    def shows(self, text, count=1):
        """Waits for a text, wherever its rows end."""
        self.screen.wait(lambda s: self.flat(s).count(self.flat(text)) >= count, what=repr(text))

    def line_is(self, text):
        """Waits until the last row ends in a text."""
        self.screen.wait(lambda s: self.flat(s).endswith(self.flat(text)), what=f"the line {text!r}")

    def at_prompt(self):
        self.screen.wait_prompt()

    def leave(self):
        self.screen.press("C-c")
        self.shows("^C", self.interrupts)
        self.interrupts += 1

    interrupts = 1

    def all(self):
        for step in (
            self.rows, self.japanese, self.marks, self.paste, self.history, self.search, self.words,
            self.completion, self.interrupt, self.mistake, self.suspend, self.resize, self.table,
            self.help, self.work, self.format, self.colors, self.end,
        ):
            try:
                self.at_prompt()
                step()
            except AssertionError as error:
                raise AssertionError(f"step {step.__name__}: {error}") from error

    def rows(self):
        self.screen.enter("for x in [1, 2] {")
        self.screen.enter("print 'r{x}'".replace("'", '"'))
        self.screen.type("}")
        self.screen.press("Enter")
        self.screen.wait_for("\nr1\nr2\n")
        self.screen.type("print 'a'")
        self.screen.press("M-Enter")
        self.screen.type("print 'b'")
        self.screen.press("Enter")
        self.screen.wait_for("\na\nb\n")

    def japanese(self):
        self.screen.type("print '日本語テスト'")
        self.screen.press("Left", "Left", "Left", "BSpace")
        self.screen.type("ｱ")
        self.screen.press("Enter")
        self.screen.wait_for("\n日本語ｱスト\n")

    def marks(self):
        self.screen.enter("length('か\u3099e\u0301👩\u200d💻')")
        self.screen.wait_for("\n3\n")

    def paste(self):
        if self.is_dumb:
            return
        self.screen.send_bytes(PASTE + "visen> print 'か\u3099'\r\nprint\t5\x07\r\n".encode() + END)
        self.shows("print 5")
        self.test.assertNotIn("\n5\n", self.screen.screen())
        self.screen.press("Enter")
        self.screen.wait_for("\nが\n5\n")

    def history(self):
        self.screen.type("for")
        self.screen.press("Up")
        self.line_is('> for x in [1, 2] {\n  print "r{x}"\n}')
        self.leave()
        self.at_prompt()
        self.screen.type("print 'る")
        self.screen.press("Up", "Enter")
        self.screen.wait_for("\nるす\n")

    def search(self):
        self.screen.type("draft")
        self.screen.press("C-r")
        self.screen.type("一")
        self.shows("(search) '一': print '一番'")
        self.screen.press("C-c")
        self.line_is("draft")
        self.screen.press("C-u", "C-r")
        self.screen.type("一番")
        self.shows("(search) '一番'")
        self.screen.press("Enter")
        self.screen.wait_for("\n一番\n")

    def words(self):
        self.screen.type("'one two three'")
        self.screen.press("C-Left", "C-Left", "C-w", "C-e", "Enter")
        self.screen.wait_for("\ntwo three\n")

    def completion(self):
        self.screen.type('use "Blog t')
        self.screen.press("Tab")
        self.line_is('use "Blog topics"')
        self.leave()
        self.at_prompt()
        self.screen.type('use "Bl')
        self.screen.press("Tab", "Tab")
        self.screen.wait(lambda s: re.search(r'\nBlog topics" +connection', s), what="the list")
        self.leave()

    def interrupt(self):
        self.screen.enter("if true {")
        self.screen.type("print 'never'")
        self.line_is("print 'never'")
        self.leave()
        self.at_prompt()
        self.screen.enter("print 'since'")
        self.screen.wait_for("\nsince\n")
        self.test.assertNotIn("\nnever", self.screen.screen())

    def mistake(self):
        self.screen.enter("genrate")
        self.shows("did you mean `generate`?")
        self.at_prompt()

    def suspend(self):
        self.screen.type("print 'half")
        self.line_is("print 'half")
        self.screen.press("C-z")
        self.shows("Stopped")
        self.screen.enter("echo vis''ible")
        self.screen.wait_for("\nvisible\n")
        self.screen.enter("fg")
        self.line_is("> print 'half")
        self.screen.type(" done'")
        self.screen.press("Enter")
        self.screen.wait_for("\nhalf done\n")

    def resize(self):
        text = "a text of more than forty columns, 日本語"
        self.screen.type(f"print '{text}")
        # A key behind each size tells that the line was drawn for it.
        for columns, key in ((33, "!"), (self.mode.get("columns", 80), "?")):
            self.screen.resize(columns, 30)
            self.screen.type(key)
            text += key
            self.line_is(f"> print '{text}")
        self.screen.enter("'")
        self.shows(f"\n{text}\n", 2)

    def table(self):
        self.screen.enter('use "Blog"; rows')
        self.shows("learning is fun")
        self.shows("social media")
        self.at_prompt()
        self.screen.enter("show row 2")
        self.shows("notion is best tool", 2)
        self.at_prompt()

    def help(self):
        for question, answer in (
            ("help V203", "Nothing is converted silently"), ("generate?", "Asks the prompt"),
            ("Topic?", "a property of Blog"), ("help keys", "Ctrl-R"), ("help genrate", "help generate"),
        ):
            self.screen.enter(question)
            self.shows(answer)
            self.at_prompt()

    def work(self):
        self.screen.enter('generate Content with "to {Topic}" on 1 rows')
        self.shows("1 written")
        self.screen.enter("undo")
        self.shows("1 row restored")
        self.at_prompt()

    def format(self):
        self.screen.enter("set format json; rows pick Topic")
        self.shows('"Topic": "notion is best tool"')
        self.screen.enter("unset format; history where text starts with \"gen\"")
        self.shows("generate Content", 3)
        self.at_prompt()

    def colors(self):
        colored = re.search(r"\x1b\[[0-9;]*[1-9]m", self.screen.screen(history=400, colors=True))
        is_plain = self.is_dumb or "NO_COLOR" in self.mode
        self.test.assertEqual(colored is None, is_plain, colored)

    def end(self):
        self.screen.press("C-d")
        self.screen.wait_prompt("$ ")
        self.screen.enter("echo left''with$?")
        self.screen.wait_for("\nleftwith0\n")


class Modes(PromptTest):
    def test_terminals(self):
        self.together({name: lambda mode=mode: self.walk(mode) for name, mode in MODES.items()})

    def walk(self, mode):
        screen = self.terminal(
            home=self.home_with(HISTORY), shell=True, rows=30, VISEN_PAGER="cat",
            **{"columns": 80, **mode})
        screen.wait_for("$")
        screen.enter(f"clear; {VISEN}")
        screen.wait_prompt()
        Walk(self, screen, mode).all()

    def test_a_dumb_terminal_gets_no_escape(self):
        wire = Wire(self.home_with(HISTORY), TERM="dumb", columns=60)
        self.addCleanup(wire.close)
        wire.read(b"> ")
        for typed, shown in (
            ("print 'one'\r", b"one\r\n"), ('use "Blog"; rows\r', b"(3 rows)"), ("\x12る", b"print"),
            ("\x07pri\x1b[D\x1b[Dx\x03", b"^C"), ("rows where \t\t", b"property"), ("\x03nonsense\r", b"V10"),
            ('generate Content with "a {Topic}"\r', b"3 written"), ("show row 1\r", b"learning"),
        ):
            wire.send(typed)
            wire.read(shown)
        wire.send("\x04")
        self.assertNotIn(b"\x1b", wire.read_all())

    def test_pipes(self):
        statements = (
            "use \"Blog\"\nrows\nfor x in [1, 2] {\n  print \"r{x} 日本語\"\n}\n"
            "set format json\nrows pick Topic\nunset format\ntick rows\ngenerate Content with \"to {Topic}\"\n"
            "undo\nhelp V203\nhistory\n'the end'")
        for name, mode in MODES.items():
            with self.subTest(name):
                variables = {"COLUMNS" if key == "columns" else key: str(value) for key, value in mode.items()}
                home = self.home_with(HISTORY)
                code, out, err = run([], home, input_text=statements, **variables)
                self.assertEqual(code, 0, err)
                for text in ("r1 日本語\nr2 日本語\n", '"Topic":"notion is best tool"', "learning is fun",
                             "Nothing is converted silently", "print 'るす'"):
                    self.assertIn(text, out)
                self.assertTrue(out.endswith("the end\n"))
                self.assertIn("3 written", err)
                self.assertFalse(strange((out + err).encode()))
                self.assertNotIn("\x1b", out + err)
                code, out, err = run([], home, input_text="use \"Blog\"\ngenrate\n", **variables)
                self.assertEqual((code, out), (2, ""))
                self.assertIn("<input>:2:1", err)

    def test_output_in_a_pipe(self):
        self.together({
            name: lambda mode=mode: self.piped(mode) for name, mode in MODES.items() if name != "200 columns"})

    def piped(self, mode):
        screen = self.terminal(home=self.home_with(HISTORY), arguments="| cat", **{"columns": 80, **mode})
        screen.wait_prompt()
        screen.enter("for x in [1, 2] {")
        screen.wait_for("\n…")
        screen.enter('print "r{x} 日本語" }')
        # They come through cat, before the next prompt or behind it.
        screen.wait_for("r1 日本語\n")
        screen.wait_for("r2 日本語\n")
        screen.enter('use "Blog"; rows')
        screen.wait_for("learning is fun")
        screen.press("C-d")
        screen.wait_for("[exit 0]")
        self.assertNotRegex(screen.screen(history=400, colors=True).split("learning")[0], r"\x1b\[[0-9;]*[1-9]m")
