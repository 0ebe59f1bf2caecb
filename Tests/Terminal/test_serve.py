"""`visen serve`, word for word: its options, its two outputs, its end."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from rehearsal import TOKEN, Rehearsal
from terminal import VISEN, clean_environment


class Serve(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="visen-serve-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)

    def serve(self, *options):
        server = Rehearsal(self.home, *options)
        self.addCleanup(server.close)
        return server

    def start(self, *options):
        """A server whose both outputs are kept: the process and its ready line."""
        process = subprocess.Popen(
            [VISEN, "serve", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=clean_environment(self.home))
        line = process.stdout.readline()
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process, line

    def refused(self, *options):
        answer = subprocess.run(
            [VISEN, "serve", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=clean_environment(self.home), timeout=20, check=False)
        self.assertNotEqual(answer.returncode, 0)
        self.assertEqual(answer.stdout, "")
        return answer.stderr

    def test_the_ready_line_and_how_to_use_it(self):
        process, line = self.start("--fresh", "--token", "ntn_mine")
        ready = json.loads(line)
        self.assertEqual(list(ready)[:3], ["notion", "token", "root_page"])
        self.assertRegex(ready["notion"], r"^http://127\.0\.0\.1:\d+$")
        self.assertEqual(ready["token"], "ntn_mine")
        self.assertRegex(ready["root_page"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(process.stdout.read(), "")
        usage = process.stderr.read()
        self.assertIn(f"NOTION_BASE_URL={ready['notion']}", usage)
        # A token that was given is not shown again.
        self.assertNotIn("ntn_mine", usage)

    def test_a_token_is_made_up(self):
        process, line = self.start("--fresh")
        ready = json.loads(line)
        self.assertRegex(ready["token"], r"^ntn_\w{46}$")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 0)
        self.assertIn(f"NOTION_TOKEN={ready['token']}", process.stderr.read())

    def test_fresh_is_one_empty_page_and_two_users(self):
        server = self.serve("--fresh", "--title", "Wurzel 根")
        found = server.make("POST", "search", {})["results"]
        self.assertEqual([item["id"] for item in found], [server.root])
        self.assertEqual(found[0]["properties"]["title"]["title"][0]["plain_text"], "Wurzel 根")
        self.assertEqual(found[0]["parent"], {"type": "workspace", "workspace": True})
        self.assertEqual(server.make("GET", f"blocks/{server.root}/children")["results"], [])
        users = server.make("GET", "users")["results"]
        self.assertEqual(sorted(user["type"] for user in users), ["bot", "person"])
        self.assertEqual(os.listdir(self.home), [])

    def test_a_file_keeps_what_was_written(self):
        file = os.path.join(self.home, "space.db")
        first = self.serve("--workspace", file)
        page = first.make("POST", "pages", {
            "parent": {"page_id": first.root},
            "properties": {"title": [{"text": {"content": "kept"}}]}})
        first.close()
        second = self.serve("--workspace", file)
        self.assertEqual(second.root, first.root)
        self.assertEqual(second.make("GET", f"pages/{page['id']}")["id"], page["id"])

    def test_a_file_of_the_first_format_is_brought_up_to_date(self):
        file = os.path.join(self.home, "space.db")
        first = self.serve("--workspace", file)
        source = first.make("POST", "databases", {
            "parent": {"page_id": first.root}, "initial_data_source": {"properties": {
                "Name": {"title": {}}, "N": {"number": {}},
                "Tags": {"multi_select": {}}}}})["data_sources"][0]["id"]
        rows = [first.make("POST", "pages", {
            "parent": {"data_source_id": source}, "properties": {
                "Name": {"title": [{"text": {"content": f"Row {n}"}}]}, "N": {"number": n},
                "Tags": {"multi_select": [{"name": "x"}] if n % 2 else []}}})["id"] for n in range(6)]
        first.close()
        with contextlib.closing(sqlite3.connect(file)) as old:
            old.executescript("""
                DROP TABLE cell; DROP INDEX record_edited; DROP INDEX record_titles;
                ALTER TABLE record DROP COLUMN title;
                DELETE FROM grdb_migrations WHERE identifier = '2: cells';""")
        second = self.serve("--workspace", file)
        found = second.make("POST", f"data_sources/{source}/query", {
            "filter": {"and": [{"property": "N", "number": {"greater_than": 1}},
                               {"property": "Tags", "multi_select": {"contains": "x"}}]},
            "sorts": [{"property": "Name", "direction": "descending"}]})["results"]
        self.assertEqual([row["id"] for row in found], [rows[5], rows[3]])
        found = second.make("POST", "search", {"query": "row", "page_size": 2})
        self.assertEqual((len(found["results"]), found["has_more"]), (2, True))

    def test_the_clock_starts_where_it_is_told(self):
        server = self.serve("--fresh", "--now", "2026-07-04T10:07:58Z")
        first = server.make("POST", "databases", {"parent": {"page_id": server.root}})
        self.assertRegex(first["created_time"], r"^2026-07-04T10:0[78]:\d\d\.\d{3}\+00:00$")
        page = server.make("POST", "pages", {
            "parent": {"page_id": server.root}, "properties": {"title": []}})
        self.assertRegex(page["created_time"], r"^2026-07-04T10:0[78]:00\.000Z$")
        time.sleep(0.05)
        second = server.make("POST", "databases", {"parent": {"page_id": server.root}})
        self.assertLess(first["created_time"], second["created_time"])

    def test_two_do_not_disturb_each_other(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        one, other = self.serve("--fresh", "--port", str(port)), self.serve("--fresh")
        self.assertEqual(one.ready["notion"], f"http://127.0.0.1:{port}")
        self.assertNotEqual(one.ready["notion"], other.ready["notion"])
        page = one.make("POST", "pages", {
            "parent": {"page_id": one.root}, "properties": {"title": []}})
        self.assertEqual(other.notion("GET", f"pages/{page['id']}")[0], 404)
        one.close()
        self.assertEqual(other.notion("GET", "users/me")[0], 200)
        # A port that is taken is refused, and what has it goes on.
        port = other.ready["notion"].rsplit(":", 1)[1]
        self.assertIn(f"127.0.0.1:{port}", self.refused("--fresh", "--port", port))
        self.assertEqual(other.notion("GET", "users/me")[0], 200)

    def test_other_interfaces_are_refused(self):
        server = self.serve("--fresh")
        port = int(server.ready["notion"].rsplit(":", 1)[1])
        addresses = {"127.0.0.2"}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # Nothing is sent: the address of the interface that would be used.
                probe.connect(("192.0.2.1", 9))
                addresses.add(probe.getsockname()[0])
            except OSError:
                pass
        for address in addresses - {"127.0.0.1"}:
            with self.assertRaises(OSError, msg=address):
                socket.create_connection((address, port), timeout=2).close()
        sockets = pathlib.Path(f"/proc/{server.process.pid}/net/tcp6")
        listening = [line.split()[1] for line in sockets.read_text().splitlines()[1:]] \
            if sockets.exists() else []
        self.assertNotIn(f"{port:04X}", [place.rsplit(":", 1)[1] for place in listening])

    def test_there_is_no_request_limit_unless_asked_for(self):
        server = self.serve("--fresh")
        for _ in range(250):
            self.assertEqual(server.notion("GET", "users/me")[0], 200)
        server.close()
        server = self.serve("--fresh", "--rate", "notion=3/60s")
        for _ in range(3):
            self.assertEqual(server.notion("GET", "users/me")[0], 200)
        status, document = server.notion("GET", "users/me")
        self.assertEqual((status, document["code"]), (429, "rate_limited"))
        more = document["additional_data"]
        self.assertEqual(more["rate_limit_reason"], "public_api_request_rate_limit")
        request = urllib.request.Request(
            server.ready["notion"] + "/v1/users/me", headers={"Authorization": "Bearer " + TOKEN})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.exception as answer:
            self.assertGreater(int(answer.headers["Retry-After"]), 50)

    def test_ends_cleanly_on_a_signal_in_the_middle(self):
        file = os.path.join(self.home, "space.db")
        process, line = self.start("--workspace", file, "--token", TOKEN)
        ready = json.loads(line)
        server = Rehearsal.__new__(Rehearsal)
        server.ready, written = ready, []
        body = {"parent": {"page_id": ready["root_page"]}, "properties": {"title": []}}
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline:
            written.append(server.make("POST", "pages", body)["id"])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        again = self.serve("--workspace", file)
        for page in written[-5:]:
            self.assertEqual(again.notion("GET", f"pages/{page}")[0], 200)

    def test_a_write_that_was_committed_and_not_answered(self):
        server = self.serve("--fresh", "--faults", "notion:committed=100%")
        body = {"parent": {"page_id": server.root}, "properties": {"title": []}}
        status, document = server.notion("POST", "pages", body)
        self.assertEqual((status, document["code"]), (503, "service_unavailable"))
        made = document["additional_data"]["committed_resource_id"]
        self.assertEqual(document["additional_data"]["retry_guidance"][1], "Do not repeat the write.")
        children = {"children": [{"divider": {}}, {"divider": {}}]}
        status, document = server.notion("PATCH", f"blocks/{made}/children", children)
        more = document["additional_data"]
        self.assertEqual((status, more["committed_resource_id"]), (503, made))
        self.assertEqual(len(more["committed_child_ids"]), 2)

    def test_a_write_that_was_done_and_not_answered_at_all(self):
        for fault, wanted in (("timeout", 504), ("lost", None)):
            with self.subTest(fault):
                server = self.serve("--fresh", "--faults", f"notion:{fault}=50%", "--seed", "3")
                body = {"parent": {"page_id": server.root}, "properties": {"title": []}}
                lost = 0
                for _ in range(10):
                    try:
                        status, document = server.notion("POST", "pages", body)
                    except (ConnectionError, urllib.error.URLError, http.client.HTTPException):
                        status = None
                    self.assertIn(status, (200, wanted))
                    lost += status != 200
                self.assertTrue(0 < lost < 10)
                # The reading may be lost as well, and is asked again.
                for _ in range(20):
                    try:
                        status, document = server.notion("GET", f"blocks/{server.root}/children")
                    except (ConnectionError, urllib.error.URLError, http.client.HTTPException):
                        continue
                    if status == 200:
                        break
                self.assertEqual(len(document["results"]), 10)

    def test_budgets_of_the_workspace(self):
        for fault, reason, wait in (
                ("budget", "public_api_workspace_request_rate_limit", "2"),
                ("blocked", "public_api_request_blocked", "60")):
            with self.subTest(fault):
                server = self.serve("--fresh", "--faults", f"notion:{fault}=100%")
                status, document = server.notion("GET", "users/me")
                self.assertEqual((status, document["code"]), (429, "rate_limited"))
                self.assertEqual(document["additional_data"], {
                    "rate_limit_reason": reason, "retry_after": wait})

    def test_an_index_that_is_behind(self):
        server = self.serve("--fresh", "--faults", "notion:lag=100%")
        database = server.make("POST", "databases", {
            "parent": {"page_id": server.root}, "title": [],
            "initial_data_source": {"properties": {"Name": {"title": {}}, "N": {"number": {}}}}})
        source = database["data_sources"][0]["id"]
        row = server.make("POST", "pages", {
            "parent": {"data_source_id": source}, "properties": {"N": {"number": 1}}})
        self.assertEqual(server.notion("GET", f"pages/{row['id']}")[0], 200)
        bodies = [{}, {"sorts": [{"property": "N", "direction": "ascending"}]},
                  {"filter": {"property": "N", "number": {"equals": 1}}}]
        for body in bodies:
            self.assertEqual(server.notion("POST", f"data_sources/{source}/query", body)[1]["results"], [])
        self.assertEqual(server.notion("POST", "search", {})[1]["results"], [])
        time.sleep(3.1)
        for body in bodies:
            found = server.notion("POST", f"data_sources/{source}/query", body)[1]["results"]
            self.assertEqual([page["id"] for page in found], [row["id"]])

    def test_capabilities(self):
        server = self.serve("--fresh", "--without", "insert,read-comments")
        body = {"parent": {"page_id": server.root}, "properties": {"title": []}}
        status, document = server.notion("POST", "pages", body)
        self.assertEqual((status, document["code"]), (403, "restricted_resource"))
        self.assertEqual(server.notion("GET", f"comments?block_id={server.root}")[0], 403)
        self.assertEqual(server.notion("GET", f"pages/{server.root}")[0], 200)

    def test_sharing(self):
        server = self.serve("--fresh")

        def control(word, page):
            request = urllib.request.Request(
                f"{server.ready['notion']}/_control/{word}", method="POST",
                data=json.dumps({"id": page}).encode())
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        page = server.make("POST", "pages", {
            "parent": {"page_id": server.root},
            "properties": {"title": [{"text": {"content": "hidden"}}]}})["id"]
        below = server.make("POST", "pages", {
            "parent": {"page_id": page}, "properties": {"title": []}})["id"]
        self.assertEqual(control("unshare", page), {"id": page, "shared": False})
        for id in (page, below):
            status, document = server.notion("GET", f"pages/{id}")
            self.assertEqual((status, document["code"]), (404, "object_not_found"))
        self.assertEqual(server.make("POST", "search", {"query": "hidden"})["results"], [])
        control("share", page)
        self.assertEqual(server.notion("GET", f"pages/{below}")[0], 200)

    def test_the_limit_of_a_query(self):
        server = self.serve("--fresh", "--query-limit", "3")
        source = server.make("POST", "databases", {
            "parent": {"page_id": server.root}})["data_sources"][0]["id"]
        for _ in range(4):
            server.make("POST", "pages", {"parent": {"data_source_id": source}, "properties": {}})
        answer = server.make("POST", f"data_sources/{source}/query", {})
        self.assertEqual((len(answer["results"]), answer["has_more"]), (3, False))
        self.assertEqual(answer["request_status"], {
            "type": "incomplete", "incomplete_reason": "query_result_limit_reached"})

    def test_uploaded_files_are_there(self):
        server = self.serve("--fresh")
        upload = server.make("POST", "file_uploads", {"filename": "a b.txt"})
        request = urllib.request.Request(
            upload["upload_url"], method="POST", headers={
                "Authorization": "Bearer " + TOKEN, "Notion-Version": "2026-03-11",
                "Content-Type": "multipart/form-data; boundary=edge"},
            data=b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a b.txt"\r\n'
                 b"Content-Type: text/plain\r\n\r\nhello\r\n--edge--\r\n")
        with urllib.request.urlopen(request) as answer:
            self.assertEqual(json.load(answer)["status"], "uploaded")
        page = server.make("POST", "pages", {
            "parent": {"page_id": server.root}, "properties": {"title": []},
            "children": [{"file": {"file_upload": {"id": upload["id"]}}}]})
        block = server.make("GET", f"blocks/{page['id']}/children")["results"][0]
        with urllib.request.urlopen(block["file"]["file"]["url"]) as answer:
            self.assertEqual(answer.read(), b"hello")

    def test_what_cannot_be_meant_is_refused(self):
        for options, words in [
            (("--port", "70000"), "0 to 65535"), (("--port", "x"), "--port"),
            (("--fresh", "--workspace", "a.db"), "--fresh"), (("--title", "x"), "--title"),
            (("--fresh", "--now", "soon"), "2026-03-01T09:00:00Z"),
            (("--fresh", "--rate", "many"), "--rate"), (("--fresh", "--faults", "x=1%"), "--faults"),
            (("--fresh", "--without", "all"), "--without"),
            (("--fresh", "--faults", "committed=1%"), "notion:committed"),
            (("--fresh", "--query-limit", "0"), "--query-limit"),
            (("--workspace", self.home + "/none/space.db"), "/none/space.db"),
        ]:
            with self.subTest(options):
                self.assertIn(words, self.refused(*options))


if __name__ == "__main__":
    unittest.main()
