"""Bad input: one clear message that names the thing and the fix, the right exit code, nothing lost."""

import json
import os
import shlex
import subprocess
import unittest

from rehearsal import Rehearsal
from terminal import VISEN, TerminalTest, clean_environment, run

MISSING = "0123456789ab4def8123456789abcdef"

# What is typed, the exit code, and what the message holds.
CASES = [
    ('use "Blgo"', 2, ["no connection called “Blgo”", 'use "Blog"']),
    ('use "Blog"; rows where Contnet is empty', 2, ["Contnet", "did you mean `Content`"]),
    ('use "Blog"; rows where Content', 2, ["V204", "Content is not empty"]),
    ('use "Blog"; for row in rows { row.Content = 5 }', 2, ["Content takes text"]),
    ('use "Blog"; for row in rows { row.Generate = "x" }', 2, ["Generate takes true or false"]),
    ('use "Blog"; generate Contnt with "x"', 2, ["Contnt"]),
    ('use "Blog"; generate with "x {Nope}"', 2, ["no property named “Nope”"]),
    ('use "Blog"; add rows from "nope.csv"', 1, ["nope.csv cannot be read"]),
    ('use "Blog"; save rows to "/nope/x.csv"', 1, ["/nope/x.csv", "is the folder there"]),
    ('ai "x" using gtp', 1, ["no engine called “gtp”", "did you mean `gpt`?"]),
    ('set engin gpt', 1, ["no setting called “engin”", "set engine"]),
    ('set timeout abc', 1, ["“abc” is no value for timeout"]),
    ('connect "X" to "https://example.com"', 1, ["no address of a Notion database", "Copy link"]),
    ('connect "X" to "hello"', 1, ["no address of a Notion database"]),
    ('connect "Blog" to template', 1, ["a connection called “Blog” already", 'use "Blog"']),
    ('undo 99', 1, ["no run 99"]),
    ('resume', 1, ["no unfinished run"]),
    ('key nope', 1, ["No service called “nope”"]),
    ('rows', 1, ["No connection is open", 'use "Blog"']),
    ('ai "x" using gpt', 4, ["OpenAI needs a key", "key gpt", "OPENAI_API_KEY"]),
]


