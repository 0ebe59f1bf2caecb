"""What the long tests share: a rehearsal with a database of rows, and the program beside it."""

import json
import os
import shutil
import subprocess
import tempfile
import time

from rehearsal import Rehearsal
from terminal import VISEN, clean_environment


class Shop:
    """A home, a workspace file, a database of rows, and a server that can be started again."""

    def __init__(self, rows, engine="gpt", properties=None):
        self.home = tempfile.mkdtemp(prefix="visen-long-")
        self.file = os.path.join(self.home, "workspace.db")
        self.server = None
        self.serve()
        database = self.server.make("POST", "databases", {
            "parent": {"page_id": self.server.root}, "title": [{"text": {"content": "Rows"}}],
            "initial_data_source": {"properties": {
                "Name": {"title": {}}, "Content": {"rich_text": {}}, **(properties or {})}}})
        self.database, self.source = database["id"], database["data_sources"][0]["id"]
        for n in range(rows):
            self.server.make("POST", "pages", {
                "parent": {"data_source_id": self.source},
                "properties": {"Name": {"title": [{"text": {"content": f"row {n}"}}]}}})
        self.visen(
            f'set engine {engine}; set notion_rate 1000000; set guard quick; upgrade unlimited; '
            f'connect "Rows" to "{self.database}"')

    def serve(self, *options):
        """Starts the server anew under other conditions; what it counted begins at nothing."""
        if self.server:
            self.server.close()
        self.server = Rehearsal(self.home, "--workspace", self.file, *options)

    @property
    def environment(self):
        return {**clean_environment(self.home), **self.server.environment}

    def start(self, statements, *options):
        """The program at work on statements."""
        return subprocess.Popen(
            [VISEN, *options, "-c", statements], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def visen(self, statements, *options, expect=0):
        """Statements carried out to their end: what came on standard output and error."""
        process = self.start(statements, *options)
        out, err = process.communicate(timeout=1800)
        assert expect is None or process.returncode == expect, (process.returncode, err[-2000:])
        return out, err

    def pages(self):
        """Every page as the API gives it, by title."""
        pages, cursor = {}, None
        while True:
            part = self.server.make(
                "POST", f"data_sources/{self.source}/query", {"start_cursor": cursor} if cursor else {})
            for page in part["results"]:
                pages[text(page, "Name")] = page
            cursor = part["next_cursor"]
            if not cursor:
                return pages

    def run(self, number):
        """A run as the journal knows it."""
        path = os.path.join(self.home, f"run-{time.monotonic_ns()}.json")
        self.visen(f'runs {number} to "{path}"')
        with open(path) as file:
            return json.load(file)

    def last_run(self):
        out, _ = self.visen("runs", "--format", "json")
        return json.loads(out)[0]["Run"]

    def close(self):
        self.server.close()
        shutil.rmtree(self.home, ignore_errors=True)


def text(page, name):
    """The plain text of a property."""
    value = page["properties"][name]
    return "".join(part["plain_text"] for part in value[value["type"]])
