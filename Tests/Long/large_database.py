#!/usr/bin/env python3
"""`generate` and scripts on a database of 25,000 rows with every kind of property.

All rows are seen, memory stays bounded, conditions are looked at by Notion, only needed columns travel,
and the number of requests is what it should be.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

VISEN = os.environ.get("VISEN", str(Path(__file__).parents[2] / ".build/debug/visen"))
ROWS = int(os.environ.get("VISEN_ROWS", "25000"))


class Service:
    """`visen serve` with an empty workspace."""

    def __init__(self):
        self.process = subprocess.Popen(
            [VISEN, "serve", "--fresh"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.base, self.token, self.root = ready["notion"], ready["token"], ready["root_page"]
        self.host = self.base.removeprefix("http://")

    def connection(self):
        return http.client.HTTPConnection(self.host)

    def send(self, connection, method, path, body=None):
        connection.request(
            method, path, json.dumps(body) if body is not None else None,
            {"Authorization": "Bearer " + self.token, "Notion-Version": "2026-03-11",
             "Content-Type": "application/json"})
        response = connection.getresponse()
        data = json.loads(response.read())
        if response.status >= 300:
            raise AssertionError(f"{method} {path}: {data}")
        return data

    def requests(self):
        stats = self.send(self.connection(), "GET", "/_control/stats")
        found = stats.get("notion", stats)
        return found["requests"] if isinstance(found, dict) and "requests" in found else found

    def stop(self):
        self.process.terminate()
        self.process.wait()


def kinds(related):
    return {
        "Name": {"title": {}}, "Text": {"rich_text": {}}, "Number": {"number": {}},
        "Flag": {"checkbox": {}}, "Date": {"date": {}}, "People": {"people": {}},
        "Files": {"files": {}}, "Link": {"url": {}}, "Mail": {"email": {}},
        "Phone": {"phone_number": {}}, "Made": {"created_time": {}}, "Maker": {"created_by": {}},
        "Edited": {"last_edited_time": {}}, "Editor": {"last_edited_by": {}},
        "Key": {"unique_id": {"prefix": "ROW"}}, "Place": {"place": {}},
        "One": {"select": {"options": [{"name": f"option {i}"} for i in range(5)]}},
        "Some": {"multi_select": {"options": [{"name": f"tag {i}"} for i in range(5)]}},
        "State": {"status": {}},
        "Related": {"relation": {"data_source_id": related, "single_property": {}}},
        "Sum": {"rollup": {"relation_property_name": "Related", "rollup_property_name": "Weight",
                           "function": "sum"}},
        "Twice": {"formula": {"expression": 'prop("Number") * 2'}},
        "Press": {"button": {}}, "Vouched": {"verification": {}}, "Out": {"rich_text": {}},
    }


class LargeDatabase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = service = Service()
        cls.home = tempfile.TemporaryDirectory()
        connection = service.connection()
        parent = {"type": "page_id", "page_id": service.root}
        small = service.send(connection, "POST", "/v1/databases", {
            "parent": parent, "title": [{"text": {"content": "Small"}}],
            "initial_data_source": {
                "properties": {"Name": {"title": {}}, "Weight": {"number": {}}}}})
        source = small["data_sources"][0]["id"]
        related = [
            service.send(connection, "POST", "/v1/pages", {
                "parent": {"type": "data_source_id", "data_source_id": source},
                "properties": {"Name": {"title": [{"text": {"content": f"part {i}"}}]},
                               "Weight": {"number": i}}})["id"]
            for i in range(10)]
        made = service.send(connection, "POST", "/v1/databases", {
            "parent": parent, "title": [{"text": {"content": "Large"}}],
            "initial_data_source": {"properties": kinds(source)}})
        cls.database = made["id"]
        large = made["data_sources"][0]["id"]
        person = next(user["id"] for user in service.send(connection, "GET", "/v1/users")["results"]
                      if user["type"] == "person")
        start = time.monotonic()

        def fill(first, step):
            mine = service.connection()
            for i in range(first, ROWS, step):
                service.send(mine, "POST", "/v1/pages", {
                    "parent": {"type": "data_source_id", "data_source_id": large},
                    "properties": {
                        "Name": {"title": [{"text": {"content": f"row {i}"}}]},
                        "Text": {"rich_text": [{"text": {"content": f"words about {i} " * 10}}]},
                        "Number": {"number": i}, "Flag": {"checkbox": i % 2 == 0},
                        "Date": {"date": {"start": f"2025-01-{i % 28 + 1:02}"}},
                        "People": {"people": [{"id": person}]},
                        "Files": {"files": [{"name": "a", "external": {
                            "url": "https://example.com/a"}}]},
                        "Link": {"url": f"https://example.com/{i}"},
                        "Mail": {"email": f"a{i}@example.com"}, "Phone": {"phone_number": str(i)},
                        "Place": {"place": {"lat": 1, "lon": 2}},
                        "One": {"select": {"name": f"option {i % 5}"}},
                        "Some": {"multi_select": [{"name": f"tag {i % 5}"}]},
                        "Related": {"relation": [{"id": related[i % 10]}]},
                    }})

        threads = [threading.Thread(target=fill, args=(k, 4)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        cls.per_minute = min(ROWS, ROWS * 60 / seconds)
        print(f"{ROWS} rows made in {seconds:.0f} s", file=sys.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()
        cls.home.cleanup()

    def run_script(self, text):
        """Runs statements; gives output, messages, requests sent, seconds, and peak megabytes."""
        environment = {
            **os.environ, "VISEN_HOME": self.home.name, "NOTION_TOKEN": self.service.token,
            "NOTION_BASE_URL": self.service.base}
        before = self.service.requests()
        start = time.monotonic()
        process = subprocess.Popen(
            [VISEN, "--verbose", "-c", text], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        peak = 0
        outputs = []
        readers = [threading.Thread(target=lambda s=stream: outputs.append((s, s.read())))
                   for stream in (process.stdout, process.stderr)]
        for reader in readers:
            reader.start()
        while process.poll() is None:
            try:
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        peak = max(peak, int(line.split()[1]) // 1024)
            except OSError:
                pass
            time.sleep(0.05)
        for reader in readers:
            reader.join()
        texts = dict(outputs)
        out, err = texts[process.stdout], texts[process.stderr]
        self.assertEqual(process.returncode, 0, err)
        requests = self.service.requests() - before
        # The program tells how many it sent, and that many came.
        told = re.search(r"Notion: (\d+) requests?$", err, re.M)
        self.assertEqual(int(told[1]) if told else 0, requests, err[-500:])
        seconds = time.monotonic() - start
        print(f"{text.splitlines()[-1][:70]}: {requests} requests, {seconds:.1f} s, {peak} MB",
              file=sys.stderr)
        return out, err, requests, seconds, peak

    def test_1_connect(self):
        self.run_script(
            f'set notion_rate 1000000\nset engine practice\nset guard quick\n'
            f'connect "Large" to "{self.database}"')

    def test_2_every_row_is_counted(self):
        out, _, requests, _, peak = self.run_script('use "Large"\nprint count(rows)')
        self.assertEqual(out.strip(), str(ROWS))
        # The schema, then 100 rows a request. Where a query ends at 10,000 rows the next one begins
        # with the same minute, as Notion's times are no finer.
        pages = -(-ROWS // 100)
        joints = (ROWS - 1) // 10_000
        self.assertLessEqual(requests, pages + 2 + joints * (1.3 * self.per_minute / 100 + 2))
        self.assertLess(peak, 400)

    def test_3_conditions_are_looked_at_there(self):
        out, _, requests, _, _ = self.run_script(
            'use "Large"\nprint count(rows where Number >= 100 and Number < 350 and Flag)')
        self.assertEqual(out.strip(), "125")
        self.assertLessEqual(requests, 4)

    def test_3_texts_are_looked_for_there(self):
        out, _, requests, _, _ = self.run_script(
            'use "Large"\nprint count(rows where Name ends with "９9")')
        self.assertEqual(int(out), sum(str(i).endswith("99") for i in range(ROWS)))
        # Notion looks for “99” anywhere in the name.
        self.assertLessEqual(requests, sum("99" in str(i) for i in range(ROWS)) // 100 + 4)

    def test_4_a_loop_reads_what_it_looks_at(self):
        out, _, requests, _, peak = self.run_script(
            'use "Large"\nvar sum = 0\nfor row in rows { sum += row.Number }\nprint sum')
        self.assertEqual(out.strip(), str(ROWS * (ROWS - 1) // 2))
        self.assertLess(peak, 400)

    def test_5_sorted_beyond_ten_thousand(self):
        out, _, _, _, peak = self.run_script(
            'use "Large"\nlet all = for row in rows sort by Number { row.Number }\n'
            'print "{(count(all))} {(all[0])} {(all[-1])}"')
        self.assertEqual(out.strip(), f"{ROWS} 0 {ROWS - 1}")
        self.assertLess(peak, 600)

    def test_6_every_kind_is_read(self):
        out, _, _, _, _ = self.run_script(
            'use "Large"\nfor row in rows where Number is 17 '
            '{ print "{row.Related} {row.Sum} {row.Twice} {row.People} {row.State} {row.Key}" }')
        self.assertRegex(out.strip(), r"^part 7 7 34 You Not started ROW-\d+$")

    def test_7_generate(self):
        wanted = ROWS // 5
        _, err, requests, seconds, peak = self.run_script(
            'use "Large"\ngenerate Out with "Say something about {Name}" on rows where One is "option 3" '
            'parallel 32')
        self.assertIn(f"{wanted} written", err)
        self.assertRegex(err, rf"{wanted} written · \d+ requests · ")
        # A write a row, 100 rows a page, the schema twice.
        self.assertLessEqual(requests, wanted + wanted // 100 + 6)
        self.assertLess(peak, 600)
        out, _, _, _, _ = self.run_script('use "Large"\nprint count(rows where Out is not empty)')
        self.assertEqual(out.strip(), str(wanted))


if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