class BadInput(TerminalTest):
    def test_messages(self):
        home = self.folder()
        self.assertEqual(run(["-c", 'connect "Blog" to template'], home)[0], 0)
        for typed, wanted, words in CASES:
            with self.subTest(typed):
                code, out, err = run(["-c", typed], home)
                self.assertEqual(code, wanted, err)
                self.assertEqual(out, "")
                for word in words:
                    self.assertIn(word, err)

    def test_notion_refuses(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        address = f"https://www.notion.so/Hello-{MISSING}"
        code, _, err = run(["-c", f'connect "X" to "{address}"'], home, **rehearsal.environment)
        self.assertEqual(code, 1)
        # The integration's own name and the clicks.
        for word in ("not shared with “Visen”", "•••", "Connections"):
            self.assertIn(word, err)
        bad = {**rehearsal.environment, "NOTION_TOKEN": "ntn_wrong"}
        code, _, err = run(["-c", f'connect "X" to "{address}"'], home, **bad)
        self.assertEqual(code, 4)
        self.assertIn("key notion", err)
        self.assertNotIn("ntn_wrong", err)

    def test_sources_empty_and_hostile_rows(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        environment = rehearsal.environment

        def visen(statements):
            return run(["-c", statements, "--format", "json"], home, **environment)

        database = rehearsal.make("POST", "databases", {
            "parent": {"page_id": rehearsal.root}, "title": [{"text": {"content": "First"}}],
            "initial_data_source": {"properties": {
                "Name": {"title": {}}, "Text": {"rich_text": {}}, "Go": {"checkbox": {}}}}})
        address = database["url"]
        code, out, err = visen(f'connect "Empty" to "{address}"; set engine practice; rows; '
                               'tick rows; generate Text with "x"')
        self.assertEqual((code, out), (0, "[]\n"), err)
        rehearsal.make("POST", "data_sources", {
            "parent": {"database_id": database["id"]}, "properties": {"Title": {"title": {}}},
            "title": [{"text": {"content": "Second"}}]})
        code, _, err = visen(f'connect "Two" to "{address}"')
        self.assertEqual(code, 1)
        self.assertIn("data sources: First, Second", err)
        code, _, err = visen(f'connect "Two" to "{address}/Second"')
        self.assertEqual(code, 0, err)

        title = "\x1b[31mred\x07 \u202e \U0001F469\u200d\U0001F469\u200d\U0001F467 مرحبا 日本"
        long = "長" * 2000
        rehearsal.make("POST", "pages", {
            "parent": {"data_source_id": database["data_sources"][0]["id"]},
            "properties": {
                "Name": {"title": [{"text": {"content": title}}]},
                "Text": {"rich_text": [{"text": {"content": long}}] * 50}}})
        code, out, err = visen('use "Empty"; rows')
        self.assertEqual(code, 0, err)
        row = json.loads(out)[0]
        self.assertEqual(row["Name"], title)
        self.assertEqual(len(row["Text"]), 100_000)
        code, out, err = run(["-c", 'use "Empty"; rows; show row 1'], home, **environment)
        self.assertEqual(code, 0, err)
        for control in ("\x1b", "\x07", "\u202e"):
            self.assertNotIn(control, out + err)
        # A cell of that length is written, read back and undone whole.
        code, _, err = visen('use "Empty"; for row in rows { row.Text = "{row.Text}!" }')
        self.assertEqual(code, 0, err)
        self.assertEqual(len(json.loads(visen('use "Empty"; rows')[1])[0]["Text"]), 100_001)
        self.assertEqual(visen('use "Empty"; undo')[0], 0)
        self.assertEqual(len(json.loads(visen('use "Empty"; rows')[1])[0]["Text"]), 100_000)

    def test_standard_streams_that_fail(self):
        home = self.folder()
        visen = shlex.quote(VISEN)

        def shell(line):
            result = subprocess.run(
                ["bash", "-c", line], capture_output=True, text=True, timeout=30, cwd=home,
                env=clean_environment(home))
            return result.returncode, result.stderr

        with open(os.path.join(home, "x.visen"), "w") as file:
            file.write("let x=1\n")
        for line, wanted, words in [
            (f"{visen} -c 'print 1' >/dev/full", 1, "Standard output could not be written: No space left"),
            (f"{visen} -c '1 + 1' >/dev/full", 1, "No space left"),
            (f"{visen} -c 'print 1' >&-", 1, "Bad file descriptor"),
            (f"{visen} -c 'connect \"Blog\" to template; rows' >&-", 1, "Bad file descriptor"),
            (f"{visen} fmt - <x.visen >/dev/full", 1, "No space left"),
            (f"{visen} --help >/dev/full", 1, ""),
            (f"{visen} </", 2, "standard input cannot be read"),
            (f"{visen} <&-", 2, "standard input cannot be read"),
            (f"{visen} -c 'print 1 +' 2>&-", 2, ""),
            # A reader that has enough ends the script, without a word.
            (f"{visen} -c 'for i in 1..10000000 {{ print i }}' | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}", 141, None),
        ]:
            with self.subTest(line):
                code, err = shell(line)
                self.assertEqual(code, wanted, err)
                if words is None:
                    self.assertEqual(err, "")
                else:
                    self.assertIn(words, err)
        # Nothing was printed into a file that had taken the stream's place.
        code, out, err = run(["-c", 'use "Blog"; print count(rows)'], home)
        self.assertEqual((code, out), (0, "3\n"), err)

    def test_full_disk(self):
        disk = self.folder()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", disk], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small disk cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", disk])
        home = os.path.join(disk, "home")
        code, _, err = run(
            ["-c", 'connect "Blog" to template; for n in 1..3000 { add "row {n} of many rows" }'],
            disk, VISEN_HOME=home)
        self.assertEqual(code, 1)
        self.assertIn("disk is full", err)
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        made = err.count("1 row added")
        code, out, err = run(
            ["-c", 'use "Blog"; print count(rows); tick rows; generate with "x {Topic}"'], disk,
            VISEN_HOME=home)
        self.assertEqual(code, 0, err)
        self.assertGreaterEqual(int(out), made)


if __name__ == "__main__":
    unittest.main()
