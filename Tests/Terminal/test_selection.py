"""What a command takes that names no rows: the selection, the ticked rows, and at what price."""

import unittest

from rehearsal import Rehearsal
from terminal import TerminalTest, run

ROWS = 330


class Selection(TerminalTest):
    def setUp(self):
        home = self.folder()
        self.rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(self.rehearsal.close)
        make = self.rehearsal.make
        database = make("POST", "databases", {
            "parent": {"page_id": self.rehearsal.root}, "title": [{"text": {"content": "Notes"}}],
            "initial_data_source": {"properties": {
                "Name": {"title": {}}, "Text": {"rich_text": {}}, "Score": {"number": {}},
                "Generate": {"checkbox": {}}}}})
        self.pages = [
            make("POST", "pages", {
                "parent": {"data_source_id": database["data_sources"][0]["id"]},
                "properties": {
                    "Name": {"title": [{"text": {"content": f"note {n}"}}]},
                    "Score": {"number": n}}})["id"]
            for n in range(ROWS)]
        code, _, err = run(
            ["-c", f'set notion_rate 100000; connect "Notes" to "{database["url"]}";'
                   'prompt "translate {Name}"'], home, **self.rehearsal.environment)
        self.assertEqual(code, 0, err)
        self.screen = self.terminal(home=home, columns=100, rows=45, **self.rehearsal.environment)
        self.screen.wait_prompt()
        self.say('use "Notes"', "Notes")

    def say(self, statement, until):
        self.screen.enter(statement)
        self.screen.wait_for(until)
        return self.screen.wait_prompt()

    def count(self):
        return self.rehearsal.stats()["notion"]["requests"]

    def test_a_few_of_many(self):
        self.say('rows where Score >= 325 and Text is empty', "Notes (5 rows)")
        before = self.count()
        self.say("generate Text", "Text: 5 written")
        # One query, then a look at each row before it is written, and the update.
        self.assertLessEqual(self.count() - before, 1 + 2 * 5 + 1)
        # The rows no longer fit the condition and are the selection still.
        before = self.count()
        self.say('generate overwrite with "say {Name}"', "Text: 5 written")
        self.assertLessEqual(self.count() - before, 1 + 5 + 2 * 5 + 1)
        # One is gone meanwhile: said, the others are done.
        self.rehearsal.make("PATCH", f"pages/{self.pages[326]}", {"in_trash": True})
        self.say('generate overwrite with "sing {Name}"', "Text: 4 written")
        self.screen.wait_for("1 row is no longer there.")

    def test_ticks_end_a_selection(self):
        self.say("rows where Score < 5", "Notes (5 rows)")
        self.say("tick rows where Score < 2", "2 rows ticked.")
        self.assertTrue(self.screen.screen().rstrip().splitlines()[-1].startswith("Notes ·"))
        before = self.count()
        self.say("generate Text", "Text: 2 written")
        self.assertLessEqual(self.count() - before, 1 + 2 * 2 + 1)
        # A try that names no rows takes the ticked ones, too.
        self.say('try "say {Name}"', "note 1")
        self.say("rows where Score < 3", "Notes (3 rows)")
        self.say('generate overwrite with "say {Name}"', "Text: 3 written")


if __name__ == "__main__":
    unittest.main()
