"""The prompt in a real terminal: every scene is what a person does, and what must stand on the screen.

What is asked of the prompt, and where it is tested (without a file's name: here; Modes: test_modes.py, where
one walk goes through LC_ALL=C, a locale that is missing, TERM=dumb, vt100, 40 and 200 columns, NO_COLOR,
and input and output in pipes):

  Editing
    rows of a statement, indentation, Up and Down in it  scene_rows_of_a_statement, Modes rows
    Enter sends when complete, Alt-Enter a row           scene_alt_enter, Modes rows
    paste: runs at Enter, prompts and controls dropped   scene_paste, Modes paste; 200 kB: scripts/bench shell
    history by prefix, whole statements                  scene_history_by_prefix, Modes history
    Ctrl-R: CJK, whole statements, Ctrl-C restores       scene_search, Modes search
    suggestion, colours while typing                     scene_suggestion_and_colors, scene_no_colors
    Ctrl-arrows, Ctrl-U, Ctrl-W, keys without meaning    scene_keys_of_words, Modes words
    edit in $VISUAL or $EDITOR                           scene_own_editor, scene_no_editor
    vi mode and .editrc                                  scene_vi_mode
    Ctrl-C in rows; while something runs; while asked    scene_interrupt_in_rows, Modes interrupt;
                                                         test_session.test_interrupt_and_resume; test_setup
    Ctrl-D                                               scene_end_and_delete, Modes end
    Ctrl-Z and fg                                        scene_suspend, Modes suspend
    resize, at the bottom, at the top, of rows           scene_resize*, Modes resize
    CJK, marks, emoji, wrapped                           scene_japanese*, scene_marks_are_composed,
                                                         scene_clusters_are_one_step, Modes japanese, marks
    crash and SIGTERM give the terminal back             scene_crash
    history: shared, no secrets, where, save, cut        scene_sessions_share, scene_history_is_cut
    keys typed ahead; sixty statements at all speeds     scene_typed_ahead; test_typing
  Completion
    by position, with kinds                              scene_positions; every kind: ShellTests/CompletionTests
    quoted names, files, holes, options, row titles      scene_quoted_name, scene_files,
                                                         scene_properties_options_rows, Modes completion
    the list under wrapped text; nothing found           scene_list_under_wrapped_text, scene_nothing_found
  Help                                                   scene_questions, scene_first_start, Modes help, mistake
  Output
    tables at any width                                  scene_widths, Modes table; ShellTests/OutputTests
    show row with its body, pager, links                 scene_row_with_body, scene_pager; test_links
    formats, colours by the rules                        Modes format, colors; test_program
    lines above the prompt that is typed at              scene_background
    progress, streams, summaries                         test_session, test_engines, test_attacks
    nothing untrusted reaches the terminal raw           test_attacks
  Prompt line                                            scene_prompt_line, scene_prompt_is_completed
  Set-up, doctor, keys, settings where                   test_setup, test_keys, scene_where_and_doctor
  Start: rc.visen; a store that cannot be opened         scene_start_file, scene_broken_store
  Pipes                                                  scene_input_in_a_pipe, scene_output_in_a_pipe,
                                                         Modes test_pipes, test_output_in_a_pipe
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import stat
import time

from terminal import VISEN, TerminalTest, Wire, run, strange

PASTE, END = b"\x1b[200~", b"\x1b[201~"


class PromptTest(TerminalTest):
    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.made = tempfile.mkdtemp(prefix="visen-made-")
        code, _, err = run(
            ["-c", 'connect "Blog" to template; connect "Blog topics" to template'], cls.made)
        assert code == 0, err

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.made, True)

    def home_with(self, history=()):
        """A home with two connections, and statements typed before."""
        home = self.folder()
        shutil.copytree(self.made, home, dirs_exist_ok=True)
        if history:
            path = pathlib.Path(home, "visen/history.jsonl")
            path.write_text("".join(json.dumps({"text": text}) + "\n" for text in history))
        return home

    def at_prompt(self, history=(), first="", **arguments):
        screen = self.terminal(home=self.home_with(history), **arguments)
        screen.wait_prompt()
        if first:
            screen.enter(first)
            time.sleep(0.1)
            screen.wait_prompt()
        return screen

    def last(self, screen):
        """The last row with text."""
        rows = [row for row in screen.screen().splitlines() if row.strip()]
        return rows[-1] if rows else ""

    def wait_last(self, screen, text, what=None):
        screen.wait(
            lambda s: ([row for row in s.splitlines() if row.strip()] or [""])[-1].rstrip()
            == text.rstrip(), what=what or f"the last row {text!r}")


class Editing(PromptTest):
    def test_scenes(self):
        self.together({
            name[6:]: getattr(self, name) for name in dir(self) if name.startswith("scene_")})

    def scene_japanese(self):
        screen = self.at_prompt()
        screen.type("print '日本語テスト'")
        screen.press("Left", "Left", "Left", "BSpace")
        screen.type("ｱ")
        self.wait_last(screen, "visen> print '日本語ｱスト'")
        column, _ = screen.cursor()
        self.assertEqual(column, len("visen> print '") + 6 + 1)
        screen.press("Enter")
        screen.wait_for("\n日本語ｱスト\n")

    def scene_japanese_wrapped(self):
        screen = self.at_prompt(columns=30)
        screen.type("print '" + "漢字" * 12 + "'")
        screen.press("C-a", "C-e", "Left", "BSpace")
        screen.type("終")
        screen.press("Enter")
        screen.wait(lambda s: s.replace("\n", "").count("漢字" * 11 + "漢終") == 2, what="both texts")

    def scene_marks_are_composed(self):
        screen = self.at_prompt()
        screen.type("print length('か\u3099e\u0301')")
        screen.press("Enter")
        screen.wait_for("\n2\n")

    def scene_clusters_are_one_step(self):
        screen = self.at_prompt()
        screen.type("print length('a👩\u200d💻b👍🏽')")
        screen.press("Left", "Left", "BSpace", "Left", "BSpace", "Enter")
        screen.wait_for("\n2\n")

    def scene_rows_of_a_statement(self):
        screen = self.at_prompt()
        screen.enter("for x in [1, 2] {")
        screen.wait(lambda s: screen.cursor()[0] == 2, what="an indented row")
        screen.enter("print x")
        screen.type("}")
        screen.wait(lambda s: s.rstrip().endswith("\n}"), what="the brace at the margin")
        # Up and Down move inside the text before they leave it.
        screen.press("Up", "Up")
        screen.wait(lambda s: screen.cursor()[1] == 1, what="the first row")
        screen.press("Down", "Down", "End")
        screen.press("Enter")
        screen.wait_for("\n1\n2\n")
        # Recalled whole, edited in its middle.
        screen.press("Up")
        screen.wait(lambda s: s.rstrip().endswith("for x in [1, 2] {\n  print x\n}"), what="all rows")
        screen.press("C-c")
        screen.wait_prompt()

    def scene_alt_enter(self):
        screen = self.at_prompt()
        screen.type("print 1")
        screen.press("M-Enter")
        screen.type("print 2")
        screen.wait(lambda s: s.rstrip().endswith("print 1\nprint 2"), what="two rows")
        screen.press("Enter")
        screen.wait_for("\n1\n2\n")

    def scene_paste(self):
        screen = self.at_prompt()
        screen.send_bytes(
            PASTE + "visen> print 'か\u3099'\r\nBlog (3 rows) · gpt> print\t2\x1b[31m\x07\r\n".encode() + END)
        screen.wait(lambda s: "print 2[31m" in s, what="the paste")
        self.assertNotIn("\n2\n", screen.screen())
        for _ in range(4):
            screen.press("BSpace")
        screen.press("Enter")
        screen.wait_for("\nが\n2\n")
        self.assertNotIn("visen> visen>", screen.screen())

    def scene_interrupt_in_rows(self):
        screen = self.at_prompt()
        screen.enter("for x in [1, 2] {")
        screen.type("print x")
        screen.press("C-c")
        screen.wait_prompt()
        screen.enter("print 3")
        screen.wait_for("\n3\n")
        self.assertNotIn("problem", screen.screen())

    def scene_keys_of_words(self):
        screen = self.at_prompt()
        screen.type("print one two three")
        screen.press("C-Left", "C-Left")
        screen.type("X")
        self.wait_last(screen, "visen> print one Xtwo three")
        screen.press("C-Right", "C-w")
        self.wait_last(screen, "visen> print one  three")
        screen.press("C-u")
        self.wait_last(screen, "visen>  three")
        screen.press("C-k", "C-y")
        self.wait_last(screen, "visen>  three")
        screen.press("Home", "DC", "End", "M-b")
        screen.type("a ")
        self.wait_last(screen, "visen> a three")
        # Keys without a meaning leave nothing behind.
        screen.press("IC", "PPage", "NPage", "F5", "BTab")
        time.sleep(0.2)
        self.wait_last(screen, "visen> a three")

    def scene_history_by_prefix(self):
        screen = self.at_prompt(
            history=["print 1", "rows", "print 22", "for x in [7] {\n  print x\n}"], NO_COLOR="1")
        screen.type("pr")
        screen.press("Up")
        self.wait_last(screen, "visen> print 22")
        screen.press("Up")
        self.wait_last(screen, "visen> print 1")
        screen.press("Down", "Down")
        self.wait_last(screen, "visen> pr")
        screen.press("C-u", "Up")
        screen.wait(lambda s: s.rstrip().endswith("{\n  print x\n}"), what="the statement of rows")
        screen.press("Up", "Up", "Up")
        self.wait_last(screen, "visen> print 22")
        screen.press("Enter")
        screen.wait_for("\n22\n")

    def scene_search(self):
        screen = self.at_prompt(history=["print '一番'", "print 'るす'", "for x in [7] {\n  print x\n}"])
        screen.type("draft")
        screen.press("C-r")
        screen.type("一")
        screen.wait_for("(search) '一': print '一番'")
        screen.press("C-c")
        self.wait_last(screen, "visen> draft")
        screen.press("C-u", "C-r")
        screen.type("print")
        screen.wait(lambda s: "(search) 'print':" in s and s.rstrip().endswith("}"), what="all its rows")
        screen.press("C-r")
        screen.wait_for("(search) 'print': print 'るす'")
        screen.type("zz")
        screen.wait_for("no match")
        screen.press("BSpace", "BSpace", "Enter")
        screen.wait_for("\nるす\n")

    def scene_suggestion_and_colors(self):
        screen = self.at_prompt(history=["print 'seen before'"])
        screen.type("print 's")
        screen.wait(lambda s: "seen before" in s, what="the suggestion")
        colored = screen.screen(colors=True).splitlines()[-1 - screen.screen().splitlines()[::-1].index(
            next(r for r in screen.screen().splitlines()[::-1] if r.strip()))]
        self.assertRegex(colored, "\x1b\\[2m(\x1b\\[39m)?een before")
        self.assertIn("\x1b[32m's", colored)
        self.assertIn("\x1b[1mprint", colored)
        screen.press("Right", "Enter")
        screen.wait_for("\nseen before\n")
        screen.type("x = = 3")
        screen.wait(lambda s: "\x1b[1m\x1b[31m=" in screen.screen(colors=True)
                    or "\x1b[1;31m=" in screen.screen(colors=True), what="the mistake in red")

    def scene_no_colors(self):
        screen = self.at_prompt(history=["print 'seen before'"], NO_COLOR="1")
        screen.type("print 's")
        time.sleep(0.3)
        self.assertNotIn("\x1b", screen.screen(colors=True))
        self.wait_last(screen, "visen> print 's")

    def scene_own_editor(self):
        home = self.home_with()
        script = pathlib.Path(home, "editor.sh")
        script.write_text('#!/bin/sh\nsed -i "s/1/2/" "$1"; stat -c %a "$1" > ' + f"{home}/mode\n")
        script.chmod(0o755)
        screen = self.terminal(home=home, EDITOR=str(script), VISUAL=" ")
        screen.wait_prompt()
        screen.enter("print 1")
        screen.wait_for("\n1\n")
        screen.enter("edit")
        self.wait_last(screen, "visen> print 2")
        self.assertEqual(pathlib.Path(home, "mode").read_text(), "600\n")
        screen.press("C-u")
        screen.type("print 11")
        screen.press("C-x", "C-e")
        self.wait_last(screen, "visen> print 21")
        screen.press("Enter")
        screen.wait_for("\n21\n")

    def scene_no_editor(self):
        screen = self.at_prompt(EDITOR="no-such-editor")
        screen.enter("edit 'print 5'")
        screen.wait_for("The editor “no-such-editor” ended with 127")
        screen.wait_prompt()

    def scene_vi_mode(self):
        home = self.home_with(history=["print 77"])
        pathlib.Path(home, "editrc").write_text("visen:bind -v\n")
        screen = self.terminal(home=home, EDITRC=f"{home}/editrc")
        screen.wait_prompt()
        screen.type("print 12")
        screen.press("Escape")
        time.sleep(0.2)
        screen.type("x")
        self.wait_last(screen, "visen> print 1")
        screen.type("k")
        self.wait_last(screen, "visen> print 77")
        screen.type("j")
        screen.type("A5")
        screen.send_bytes(PASTE + b"6" + END)
        self.wait_last(screen, "visen> print 156")
        screen.press("Enter")
        screen.wait_for("\n156\n")

    def scene_end_and_delete(self):
        screen = self.at_prompt()
        screen.type("print 12")
        screen.press("Left", "C-d")
        self.wait_last(screen, "visen> print 1")
        screen.press("C-d")
        screen.press("C-u", "C-d")
        screen.wait_for("[exit 0]")


class Completing(PromptTest):
    def test_scenes(self):
        self.together({
            name[6:]: getattr(self, name) for name in dir(self) if name.startswith("scene_")})

    def scene_quoted_name(self):
        screen = self.at_prompt()
        screen.type('use "Bl')
        screen.press("Tab")
        self.wait_last(screen, 'visen> use "Blog')
        screen.press("Tab")
        screen.wait_for('Blog topics"  connection')
        screen.type(" ")
        screen.press("Tab")
        self.wait_last(screen, 'visen> use "Blog topics"')
        screen.press("Enter")
        screen.wait_for("Blog topics · practice>")

    def scene_properties_options_rows(self):
        screen = self.at_prompt(first='use "Blog"; rows')
        screen.type('rows where To')
        screen.press("Tab")
        screen.type('is "soc')
        screen.press("Tab")
        self.wait_last(screen, 'Blog (3 rows) · practice> rows where Topic is "social media is a boon"')
        screen.press("C-c")
        screen.type("generate ")
        screen.press("Tab")
        screen.wait_for("property, rich text")
        screen.type("Content with 'a'")
        screen.press("C-a", "C-k")
        screen.type('prompt "about {To')
        screen.press("Tab")
        self.wait_last(screen, 'Blog (3 rows) · practice> prompt "about {Topic}')

    def scene_positions(self):
        screen = self.at_prompt(first='use "Blog"; rows; let limit = 3', rows=60)
        for typed, shown in (
            ("gen", "generate "), ("rows wh", "rows where "), ("rows where Gen", "rows where Generate "),
            ("rows where Topic is \"soc", "social media is a boon\""), ("use \"Blog t", "use \"Blog topics\""),
            ("set engine pr", "set engine practice"), ("generate Content using pr", "using practice"),
            ("generate Content with \"to {To", "{Topic}"), ("print lim", "print limit"),
            ("print uppe", "print upper("), ("help und", "help undo"), ("row.Con", "row.Content"),
        ):
            screen.type(typed)
            screen.press("Tab")
            screen.wait(lambda s: s.rstrip().endswith(shown.rstrip()), what=f"{shown!r} after {typed!r}")
            screen.press("C-u")
            screen.wait_prompt()
        for typed, kind in (
            ("rows where ", "Topic +property, title"), ("generate ", "Content +property, rich text"),
            ("use ", 'Blog" +connection'), ("generate using ", "practice +engine"),
            ("print l", "lower\\( +lower\\(text\\)"), ("print l", "limit +variable"), ("rows ", "sort by"),
            ("save rows to \"Tests/Terminal/te", 'Tests/Terminal/terminal.py" +file'),
        ):
            screen.type(typed)
            screen.press("Tab", "Tab")
            screen.wait(lambda s: re.search(f"\n{kind}", s), what=f"{kind!r} after {typed!r}")
            screen.press("C-c", "C-l")
            screen.wait_prompt()

    def scene_list_under_wrapped_text(self):
        screen = self.at_prompt(columns=40, rows=20)
        screen.type("print 'a long text that takes more than one row'; con")
        screen.press("Tab", "Tab")
        screen.wait_for("connections")
        screen.press("C-u")
        screen.type("print 4")
        screen.press("Enter")
        screen.wait_for("\n4\n")

    def scene_files(self):
        home = self.home_with()
        pathlib.Path(home, "日記").mkdir()
        pathlib.Path(home, "日記/first one.visen").write_text("print 'from the file'\n")
        screen = self.terminal(home=home)
        screen.wait_prompt()
        screen.type(f'run "{home}/日')
        screen.press("Tab", "Tab")
        screen.wait_for('first one.visen"')
        screen.press("Enter")
        screen.wait_for("\nfrom the file\n")

    def scene_nothing_found(self):
        screen = self.at_prompt()
        screen.type("zzz")
        screen.press("Tab", "Tab")
        time.sleep(0.2)
        self.wait_last(screen, "visen> zzz")
        # In front of a row Tab indents.
        screen.press("C-u")
        screen.enter("if true {")
        screen.press("Tab")
        screen.wait(lambda s: screen.cursor()[0] == 4, what="the indentation")


class Living(PromptTest):
    """Signals, sizes, other programs, other sessions."""

    def test_scenes(self):
        self.together({
            name[6:]: getattr(self, name) for name in dir(self) if name.startswith("scene_")})

    def scene_suspend(self):
        screen = self.terminal(home=self.home_with(), shell=True)
        screen.wait_for("$")
        screen.enter(VISEN)
        screen.wait_prompt()
        screen.type("print 'half")
        screen.wait_for("print 'half")
        screen.press("C-z")
        screen.wait_for("Stopped")
        screen.enter("echo visible")
        screen.wait_for("\nvisible\n")
        screen.enter("fg")
        screen.wait(lambda s: s.rstrip().endswith("visen> print 'half"), what="the half line")
        screen.type(" done'")
        screen.press("Enter")
        screen.wait_for("\nhalf done\n")

    def scene_resize(self):
        screen = self.terminal(columns=80)
        screen.wait_prompt()
        text = self.resized(screen, (30, 50, 100, 40, 80), 24)
        screen.wait(lambda s: s.count("visen>") == 1, what="one prompt after the resizes")
        screen.enter("'")
        screen.wait_for(f"\n{text[7:]}\n")

    def scene_resize_at_the_top(self):
        # A narrower screen moves the first rows above its top; a wider one brings them down again.
        screen = self.at_prompt(columns=80, rows=12)
        text = self.resized(screen, (30, 50, 100, 40, 20, 35, 80), 12)
        screen.wait(
            lambda s: [row for row in s.splitlines() if row] == [
                "Visen. `help` explains, Tab completes, Ctrl-D leaves.", "visen> " + text],
            what="the greeting and one prompt")
        screen.press("Home", "DC", "End", "BSpace")
        self.wait_last(screen, "visen> " + text[1:-1])

    def resized(self, screen, widths, rows):
        """Types a line and gives the screen other widths; a key behind each tells that it was drawn."""
        text = "print 'one two three four five six seven eight nine ten "
        screen.type(text)
        for number, columns in enumerate(widths):
            screen.resize(columns, rows)
            screen.type(str(number))
            text += str(number)
            screen.wait(lambda s: "".join(s.split()).endswith("".join(text.split())), what=text)
        return text

    def scene_resize_rows(self):
        screen = self.at_prompt(columns=60)
        screen.enter("for x in [1, 2] {")
        screen.type('print "日本語 {x} and more words')
        screen.resize(34, 20)
        screen.enter('"')
        screen.type("}")
        screen.press("Enter")
        screen.wait_for("日本語 2 and more words")

    def scene_background(self):
        screen = self.terminal(home=self.home_with(), VISEN_TEST_ABOVE="3", columns=50)
        screen.wait_prompt()
        screen.type("print '日本語 and a text that is longer than one row of it")
        screen.wait_for("background line 1 日本語")
        screen.type("!'")
        text = screen.wait_for("background line 3 日本語")
        self.assertNotIn("progress that nobody", text)
        screen.press("Enter")
        text = screen.wait(
            lambda s: s.replace("\n", "").count("longer than one row of it!") == 2, what="the text")
        places = [text.index(f"background line {n}") for n in (1, 2, 3)]
        self.assertEqual(places, sorted(places))
        self.assertEqual(text.count("visen> print"), 1)

    def scene_typed_ahead(self):
        screen = self.at_prompt()
        screen.type("print length(for x in 1..400000 { x * 2 })\n")
        screen.type("print 'ahead 日本'\n")
        screen.type("print 'half")
        screen.wait(lambda s: s.rstrip().endswith("visen> print 'half"), seconds=40, what="both")
        rows = [row for row in screen.screen().splitlines() if row.strip()]
        self.assertEqual(rows[-5:], [
            "visen> print length(for x in 1..400000 { x * 2 })", "400000",
            "visen> print 'ahead 日本'", "ahead 日本", "visen> print 'half"])

    def scene_crash(self):
        for number in (signal.SIGSEGV, signal.SIGTERM):
            screen = self.terminal(home=self.home_with(), arguments="; stty -a")
            screen.wait_prompt()
            screen.type("print 'half")
            mine = [
                process for process in filter(str.isdigit, os.listdir("/proc"))
                if self.of_process(process, "cmdline").split("\0")[0] == VISEN
                and f"HOME={screen.home}" in self.of_process(process, "environ").split("\0")]
            self.assertEqual(len(mine), 1, mine)
            os.kill(int(mine[0]), number)
            text = screen.wait_for("lnext")
            self.assertIn(" echo ", text.replace("\n", " "))
            self.assertIn(" icanon ", text.replace("\n", " "))
            self.assertIn(" isig ", text.replace("\n", " "))

    @staticmethod
    def of_process(process, name):
        try:
            return pathlib.Path(f"/proc/{process}/{name}").read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def scene_locale_and_terminals(self):
        for variables in ({"LC_ALL": "C"}, {"LC_ALL": "ja_JP.UTF-8"}, {"TERM": "dumb"}, {"TERM": "nosuch"}):
            screen = self.at_prompt(**variables)
            screen.enter("print '日本語'")
            screen.wait_for("\n日本語\n")
            screen.wait_prompt()
            screen.enter('use "Blog"; rows')
            screen.wait_for("learning is fun")
            screen.wait_prompt()
            screen.press("C-d")
            screen.wait_for("[exit 0]")

    def scene_sessions_share(self):
        home = self.home_with()
        first, second = self.terminal(home=home), self.terminal(home=home)
        for screen in (first, second):
            screen.wait_prompt()
        first.enter("print 'from the first'")
        first.wait_for("\nfrom the first\n")
        first.wait_prompt()
        first.enter("let key = 'sk-0123456789abcdef0123456789'")
        first.wait_for("holds a key and is not kept")
        first.enter(" print 'not kept'")
        first.wait_for("\nnot kept\n")
        second.press("Enter")
        second.press("Up")
        self.wait_last(second, "visen> print 'from the first'")
        second.press("C-c")
        second.enter("history where text contains \"FIRST\"")
        second.wait_for("\nprint 'from the first'\n")
        second.wait_prompt()
        file = pathlib.Path(home, "s.visen")
        second.enter("print 'saved'")
        second.enter("nonsense_that_fails")
        second.wait_for("error[")
        second.enter(f"save history to '{file}'")
        second.wait_for("Wrote")
        self.assertEqual(file.read_text(), "print 'saved'\n")
        history = pathlib.Path(home, "visen/history.jsonl")
        self.assertEqual(stat.S_IMODE(history.stat().st_mode), 0o600)
        text = history.read_text()
        self.assertNotIn("sk-0123456789", text)
        self.assertNotIn("not kept", text)

    def scene_history_is_cut(self):
        home = self.home_with()
        history = pathlib.Path(home, "visen/history.jsonl")
        history.write_text("".join(
            json.dumps({"text": f"print {n} # {'long ' * 300}"}) + "\n" for n in range(3000)))
        self.assertGreater(history.stat().st_size, 4 << 20)
        screen = self.terminal(home=home)
        screen.wait_prompt()
        screen.enter("print 'the last one'")
        screen.wait_for("\nthe last one\n")
        screen.wait_prompt()
        texts = [json.loads(line)["text"] for line in history.read_text().splitlines()]
        self.assertEqual(len(texts), 2001)
        self.assertTrue(texts[0].startswith("print 1000 #"), texts[0][:20])
        self.assertEqual(texts[-1], "print 'the last one'")
        self.assertEqual(stat.S_IMODE(history.stat().st_mode), 0o600)

    def scene_prompt_is_completed(self):
        # The first prompt stands before the store is read; what was typed meanwhile stays.
        home = self.home_with()
        variables = {"OPENAI_API_KEY": "sk-test-0123456789abcdef"}
        code, _, err = run(["-c", "set engine gpt; set prompt_line '{engine}, {left}:'"], home, **variables)
        self.assertEqual(code, 0, err)
        wire = Wire(home, columns=80, **variables)
        self.addCleanup(wire.close)
        wire.send("print 'typed at once")
        wire.read(b"gpt, 10 left:")
        wire.send("!'\r")
        wire.read(b"\r\n")
        wire.read(b"typed at once!\r\n")
        screen = self.terminal(home=home, **variables)
        self.wait_last(screen, "gpt, 10 left:")

    def scene_broken_store(self):
        for content, words in ((b"no database " * 500, "is damaged"), (None, "newer Visen")):
            home = self.home_with()
            path = pathlib.Path(home, "visen/visen.db")
            if content:
                path.write_bytes(content)
                pathlib.Path(f"{path}-wal").unlink(missing_ok=True)
            else:
                with contextlib.closing(sqlite3.connect(path)) as database, database:
                    database.execute("INSERT INTO grdb_migrations VALUES ('of tomorrow')")
            screen = self.terminal(home=home, arguments="; stty -a")
            text = screen.wait_for("lnext")
            self.assertIn(words, text.replace("\n", " "))
            self.assertNotIn("visen>", text)
            self.assertIn(" echo ", text.replace("\n", " "))

    def scene_start_file(self):
        home = self.home_with()
        pathlib.Path(home, "visen/rc.visen").write_text('use "Blog"\nlet limit = 5\n')
        screen = self.terminal(home=home)
        screen.wait_prompt()
        screen.enter("limit + 1")
        screen.wait_for("\n6\n")
        self.assertIn("Blog · practice>", screen.screen())
        pathlib.Path(home, "visen/rc.visen").write_text("let a = 1\nnonsense nonsense\n")
        screen = self.terminal(home=home)
        text = screen.wait_prompt()
        self.assertIn("rc.visen:2:", text)

    def scene_output_in_a_pipe(self):
        screen = self.terminal(home=self.home_with(), arguments="| cat")
        screen.wait_prompt()
        screen.enter("if true {")
        screen.wait_for("\n…")
        screen.enter("print 4 }")
        # It comes through cat, before the next prompt or behind it.
        screen.wait(lambda s: re.search(r"^(visen> )?4$", s, re.M), what="the result")
        screen.press("C-d")
        screen.wait_for("[exit 0]")

    def scene_input_in_a_pipe(self):
        home = self.home_with()
        code, out, err = run([], home, input_text='use "Blog"\nrows\nfor x in [1] {\n print x\n}')
        self.assertEqual(code, 0, err)
        self.assertIn("learning is fun", out)
        self.assertTrue(out.endswith("1\n"))
        self.assertFalse(strange((out + err).encode()))
        self.assertNotIn("\x1b", out + err)


class Asking(PromptTest):
    def test_scenes(self):
        self.together({
            name[6:]: getattr(self, name) for name in dir(self) if name.startswith("scene_")})

    def scene_first_start(self):
        screen = self.terminal()
        text = screen.wait_prompt()
        rows = [row for row in text.splitlines() if row.strip()]
        self.assertEqual(len(rows), 5)
        self.assertIn("setup", text)
        self.assertEqual(rows[4].rstrip(), "visen>")

    def scene_questions(self):
        screen = self.at_prompt(first='use "Blog"', VISEN_PAGER="cat", rows=60)
        for question, answers in (
            ("generate?", ["generate: Asks the prompt", "with PROMPT"]),
            ("upper?", ["upper(", "→"]), ("Topic?", ["title, a property of Blog", "filled in 3 of 3"]),
            ("help V203", ["Nothing is converted silently"]), ("help V412", ["practice needs none"]),
            ("help keys", ["Ctrl-R", "Alt-Enter"]), ("conflict?", ["it takes keep, overwrite"]),
            ("`Blog topics`?", ["a connection to a database"]), ("gpt?", ["an engine"]),
            ("help genrate", ["did you mean: help generate"]), ("help", ["Commands", "Functions"]),
            ("genrate", ["did you mean `generate`?"]),
        ):
            screen.enter(question)
            for answer in answers:
                screen.wait_for(answer)
            screen.wait_prompt()
        screen.enter("let mine = 3")
        screen.enter("mine?")
        screen.wait_for("mine: a variable of this session")

    def scene_pager(self):
        screen = self.at_prompt(VISEN_PAGER="sed 's/^/P: /'", rows=20)
        screen.enter("help")
        screen.wait_for("P: help keys lists the keys")
        screen.wait_prompt()
        screen.enter("help keys; print 1")
        screen.wait_for("\n1\n")
        screen.wait_prompt()
        screen.enter("'short'")
        screen.wait_for("\nshort\n")
        less = self.at_prompt(rows=20)
        less.enter("help")
        less.wait(lambda s: s.rstrip().endswith(":"), what="less")
        # What is meant for the pager does not stop us.
        less.press("C-c")
        time.sleep(0.5)
        less.press("q")
        less.wait_prompt()
        less.enter("print 'after less'")
        less.wait_for("\nafter less\n")

    def scene_widths(self):
        home = self.home_with()
        code, _, err = run(
            ["-c", f'use "Blog"; add "{"長い" * 60}"\n'
             'for row in rows where Topic starts with "長" { row.Content = "a\\nb" }'], home)
        self.assertEqual(code, 0, err)
        for columns in (24, 36, 60, 200):
            screen = self.terminal(home=home, columns=columns, rows=40)
            screen.wait_prompt()
            screen.enter('use "Blog"; rows')
            screen.wait_for("learning")
            screen.wait_prompt()
            text = screen.screen()
            self.assertIn("長い", text)
            if columns == 200:
                self.assertIn("a↵b", text)
            if columns == 36:
                self.assertIn("+1 column: Generate", text)

    def scene_row_with_body(self):
        home = self.home_with()
        body = "# Head\\n\\nSome **bold** words\\n\\n- one\\n- two\\n\\n| a | b |\\n| --- | --- |\\n| 1 | 2 |"
        code, _, err = run(
            ["-c", f'use "Blog"; for row in rows where Topic is "learning is fun" {{ row.body = "{body}" }}'],
            home)
        self.assertEqual(code, 0, err)
        screen = self.terminal(home=home, columns=60)
        screen.wait_prompt()
        screen.enter('use "Blog"; rows')
        screen.wait_for("learning")
        screen.wait_prompt()
        screen.enter("show row 1")
        text = screen.wait_for("• two")
        self.assertIn("Some bold words", text)
        self.assertRegex(text, r"a │ b")
        self.assertRegex(screen.screen(colors=True), r"1m[^\n]*Head")

    def scene_prompt_line(self):
        screen = self.at_prompt(first='use "Blog"', OPENAI_API_KEY="sk-test-0123456789abcdef")
        screen.wait_for("Blog · gpt · 10 left>")
        screen.enter("set prompt_line short")
        screen.wait(lambda s: s.rstrip().endswith("\nBlog>"), what="the short prompt")
        screen.enter("rows")
        screen.wait_for("Blog (3)>")
        screen.enter("set prompt_line '{engine} {connection} →'")
        screen.wait_for("gpt Blog →")
        screen.enter("unset prompt_line")
        screen.wait_for("Blog (3 rows) · gpt · 10 left>")
        screen.enter("set max_cost 2")
        screen.wait_for("10 left, at most $2.00>")
        narrow = self.at_prompt(columns=40, first='use "Blog"; rows')
        narrow.wait_for("Blog (3)>")

    def scene_where_and_doctor(self):
        home = self.home_with()
        pathlib.Path(home, "visen/keys.json").write_text("{}")
        os.chmod(pathlib.Path(home, "visen/keys.json"), 0o644)
        code, out, _ = run(["-c", "settings where"], home)
        for name in ("visen.db", "keys.json", "history.jsonl", "rc.visen", "workspace.db"):
            self.assertIn(f"{home}/visen/{name}", out)
        code, out, err = run(["-c", "doctor"], home)
        self.assertIn("✗ files: others may read", out)
        self.assertIn("  = chmod 600", out)
        self.assertIn("1 to put right", err)
        code, out, _ = run(["-c", "set engine local; set local_url 'http://127.0.0.1:9'; doctor"], home)
        self.assertIn("✗ engine", out)
        self.assertIn("= start the server, or say where it is", out)
        for row, following in zip(out.splitlines(), out.splitlines()[1:] + [""]):
            if row.startswith("✗"):
                self.assertTrue(following.startswith("  = "), out)
