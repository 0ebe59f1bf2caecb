"""Texts that attack the terminal, from every side, shown by every command: the screen stays ours."""

import json
import pathlib
import re
import time

from rehearsal import Rehearsal
from services import KEY, Services, refused
from terminal import TerminalTest, Wire, run, strange

ATTACKS = [
    "\x1b[77;77H",                              # moves the cursor
    "\x1b[8mPWNED",                             # hides what follows
    "\x1b]0;PWNED\x07",                         # changes the title
    "\x1b]52;c;UFdORUQ=\x07",                   # writes the clipboard
    "\x1b]8;;http://evil.example\x1b\\PWNED",   # leads elsewhere
    "\x1bc", "\x1bP1;2q\x1b\\",                 # resets, draws
    "\u009b77;77HPWNED",                        # the second range of controls
    "\rPWNED", "\x08\x08PWNED", "\x00\x7fPWNED",  # forges lines
    "\u202ePWNED\u2066", "\u200fPWNED\u061c",   # turns the direction
    "\u2028PWNED\u2029",                        # breaks lines
    "\U000e0041PWNED\U000e007f", "\ufeffPWNED\u2060",  # hidden letters
]
ATTACK = "before" + "".join(ATTACKS) + "after"
# An option's name is short.
OPTION = "k\x1b[8mPWNED\rPWNED\u202ePWNED\x1b]0;PWNED\x07"
# The same as a person would have to write it in the language.
LITERAL = "".join(
    c if 0x20 <= ord(c) < 0x7F and c not in '"\\{' else f"\\u{{{ord(c):X}}}" for c in ATTACK)

# For every command of the catalog what makes it show what it has; run in this order.
SHOWN = {
    "use": ['use "Evil"'],
    "connections": ["connections"],
    "set": ["set engine gpt", f'set prompt_line "{LITERAL}\\{{connection}}"', "unset prompt_line",
            f'set model "{LITERAL}"'],
    "unset": ["unset model"],
    "upgrade": ["upgrade unlimited"],
    "add": [f'add "{LITERAL}"'],
    "show": ["rows", "show all", "show row 1", "it", "show rows pick Topic",
             "for row in rows { print row.Topic }", "count(rows)"],
    "row": ["row 1"], "next": ["next"], "previous": ["previous"],
    "tick": ["tick rows"], "untick": ["untick rows"],
    "prompt": [f'prompt "{LITERAL}\\{{x}} {{Topic}}"', "prompt"],
    "plan": ['plan generate Content with "about {Topic}" on rows'],
    "try": [f'try "about {{Topic}}" against "{LITERAL} {{Topic}}" on 2 rows'],
    "keep": ["keep"],
    "generate": ['generate Content with "about {Topic} again" on rows overwrite',
                 'generate Kind with "{Topic}" on rows overwrite'],
    "blame": ["blame row 1"],
    "runs": ["runs", "runs 1"],
    "undo": ["undo"], "redo": ["redo"], "resume": ["resume"],
    "ask": ['ask "what is there?"'],
    "print": [f'print "{LITERAL}"', f'"{LITERAL}"', "print ai 'x'", f'fail "{LITERAL}"'],
    "save": [f'save rows to "{{folder}}/{LITERAL}.csv"', 'save rows to "{folder}/a.nothing"'],
    "run": [f'run "{{folder}}/{LITERAL}.visen"'],
    "help": [f'help "{LITERAL}"', "help Kind", "Topic?", "help"],
    "history": ["history 500", 'history where text contains "PWNED"'],
    "settings": ["settings", "settings where"],
    "usage": ["usage"],
    "doctor": ["doctor"],
    "key": [f'key "{LITERAL}"', f'key gpt from command "{LITERAL}"', f'key gpt from file "{LITERAL}"'],
    "connect": [f'connect "{LITERAL}" to template under "{{root}}"', "connections",
                f'connect "other" to "{LITERAL}"'],
    "disconnect": [f'disconnect "{LITERAL}"', f'disconnect "{LITERAL}"'],
    "edit": ["edit"],
    "setup": [],  # by hand, below
    "quit": [],
}


