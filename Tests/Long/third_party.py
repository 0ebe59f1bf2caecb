#!/usr/bin/env python3
"""Clients of other people, unmodified, against `visen serve`: notion-client, openai, google-genai.

They are installed from PyPI into a folder of their own the first time.
"""

import io
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Terminal"))
from rehearsal import Rehearsal, TOKEN  # noqa: E402

PACKAGES = ROOT / ".build/third-party"
if not PACKAGES.exists():
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(PACKAGES),
         "notion-client", "openai", "google-genai"], check=True)
sys.path.insert(0, str(PACKAGES))
import notion_client  # noqa: E402
import openai  # noqa: E402
import pydantic  # noqa: E402
from google import genai  # noqa: E402


def text(words):
    return [{"type": "text", "text": {"content": words}}]


SCHEMA = {
    "Name": {"title": {}}, "Notes": {"rich_text": {}}, "Amount": {"number": {"format": "euro"}},
    "Kind": {"select": {"options": [{"name": "A", "color": "red"}, {"name": "B"}]}},
    "Tags": {"multi_select": {"options": [{"name": "x"}, {"name": "y"}]}}, "State": {"status": {}},
    "When": {"date": {}}, "Who": {"people": {}}, "Files": {"files": {}}, "Done": {"checkbox": {}},
    "Link": {"url": {}}, "Mail": {"email": {}}, "Phone": {"phone_number": {}},
    "Made": {"created_time": {}}, "Maker": {"created_by": {}}, "Edited": {"last_edited_time": {}},
    "Editor": {"last_edited_by": {}}, "No": {"unique_id": {"prefix": "T"}}, "Where": {"place": {}},
    "Double": {"formula": {"expression": 'prop("Amount") * 2'}},
    "Checked": {"verification": {}}, "Press": {"button": {}},
    "Label": {"formula": {"expression":
              'if(prop("Amount") > 100, upper(prop("Name")), concat(prop("Name"), "-", prop("Kind")))'}},
}


