"""Every kind of property in scripts: read, written, taken back, and refused in words that help."""

import http.client
import json
import unittest

from rehearsal import Rehearsal, TOKEN
from terminal import TerminalTest, run


def upload(rehearsal, name, data):
    """A file kept by Notion, sent by Notion's own protocol; its identity."""
    made = rehearsal.make("POST", "file_uploads", {"filename": name, "content_type": "text/plain"})
    boundary = "part"
    body = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n"
            f"Content-Type: text/plain\r\n\r\n{data}\r\n--{boundary}--\r\n").encode()
    connection = http.client.HTTPConnection(rehearsal.ready["notion"].removeprefix("http://"))
    connection.request("POST", f"/v1/file_uploads/{made['id']}/send", body, {
        "Authorization": "Bearer " + TOKEN, "Notion-Version": "2026-03-11",
        "Content-Type": f"multipart/form-data; boundary={boundary}"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 200, text
    return made["id"]


class Properties(TerminalTest):
    def setUp(self):
        self.home = self.folder()
        self.rehearsal = rehearsal = Rehearsal(self.home, "--fresh")
        self.addCleanup(rehearsal.close)
        self.make = rehearsal.make
        self.tasks = self.database("Tasks", {"Name": {"title": {}}, "Hours": {"number": {}}})
        self.task_ids = [
            self.page(self.tasks, f"task {n}", {"Hours": {"number": n}})["id"] for n in range(60)]
        self.projects = self.database("Projects", {
            "Name": {"title": {}}, "Files": {"files": {}}, "Place": {"place": {}},
            "Owner": {"people": {}}, "Kind": {"select": {"options": [{"name": "tea"}]}},
            "Marks": {"multi_select": {"options": [{"name": "hot"}]}}, "State": {"status": {}},
            "Link": {"url": {}}, "Mail": {"email": {}}, "Phone": {"phone_number": {}},
            "Key": {"unique_id": {"prefix": "PRJ"}},
            "Tasks": {"relation": {"data_source_id": self.tasks, "single_property": {}}},
            "Total": {"rollup": {"relation_property_name": "Tasks", "rollup_property_name": "Hours",
                                 "function": "sum"}},
            "Twice": {"formula": {"expression": 'prop("Total") * 2'}}})
        self.a = self.page(self.projects, "Apollo")["id"]
        self.b = self.page(self.projects, "Gemini")["id"]
        self.connect = (f'set notion_rate 100000; set workspace notion; connect "Projects" to '
                        f'"{self.address}"')
        self.good(self.connect)

    def database(self, title, properties):
        made = self.make("POST", "databases", {
            "parent": {"page_id": self.rehearsal.root}, "title": [{"text": {"content": title}}],
            "initial_data_source": {"properties": properties}})
        self.address = made["id"]
        return made["data_sources"][0]["id"]

    def page(self, source, title, more={}):
        return self.make("POST", "pages", {
            "parent": {"data_source_id": source},
            "properties": {"Name": {"title": [{"text": {"content": title}}]}, **more}})

    def cell(self, page, name):
        value = self.make("GET", f"pages/{page}")["properties"][name]
        return value[value["type"]]

    def visen(self, statements):
        return run(["-c", statements], self.home, **self.rehearsal.environment)

    def good(self, statements):
        code, out, err = self.visen(statements)
        self.assertEqual(code, 0, err)
        return out

    def one(self, statement, row="Apollo"):
        return self.good(f'use "Projects"; for r in rows where Name is "{row}" {{ {statement} }}')

    def refused(self, statement, *words):
        code, _, err = self.visen(
            f'use "Projects"; for r in rows where Name is "Apollo" {{ {statement} }}')
        self.assertNotEqual(code, 0)
        for word in words:
            self.assertIn(word, err)

    def test_files(self):
        kept = upload(self.rehearsal, "kept.txt", "words")
        self.make("PATCH", f"pages/{self.a}", {"properties": {"Files": {"files": [
            {"name": "kept.txt", "type": "file_upload", "file_upload": {"id": kept}}]}}})
        # One more beside what Notion keeps, which stays where it is.
        self.one('r.Files = r.Files + ["https://example.com/b%20c.pdf"]')
        files = self.cell(self.a, "Files")
        self.assertEqual([(f["name"], f["type"]) for f in files],
                         [("kept.txt", "file"), ("b c.pdf", "external")])
        self.assertEqual(self.one('print join(for f in r.Files { f.name }, "|")').strip(),
                         "kept.txt|b c.pdf")
        self.one("r.Files = nothing")
        self.assertEqual(self.cell(self.a, "Files"), [])
        self.good('use "Projects"; undo')
        self.assertEqual([f["name"] for f in self.cell(self.a, "Files")], ["kept.txt", "b c.pdf"])
        # To another row, and an address alone.
        self.good('use "Projects"; let from = rows where Name is "Apollo" first 1; '
                  'for a in from { for r in rows where Name is "Gemini" { r.Files = a.Files } }')
        self.assertEqual([f["name"] for f in self.cell(self.b, "Files")], ["kept.txt", "b c.pdf"])
        self.refused('r.Files = "no address"', "no address of one", "https://")

    def test_verification(self):
        # Only a wiki has it; the embedded workspace lets any database have one.
        self.make("PATCH", f"data_sources/{self.projects}",
                  {"properties": {"Checked": {"verification": {}}}})
        # A property that has come since the schema was read is known at once.
        self.one('r.Checked = "verified"')
        self.assertEqual(self.cell(self.a, "Checked")["state"], "verified")
        self.assertEqual(
            self.one('print "{r.Checked} by {r.Checked.by}"').strip(),
            f"verified by {self.cell(self.a, 'Checked')['verified_by']['name']}")
        self.assertEqual(
            self.good('use "Projects"; count(rows where Checked is "verified")').strip(), "1")
        self.good('use "Projects"; undo')
        self.assertEqual(self.cell(self.a, "Checked")["state"], "unverified")
        self.refused('r.Checked = "maybe"', "Checked takes", "verified")

    def test_places_people_and_plain_kinds(self):
        self.one('r.Place = "35.68, 139.69"; r.Owner = ["You"]; r.Link = "https://a.b/"; '
                 'r.Mail = "a@b.c"; r.Phone = "+81 3"; r.State = "done"; r.Marks = ["HOT"]; '
                 'r.Kind = "TEA"')
        place = self.cell(self.a, "Place")
        self.assertEqual((place["lat"], place["lon"]), (35.68, 139.69))
        self.assertEqual(len(self.cell(self.a, "Owner")), 1)
        self.assertEqual(self.cell(self.a, "State")["name"], "Done")
        self.assertEqual([m["name"] for m in self.cell(self.a, "Marks")], ["hot"])
        self.assertEqual(self.cell(self.a, "Kind")["name"], "tea")
        self.assertEqual(
            self.one('print "{r.Place.lat} {r.Owner} {r.Key} {r.Mail} {r.State}"').strip(),
            "35.68 You PRJ-1 a@b.c Done")
        self.good('use "Projects"; let all = rows where Name is "Apollo"; for a in all '
                  '{ for r in rows where Name is "Gemini" { r.Place = a.Place; r.Owner = a.Owner } }')
        self.assertEqual(self.cell(self.b, "Place")["lat"], 35.68)
        self.assertEqual(self.cell(self.b, "Owner"), self.cell(self.a, "Owner"))
        self.one("r.Place = nothing; r.Owner = []; r.State = nothing")
        self.assertIsNone(self.cell(self.a, "Place"))
        self.refused('r.Place = "somewhere"', "takes a place", "latitude and longitude")
        self.refused('r.Owner = ["Nobody"]', "Nobody")
        self.refused('r.State = "later"', "no option of State", "Not started")
        self.refused('r.Total = 3', "Total", "rollup")

    def test_relations(self):
        first, second, third = self.task_ids[0], self.task_ids[1], self.task_ids[2]
        url = "https://www.notion.so/task-2-" + third.replace("-", "")
        self.one(f'r.Tasks = ["task 0", "{second}", "{url}"]')
        self.assertEqual([r["id"] for r in self.cell(self.a, "Tasks")], [first, second, third])
        # The fields of related rows, which are read when they are looked at.
        out = self.one('for t in r.Tasks { print "{t.Name} {t.Hours}" }')
        self.assertEqual(out.splitlines(), ["task 0 0", "task 1 1", "task 2 2"])
        self.make("PATCH", f"pages/{self.a}", {"properties": {
            "Tasks": {"relation": [{"id": task} for task in self.task_ids]}}})
        # A page shows 25; what is computed over them counts all.
        out = self.one('print "{(count(r.Tasks))} {r.Total} {r.Twice} {(r.Tasks[-1])}"')
        self.assertEqual(out.strip(), "60 1770 3540 task 59")
        # One goes, the other 59 stay, though a page shows but 25 of them; undo brings all back.
        self.one("r.Tasks = r.Tasks - [r.Tasks[0]]")
        self.assertEqual(self.related(), self.task_ids[1:])
        self.good('use "Projects"; undo')
        self.assertEqual(self.related(), self.task_ids)

    def related(self):
        """The rows in Tasks, all of them."""
        name = self.make("GET", f"pages/{self.a}")["properties"]["Tasks"]["id"]
        items = self.make("GET", f"pages/{self.a}/properties/{name}?page_size=100")["results"]
        return [item["relation"]["id"] for item in items]

    def test_new_options_are_asked_for(self):
        screen = self.terminal(home=self.home, VISEN_PAGER="cat", **self.rehearsal.environment)
        screen.wait_prompt()
        screen.enter('use "Projects"')
        screen.wait_for("Projects")
        screen.enter('for r in rows where Name is "Apollo" { r.Kind = "cocoa" }')
        screen.wait_for("Kind has no option “cocoa”. Make it? [y/N]")
        screen.enter("n")
        screen.wait_for("“cocoa” is no option of Kind")
        screen.enter('for r in rows where Name is "Apollo" { r.Kind = "cocoa"; r.Marks = ["hot", "iced"] }')
        screen.wait_for("Kind has no option “cocoa”. Make it? [y/N]", count=2)
        screen.enter("y")
        screen.wait_for("Marks has no option “iced”. Make it? [y/N]")
        screen.enter("y")
        screen.wait_for("Kind, Marks: 1 written")
        self.assertEqual(self.cell(self.a, "Kind")["name"], "cocoa")
        # The schema knows them now, and nobody is asked again.
        screen.enter('for r in rows where Name is "Gemini" { r.Kind = "cocoa" }')
        screen.wait_for("Kind: 1 written")
        screen.press("C-d")
        screen.wait_for("[exit 0]")
        # In a script nobody is asked: refused, unless it was allowed; a status is never made.
        self.refused('r.Kind = "water"', "no option of Kind", "tea")
        self.one('r.Kind = "cocoa"')
        self.good('set new_options allow')
        self.one('r.Kind = "water"')
        self.assertEqual(self.cell(self.a, "Kind")["name"], "water")
        self.refused('r.State = "later"', "no option of State")
        self.good('set new_options deny')
        self.refused('r.Kind = "milk"', "no option of Kind")
        self.refused('r.Marks = ["a, b"]', "no option of Marks")

    def test_a_database_with_several_sources(self):
        other = self.make("POST", "data_sources", {
            "parent": {"database_id": self.address}, "title": [{"text": {"content": "Second"}}],
            "properties": {"Name": {"title": {}}, "Only here": {"number": {}}}})
        self.page(other["id"], "in the second")
        code, _, err = self.visen(f'connect "Two" to "{self.address}"')
        self.assertEqual(code, 1)
        self.assertIn("has several data sources; say which", err)
        self.assertIn("Second", err)
        url = "https://www.notion.so/" + self.address.replace("-", "")
        code, _, err = self.visen(f'connect "Two" to "{url}/Third"')
        self.assertIn("has no data source called “Third”", err)
        out = self.good(f'connect "Two" to "{url}/Second"; for r in rows {{ print r.Name }}')
        self.assertEqual(out.strip(), "in the second")
        screen = self.terminal(home=self.home, VISEN_PAGER="cat", **self.rehearsal.environment)
        screen.wait_prompt()
        screen.enter(f'connect "Asked" to "{url}"')
        screen.wait_for("2  Second")
        screen.wait_for("Which one? [1]")
        screen.enter("7")
        screen.wait_for("Type a number from 1 to 2.")
        screen.enter("2")
        screen.wait_for("Connected “Asked”")
        screen.enter("rows")
        screen.wait_for("in the second")
        screen.press("C-d")
        screen.wait_for("[exit 0]")


if __name__ == "__main__":
    unittest.main()