class Attacks(TerminalTest):
    def prepared(self):
        """A database that is hostile in its title, names, options, cells and bodies, and an engine."""
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        rich = [{"text": {"content": ATTACK}}]
        database = rehearsal.make("POST", "databases", {
            "parent": {"page_id": rehearsal.root}, "title": rich,
            "initial_data_source": {"properties": {
                "Topic": {"title": {}}, "Content": {"rich_text": {}}, "Generate": {"checkbox": {}},
                "Kind": {"select": {"options": [{"name": OPTION}]}},
                ATTACK: {"rich_text": {}}}}})
        source = database["data_sources"][0]["id"]
        for _ in range(2):
            rehearsal.make("POST", "pages", {
                "parent": {"data_source_id": source},
                "properties": {
                    "Topic": {"title": rich}, ATTACK: {"rich_text": rich},
                    "Kind": {"select": {"name": OPTION}}},
                "children": [{"paragraph": {"rich_text": rich}}, {"code": {"rich_text": rich, "language": "plain text"}},
                             {"heading_1": {"rich_text": rich}}]})
        server = Services(answer=lambda prompt, schema: ATTACK)
        self.addCleanup(server.close)
        environment = {
            "NOTION_BASE_URL": rehearsal.environment["NOTION_BASE_URL"],
            "NOTION_TOKEN": rehearsal.environment["NOTION_TOKEN"],
            "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "EDITOR": "true",
            "VISEN_PAGER": "cat",
        }
        code, _, err = run(["-c", f'connect "Evil" to "{database["id"]}"'], home, **environment)
        self.assertEqual(code, 0, err)
        return home, rehearsal, server, environment

    def check(self, data, statement):
        # How the editor goes to the next row at the right margin looks like a return from outside.
        data = re.sub(rb"(\x1b\[\d+G[^\x1b\r]*) \r", rb"\1", data)
        self.assertFalse(strange(data), (statement, strange(data)[:4], data[-600:]))
        for attack in ATTACKS:
            self.assertNotIn(attack.encode(), data, (statement, repr(attack), data[-600:]))

    def test_every_command(self):
        home, rehearsal, server, environment = self.prepared()
        pathlib.Path(home, "files").mkdir()
        wire = Wire(home, columns=150, rows=400, **environment)
        self.addCleanup(wire.close)
        wire.read(b"> ")
        wire.send("help\r")
        text = re.sub(rb"\x1b\[[0-9;]*m", b"", wire.read(b"help keys lists")).decode()
        commands = re.findall(r"^  ([a-z]+)  ", text.split("Commands")[1].split("Functions")[0], re.M)
        self.assertGreater(len(commands), 30)
        # A command that the table does not know yet is tried alone and with a hostile text.
        unknown = {name: [name, f'{name} "{LITERAL}"'] for name in commands if name not in SHOWN}
        count = 0
        for name, statements in {**SHOWN, **unknown}.items():
            for statement in statements:
                count += 1
                statement = statement.replace("{folder}", home + "/files").replace(
                    "{root}", rehearsal.root)
                mark = f"done {count}."
                start = len(wire.data)
                wire.send(statement + "\r")
                if statement == "edit":
                    # The statement before stands on the line again once the editor has ended.
                    wire.read(f"print 'done ' + '{count - 1}.'".encode())
                    wire.send("\x03")
                elif name in unknown:
                    # What it puts on the line goes, and so does a question that it asks.
                    wire.settle()
                    wire.send("\x03")
                    wire.settle()
                wire.send(f"print 'done ' + '{count}.'\r")
                wire.read(mark.encode(), 60)
                self.check(wire.data[start:], statement)
        # A conversation, its questions left by Ctrl-C.
        wire.settle()
        start = len(wire.data)
        wire.send("setup\r")
        wire.read(b"Engine (")
        wire.send("".join(c for c in ATTACK if ord(c) >= 0x20 and ord(c) != 0x7F) + "\r")
        wire.read(b"There is no engine")
        # The question again may have come with the answer.
        if b"Engine (" not in wire.data[start:].split(b"There is no engine")[-1]:
            wire.read(b"Engine (")
        time.sleep(0.5)
        wire.send("\x03")
        wire.read(b"Go on with")
        self.check(wire.data[start:], "setup")
        # Completion and history show them, too.
        start = len(wire.data)
        wire.send('use "Evil"; rows\r')
        wire.read(b"3 rows")
        wire.send('rows where Kind is "\t')
        wire.send("\x03")
        wire.send("rows where Topic is \"bef\t\x03")
        wire.send("generate \t\t\x03")
        wire.send("use \"\t\t\x03")
        wire.send("print 'last one'\r")
        wire.read(b"last one\r\n")
        self.check(wire.data[start:], "completion")
        wire.send("\x04")

    def test_errors_of_services(self):
        home, rehearsal, server, environment = self.prepared()
        server.faults = [refused(ATTACK)] * 50
        for statement in ('use "Evil"; set engine gpt; ask "x"', f'use "{ATTACK}"', ATTACK, f"print {ATTACK}",
                          f'let x = "{ATTACK}'):
            wire = Wire(home, ["-c", statement.replace("\0", "")], columns=100, **environment)
            self.addCleanup(wire.close)
            wire.read_all()
            self.assertTrue(wire.data)
            self.check(wire.data, statement)

    def test_screen_and_title_stay(self):
        home, _, _, environment = self.prepared()
        screen = self.terminal(home=home, columns=90, rows=40, **environment)
        screen.wait_prompt()
        title = screen.tmux("display-message", "-p", "#{pane_title}")
        screen.enter('use "Evil"; rows; show row 1; set engine gpt; ask "what?"')
        screen.wait_for("after", count=4)
        screen.wait_prompt()
        screen.enter("print 'still here'")
        text = screen.wait_for("\nstill here\n")
        self.assertEqual(screen.tmux("display-message", "-p", "#{pane_title}"), title)
        self.assertIn("␛[77;77H", text)
        rows = [row for row in text.splitlines() if row.strip()]
        self.assertFalse(any(row.startswith("PWNED") for row in rows), text)

    def test_pipes_and_files_have_the_true_data(self):
        home, _, _, environment = self.prepared()
        code, out, err = run(["-c", 'use "Evil"; rows', "--format", "json"], home, **environment)
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)[0]["Topic"], ATTACK)