class NotionClient(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="visen-third-")
        self.server = Rehearsal(self.home, "--fresh", "--title", "Root")
        self.addCleanup(self.server.close)

    def client(self, version="2026-03-11", token=TOKEN):
        return notion_client.Client(
            auth=token, base_url=self.server.ready["notion"], notion_version=version,
            log_level=logging.CRITICAL)

    def database(self, client, schema=SCHEMA, title="All"):
        database = client.databases.create(
            parent={"type": "page_id", "page_id": self.server.root}, title=text(title),
            initial_data_source={"properties": schema})
        return database, database["data_sources"][0]["id"]

    def refused(self, code, call, *arguments, **named):
        with self.assertRaises(notion_client.APIResponseError) as caught:
            call(*arguments, **named)
        self.assertEqual(str(getattr(caught.exception.code, "value", caught.exception.code)), code)
        return str(caught.exception)

    def test_rows_of_all_kinds(self):
        client = self.client()
        self.assertEqual(client.users.me()["type"], "bot")
        person = next(u for u in client.users.list()["results"] if u["type"] == "person")
        database, source = self.database(client)
        read = client.data_sources.retrieve(source)
        self.assertEqual(set(read["properties"]), set(SCHEMA))
        self.assertEqual(list(read["properties"])[-1], "Name")
        for name, schema in SCHEMA.items():
            self.assertEqual(read["properties"][name]["type"], next(iter(schema)))
        row = client.pages.create(
            parent={"type": "data_source_id", "data_source_id": source},
            properties={
                "Name": {"title": text("first")}, "Notes": {"rich_text": text("notes")},
                "Amount": {"number": 60.5}, "Kind": {"select": {"name": "B"}},
                "Tags": {"multi_select": [{"name": "y"}, {"name": "new"}]},
                "State": {"status": {"name": "In progress"}},
                "When": {"date": {"start": "2026-06-27T18:01:15.377824", "time_zone": "Europe/London"}},
                "Who": {"people": [{"id": person["id"]}]},
                "Files": {"files": [{"name": "f", "external": {"url": "https://a.b/f.pdf"}}]},
                "Done": {"checkbox": True}, "Link": {"url": "https://x.y"},
                "Mail": {"email": "a@b.c"}, "Phone": {"phone_number": "+1"},
                "Where": {"place": {"lat": 1.5, "lon": 2.5}},
            })
        read = client.pages.retrieve(row["id"])["properties"]
        self.assertEqual(read["When"]["date"]["start"], "2026-06-27T18:01:00.000+01:00")
        self.assertEqual([o["name"] for o in read["Tags"]["multi_select"]], ["y", "new"])
        self.assertEqual(read["Who"]["people"][0]["name"], person["name"])
        self.assertEqual(read["No"]["unique_id"], {"prefix": "T", "number": 1})
        self.assertEqual(read["Double"]["formula"], {"type": "number", "number": 121})
        self.assertEqual(read["Label"]["formula"], {"type": "string", "string": "first-B"})
        self.assertEqual(read["Where"]["place"]["lat"], 1.5)
        self.assertEqual(read["Checked"]["verification"]["state"], "unverified")
        self.assertEqual(read["Press"]["button"], {})
        client.pages.update(row["id"], properties={"Checked": {"verification": {"state": "verified"}}})
        found = client.data_sources.query(source, filter={
            "property": "Checked", "verification": {"status": "verified"}})["results"]
        self.assertEqual([r["id"] for r in found], [row["id"]])
        item = client.pages.properties.retrieve(row["id"], read["Amount"]["id"])
        self.assertEqual((item["object"], item["number"]), ("property_item", 60.5))
        message = self.refused(
            "validation_error", client.pages.update, row["id"],
            properties={"State": {"status": {"name": "Nope"}}})
        self.assertIn("Not started", message)
        self.refused("validation_error", client.pages.update, row["id"],
                     properties={"Double": {"number": 1}})
        self.refused("validation_error", client.pages.update, row["id"],
                     properties={"Kind": {"select": {"name": "a,b"}}})
        message = self.refused("validation_error", client.pages.update, row["id"],
                               properties={"Nope": {"number": 1}})
        self.assertIn("Nope is not a property that exists.", message)

    def test_250_rows_filters_and_sorts(self):
        client = self.client()
        _, source = self.database(client)
        for number in range(250):
            client.pages.create(
                parent={"data_source_id": source},
                properties={
                    "Name": {"title": text(f"Row {number}")}, "Amount": {"number": number},
                    "Done": {"checkbox": number % 2 == 0},
                    "Tags": {"multi_select": [{"name": "x"}] if number % 5 == 0 else []}})
        rows = notion_client.helpers.collect_paginated_api(
            client.data_sources.query, data_source_id=source)
        names = [r["properties"]["Name"]["title"][0]["plain_text"] for r in rows]
        self.assertEqual(names, [f"Row {n}" for n in range(249, -1, -1)])
        answer = client.data_sources.query(
            source, filter={"and": [
                {"property": "Done", "checkbox": {"equals": True}},
                {"or": [{"property": "Amount", "number": {"less_than": 10}},
                        {"property": "Tags", "multi_select": {"contains": "x"}}]}]},
            sorts=[{"property": "Name", "direction": "ascending"}])
        wanted = [n for n in range(250) if n % 2 == 0 and (n < 10 or n % 5 == 0)]
        self.assertEqual([r["properties"]["Amount"]["number"] for r in answer["results"]], wanted)
        answer = client.data_sources.query(
            source, filter={"property": "Double", "formula": {"number": {"greater_than": 490}}},
            filter_properties=["title"])
        self.assertEqual(len(answer["results"]), 4)
        self.assertEqual(list(answer["results"][0]["properties"]), ["Name"])
        message = self.refused("validation_error", client.data_sources.query, source,
                               filter={"property": "Nope", "number": {"equals": 1}})
        self.assertIn("Could not find property with name or id: Nope", message)
        self.refused("validation_error", client.data_sources.query, source, page_size=101)
        self.refused("validation_error", client.data_sources.query, source, start_cursor="xyz")

    def test_filters_of_every_kind(self):
        client = self.client()
        _, source = self.database(client)
        person = next(u for u in client.users.list()["results"] if u["type"] == "person")
        client.data_sources.update(source, properties={
            "Others": {"relation": {"data_source_id": source, "single_property": {}}},
            "Sum": {"rollup": {"relation_property_name": "Others", "rollup_property_name": "Amount",
                               "function": "sum"}},
            "Kinds": {"rollup": {"relation_property_name": "Others", "rollup_property_name": "Kind",
                                 "function": "show_original"}}})
        empty = client.pages.create(parent={"data_source_id": source}, properties={})
        full = client.pages.create(parent={"data_source_id": source}, properties={
            "Name": {"title": text("Full")}, "Notes": {"rich_text": text("Notes")},
            "Amount": {"number": 5}, "Kind": {"select": {"name": "A"}},
            "Tags": {"multi_select": [{"name": "x"}]}, "State": {"status": {"name": "Done"}},
            "When": {"date": {"start": "2026-05-05"}}, "Who": {"people": [{"id": person["id"]}]},
            "Files": {"files": [{"name": "f", "external": {"url": "https://a.b/c"}}]},
            "Done": {"checkbox": True}, "Link": {"url": "https://x.y"}, "Mail": {"email": "a@b.c"},
            "Phone": {"phone_number": "+49"}})
        last = client.pages.create(parent={"data_source_id": source}, properties={
            "Others": {"relation": [{"id": full["id"]}]}})
        bot = client.users.me()["id"]
        for only_full in [
            {"property": "Name", "title": {"starts_with": "fu"}},
            {"property": "Notes", "rich_text": {"ends_with": "TES"}},
            {"property": "Amount", "number": {"greater_than_or_equal_to": 5}},
            {"property": "Kind", "select": {"equals": "A"}},
            {"property": "Tags", "multi_select": {"contains": ["x", "y"]}},
            {"property": "State", "status": {"equals": "Complete"}},
            {"property": "When", "date": {"equals": "2026-05-05"}},
            {"property": "Who", "people": {"contains": person["id"]}},
            {"property": "Files", "files": {"is_not_empty": True}},
            {"property": "Done", "checkbox": {"equals": True}},
            {"property": "Link", "url": {"contains": "X.Y"}},
            {"property": "Mail", "email": {"equals": "a@b.c"}},
            {"property": "Phone", "phone_number": {"is_not_empty": True}},
            {"property": "No", "unique_id": {"equals": 2}},
            {"property": "Double", "formula": {"number": {"equals": 10}}},
            {"property": "Label", "formula": {"string": {"contains": "Full"}}},
        ]:
            with self.subTest(only_full):
                found = client.data_sources.query(source, filter=only_full)["results"]
                self.assertEqual([r["id"] for r in found], [full["id"]])
        for only_last in [
            {"property": "Others", "relation": {"contains": full["id"]}},
            {"property": "Sum", "rollup": {"number": {"equals": 5}}},
            {"property": "Kinds", "rollup": {"any": {"select": {"equals": "A"}}}},
        ]:
            with self.subTest(only_last):
                found = client.data_sources.query(source, filter=only_last)["results"]
                self.assertEqual([r["id"] for r in found], [last["id"]])
        every = client.data_sources.query(source, filter={"and": [
            {"property": "Maker", "created_by": {"contains": bot}},
            {"property": "Editor", "last_edited_by": {"is_not_empty": True}},
            {"property": "Made", "created_time": {"past_week": {}}},
            {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "today"}}]})
        self.assertEqual(
            [r["id"] for r in every["results"]], [last["id"], full["id"], empty["id"]])

    def test_schema_changes(self):
        client = self.client()
        database, source = self.database(client, {
            "Name": {"title": {}}, "Text": {"rich_text": {}},
            "Kind": {"select": {"options": [{"name": "A"}, {"name": "B"}]}}})
        row = client.pages.create(parent={"data_source_id": source}, properties={
            "Text": {"rich_text": text("12")}, "Kind": {"select": {"name": "B"}}})
        client.data_sources.update(source, properties={
            "Text": {"number": {}}, "Kind": {"select": {"options": [{"name": "A"}, {"name": "C"}]}},
            "Name": {"name": "Title"}, "New": {"checkbox": {}}})
        read = client.pages.retrieve(row["id"])["properties"]
        self.assertEqual(read["Text"]["number"], 12)
        self.assertIsNone(read["Kind"]["select"])
        self.assertIn("Title", read)
        found = client.data_sources.query(source, filter={"and": [
            {"property": "Text", "number": {"greater_than": 11}},
            {"property": "Kind", "select": {"is_empty": True}},
            {"property": "New", "checkbox": {"equals": False}}]})["results"]
        self.assertEqual([r["id"] for r in found], [row["id"]])
        second = client.data_sources.create(
            parent={"type": "database_id", "database_id": database["id"]},
            properties={"Name": {"title": {}}}, title=text("Second"))
        names = [s["name"] for s in client.databases.retrieve(database["id"])["data_sources"]]
        self.assertEqual(names, ["All", "Second"])
        moved = client.request(path=f"pages/{row['id']}/move", method="POST",
                               body={"parent": {"data_source_id": second["id"]}})
        self.assertEqual(moved["parent"]["data_source_id"], second["id"])
        self.refused("validation_error", client.pages.create,
                     parent={"database_id": database["id"]}, properties={})

    def test_relations_of_60(self):
        client = self.client()
        _, tasks = self.database(
            client, {"Name": {"title": {}}, "Hours": {"number": {}}}, "Tasks")
        _, projects = self.database(client, {
            "Name": {"title": {}},
            "Tasks": {"relation": {"data_source_id": tasks, "dual_property": {}}},
            "Total": {"rollup": {"relation_property_name": "Tasks", "rollup_property_name": "Hours",
                                 "function": "sum"}}}, "Projects")
        mirror = "Related to Projects (Tasks)"
        self.assertIn(mirror, client.data_sources.retrieve(tasks)["properties"])
        ids = [client.pages.create(
            parent={"data_source_id": tasks},
            properties={"Name": {"title": text(f"T{n}")}, "Hours": {"number": n}})["id"]
            for n in range(60)]
        project = client.pages.create(
            parent={"data_source_id": projects},
            properties={"Name": {"title": text("P")}, "Tasks": {"relation": [{"id": i} for i in ids]}})
        shown = client.pages.retrieve(project["id"])["properties"]
        self.assertEqual((len(shown["Tasks"]["relation"]), shown["Tasks"]["has_more"]), (25, True))
        self.assertEqual(shown["Total"]["rollup"]["number"], sum(range(60)))
        found, cursor = [], None
        while True:
            more = {"start_cursor": cursor} if cursor else {}
            page = client.pages.properties.retrieve(
                project["id"], shown["Tasks"]["id"], page_size=25, **more)
            found += [item["relation"]["id"] for item in page["results"]]
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
        self.assertEqual(found, ids)
        theirs = client.pages.retrieve(ids[7])["properties"][mirror]["relation"]
        self.assertEqual(theirs, [{"id": project["id"]}])
        client.pages.update(ids[7], properties={mirror: {"relation": []}})
        page = client.pages.properties.retrieve(project["id"], shown["Tasks"]["id"])
        self.assertEqual(len(page["results"]), 59)

    def test_blocks_of_every_kind(self):
        client = self.client()
        page = client.pages.create(
            parent={"page_id": self.server.root}, properties={"title": {"title": text("Blocks")}})
        other = client.pages.create(
            parent={"page_id": page["id"]}, properties={"title": {"title": text("Below")}})
        word = {"rich_text": text("words")}
        blocks = [
            {"paragraph": word}, {"heading_1": word}, {"heading_2": word}, {"heading_3": word},
            {"heading_4": word}, {"heading_1": {**word, "is_toggleable": True, "children": [{"paragraph": word}]}},
            {"bulleted_list_item": {**word, "children": [
                {"bulleted_list_item": {**word, "children": [{"paragraph": word}]}}]}},
            {"numbered_list_item": word}, {"to_do": {**word, "checked": True}}, {"toggle": word},
            {"quote": word}, {"callout": {**word, "icon": {"emoji": "🎯"}}},
            {"code": {**word, "language": "swift"}}, {"equation": {"expression": "e=mc^2"}},
            {"divider": {}}, {"breadcrumb": {}}, {"table_of_contents": {}},
            {"image": {"external": {"url": "https://a.b/c.png"}}},
            {"video": {"external": {"url": "https://a.b/c.mp4"}}},
            {"audio": {"external": {"url": "https://a.b/c.mp3"}}},
            {"pdf": {"external": {"url": "https://a.b/c.pdf"}}},
            {"file": {"external": {"url": "https://a.b/c.zip"}}},
            {"bookmark": {"url": "https://a.b"}}, {"embed": {"url": "https://a.b"}},
            {"link_to_page": {"page_id": other["id"]}},
            {"table": {"table_width": 2, "children": [{"table_row": {"cells": [text("a"), []]}}]}},
            {"column_list": {"children": [
                {"column": {"children": [{"paragraph": word}]}}, {"column": {"children": []}}]}},
            {"synced_block": {"synced_from": None, "children": [{"paragraph": word}]}},
            {"tab": {"children": [{"paragraph": word}]}}, {"template": {**word}},
        ]
        made = client.blocks.children.append(page["id"], children=blocks)["results"]
        self.assertEqual([b["type"] for b in made], [next(iter(b)) for b in blocks])
        read = client.blocks.children.list(page["id"])["results"]
        self.assertEqual(read[0]["type"], "child_page")
        self.assertEqual([b["id"] for b in read[1:]], [b["id"] for b in made])
        # In the middle, the answer goes on to the end.
        answer = client.blocks.children.append(
            page["id"], children=[{"paragraph": word}],
            position={"type": "after_block", "after_block": {"id": made[0]["id"]}})["results"]
        self.assertEqual(len(answer), len(blocks))
        client.blocks.update(made[0]["id"], paragraph={"rich_text": [
            {"mention": {"page": {"id": other["id"]}}}, {"equation": {"expression": "x"}},
            {"text": {"content": "b", "link": {"url": "https://a.b/"}}, "annotations": {"bold": True}}]})
        rich = client.blocks.retrieve(made[0]["id"])["paragraph"]["rich_text"]
        self.assertEqual([r["plain_text"] for r in rich], ["Below", "x", "b"])
        self.assertTrue(client.blocks.delete(made[1]["id"])["in_trash"])
        self.refused("validation_error", client.blocks.delete, made[1]["id"])
        self.refused("validation_error", client.blocks.children.append, made[14]["id"],
                     children=[{"paragraph": word}])
        message = self.refused("validation_error", client.blocks.children.append, page["id"],
                               children=[{"paragraph": {"rich_text": text("x" * 2001)}}])
        self.assertIn("should be ≤ `2000`, instead was `2001`", message)
        self.refused("validation_error", client.blocks.children.append, page["id"],
                     children=[{"divider": {}}] * 101)
        self.refused("validation_error", client.blocks.children.append, page["id"],
                     children=[{"code": {**word, "language": "klingon"}}])

    def test_markdown_comments_search_trash(self):
        client = self.client()
        page = client.pages.create(
            parent={"page_id": self.server.root}, markdown="# Title here\n\n## Part\n\n- a\n- b\n\nend")
        self.assertEqual(page["properties"]["title"]["title"][0]["plain_text"], "Title here")
        path = f"pages/{page['id']}/markdown"
        self.assertEqual(
            client.request(path=path, method="GET")["markdown"], "## Part\n- a\n- b\nend")
        answer = client.request(path=path, method="PATCH", body={
            "type": "update_content",
            "update_content": {"content_updates": [{"old_str": "end", "new_str": "**the** end"}]}})
        self.assertIn("**the** end", answer["markdown"])
        dialect = ('<callout icon="🎯" color="blue_bg">\n\tWords\n\t- child\n</callout>\n'
                   '<details>\n<summary>More</summary>\n\tinside\n</details>\n'
                   '<columns>\n\t<column>\n\t\tleft\n\t</column>\n\t<column>\n\t\tright\n\t</column>\n</columns>\n'
                   '# Red {color="red"}\n<span underline="true">u</span> $e=mc^2$')
        answer = client.request(path=path, method="PATCH", body={
            "type": "replace_content", "replace_content": {"new_str": dialect}})
        self.assertEqual(answer["markdown"], dialect)
        self.assertEqual(
            [block["type"] for block in client.blocks.children.list(page["id"])["results"]],
            ["callout", "toggle", "column_list", "heading_1", "paragraph"])
        flavored = client.request(path=path, method="GET", query={"markdown_version": "v2"})["markdown"]
        self.assertIn('<callout icon="🎯" color="blue_bg">\nWords\n\n- child\n</callout>', flavored)
        answer = client.request(path=path, method="PATCH", body={
            "type": "replace_content", "replace_content": {"new_str": flavored}, "markdown_version": "v2"})
        self.assertEqual(answer["markdown"], flavored)
        self.assertEqual(client.request(path=path, method="GET")["markdown"], dialect)
        self.refused("validation_error", client.request, path=path, method="PATCH", body={
            "type": "replace_content", "replace_content": {"new_str": "<callout>no end"}})
        comment = client.comments.create(
            parent={"page_id": page["id"]}, rich_text=text("well"))
        client.comments.create(discussion_id=comment["discussion_id"], rich_text=text("said"))
        listed = client.comments.list(block_id=page["id"])["results"]
        self.assertEqual([c["rich_text"][0]["plain_text"] for c in listed], ["well", "said"])
        found = client.search(query="title")["results"]
        self.assertEqual([item["id"] for item in found], [page["id"]])
        client.pages.update(page["id"], in_trash=True)
        self.assertEqual(client.search(query="title")["results"], [])
        self.assertTrue(client.pages.retrieve(page["id"])["in_trash"])
        self.refused("validation_error", client.pages.update, page["id"],
                     properties={"title": {"title": text("x")}})
        client.pages.update(page["id"], in_trash=False)
        self.assertEqual(len(client.search(query="title")["results"]), 1)

    def test_errors(self):
        client = self.client()
        missing = "0123456789ab4def8123456789abcdef"
        self.assertIn("Could not find page with ID", self.refused(
            "object_not_found", client.pages.retrieve, missing))
        self.refused("object_not_found", client.databases.retrieve, missing)
        self.refused("object_not_found", client.users.retrieve, missing)
        self.assertIn("path.page_id should be a valid uuid", self.refused(
            "validation_error", client.pages.retrieve, "12345678-1234-1234-1234-123456789abc"))
        self.refused("unauthorized", self.client(token="wrong").users.me)
        self.refused("validation_error", client.databases.create, parent={}, title=[])
        self.refused("validation_error", client.pages.create, parent={"page_id": self.server.root},
                     properties={"title": {"title": [{"text": {"content": "x" * 2001}}]}})

    def test_uploads(self):
        client = self.client()
        upload = client.file_uploads.create(mode="single_part", filename="a.txt")
        self.assertEqual(upload["status"], "pending")
        sent = client.file_uploads.send(upload["id"], file=("a.txt", b"hello", "text/plain"))
        self.assertEqual((sent["status"], sent["content_length"]), ("uploaded", 5))
        page = client.pages.create(
            parent={"page_id": self.server.root}, properties={"title": {"title": text("Files")}},
            children=[{"file": {"file_upload": {"id": upload["id"]}}}])
        block = client.blocks.children.list(page["id"])["results"][0]
        self.assertEqual(block["file"]["type"], "file")
        self.assertIn("expiry_time", block["file"]["file"])

    def test_older_versions(self):
        old = self.client("2022-06-28")
        database = old.request(path="databases", method="POST", body={
            "parent": {"page_id": self.server.root}, "title": text("Old"),
            "properties": {"Name": {"title": {}}, "N": {"number": {}}}})
        self.assertEqual(set(database["properties"]), {"Name", "N"})
        self.assertNotIn("data_sources", database)
        row = old.pages.create(parent={"database_id": database["id"]}, properties={
            "Name": {"title": text("r")}, "N": {"number": 4}})
        self.assertEqual(row["parent"], {"type": "database_id", "database_id": database["id"]})
        self.assertIs(row["archived"], False)
        rows = old.request(path=f"databases/{database['id']}/query", method="POST", body={
            "filter": {"property": "N", "number": {"equals": 4}}})["results"]
        self.assertEqual([r["id"] for r in rows], [row["id"]])
        changed = old.request(path=f"databases/{database['id']}", method="PATCH", body={
            "title": text("Newer"), "properties": {"M": {"checkbox": {}}}})
        self.assertIn("M", changed["properties"])
        self.assertEqual(changed["title"][0]["plain_text"], "Newer")
        found = old.search(filter={"property": "object", "value": "database"})["results"]
        self.assertEqual([item["object"] for item in found], ["database"])
        self.assertTrue(old.pages.update(row["id"], archived=True)["archived"])
        middle = self.client("2025-09-03")
        self.assertIs(middle.pages.retrieve(row["id"])["archived"], True)
        source = middle.databases.retrieve(database["id"])["data_sources"][0]["id"]
        middle.data_sources.create(
            parent={"database_id": database["id"]}, properties={"T": {"title": {}}})
        message = self.refused("validation_error", old.databases.retrieve, database["id"])
        self.assertIn("multiple data sources", message)
        self.assertNotIn("archived", self.client().pages.retrieve(row["id"]))
        self.refused("invalid_request_url", old.request,
                     path=f"data_sources/{source}", method="GET")


