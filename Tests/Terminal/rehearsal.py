"""`visen serve` as a fixture: both services on a loopback port, and a bare client of Notion's API."""

import json
import subprocess
import urllib.error
import urllib.request

from terminal import VISEN, clean_environment

TOKEN = "ntn_rehearsal0123456789abcdefghijklmnopqrstuvwx"


class Rehearsal:
    """A running `visen serve`; its options as the program takes them."""

    def __init__(self, home, *options):
        self.process = subprocess.Popen(
            [VISEN, "serve", "--token", TOKEN, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=clean_environment(home),
        )
        self.ready = json.loads(self.process.stdout.readline())
        self.root = self.ready["root_page"]

    @property
    def environment(self):
        """The variables with which Visen uses it."""
        return {
            "NOTION_BASE_URL": self.ready["notion"], "NOTION_TOKEN": TOKEN,
            "OPENAI_BASE_URL": self.ready["openai"], "OPENAI_API_KEY": "sk-rehearsal-0123456789",
            "GEMINI_BASE_URL": self.ready["gemini"], "GEMINI_API_KEY": "AQ.rehearsal-0123456789",
        }

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def stats(self):
        with urllib.request.urlopen(self.ready["notion"] + "/_control/stats?limit=100000") as answer:
            return json.load(answer)

    def control(self, what, page):
        """Shares or unshares a page or database."""
        request = urllib.request.Request(
            f"{self.ready['notion']}/_control/{what}", method="POST",
            data=json.dumps({"id": page}).encode())
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    def notion(self, method, path, body=None, version="2026-03-11", token=TOKEN):
        """One request to Notion's API: (status, document)."""
        request = urllib.request.Request(
            self.ready["notion"] + "/v1/" + path, method=method,
            data=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            headers={
                "Authorization": "Bearer " + token, "Notion-Version": version,
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def make(self, method, path, body=None):
        """One request that must pass."""
        status, document = self.notion(method, path, body)
        assert status == 200, (method, path, document)
        return document
