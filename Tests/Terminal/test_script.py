"""A script that uses every construct on 500 rows of all property kinds, some failing on purpose."""

import json
import pathlib
import unittest

from rehearsal import Rehearsal
from services import KEY, Services
from terminal import TerminalTest, run

PROPERTIES = {
    "Topic": {"title": {}}, "Content": {"rich_text": {}}, "Score": {"number": {}},
    "Done": {"checkbox": {}}, "Kind": {"select": {"options": [{"name": "even"}, {"name": "odd"}]}},
    "Tags": {"multi_select": {"options": [
        {"name": "low"}, {"name": "middle"}, {"name": "high"}, {"name": "all"}]}},
    "Stage": {"status": {}}, "Due date": {"date": {}}, "Link": {"url": {}}, "Mail": {"email": {}},
    "Phone": {"phone_number": {}}, "Made": {"created_time": {}}, "By": {"created_by": {}},
    "Changed": {"last_edited_time": {}}, "No": {"unique_id": {"prefix": "ROW"}},
    "Who": {"people": {}}, "Papers": {"files": {}},
}

SCRIPT = pathlib.Path(__file__).with_name("kinds.visen")


class Script(TerminalTest):
    def setUp(self):
        self.home = self.folder()
        self.server = Services(
            answer=lambda prompt, schema: json.dumps({"value": 7}) if schema else f"<{prompt}>")
        self.addCleanup(self.server.close)
        self.environment = {"OPENAI_BASE_URL": self.server.url, "OPENAI_API_KEY": KEY}
        self.connect()

    def connect(self):
        """A database of all kinds with 500 rows, made by another client in the same workspace."""
        run(["-c", "connections"], self.home)
        # The embedded workspace's file is Visen's own: served, it is filled; then it is used directly.
        rehearsal = Rehearsal(self.home)
        try:
            database = rehearsal.make("POST", "databases", {
                "parent": {"page_id": rehearsal.root},
                "title": [{"text": {"content": "Kinds"}}],
                "initial_data_source": {"properties": PROPERTIES}})
            source = database["data_sources"][0]["id"]
            topics = [f"row {n}" for n in range(495)] + [f"skip {n}" for n in range(5)]
            for topic in reversed(topics):
                rehearsal.make("POST", "pages", {
                    "parent": {"data_source_id": source},
                    "properties": {
                        "Topic": {"title": [{"text": {"content": topic}}]},
                        "Papers": {"files": [{"name": "a.pdf", "external": {"url": "https://a.b/c"}}]},
                    }})
        finally:
            rehearsal.close()
        code, _, err = run(["-c", f'connect "Kinds" to "{database["id"]}"'], self.home)
        self.assertEqual(code, 0, err)

    def rows(self):
        code, out, err = run(["-c", 'use "Kinds"; rows', "--format", "json"], self.home)
        self.assertEqual(code, 0, err)
        return {row["Topic"]: row for row in json.loads(out)}

    def test_every_construct_on_500_rows(self):
        code, out, err = run([str(SCRIPT)], self.home, seconds=300, **self.environment)
        self.assertEqual(code, 3, err)
        lines = out.splitlines()
        self.assertEqual(lines[0], "row 105|row 104|row 103|row 102|row 101|row 100")
        self.assertEqual(
            lines[1], "<about row 0> / <about row 1> / <about row 2> / <about row 3> / <about row 4>")
        self.assertEqual(lines[2], "<flaky>")
        # 400…494 without 413.
        self.assertEqual(lines[3], "94")
        # Five that are skipped, five that fail.
        self.assertEqual(lines[4], "4 10 true")
        self.assertEqual(lines[5], "7")
        self.assertEqual(json.loads(lines[6]), [{"Topic": "row 1", "Score": 2}])
        self.assertEqual(lines[7], "2")
        self.assertIn("row 494", out)
        self.assertIn("988", out)
        self.assertEqual(lines[-1], "row 1, row 2, row 3")
        for number in (13, 113, 213, 313, 413):
            self.assertIn(f"thirteen: row {number}", err)
        self.assertIn("line 16", err)
        rows = self.rows()
        self.assertEqual(len(rows), 500)
        for number in range(495):
            row = rows[f"row {number}"]
            if number % 100 == 13:
                self.assertIsNone(row["Score"], row)
                continue
            self.assertEqual(row["Score"], number * 2)
            self.assertEqual(row["Kind"], "odd" if number % 2 else "even")
            grade = "high" if number >= 400 else "middle" if number >= 200 else "low"
            self.assertEqual(row["Tags"], [grade, "all"])
            self.assertEqual(row["Done"], number > 40 and number != 99)
            self.assertEqual(row["Link"], f"https://example.com/{number}")
            self.assertEqual(row["Mail"], f"row{number}@example.com")
            self.assertEqual(row["Phone"], "+49 30 'x'")
            self.assertEqual(row["Stage"], "Done")
            self.assertEqual(
                row["Content"], f'ROW {number} {{plain}} {{"a": 1}}\n  indented 「日本語」 script')
        self.assertEqual(rows["row 31"]["Due date"], "2025-02-01")
        self.assertEqual(rows["skip 0"]["Stage"], "Not started")
        self.assertIn("a.pdf", json.dumps(rows["row 1"]["Papers"]))

        code, _, err = run(["-c", 'use "Kinds"; undo'], self.home, seconds=120)
        self.assertEqual(code, 0, err)
        self.assertTrue(all(row["Score"] is None for row in self.rows().values()))


if __name__ == "__main__":
    unittest.main()
