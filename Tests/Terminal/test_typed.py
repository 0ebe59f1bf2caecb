"""Answers that have a shape: relations by their titles, options beyond what services take, days that are none."""

import json
import shutil
import tempfile
import unittest

from rehearsal import Rehearsal
from terminal import run

ENGINES = ("gpt", "gemini")


class Typed(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="visen-typed-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.server = None

    def serve(self, *options):
        if self.server:
            self.server.close()
        else:
            self.addCleanup(lambda: self.server.close())
        self.server = Rehearsal(self.home, "--workspace", f"{self.home}/w.db", *options)

    def database(self, title, properties, rows):
        made = self.server.make("POST", "databases", {
            "parent": {"page_id": self.server.root}, "title": [{"text": {"content": title}}],
            "initial_data_source": {"properties": {"Name": {"title": {}}, **properties}}})
        source = made["data_sources"][0]["id"]
        for name in rows:
            self.server.make("POST", "pages", {
                "parent": {"data_source_id": source},
                "properties": {"Name": {"title": [{"text": {"content": name}}]}}})
        return made["id"], source

    def visen(self, statements, *options, expect=0):
        code, out, err = run(
            ["-c", statements, *options], self.home, **self.server.environment)
        self.assertEqual(code, expect, err)
        return out, err

    def rows(self, name):
        return json.loads(self.visen(f'use "{name}"; rows', "--format", "json")[0])

    def test_relations_are_filled_by_titles(self):
        self.serve()
        people = ["Ada", "Grace", "Hedy", "東京", "twin", "twin"]
        _, source = self.database("People", {}, people)
        database, _ = self.database(
            "Tasks", {"Owner": {"relation": {"data_source_id": source, "single_property": {}}},
                      "Size": {"number": {}}},
            [f"task {n}" for n in range(6)])
        self.visen(f'set notion_rate 100000; connect "Tasks" to "{database}"')
        for engine in ENGINES:
            self.visen(
                f'use "Tasks"; generate Owner, Size with "who does {{Name}}?" on rows overwrite '
                f'using {engine}')
            for row in self.rows("Tasks"):
                # A title that two rows have names neither, so it is none of the options.
                self.assertTrue(row["Owner"], row)
                titles = {owner["title"] for owner in row["Owner"]}
                self.assertLessEqual(titles, {"Ada", "Grace", "Hedy", "東京"}, row)
        # One by one and packed, over a service whose answers do not keep to the options at first.
        self.serve("--faults", "engine:unfit=25%")
        self.visen('use "Tasks"; generate Owner with "whose is {Name}?" on rows overwrite using gpt '
                   'packed 3')
        self.assertTrue(all(row["Owner"] for row in self.rows("Tasks")))
        # What names nobody is asked for once more, told what is wrong, and then the row fails.
        self.serve("--faults", "engine:unfit=100%")
        _, err = self.visen('use "Tasks"; generate Owner with "whom does {Name} wait for?" on rows '
                            'overwrite using gemini', expect=3)
        self.assertIn("“none of these”", err)
        self.assertEqual(self.server.stats()["engine"]["answers"], 12)
        asked = [entry["prompt"] for entry in self.server.stats()["engine"]["asked"]]
        self.assertEqual(sum("must be one of “" in prompt for prompt in asked), 6)

    def test_a_large_related_database_is_looked_up(self):
        self.serve()
        _, source = self.database("Cities", {}, [f"city {n}" for n in range(101)])
        database, _ = self.database(
            "Trips", {"To": {"relation": {"data_source_id": source, "single_property": {}}}},
            ["[practice] answer to: city 7", "nowhere"])
        self.visen(f'set notion_rate 100000; set engine gpt; connect "Trips" to "{database}"')
        # The practice engine gives back what it was asked, so this names no row.
        _, err = self.visen('use "Trips"; generate To with "{Name}" on rows', expect=3)
        self.assertIn("no row is called “[practice] answer to: nowhere", err)
        self.assertEqual(self.server.stats()["engine"]["answers"], 4)
        self.server.make("POST", "pages", {
            "parent": {"data_source_id": source},
            "properties": {"Name": {"title": [
                {"text": {"content": "[practice] answer to: nowhere"}}]}}})
        # Asked anew it names a row: now there is such a city.
        self.visen('use "Trips"; generate To with "{Name}" on rows where Name is "nowhere"')
        self.assertEqual(
            [row["To"] for row in self.rows("Trips") if row["Name"] == "nowhere"],
            [[{"title": "[practice] answer to: nowhere"}]])

    def test_a_database_that_is_not_shared_is_told_before_anything_is_asked(self):
        self.serve()
        people, source = self.database("People", {}, ["Ada"])
        database, _ = self.database(
            "Tasks", {"Owner": {"relation": {"data_source_id": source, "single_property": {}}}},
            ["task"])
        self.visen(f'set engine gpt; connect "Tasks" to "{database}"')
        self.server.control("unshare", people)
        _, err = self.visen('use "Tasks"; generate Owner with "who does {Name}?" on rows', expect=1)
        self.assertIn("not shared with the integration", err)
        self.assertEqual(self.server.stats()["engine"]["requests"], 0)

    def test_more_options_than_a_service_takes(self):
        self.serve()
        few = [{"name": f"kind {n}"} for n in range(60)]
        database, source = self.database(
            "D", {"Long": {"multi_select": {}}, "Kind": {"multi_select": {"options": few}}},
            [f"row {n}" for n in range(20)])
        # Options come with the pages that hold them, a hundred at most with each.
        for first in range(0, 300, 100):
            self.server.make("POST", "pages", {
                "parent": {"data_source_id": source}, "properties": {
                    "Name": {"title": [{"text": {"content": f"with {first}"}}]},
                    "Kind": {"multi_select": [{"name": "kind 1"}]},
                    "Long": {"multi_select": [
                        {"name": f"option {n} " + "x" * 70} for n in range(first, first + 100)]}}})
        self.visen(f'set notion_rate 100000; connect "D" to "{database}"')
        # Sixty options in each of twenty rows stand once in the schema: all together would be refused.
        self.visen('use "D"; generate Kind with "sort {Name}" on rows using gpt packed 20')
        self.assertEqual(self.server.stats()["engine"]["requests"], 1)
        self.assertTrue(all(row["Kind"] for row in self.rows("D")))
        # Three hundred long ones are no enum that a service takes; the answers are checked here.
        _, err = self.visen('use "D"; generate Long with "sort {Name}" on rows using gpt', expect=3)
        self.assertEqual(self.server.stats()["engine"]["statuses"].get("400", 0), 0)
        self.assertIn("must be one of “option", err)

    def test_days_and_numbers_that_are_none(self):
        self.serve("--faults", "engine:unfit=100%")
        database, _ = self.database(
            "D", {"When": {"date": {}}, "Score": {"number": {}}}, ["a", "b"])
        self.visen(f'set notion_rate 100000; connect "D" to "{database}"')
        for engine in ENGINES:
            _, err = self.visen(
                f'use "D"; generate When, Score with "about {{Name}}" '
                f'as {{When: date, Score: number 1..5}} on rows using {engine}', expect=3)
            self.assertIn("“When” must be a date", err)
            self.assertIn("2026-02-31", err)
        self.assertEqual([row["When"] for row in self.rows("D")], [None, None])
        self.assertEqual(self.server.stats()["engine"]["answers"], 8)
        # Over a service whose answers keep to what is asked, the rows that failed are filled.
        self.serve()
        self.visen('use "D"; resume 2')
        self.assertTrue(all(row["When"] and 1 <= row["Score"] <= 5 for row in self.rows("D")))


if __name__ == "__main__":
    unittest.main()
