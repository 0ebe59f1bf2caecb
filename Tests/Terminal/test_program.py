"""The program without a terminal: what it prints where, and its exit codes."""

import contextlib
import json
import os
import re
import sqlite3
import stat
import unittest

from rehearsal import Rehearsal
from terminal import TerminalTest, run

TOPICS = ["learning is fun", "notion is best tool", "social media is a boon"]


class Program(TerminalTest):
    def test_translates_and_takes_back(self):
        home = self.folder()
        code, out, err = run(["scripts/examples/translate.visen"], home)
        self.assertEqual(code, 0, err)
        before, rest = out.split("After:")
        after, undone = rest.split("After undo:")
        for topic in TOPICS:
            self.assertIn(topic, before)
        self.assertIn("[practice] 学ぶことは楽しい", after)
        self.assertNotIn("practice]", before + undone)
        self.assertIn("Content: 3 written", err)

    def test_json_is_one_array_and_nothing_else(self):
        home = self.folder()
        run(["-c", 'connect "Blog" to template; tick rows where Topic contains "FUN"'], home)
        code, out, _ = run(["-c", 'use "Blog"; rows where Generate', "--format", "json"], home)
        self.assertEqual(code, 0)
        rows = json.loads(out)
        self.assertEqual([row["Topic"] for row in rows], ["learning is fun"])
        self.assertEqual(rows[0]["Generate"], True)

    def test_exit_codes(self):
        home = self.folder()
        self.assertEqual(run(["-c", "1 +"], home)[0], 2)
        self.assertEqual(run(["-c", "fail 'on purpose'"], home)[0], 1)
        self.assertEqual(run(["--nonsense"], home)[0], 2)
        self.assertEqual(run(["no-such-file.visen"], home)[0], 2)
        self.assertEqual(run(["-c", ""], home)[0], 0)
        code, _, err = run(["-c", 'print ai "hello" using gpt'], home)
        self.assertEqual(code, 4)
        self.assertIn("OPENAI_API_KEY", err)
        code, _, err = run(
            ["-c", "for x in [1, 2] on error continue { if x is 2 { fail 'two' } }"], home)
        self.assertEqual(code, 3)
        self.assertIn("two", err)

    def test_statements_from_standard_input(self):
        code, out, _ = run([], self.folder(), input_text="let a = 2\nfor x in 1..3 {\n print x * a\n}\na")
        self.assertEqual((code, out), (0, "2\n4\n6\n2\n"))

    def test_files_are_private(self):
        home = self.folder()
        run(["-c", 'connect "Blog" to template'], home)
        folder = os.path.join(home, "visen")
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        for name in os.listdir(folder):
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            self.assertEqual(mode, 0o600, name)

    def test_home_that_cannot_be_used(self):
        code, _, err = run(["-c", "runs"], self.folder(), VISEN_HOME="/proc/nowhere")
        self.assertEqual(code, 1)
        self.assertIn("VISEN_HOME", err)

    def write(self, home, name, text):
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_parameters_and_included_files(self):
        home = self.folder()
        self.write(home, "lib/tools.visen", 'fn shout(text) = upper(text) + "!"\nlet word = "hi"\n')
        script = self.write(home, "greet.visen", """#!/usr/bin/env visen
# Greets a number of times.
include "lib/tools.visen"

# how often
param times: number 1..9 = 2
param who: text
for n in 1..times { print shout("{word} {who} {n}") }
""")
        code, out, _ = run([script, "--help"], home)
        self.assertEqual(code, 0)
        for words in ("Greets a number of times.", "--times", "how often", "from 1 to 9; 2 when",
                      "must be given"):
            self.assertIn(words, out)
        self.assertEqual(run([script, "--who=Ada"], home)[:2], (0, "HI ADA 1!\nHI ADA 2!\n"))
        self.assertEqual(run([script, "--who=Ada", "--times=1"], home)[:2], (0, "HI ADA 1!\n"))
        for arguments, words in (
            ([], "who was not given"), (["--who=A", "--times=10"], "from 1 to 9"),
            (["--whom=A"], "Did you mean --who?"),
        ):
            code, out, err = run([script, *arguments], home)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn(words, err)
        code, out, _ = run(["-c", f'run "{script}" with who: "Bob", times: 1'], home)
        self.assertEqual((code, out), (0, "HI BOB 1!\n"))
        self.assertEqual(run(["check", script], home)[0], 0)
        bad = self.write(home, "bad.visen", "print 1\n")
        code, _, err = run(["-c", f'include "{bad}"'], home)
        self.assertEqual(code, 2)
        self.assertIn("fn, let and include only", err)
        self.assertIn("bad.visen:1:1", err)

    def test_help(self):
        home = self.folder()
        for topic, words in (("", "A first session"), ("generate", "packed"), ("upper", "→"),
                             ("V204", "is not empty"), ("v107", "side by side"), ("keys", "Ctrl-R")):
            code, out, err = run(["-c", f"help {topic}"], home)
            self.assertEqual(code, 0, err)
            self.assertIn(words, out)
        code, _, err = run(["-c", "help genrate"], home)
        self.assertEqual(code, 1)
        self.assertIn("help generate", err)

    def test_checked_for_editors(self):
        home = self.folder()
        self.write(home, "a/good.visen", "print 1\n")
        bad = self.write(home, "a/b/bad.visen", "let 題 = 1\nprint 題 + unknwn\n")
        code, out, _ = run(["check", "--json", os.path.join(home, "a")], home)
        self.assertEqual(code, 2)
        [found] = json.loads(out)
        self.assertEqual((found["file"], found["code"]), (bad, "V100"))
        self.assertEqual(found["start"], {"line": 2, "column": 11, "byte": 24})
        self.assertEqual(found["end"]["column"], 17)
        code, out, _ = run(["check", "--json", os.path.join(home, "a/good.visen")], home)
        self.assertEqual((code, out), (0, "[]\n"))

    def test_one_layout(self):
        home = self.folder()
        script = self.write(home, "x.visen", "let   x=1 # one\nfor i in 1..2{\nprint i+x}\n")
        os.chmod(script, 0o750)
        self.assertEqual(run(["fmt", "--check", script], home)[0], 1)
        self.assertEqual(run(["fmt", script], home)[0], 0)
        with open(script) as file:
            self.assertEqual(
                file.read(), "let x = 1  # one\nfor i in 1..2 {\n  print i + x\n}\n")
        self.assertEqual(stat.S_IMODE(os.stat(script).st_mode), 0o750)
        self.assertEqual(run(["fmt", "--check", script], home)[0], 0)
        self.assertEqual(run(["fmt", "-"], home, input_text="let x=1;x")[1], "let x = 1\nx\n")
        self.assertEqual(run(["fmt", "-"], home, input_text="let x=")[0], 2)

    def test_plan_asks_nothing_twice(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        environment = {**rehearsal.environment, "NOTION_TOKEN": ""}
        topics = ", ".join(f'"topic {n}"' for n in range(9))
        code, out, err = run(
            ["-c", f'set engine gpt; connect "Blog" to template; add {topics}; tick rows; '
             'plan generate with "about {Topic}" samples 4', "--format", "json"],
            home, **environment)
        self.assertEqual(code, 0, err)
        cells = json.loads(out)
        self.assertEqual(len(cells), 4)
        self.assertEqual(cells[0]["Old"], None)
        self.assertIn("about " + cells[0]["Row"], cells[0]["New"])
        self.assertIn("12 rows with gpt/gpt-6-luna · 4 answered already", err)
        self.assertIn("prices of", err)
        self.assertEqual(rehearsal.stats()["engine"]["answers"], 4)
        code, out, _ = run(["-c", 'use "Blog"; rows where Content is not empty'], home,
                           **environment)
        self.assertEqual((code, "No rows." in _), (0, True))
        code, _, err = run(
            ["-c", 'use "Blog"; generate with "about {Topic}"'], home, **environment)
        self.assertEqual(code, 0, err)
        self.assertIn("Content: 12 written", err)
        self.assertEqual(rehearsal.stats()["engine"]["answers"], 12)
        # The same words again cost nothing; fresh asks anew.
        code, _, err = run(
            ["-c", 'use "Blog"; generate with "about {Topic}" overwrite'], home, **environment)
        self.assertEqual(code, 0, err)
        self.assertEqual(rehearsal.stats()["engine"]["answers"], 12)
        run(["-c", 'use "Blog"; generate with "about {Topic}" overwrite fresh'], home, **environment)
        self.assertEqual(rehearsal.stats()["engine"]["answers"], 24)

    def test_max_cost_holds_for_all_that_a_script_asks(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        environment = {**rehearsal.environment, "NOTION_TOKEN": ""}
        topics = ", ".join(f'"topic {n}"' for n in range(37))
        code, _, err = run(
            ["-c", f'set engine gpt; upgrade unlimited; connect "Blog" to template; add {topics}'], home,
            **environment)
        self.assertEqual(code, 0, err)
        script = os.path.join(home, "fill.visen")
        with open(script, "w") as file:
            file.write(
                'use "Blog"\n'
                "for row in rows where Content is empty parallel 4 {\n"
                '  row.Content = ai "Say something about {row.Topic}"\n}\n'
                'generate with "about {Topic}" on rows overwrite\n')
        limit = 0.0003
        code, _, err = run([script, "--max-cost", str(limit)], home, **environment)
        self.assertEqual(code, 5, err)
        self.assertIn("The budget is used up", err)
        spent = rehearsal.stats()["engine"]["cost"]
        self.assertLessEqual(spent, limit)
        self.assertGreater(spent, limit * 0.7)
        answers = int(re.search(r"ai: (\d+) answers · about \$0\.000", err)[1])
        self.assertGreater(answers, 10)
        self.assertLess(answers, 40)
        # All that was answered is written; the journal has the money that the server counted.
        code, out, err = run(["-c", 'use "Blog"; count(rows where Content is not empty)'], home, **environment)
        self.assertEqual((code, out), (0, f"{answers}\n"), err)
        with contextlib.closing(sqlite3.connect(os.path.join(home, "visen/visen.db"))) as database:
            self.assertAlmostEqual(database.execute("SELECT sum(cost) FROM item").fetchone()[0], spent, 9)
        # With more money the rest; `ai` and the run after it share it.
        code, _, err = run([script, "--max-cost", str(limit * 1.1)], home, **environment)
        self.assertEqual(code, 5, err)
        self.assertIn("rows are left", err)
        self.assertLessEqual(rehearsal.stats()["engine"]["cost"] - spent, limit * 1.1)

    def test_rows_one_by_one_and_what_wrote_them(self):
        home = self.folder()
        run(["-c", 'connect "Blog" to template; tick rows; '
             'prompt "translate the topic to Japanese"; generate'], home)
        code, out, err = run(["-c", 'use "Blog"; rows; row 2; next; previous; it.Topic'], home)
        self.assertEqual(code, 0, err)
        self.assertTrue(out.endswith("notion is best tool\n"))
        self.assertIn("row 3 of 3: 「social media is a boon」", err)
        code, _, err = run(["-c", 'use "Blog"; rows; row 4'], home)
        self.assertEqual(code, 1)
        self.assertIn("rows 1 to 3", err)
        code, out, err = run(
            ["-c", 'use "Blog"; rows; row 2; it.Content = "by hand"; it.Content; undo'], home)
        self.assertEqual(code, 0, err)
        self.assertTrue(out.endswith("by hand\n"), out)
        self.assertIn("1 row restored", err)
        code, _, err = run(["-c", 'use "Blog"; rows; row 2; it.Content = 5'], home)
        self.assertEqual(code, 2)
        self.assertIn("Content takes text", err)
        code, out, err = run(
            ["-c", 'use "Blog"; let all = rows; show rows; blame row 1', "--format", "json"], home)
        self.assertEqual(code, 0, err)
        blame = json.loads(out.splitlines()[-1])
        self.assertEqual([entry["By"] for entry in blame], ["practice/practice-1", "you"])
        self.assertEqual(blame[0]["Prompt"], "v1: translate the topic to Japanese")
        self.assertIn("学ぶことは楽しい", blame[0]["After"])
        code, _, err = run(["-c", 'use "Blog"; undo rows where Topic contains "fun"'], home)
        self.assertIn("Run 2: 1 row restored.", err)
        code, out, _ = run(["-c", 'use "Blog"; print count(rows where Content is empty)'], home)
        self.assertEqual(out, "1\n")
        code, _, err = run(["-c", 'use "Blog"; undo'], home)
        self.assertIn("Run 2: 2 rows restored.", err)

    def test_recorded_and_replayed(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        root = "https://www.notion.so/" + rehearsal.root.replace("-", "")
        tape = os.path.join(home, "tape.jsonl")
        statements = (
            f'set engine gpt; connect "Blog" to template under "{root}"; tick rows; '
            'generate with "translate to Japanese: {Topic}" parallel 1; show rows')
        code, out, err = run(["--record", tape, "-c", statements], home, **rehearsal.environment)
        self.assertEqual(code, 0, err)
        self.assertIn("学ぶことは楽しい", out)
        with open(tape) as file:
            text = file.read()
        for name in ("NOTION_TOKEN", "OPENAI_API_KEY"):
            self.assertNotIn(rehearsal.environment[name], text)
            self.assertIn(name, text)
        self.assertEqual(stat.S_IMODE(os.stat(tape).st_mode), 0o600)
        rehearsal.close()
        # Nobody is there any more, and there is no key: the tape answers.
        code, again, err = run(["--replay", tape, "-c", statements], self.folder())
        self.assertEqual((code, again), (0, out), err)
        code, _, err = run(
            ["--replay", tape, "-c", statements.replace("translate to", "turn into")],
            self.folder())
        self.assertEqual(code, 1)
        self.assertIn("the nearest recorded one is", err)

    def test_the_same_in_order_side_by_side_and_replayed(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh", "--latency", "engine=20ms~0.8")
        self.addCleanup(rehearsal.close)
        root = "https://www.notion.so/" + rehearsal.root.replace("-", "")
        code, _, err = run(
            ["-c", f'connect "Blog" to template under "{root}"; add "a", "b", "c", "d", "e"'],
            home, **rehearsal.environment)
        self.assertEqual(code, 0, err)
        script = (
            'use "Blog"; let all = for row in rows sort by Topic WIDTH { '
            'print "{row.Topic}"; if row.Topic is "c" { skip }; '
            'let answer = ai "about {row.Topic}" using gpt; print answer; length(answer) }; all')
        tape = os.path.join(home, "tape.jsonl")
        outputs = []
        for width, options in (
                ("", []), ("parallel 8", []), ("parallel 8", ["--record", tape]),
                ("parallel 8", ["--replay", tape]), ("", ["--replay", tape])):
            code, out, err = run(
                [*options, "-c", script.replace("WIDTH", width)], home, **rehearsal.environment)
            self.assertEqual(code, 0, err)
            outputs.append(out)
        self.assertEqual(len(outputs[0].splitlines()), 16, outputs[0])
        self.assertEqual(len(set(outputs)), 1, outputs)

    def test_tried_side_by_side_and_kept(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        environment = {**rehearsal.environment, "NOTION_TOKEN": ""}

        def visen(statements, *options):
            return run(["-c", statements, *options], home, **environment)

        visen('set engine gpt; connect "Blog" to template')
        code, out, err = visen(
            'use "Blog"; try "Say {Topic}" against "Ask {Topic}" on 3 rows using gpt, gemini; '
            'print count(rows where Content is empty); keep C; prompt; show rows')
        self.assertEqual(code, 0, err)
        for words in ("A  gpt/gpt-6-luna", "D  gemini/gemini-3.1-flash-lite",
                      "Say learning is fun", "Ask learning is fun"):
            self.assertIn(words, out)
        self.assertIn("\n3\nAsk {Topic}\n", out)
        self.assertRegex(err, r"Content: 3 written · \d\.\d s · no further cost")
        # Twelve answers were paid for, once; keeping one of them asked nothing.
        engine = rehearsal.stats()["engine"]
        self.assertEqual((engine["answers"], engine["asked_again"]), (12, 6))
        code, out, _ = visen('use "Blog"; rows', "--format", "json")
        self.assertEqual(
            {row["Content"] for row in json.loads(out)},
            {f"[practice] answer to: Ask {topic}" for topic in TOPICS})
        # Row by row: each attempt is for the current row alone.
        code, out, err = visen(
            'use "Blog"; undo; rows; row 2; try "One {Topic}"; try "Two {Topic}"; keep; next; '
            'try "Three {Topic}"; keep')
        self.assertEqual(code, 0, err)
        code, out, _ = visen('use "Blog"; rows', "--format", "json")
        self.assertEqual([row["Content"] for row in json.loads(out)], [
            None, "[practice] answer to: Two notion is best tool",
            "[practice] answer to: Three social media is a boon"])
        for typed, words in (("keep", "Nothing was tried yet"),
                             ('try "x {Topic}" on 1 rows; keep Q', "no variant Q")):
            code, _, err = visen(f'use "Blog"; {typed}')
            self.assertEqual(code, 1)
            self.assertIn(words, err)

    def test_asked_about_the_rows(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        environment = {**rehearsal.environment, "NOTION_TOKEN": ""}
        code, out, err = run(
            ["-c", 'set engine gpt; connect "Blog" to template; rows; ask "which overlap?"; '
             'ask "and why?"; ask new; ask "hello"; usage'], home, **environment)
        self.assertEqual(code, 0, err)
        first, second, third = [
            entry["prompt"] for entry in sorted(
                rehearsal.stats()["engine"]["asked"], key=lambda entry: (
                    "hello" in entry["prompt"], "why" in entry["prompt"]))]
        for topic in TOPICS:
            self.assertIn(topic, first)
        self.assertIn("Content (rich_text)", first)
        self.assertIn("which overlap?", second)
        self.assertIn("and why?", second)
        self.assertNotIn("which overlap?", third)
        self.assertIn("3 runs · 3 cells", out)

    def test_budget_stops_within_and_resumes(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh", "--latency", "engine=20ms~0.5")
        self.addCleanup(rehearsal.close)
        environment = {**rehearsal.environment, "NOTION_TOKEN": ""}
        topics = ", ".join(f'"topic {n}"' for n in range(57))
        run(["-c", f'set engine gpt; connect "Blog" to template; add {topics}; tick rows'], home,
            **environment)
        # The whole costs $0.00042 by the rehearsal's count; this is about 60 % of it.
        limit = 0.00025
        generate = 'use "Blog"; generate with "about {Topic}" parallel 8'
        code, _, err = run(["-c", generate, "--max-cost", str(limit)], home, **environment)
        self.assertEqual(code, 5, err)
        self.assertIn("resume", err)
        engine = rehearsal.stats()["engine"]
        self.assertLessEqual(engine["cost"], limit)
        self.assertGreater(engine["answers"], 20)
        code, _, err = run(["-c", 'use "Blog"; resume', "--max-cost", "0.1"], home, **environment)
        self.assertEqual(code, 0, err)
        engine = rehearsal.stats()["engine"]
        self.assertEqual((engine["answers"], engine["asked_again"]), (60, 0))
        code, out, _ = run(["-c", 'use "Blog"; print count(rows where Content is empty)'], home,
                           **environment)
        self.assertEqual(out, "0\n")


if __name__ == "__main__":
    unittest.main()
