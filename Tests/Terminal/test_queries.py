"""What of a query Notion looks at: fewer requests, and the same rows either way."""

import json
import subprocess
import unittest

from rehearsal import Rehearsal
from terminal import TerminalTest, VISEN, clean_environment, run

ROWS = 250


class Queries(TerminalTest):
    def setUp(self):
        self.home = self.folder()
        self.rehearsal = Rehearsal(self.home, "--fresh", "--latency", "engine=500ms")
        self.addCleanup(self.rehearsal.close)
        make = self.rehearsal.make
        database = make("POST", "databases", {
            "parent": {"page_id": self.rehearsal.root}, "title": [{"text": {"content": "Notes"}}],
            "initial_data_source": {"properties": {
                "Name": {"title": {}}, "Text": {"rich_text": {}}, "Score": {"number": {}},
                "Go": {"checkbox": {}}, "Kind": {"select": {"options": [{"name": "A"}, {"name": "B"}]}},
                "Tags": {"multi_select": {"options": [{"name": "x"}]}}}}})
        for n in range(ROWS):
            properties = {
                "Name": {"title": [{"text": {"content": f"note {n}"}}]}, "Score": {"number": n},
                "Go": {"checkbox": n % 2 == 0}}
            if n % 3 == 0:
                properties["Kind"] = {"select": {"name": "A"}}
            if n % 5 == 0:
                properties["Tags"] = {"multi_select": [{"name": "x"}]}
            if n % 7 == 0:
                text = "  " if n % 14 == 0 else "word"
                properties["Text"] = {"rich_text": [{"text": {"content": text}}]}
            make("POST", "pages", {
                "parent": {"data_source_id": database["data_sources"][0]["id"]},
                "properties": properties})
        code, _, err = self.visen(f'set notion_rate 100000; connect "Notes" to "{database["url"]}"')
        self.assertEqual(code, 0, err)

    def visen(self, statements, *options):
        return run(["-c", statements, *options], self.home, **self.rehearsal.environment)

    def test_conditions(self):
        # The condition, which rows it leaves, and the pages of the query that are read.
        for condition, wanted, pages in [
            ("true", lambda n: True, 3),
            ("Go", lambda n: n % 2 == 0, 2),
            ("not Go and Score < 20", lambda n: n % 2 and n < 20, 1),
            ('Kind is "A" and Score >= 240', lambda n: n % 3 == 0 and n >= 240, 1),
            ('Tags contains "x" and Score <= 10', lambda n: n % 5 == 0 and n <= 10, 1),
            ("Text is not empty", lambda n: n % 7 == 0 and n % 14 != 0, 1),
            ("Text is empty and Score > 240", lambda n: (n % 7 or n % 14 == 0) and n > 240, 1),
            ('Score > 245 or Name is "note 3"', lambda n: n > 245 or n == 3, 1),
            ('Name is "note 3"', lambda n: n == 3, 1),
            ('Name contains "NOTE 24"', lambda n: f"note {n}".startswith("note 24"), 1),
            ('Name contains "ｎｏｔｅ　24"', lambda n: f"note {n}".startswith("note 24"), 1),
            ('Name starts with "Note 1" and Go', lambda n: str(n)[0] == "1" and n % 2 == 0, 1),
            ('Name ends with "e 7" or Score is 8', lambda n: n in (7, 8), 1),
            ('Name not contains "1"', lambda n: "1" not in str(n), 3),
            ('Kind is "Nope"', lambda n: False, 3),
            ("Score is 7", lambda n: n == 7, 1),
        ]:
            with self.subTest(condition):
                before = self.queries()
                code, out, err = self.visen(f'use "Notes"; rows where {condition}', "--format", "json")
                self.assertEqual(code, 0, err)
                names = [row["Name"] for row in json.loads(out)]
                self.assertEqual(
                    names, [f"note {n}" for n in reversed(range(ROWS)) if wanted(n)])
                self.assertEqual(self.queries() - before, pages)

    def test_the_next_page_comes_while_the_first_row_is_worked_on(self):
        self.visen("set engine gpt; upgrade unlimited")
        before = self.queries()
        process = subprocess.Popen(
            [VISEN, "--verbose", "-c", 'use "Notes"; var n = 0; for r in rows '
             '{ print ai "Say {r.Name}"; n += 1; if n is 3 { stop } }'],
            env={**clean_environment(self.home), **self.rehearsal.environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # The first of 100 rows is answered: the second page is there already, the third not asked for.
        self.assertTrue(process.stdout.readline())
        self.assertEqual(self.queries() - before, 2)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(out.splitlines()), 2)
        self.assertEqual(self.queries() - before, 2)
        # What was sent is told: the schema, and the two pages.
        self.assertRegex(err, r"Notion: [345] requests")

    def queries(self):
        calls = self.rehearsal.stats()["notion"]["calls"]
        return sum(n for call, n in calls.items() if call.endswith("/query"))


if __name__ == "__main__":
    unittest.main()
