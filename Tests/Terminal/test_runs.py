"""Runs as a person meets them: fresh and stale cells, reports, two processes at once, plans, limits."""

import html.parser
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from rehearsal import Rehearsal
from terminal import VISEN, clean_environment, run

SETUP = 'connect "Blog" to template; tick rows; prompt "translate {Topic}"'


class Runs(unittest.TestCase):
    def folder(self):
        folder = tempfile.mkdtemp(prefix="visen-runs-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def rehearsal(self, home, *options):
        server = Rehearsal(home, *options)
        self.addCleanup(server.close)
        return server

    def rows(self, home, query):
        code, out, err = run(["-c", f'use "Blog"; {query}', "--format", "json"], home)
        self.assertEqual(code, 0, err)
        return [row["Topic"] for row in json.loads(out)]

    def test_stale_edited_blame_and_history(self):
        home = self.folder()
        code, _, err = run(["-c", SETUP + "; generate Content"], home)
        self.assertEqual(code, 0, err)
        self.assertEqual(self.rows(home, "rows where Content is stale or Content is edited"), [])
        run(["-c", 'use "Blog"; rows; row 1; it.Topic = "日本語"; row 2; it.Content = "mine"'], home)
        self.assertEqual(self.rows(home, "rows where Content is stale"), ["日本語"])
        self.assertEqual(
            self.rows(home, "rows where Content is edited"), ["notion is best tool"])
        self.assertEqual(
            self.rows(home, "rows where Content is not stale and Content is not edited"),
            ["social media is a boon"])
        _, out, err = run(
            ["-c", 'use "Blog"; let all = rows; show rows; blame row 1', "--format", "json"], home)
        blame = {cell["Cell"]: cell for cell in json.loads(out.splitlines()[-1])}
        self.assertEqual(blame["Content"]["Since"], "stale: Topic changed")
        self.assertEqual(blame["Topic"]["By"], "you")
        run(["-c", 'use "Blog"; undo 2'], home)
        _, out, err = run(
            ["-c", 'use "Blog"; show rows; history of Content row 2', "--format", "json"], home)
        history = [entry["What"] for entry in json.loads(out.splitlines()[-1])]
        self.assertEqual(history, ["written", "generated"])
        # The prompt and the engine are what a cell is made from as well.
        run(["-c", 'use "Blog"; generate Content on rows overwrite; prompt "explain {Topic}"'], home)
        self.assertEqual(len(self.rows(home, "rows where Content is stale")), 3)
        code, _, err = run(["-c", 'use "Blog"; print 1 is stale'], home)
        self.assertEqual(code, 2)
        self.assertIn("only a property of a row can be stale", err)

    def test_reports(self):
        home = self.folder()
        hostile = "<script>alert(1)</script> & \"q\" \u202e"
        run(["-c", SETUP], home)
        with open(os.path.join(home, "t.csv"), "w") as file:
            file.write('Topic\n"' + hostile.replace('"', '""') + '"\n')
        code, _, err = run(
            ["-c", f'use "Blog"; add rows from "{home}/t.csv"; generate Content on rows; runs 2 to "{home}/r.html"; runs 2 to "{home}/r.csv"; '
             f'runs 2 to "{home}/r.json"'], home)
        self.assertEqual(code, 0, err)
        with open(f"{home}/r.html") as file:
            page = file.read()

        class Tags(html.parser.HTMLParser):
            found, outside = set(), []

            def handle_starttag(self, tag, attributes):
                self.found.add(tag)
                self.outside += [value for name, value in attributes if name in ("src", "href")]

        Tags().feed(page)
        self.assertNotIn("script", Tags.found)
        self.assertEqual(Tags.outside, [])
        self.assertIn("svg", Tags.found)
        self.assertIn("&lt;script&gt;alert(1)", page)
        with open(f"{home}/r.json") as file:
            report = json.load(file)
        self.assertEqual(report["states"], {"written": 4})
        self.assertIn(hostile, [row["row"] for row in report["rows"]])
        code, _, err = run(["-c", f'runs 2 to "{home}/r.pdf"'], home)
        self.assertEqual(code, 1)
        self.assertIn("let it end in .html, .csv or .json", err)

    def test_two_processes_on_one_connection(self):
        home = self.folder()
        server = self.rehearsal(home, "--latency", "engine=200ms")
        environment = {**clean_environment(home), **server.environment, "NOTION_TOKEN": ""}
        environment.pop("NOTION_BASE_URL")
        topics = ", ".join(f'"topic {n}"' for n in range(37))
        run(["-c", f'connect "Blog" to template; add {topics}; tick rows; set engine gpt'], home,
            **environment)
        statements = 'use "Blog"; generate body with "about {Topic}" parallel 4'

        def start():
            return subprocess.Popen(
                [VISEN, "-c", statements], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        both = [start(), start()]
        errors = [process.communicate(timeout=60)[1] for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], errors)
        self.assertEqual(server.stats()["engine"]["asked_again"], 0)
        self.assertEqual(server.stats()["engine"]["answers"], 40)
        self.assertTrue(any("being filled by another Visen" in error for error in errors), errors)
        # Each body has one answer, and nobody's work is anybody else's.
        _, out, _ = run(["-c", 'use "Blog"; for row in rows { print length(lines(row.body)) }'], home)
        self.assertEqual(out.split(), ["1"] * 40)

    def test_a_run_that_is_at_work_is_not_resumed_beside(self):
        home = self.folder()
        server = self.rehearsal(home, "--latency", "engine=1s")
        environment = {**clean_environment(home), **server.environment, "NOTION_TOKEN": ""}
        environment.pop("NOTION_BASE_URL")
        run(["-c", SETUP + "; set engine gpt"], home, **environment)
        first = subprocess.Popen(
            [VISEN, "-c", 'use "Blog"; generate parallel 1'], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while server.stats()["engine"]["requests"] == 0:
            pass
        code, _, err = run(["-c", "resume"], home, **environment)
        self.assertEqual(code, 1)
        self.assertIn("is being carried out by another Visen", err)
        self.assertEqual(first.wait(30), 0)
        self.assertEqual(server.stats()["engine"]["answers"], 3)

    def test_what_a_plan_tells(self):
        home = self.folder()
        server = self.rehearsal(home, "--rate", "engine=10/60s")
        environment = {**server.environment}
        del environment["NOTION_BASE_URL"], environment["NOTION_TOKEN"]
        topics = ", ".join(f'"topic {n}"' for n in range(57))
        run(["-c", f'connect "Blog" to template; add {topics}; tick rows; set engine gpt'], home,
            **environment)
        code, _, err = run(
            ["-c", 'use "Blog"; plan generate Content with "about {Topic}"; budget 0.000001; '
             'plan generate Content with "about {Topic}" packed 20; doctor'], home, **environment)
        self.assertEqual(code, 0, err)
        self.assertIn("prices of 2026-11-23", err)
        self.assertIn("gpt takes 10 requests a minute; ask several rows at once", err)
        self.assertIn("will stop it before the end", err)
        _, out, _ = run(["-c", 'use "Blog"; doctor'], home, **environment)
        self.assertIn("10 requests a minute", out)
        code, _, err = run(
            ["-c", 'price "gpt/gpt-6-luna" input 7 output 9; use "Blog"; '
             'plan generate Content with "about {Topic}" samples 0'], home, **environment)
        self.assertIn("your price of", err)
        # A plan leaves nothing behind.
        _, out, _ = run(["-c", "runs", "--format", "json"], home)
        self.assertEqual([run["Kind"] for run in json.loads(out)], ["plan", "edit"])

    def test_shapes_that_are_asked_for(self):
        home = self.folder()
        server = self.rehearsal(home)
        database = server.make("POST", "databases", {
            "parent": {"page_id": server.root}, "title": [{"text": {"content": "D"}}],
            "initial_data_source": {"properties": {"Name": {"title": {}}, "Score": {"number": {}}}}})
        for n in range(5):
            server.make("POST", "pages", {
                "parent": {"data_source_id": database["data_sources"][0]["id"]},
                "properties": {"Name": {"title": [{"text": {"content": f"row {n}"}}]}}})
        code, out, err = run(
            ["-c", f'set engine gpt; connect "D" to "{database["id"]}"; '
             'generate Score with "rate {Name}" as number 3..4 on rows; rows', "--format", "json"],
            home, **server.environment)
        self.assertEqual(code, 0, err)
        for row in json.loads(out):
            self.assertTrue(3 <= row["Score"] <= 4, row)
        code, _, err = run(
            ["-c", 'use "D"; generate Score with "rate {Name}" as text on rows overwrite'], home,
            **server.environment)
        self.assertEqual(code, 1)
        self.assertIn("Score is a number and cannot hold what `as` asks for", err)

    def test_resume_with_another_engine_and_a_renamed_property(self):
        home = self.folder()
        server = self.rehearsal(home, "--faults", "engine:401=100%")
        environment = dict(server.environment)
        database = server.make("POST", "databases", {
            "parent": {"page_id": server.root}, "title": [{"text": {"content": "D"}}],
            "initial_data_source": {"properties": {
                "Name": {"title": {}}, "Content": {"rich_text": {}}, "Kind": {"rich_text": {}}}}})
        source = database["data_sources"][0]["id"]
        for n in range(5):
            server.make("POST", "pages", {
                "parent": {"data_source_id": source},
                "properties": {"Name": {"title": [{"text": {"content": f"row {n}"}}]}}})
        code, _, err = run(
            ["-c", f'set engine gpt; connect "D" to "{database["id"]}"; '
             'generate Content, Kind with "rate {Name}" on rows'], home, **environment)
        self.assertEqual(code, 4, err)
        server.make("PATCH", f"data_sources/{source}", {
            "properties": {"Content": {"name": "Summary"}}})
        code, _, err = run(["-c", "resume using practice"], home, **environment)
        self.assertEqual(code, 0, err)
        code, out, err = run(
            ["-c", 'use "D"; show rows; blame row 1', "--format", "json"], home, **environment)
        rows, blame = (json.loads(line) for line in out.splitlines())
        self.assertTrue(all(row["Summary"] and row["Kind"] for row in rows))
        self.assertEqual({cell["By"] for cell in blame}, {"practice/practice-1"})


if __name__ == "__main__":
    unittest.main()
