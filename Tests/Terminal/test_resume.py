"""What stops a run, and how it goes on: another key, a newer Visen, somebody's edit, limits of a day."""

import json
import os
import shutil
import signal
import sqlite3
import tempfile
import time
import unittest

from rehearsal import Rehearsal
from terminal import Terminal, run

SETUP = 'connect "Blog" to template; tick rows; prompt "about {Topic}"; set engine gpt'
ROWS = 'use "Blog"; rows'


class Blog(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="visen-resume-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.server = None
        self.serve()
        self.visen(SETUP)

    def serve(self, *options):
        if self.server:
            self.server.close()
        else:
            self.addCleanup(lambda: self.server.close())
        self.server = Rehearsal(os.path.join(self.home, "served"), "--fresh", *options)

    @property
    def variables(self):
        # The rows are in the embedded workspace; only the engines are the server's.
        return {name: value for name, value in self.server.environment.items() if "NOTION" not in name}

    def visen(self, statements, expect=0, **more):
        code, out, err = run(
            ["-c", statements, "--format", "json"], self.home, **{**self.variables, **more})
        self.assertEqual(code, expect, err)
        return out, err

    def contents(self):
        return {row["Topic"]: row["Content"] for row in json.loads(self.visen(ROWS)[0])}

    def answers(self):
        return self.server.stats()["engine"]["answers"]


class Stopped(Blog):
    def test_after_only_the_key_was_changed(self):
        self.serve("--faults", "engine:401=100%")
        _, err = self.visen('use "Blog"; generate Content', expect=4, OPENAI_API_KEY="sk-refused")
        self.assertIn("resume", err)
        self.assertNotIn("sk-refused", err)
        self.serve()
        _, err = self.visen("resume", OPENAI_API_KEY="sk-another-one")
        self.assertIn("Run 2 goes on: 3 of 3 rows", err)
        self.assertTrue(all(self.contents().values()))
        self.assertEqual(self.answers(), 3)

    def test_a_run_of_another_version(self):
        code, _, err = run(["-c", 'use "Blog"; generate Content'], self.home,
                           VISEN_TEST_DIE_AT="1", **self.variables)
        self.assertEqual(code, -signal.SIGKILL, err)
        path = os.path.join(self.home, "visen", "visen.db")
        # An older Visen did not write some of what a run is asked with, a newer one writes more.
        for parameters in ({"engine": "gpt", "model": "gpt-6-luna"},
                           {"engine": "gpt", "model": "gpt-6-luna", "width": 2, "whims": [1, {"a": 2}]}):
            with sqlite3.connect(path) as store:
                run_id = store.execute("SELECT max(id) FROM run").fetchone()[0]
                store.execute("UPDATE run SET parameters = ?", [json.dumps(parameters)])
                store.execute("UPDATE item SET state = 'planned', answer = NULL WHERE run_id = ?", [run_id])
            store.close()
            self.visen(f"resume {run_id} force")
            self.assertTrue(all(self.contents().values()))
        with sqlite3.connect(path) as store:
            store.execute("INSERT INTO grdb_migrations VALUES ('of a later version')")
        store.close()
        _, err = self.visen("runs", expect=1)
        self.assertIn("was written by a newer Visen", err)

    def test_what_somebody_wrote_stays_until_it_is_forced(self):
        self.serve("--latency", "engine=700ms")
        terminal = Terminal(home=self.home, **self.variables)
        self.addCleanup(terminal.close)
        terminal.wait_prompt()
        terminal.enter('use "Blog"')
        terminal.wait_prompt()
        terminal.enter("generate Content parallel 1")
        while self.server.stats()["engine"]["requests"] == 0:
            time.sleep(0.02)
        # Somebody writes into the last row while the first is being asked for.
        self.visen('use "Blog"; for row in rows where Topic is "learning is fun" { row.Content = "mine" }')
        terminal.wait_for("resume 2 force")
        self.assertEqual(self.contents()["learning is fun"], "mine")
        asked = self.answers()
        _, err = self.visen("resume", expect=1)
        self.assertIn("no unfinished run", err)
        self.visen("resume force")
        self.assertEqual(self.answers(), asked)
        self.assertIn("about learning is fun", self.contents()["learning is fun"])
        # What was there comes back, though it was overwritten.
        self.visen("undo 2")
        self.assertEqual(self.contents()["learning is fun"], "mine")

    def test_a_batch_that_was_never_sent_is_not_asked_at_the_full_price_unsaid(self):
        code, _, err = run(["-c", 'use "Blog"; generate Content as batch'], self.home,
                           VISEN_TEST_DIE_AT="1", **self.variables)
        self.assertEqual(code, -signal.SIGKILL, err)
        terminal = Terminal(home=self.home, **self.variables)
        self.addCleanup(terminal.close)
        terminal.wait_prompt()
        terminal.enter("resume")
        terminal.wait_for("Go on?")
        self.assertIn("at the full price", " ".join(terminal.screen().split()))
        terminal.enter("n")
        terminal.wait_prompt()
        self.assertEqual(self.answers(), 0)
        _, err = self.visen("resume")
        self.assertIn("3 rows are asked one by one now, at the full price", err)
        self.assertEqual(self.answers(), 3)


class Limits(Blog):
    """The four limits that a person can set: kept to here, before the service has to refuse."""

    def stops_in_a_terminal(self, setting, reason):
        self.visen(setting)
        terminal = Terminal(home=self.home, **self.variables)
        self.addCleanup(terminal.close)
        terminal.wait_prompt()
        terminal.enter('use "Blog"; generate Content')
        terminal.wait_for(reason)
        terminal.press("C-c")
        terminal.wait_for("Go on: resume")
        return self.answers()

    def test_requests_per_minute(self):
        self.assertEqual(
            self.stops_in_a_terminal("set requests_per_minute 2", "waiting for OpenAI's 2 requests a minute"), 2)

    def test_tokens_per_minute(self):
        # A question and its answer are reckoned with at some five hundred tokens.
        asked = self.stops_in_a_terminal("set tokens_per_minute 1100", "waiting for OpenAI's 1,100 tokens a minute")
        self.assertEqual(asked, 2)

    def test_requests_per_day(self):
        self.visen("set requests_per_day 2")
        _, err = self.visen('use "Blog"; generate Content', expect=1)
        self.assertIn("limit of 2 requests a day", err)
        self.assertIn("1 row is left", err)
        self.assertEqual(self.answers(), 2)
        # The count outlasts the session.
        _, err = self.visen("resume", expect=1)
        self.assertIn("limit of 2 requests a day", err)
        self.assertEqual(self.answers(), 2)
        self.visen("unset requests_per_day; resume")
        self.assertEqual(self.answers(), 3)

    def test_tokens_per_day(self):
        self.visen("set tokens_per_day 1100")
        _, err = self.visen('use "Blog"; generate Content', expect=1)
        self.assertIn("limit of 1,100 tokens a day", err)
        self.assertEqual(self.answers(), 2)
        self.visen("unset tokens_per_day; resume")
        self.assertEqual(self.answers(), 3)


if __name__ == "__main__":
    unittest.main()