class Row(pydantic.BaseModel):
    name: str
    count: int
    tags: list[str]


class Engines(unittest.TestCase):
    def setUp(self):
        self.server = Rehearsal(tempfile.mkdtemp(prefix="visen-third-"), "--fresh")
        self.addCleanup(self.server.close)

    def test_openai(self):
        client = openai.OpenAI(
            base_url=self.server.ready["openai"] + "/v1", api_key="any", max_retries=0)
        model = "gpt-6-luna"
        self.assertIn(model, [m.id for m in client.models.list()])
        ask = [{"role": "user", "content": "translate the topic to Japanese: learning is fun"}]
        plain = client.chat.completions.create(model=model, messages=ask)
        self.assertIn("学ぶことは楽しい", plain.choices[0].message.content)
        stream = client.chat.completions.create(
            model=model, messages=ask, stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        self.assertEqual(
            "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
            plain.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.total_tokens, plain.usage.total_tokens)
        parsed = client.chat.completions.parse(model=model, messages=ask, response_format=Row)
        self.assertIsInstance(parsed.choices[0].message.parsed, Row)
        answer = client.responses.create(model=model, input="hello")
        self.assertIn("hello", answer.output_text)
        with client.responses.stream(model=model, input="hello") as stream:
            deltas = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
            self.assertEqual(stream.get_final_response().output_text, deltas)
        self.assertIsInstance(
            client.responses.parse(model=model, input="x", text_format=Row).output_parsed, Row)
        with self.assertRaises(openai.NotFoundError):
            client.chat.completions.create(model="nope", messages=ask)
        with self.assertRaises(openai.BadRequestError):
            client.chat.completions.create(model=model, messages=ask, temperature=0.5)

    def test_gemini(self):
        client = genai.Client(
            api_key="any", http_options={"base_url": self.server.ready["gemini"]})
        model = "gemini-3.1-flash-lite"
        self.assertIn("models/" + model, [m.name for m in client.models.list()])
        plain = client.models.generate_content(model=model, contents="hello")
        self.assertIn("hello", plain.text)
        pieces = client.models.generate_content_stream(model=model, contents="hello")
        self.assertEqual("".join(piece.text for piece in pieces), plain.text)
        typed = client.models.generate_content(
            model=model, contents="x",
            config={"response_mime_type": "application/json", "response_schema": Row})
        self.assertIsInstance(typed.parsed, Row)
        self.assertGreater(client.models.count_tokens(model=model, contents="hi").total_tokens, 0)
        with self.assertRaises(genai.errors.ClientError):
            client.models.generate_content(model="nope", contents="x")

    def rehearsal(self, *options):
        server = Rehearsal(tempfile.mkdtemp(prefix="visen-third-"), "--fresh", *options)
        self.addCleanup(server.close)
        return server

    def openai(self, server):
        return openai.OpenAI(base_url=server.ready["openai"] + "/v1", api_key="any", max_retries=0)

    def gemini(self, server):
        return genai.Client(api_key="any", http_options={"base_url": server.ready["gemini"]})

    def until(self, look, ends, seconds=20):
        """Looks until the state is among those; gives what was seen last."""
        end = time.monotonic() + seconds
        while True:
            seen = look()
            state = getattr(seen, "status", None) or seen.state.name
            if state in ends:
                return seen
            self.assertLess(time.monotonic(), end, state)
            time.sleep(0.05)

    def line(self, key, words, url="/v1/responses", model="gpt-6-luna", **more):
        body = {"model": model, "input": words, **more}
        return json.dumps({"custom_id": key, "method": "POST", "url": url, "body": body}).encode()

    def test_openai_streams_that_end_in_errors(self):
        client = self.openai(self.rehearsal("--faults", "engine:cut=100%"))
        with self.assertRaises(openai.APIConnectionError):
            client.responses.create(model="gpt-6-luna", input="hello " * 50)
        client = self.openai(self.rehearsal("--faults", "engine:429=100%"))
        with self.assertRaises(openai.RateLimitError) as caught:
            client.responses.create(model="gpt-6-luna", input="x", stream=True)
        self.assertEqual(caught.exception.code, "rate_limit_exceeded")
        self.assertIn("retry-after-ms", caught.exception.response.headers)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.openai(self.server).chat.completions.create(
                model="gpt-6-luna", messages=[{"role": "user", "content": "x"}],
                response_format={"type": "json_schema", "json_schema": {
                    "name": "a", "strict": True,
                    "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}})
        self.assertIn("additionalProperties", str(caught.exception))

    def test_openai_files(self):
        client = self.openai(self.server)
        content = self.line("a", "hello") + b"\n"
        made = client.files.create(file=("in.jsonl", content), purpose="batch")
        self.assertEqual((made.filename, made.bytes, made.purpose), ("in.jsonl", len(content), "batch"))
        self.assertEqual(client.files.content(made.id).read(), content)
        self.assertEqual(client.files.retrieve(made.id).id, made.id)
        more = [client.files.create(file=(f"{n}.jsonl", content), purpose="batch").id for n in range(3)]
        listed = [file.id for file in client.files.list(purpose="batch", limit=2)]
        self.assertEqual(listed, [*reversed(more), made.id])
        self.assertTrue(client.files.delete(made.id).deleted)
        with self.assertRaises(openai.NotFoundError):
            client.files.content(made.id)
        for name, data, purpose in [
            ("in.txt", content, "batch"), ("in.jsonl", content, "nonsense"), ("in.jsonl", b"", "batch"),
        ]:
            with self.assertRaises(openai.BadRequestError):
                client.files.create(file=(name, data), purpose=purpose)

    def test_openai_batches(self):
        client = self.openai(self.server)
        lines = [self.line(f"row-{n}", f"question {n}") for n in range(7)]
        lines.append(self.line("bad", "x", temperature=0.5))
        lines.append(self.line("worse", "x", nonsense=1))
        file = client.files.create(file=("in.jsonl", b"\n".join(lines)), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/responses", completion_window="24h",
            metadata={"run": "1"})
        self.assertEqual((batch.status, batch.metadata), ("validating", {"run": "1"}))
        self.assertIsNone(batch.output_file_id)
        done = self.until(lambda: client.batches.retrieve(batch.id), {"completed"})
        counts = done.request_counts
        self.assertEqual((counts.total, counts.completed, counts.failed), (9, 7, 2))
        results = [json.loads(l) for l in client.files.content(done.output_file_id).text.splitlines()]
        self.assertEqual({r["custom_id"] for r in results}, {f"row-{n}" for n in range(7)})
        self.assertNotEqual([r["custom_id"] for r in results], [f"row-{n}" for n in range(7)])
        for result in results:
            self.assertEqual(result["response"]["status_code"], 200)
            answer = openai.types.responses.Response.model_validate(result["response"]["body"])
            self.assertIn("question " + result["custom_id"][4:], answer.output_text)
        errors = [json.loads(l) for l in client.files.content(done.error_file_id).text.splitlines()]
        self.assertEqual({e["custom_id"]: e["response"]["body"]["error"]["code"] for e in errors},
                         {"bad": "unsupported_value", "worse": "unknown_parameter"})
        # Billed at half the price.
        engine = self.server.stats()["engine"]
        self.assertEqual(engine["answers"], 7)
        full = (engine["input_tokens"] * 0.10 + engine["output_tokens"] * 0.50) / 1e6
        self.assertAlmostEqual(engine["cost"], full / 2)
        others = [client.batches.create(
            input_file_id=file.id, endpoint="/v1/responses", completion_window="24h").id
            for _ in range(3)]
        self.assertEqual([b.id for b in client.batches.list(limit=2)], [*reversed(others), batch.id])
        with self.assertRaises(openai.ConflictError):
            client.batches.cancel(batch.id)
        with self.assertRaises(openai.NotFoundError):
            client.batches.retrieve("batch_nope")
        with self.assertRaises(openai.BadRequestError):
            client.batches.create(
                input_file_id="file-nope", endpoint="/v1/responses", completion_window="24h")

    def test_openai_batches_that_are_refused(self):
        client = self.openai(self.rehearsal("--latency", "batch=50ms"))
        for content, code in [
            (self.line("a", "x") + b"\n" + self.line("a", "y"), "duplicate_custom_id"),
            (self.line("a", "x") + b"\n{nonsense", "invalid_json_line"),
            (self.line("a", "x") + b"\n" + self.line("b", "y", model="gpt-6-sol"), "mismatched_model"),
            (self.line("a", "x", url="/v1/chat/completions"), "mismatched_endpoint"),
            (self.line("a", "x", model="nope"), "model_not_found"),
        ]:
            file = client.files.create(file=("in.jsonl", content), purpose="batch")
            batch = client.batches.create(
                input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
            done = self.until(lambda: client.batches.retrieve(batch.id), {"failed"})
            self.assertIn(code, [error.code for error in done.errors.data])

    def test_openai_batches_cancelled_and_expired(self):
        client = self.openai(self.rehearsal("--latency", "batch=1s"))
        content = b"\n".join(self.line(f"{n}", f"question {n}") for n in range(100))
        file = client.files.create(file=("in.jsonl", content), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
        self.until(lambda: client.batches.retrieve(batch.id), {"in_progress"})
        time.sleep(0.3)
        self.assertEqual(client.batches.cancel(batch.id).status, "cancelling")
        done = self.until(lambda: client.batches.retrieve(batch.id), {"cancelled"})
        part = len(client.files.content(done.output_file_id).text.splitlines())
        self.assertEqual(done.request_counts.completed, part)
        self.assertTrue(0 < part < 100, part)
        client = self.openai(self.rehearsal("--latency", "batch=0s", "--faults", "batch:expired=100%"))
        file = client.files.create(file=("in.jsonl", content), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
        done = client.batches.retrieve(batch.id)
        self.assertEqual(done.status, "expired")
        self.assertEqual(len(client.files.content(done.output_file_id).text.splitlines()), 50)
        errors = [json.loads(l) for l in client.files.content(done.error_file_id).text.splitlines()]
        self.assertEqual({e["error"]["code"] for e in errors}, {"batch_expired"})

    def test_gemini_files_and_batches(self):
        server = self.rehearsal("--latency", "batch=500ms")
        client = self.gemini(server)
        model = "gemini-3.1-flash-lite"
        lines = [{"key": f"row-{n}", "request": {"contents": [{"parts": [{"text": f"question {n}"}]}]}}
                 for n in range(5)]
        lines.append({"key": "bad", "request": {"contents": [], "nonsense": 1}})
        content = "\n".join(map(json.dumps, lines)).encode()
        file = client.files.upload(
            file=io.BytesIO(content), config={"mime_type": "application/jsonl", "display_name": "in"})
        self.assertEqual((file.size_bytes, file.display_name), (len(content), "in"))
        self.assertEqual(client.files.get(name=file.name).name, file.name)
        big = client.files.upload(
            file=io.BytesIO(b"x" * (9 << 20)), config={"mime_type": "text/plain"})
        self.assertEqual(big.size_bytes, 9 << 20)
        self.assertEqual([f.name for f in client.files.list(config={"page_size": 1})], [big.name, file.name])
        client.files.delete(name=big.name)
        with self.assertRaises(genai.errors.ClientError):
            client.files.get(name=big.name)
        job = client.batches.create(model=model, src=file.name, config={"display_name": "d"})
        self.assertEqual((job.state.name, job.display_name), ("JOB_STATE_PENDING", "d"))
        done = self.until(lambda: client.batches.get(name=job.name), {"JOB_STATE_SUCCEEDED"})
        results = [json.loads(l) for l in client.files.download(file=done.dest.file_name).splitlines()]
        self.assertEqual({r["key"] for r in results if "response" in r}, {f"row-{n}" for n in range(5)})
        self.assertEqual([r["error"]["code"] for r in results if "error" in r], [400])
        for result in results[:1]:
            if "response" in result:
                answer = genai.types.GenerateContentResponse.model_validate(result["response"])
                self.assertIn("question", answer.text)
        inline = client.batches.create(model=model, src=[
            {"contents": "hello", "metadata": {"key": "a"}},
            {"contents": "x", "config": {"response_mime_type": "application/json", "response_schema": Row}}])
        done = self.until(lambda: client.batches.get(name=inline.name), {"JOB_STATE_SUCCEEDED"})
        first, second = done.dest.inlined_responses
        self.assertIn("hello", first.response.text)
        self.assertEqual(first.metadata, {"key": "a"})
        Row.model_validate_json(second.response.text)
        self.assertEqual(
            [j.name for j in client.batches.list(config={"page_size": 1})], [inline.name, job.name])
        third = client.batches.create(model=model, src=file.name)
        client.batches.cancel(name=third.name)
        self.until(lambda: client.batches.get(name=third.name), {"JOB_STATE_CANCELLED"})
        client.batches.delete(name=third.name)
        with self.assertRaises(genai.errors.ClientError):
            client.batches.get(name=third.name)
        with self.assertRaises(genai.errors.ClientError):
            client.batches.create(model="nope", src=file.name)
        engine = server.stats()["engine"]
        full = (engine["input_tokens"] * 0.25 + engine["output_tokens"] * 1.50) / 1e6
        self.assertAlmostEqual(engine["cost"], full / 2)
        client = self.gemini(self.rehearsal("--latency", "batch=0s", "--faults", "batch:expired=100%"))
        job = client.batches.create(model=model, src=[{"contents": "hello"}])
        job = client.batches.get(name=job.name)
        self.assertEqual((job.state.name, job.dest), ("JOB_STATE_EXPIRED", None))

    def test_gemini_errors(self):
        client = self.gemini(self.rehearsal("--faults", "engine:429=100%"))
        with self.assertRaises(genai.errors.ClientError) as caught:
            client.models.generate_content(model="gemini-3.1-flash-lite", contents="x")
        self.assertEqual((caught.exception.code, caught.exception.status), (429, "RESOURCE_EXHAUSTED"))
        client = self.gemini(self.rehearsal("--faults", "engine:503=100%"))
        with self.assertRaises(genai.errors.ServerError):
            list(client.models.generate_content_stream(model="gemini-3.1-flash-lite", contents="x"))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
