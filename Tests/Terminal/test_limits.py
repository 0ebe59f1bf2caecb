"""What Notion's errors and limits do to reads and writes: each is done once, whatever becomes of answers."""

import json
import unittest

from proxy import Proxy
from rehearsal import Rehearsal
from terminal import TerminalTest, run

PAGE = r"^/v1/pages/[^/]+$"
#: A statement; the request of it that is spoilt; whether that request may simply be sent again.
WORK = {
    "query": ("print count(rows)", ("POST", r"/query"), True),
    "add": ('add "new"', ("POST", r"^/v1/pages$"), False),
    "set": ('for r in rows where Name is "row 1" { r.Out = "words" }', ("PATCH", PAGE), True),
    "append": ('for r in rows where Name is "row 1" { r.body += "one\\n\\ntwo" }',
               ("PATCH", r"/children$"), False),
}
#: Notion says that nothing was done: sent again, whatever it is.
REFUSALS = ["409", "429", "529", "workspace"]
#: Nobody knows whether it was done.
UNCERTAIN = ["500", "502", "503", "504", "reset"]


class Limits(TerminalTest):
    def serve(self, *options):
        rehearsal = Rehearsal(self.folder(), "--fresh", *options)
        self.addCleanup(rehearsal.close)
        return rehearsal

    def place(self, rehearsal, rules):
        """A database of three rows behind a proxy, and the program at work on it."""
        home = self.folder()
        database = rehearsal.make("POST", "databases", {
            "parent": {"page_id": rehearsal.root}, "title": [{"text": {"content": "Rows"}}],
            "initial_data_source": {"properties": {
                "Name": {"title": {}}, "Out": {"rich_text": {}}}}})
        for n in range(3):
            rehearsal.make("POST", "pages", {
                "parent": {"data_source_id": database["data_sources"][0]["id"]},
                "properties": {"Name": {"title": [{"text": {"content": f"row {n}"}}]}}})
        proxy = Proxy(rehearsal.ready["notion"], rules)
        self.addCleanup(proxy.close)

        def visen(statements):
            return run(["-c", f'connect "Rows" to "{database["id"]}"; {statements}'], home, **{
                **rehearsal.environment, "NOTION_BASE_URL": proxy.url})

        return database["data_sources"][0]["id"], proxy, visen

    def state(self, rehearsal, source):
        """What stands in the database: the titles, what is in Out, and the body of row 1."""
        rows = rehearsal.make("POST", f"data_sources/{source}/query", {})["results"]
        plain = lambda parts: "".join(part["plain_text"] for part in parts)
        titles = sorted(plain(row["properties"]["Name"]["title"]) for row in rows)
        out = {plain(row["properties"]["Name"]["title"]): plain(row["properties"]["Out"]["rich_text"])
               for row in rows}
        page = next(row["id"] for row in rows
                    if plain(row["properties"]["Name"]["title"]) == "row 1")
        blocks = rehearsal.make("GET", f"blocks/{page}/children")["results"]
        return titles, out["row 1"], [plain(block["paragraph"]["rich_text"]) for block in blocks]

    def spoilt(self, rehearsal, work, when, what):
        statement, (method, pattern), isRepeatable = WORK[work]
        source, proxy, visen = self.place(rehearsal, [(method, pattern, when, what)])
        code, out, err = visen(statement)
        self.assertEqual(code, 0, err)
        self.assertEqual(proxy.rules, [], "the fault was met")
        titles, words, body = self.state(rehearsal, source)
        self.assertEqual(titles, sorted(["row 0", "row 1", "row 2"] + ["new"] * (work == "add")))
        self.assertEqual(words, "words" if work == "set" else "")
        self.assertEqual(body, ["one", "two"] if work == "append" else [])
        if work == "query":
            self.assertEqual(out, "3\n")
        # How it went on: a refusal is sent again after the wait that was asked for; of what may have
        # been done Notion is asked first.
        place = next(i for i, r in enumerate(proxy.requests) if r["fault"])
        fault, after = proxy.requests[place], proxy.requests[place + 1]
        isSame = (after["method"], after["path"]) == (method, fault["path"])
        if isRepeatable or what in REFUSALS:
            self.assertTrue(isSame, after["path"])
        else:
            self.assertTrue(after["method"] == "GET" or "/query" in after["path"], after)
        if what in ("429", "529", "workspace"):
            self.assertGreaterEqual(after["at"] - fault["at"], 2 if what == "workspace" else 1)
        writes = [r for r in proxy.requests if (r["method"], r["path"]) == (method, fault["path"])]
        arrived = [r for r in writes if "status" in r]
        # What arrived is not sent again, unless twice is as good as once.
        self.assertEqual(len(arrived), 2 if when == "after" and isRepeatable else 1)

    def test_answers_that_are_lost(self):
        rehearsal = self.serve()
        scenes = {}
        for work in WORK:
            for what in REFUSALS + UNCERTAIN:
                scenes[f"{work} {what}"] = (work, "before", what)
            for what in UNCERTAIN + ["malformed"] + ["committed"] * (work in ("add", "append")):
                scenes[f"{work} {what} after it arrived"] = (work, "after", what)
        self.together({
            name: (lambda scene=scene: self.spoilt(rehearsal, *scene)) for name, scene in scenes.items()},
            workers=16)

    def test_a_blocked_key_is_not_knocked_with(self):
        _, proxy, visen = self.place(self.serve(), [("POST", r"/query", "before", "blocked")])
        code, _, err = visen("print count(rows)")
        self.assertEqual(code, 1, err)
        self.assertIn("Notion has blocked this key", err)
        self.assertEqual(sum("/query" in r["path"] for r in proxy.requests), 1)

    def test_a_window_that_is_full_is_waited_for(self):
        """A limit smaller than what Visen counts on: others use the workspace as well."""
        rehearsal = self.serve("--rate", "notion=40/1s")
        _, _, visen = self.place(rehearsal, [])
        code, _, err = visen(
            "set guard quick; add " + ", ".join(f'"more {n}"' for n in range(40))
            + '; generate Out with "Say {Name}" on rows')
        self.assertEqual(code, 0, err)
        self.assertIn("43 written", err)
        stats = rehearsal.stats()["notion"]
        self.assertLess(stats["statuses"].get("429", 0), 30, stats)


if __name__ == "__main__":
    unittest.main()
