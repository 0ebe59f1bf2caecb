"""The conformance suite over a socket: against `visen serve`, and against Notion when a token is there."""

import http.client
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest
import urllib.parse

from rehearsal import TOKEN, Rehearsal

SUITE = pathlib.Path(__file__).resolve().parents[1] / "Conformance"
PROPERTY = r"(?:[A-Za-z0-9\-_.!~*'()]|%[0-9A-F]{2}){4}"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
FORMS = {
    "uuid": UUID, "uuid 4": UUID.replace("[1-8]", "4"), "uuid 8": UUID.replace("[1-8]", "8"),
    "minute": r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z",
    "instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00",
    "instant Z": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "text": r"(?s:.*)",
    "property": PROPERTY, "decoded property": r".{4}", "task": "task_[0-9a-f]{32}",
    "query cursor": f"s:{UUID}:{UUID}",
    "formula tokens":
        rf"\(?\{{\{{notion:block_property:{PROPERTY}:{UUID}:{UUID}\}}\}} \* 2\)?",
}
ABSENT = object()


class Mismatch(Exception):
    pass


class Story:
    """One file of the suite, told to a server."""

    def __init__(self, steps, base, token, root):
        address = urllib.parse.urlsplit(base)
        connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self.link = connect(address.hostname, address.port)
        self.token, self.steps = token, steps
        self.known = {"base": base, "root": root}
        me = self.ask({"method": "GET", "path": "users/me"})[2]
        people = self.ask({"method": "GET", "path": "users"})[2]["results"]
        self.known.update(
            bot=me["id"], bot_name=me["name"],
            person=next(user["id"] for user in people if user["type"] == "person"))

    def filled(self, value):
        """A value with the names in it replaced by what is known."""
        if isinstance(value, dict):
            return {self.filled(key): self.filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner) for inner in value]
        if not isinstance(value, str):
            return value

        def replace(found):
            if found[1] not in self.known:
                return found[0]
            known = self.known[found[1]]
            return {"undashed": lambda: known.replace("-", ""),
                    "decoded": lambda: urllib.parse.unquote(known), None: lambda: known}[found[2]]()
        return re.sub(r"\{(\w+)(?:\|(\w+))?\}", replace, value)

    def ask(self, request):
        headers = {"Authorization": "Bearer " + self.token,
                   "Notion-Version": request.get("version", "2026-03-11")}
        body = self.filled(request.get("body"))
        if body is None:
            data = None
        elif "$raw" in body:
            data = body["$raw"].encode()
        elif "$file" in body:
            file = body["$file"]
            headers["Content-Type"] = "multipart/form-data; boundary=edge"
            data = (f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{file["name"]}"\r\n'
                    f'Content-Type: {file["type"]}\r\n\r\n{file["text"]}\r\n--edge--\r\n').encode()
        else:
            data = json.dumps(body, ensure_ascii=False).encode()
        headers.setdefault("Content-Type", "application/json")
        for name, value in request.get("headers", {}).items():
            headers[name] = value
        headers = {name: value for name, value in headers.items() if value is not None}
        for _ in range(5):
            self.link.request(request["method"], "/v1/" + self.filled(request["path"]), data, headers)
            answer = self.link.getresponse()
            document = json.loads(answer.read())
            if answer.status != 429:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        return answer.status, answer.headers, document

    def tell(self, embedded):
        """Every step in order; yields the case and what is wrong with it."""
        for step in self.steps:
            if step.get("only") == "embedded" and not embedded:
                continue
            name = f"{step.get('fact', 'preparation')}: {step['name']}"
            status, headers, document = self.ask(step["request"])
            try:
                if status != step.get("status", 200):
                    raise Mismatch(f"status {status}, wanted {step.get('status', 200)}: {document}")
                for header, wanted in step.get("headers", {}).items():
                    wanted = document["request_id"] if wanted == "<request_id>" else wanted
                    self.compare(headers.get(header), wanted, header)
                if "answer" in step:
                    self.compare(look(document, step.get("at", "")), step["answer"], step.get("at", ""))
            except Mismatch as mismatch:
                yield name, f"{mismatch}\n{json.dumps(document, ensure_ascii=False)[:1500]}"
                if "fact" not in step:
                    return
            else:
                yield name, None

    def compare(self, seen, wanted, place):
        if isinstance(wanted, str) and (form := re.fullmatch(r"<([\w ]+?)(?::(\w+))?>", wanted)):
            if form[1] == "another":
                if not isinstance(seen, str) or seen == self.known[form[2]]:
                    raise Mismatch(f"{place} is {seen!r}, as before")
                return
            self.fits(seen, form[1], place)
            if form[2]:
                self.known[form[2]] = seen
            return
        if isinstance(wanted, str) and wanted.startswith("<starts>"):
            if not str(seen).startswith(wanted[8:]):
                raise Mismatch(f"{place} is {seen!r}")
            return
        if isinstance(wanted, dict) and isinstance(seen, dict):
            if list(seen) != list(wanted):
                raise Mismatch(f"{place} has {list(seen)}, wanted {list(wanted)}")
            for key, inner in wanted.items():
                self.compare(seen[key], inner, f"{place}.{key}")
            return
        if isinstance(wanted, list) and isinstance(seen, list):
            if len(seen) != len(wanted):
                raise Mismatch(f"{place} has {len(seen)} items, wanted {len(wanted)}: {seen}")
            for index, (a, b) in enumerate(zip(seen, wanted)):
                self.compare(a, b, f"{place}.{index}")
            return
        wanted = self.filled(wanted)
        if seen is ABSENT or type(seen) is not type(wanted) and not (
                isinstance(seen, (int, float)) and isinstance(wanted, (int, float))) or seen != wanted:
            raise Mismatch(f"{place} is {seen!r}, wanted {wanted!r}")

    def fits(self, seen, form, place):
        if form == "any":
            good = seen is not ABSENT
        elif form == "absent":
            good = seen is ABSENT
        elif form == "ordered properties":
            ids = [urllib.parse.unquote(item["id"]) for item in seen.values()]
            good = ids[-1] == "title" and ids[:-1] == sorted(ids[:-1])
        else:
            good = isinstance(seen, str) and re.fullmatch(FORMS[form], seen) is not None
        if not good:
            raise Mismatch(f"{place} is {seen!r}, wanted {form}")


def look(document, at):
    """The part of a document that a path names."""
    if picked := re.fullmatch(r"(.*?)\{([^}]*)\}(?:\.(.*))?", at):
        held = walk(document, picked[1].rstrip("."))
        if picked[2] == "*":
            return list(held)
        return {name: walk(held, name + ("." + picked[3] if picked[3] else ""))
                for name in picked[2].split(",")}
    if each := re.fullmatch(r"(.*?)\[(.*)\]", at):
        return [walk(item, each[2]) for item in walk(document, each[1])]
    return walk(document, at)


def walk(value, path):
    for name in path.split(".") if path else []:
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (LookupError, TypeError):
            return ABSENT
    return value


class Conformance(unittest.TestCase):
    def tell(self, name, base, token, root, embedded):
        story = Story(json.loads((SUITE / f"{name}.json").read_text())["steps"], base, token, root)
        self.addCleanup(story.link.close)
        for case, problem in story.tell(embedded):
            with self.subTest(case):
                self.assertIsNone(problem, f"{name}: {case}\n{problem}")


def over_a_socket(name):
    def test(self):
        home = tempfile.mkdtemp(prefix="visen-conformance-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        server = Rehearsal(home, "--fresh", "--now", "2026-07-04T10:07:25.315Z")
        self.addCleanup(server.close)
        self.tell(name, server.ready["notion"], TOKEN, server.root, embedded=True)
    return test


def against_notion(name):
    @unittest.skipUnless("NOTION_CONFORMANCE_TOKEN" in os.environ, "no token for Notion itself")
    def test(self):
        base, token = "https://api.notion.com", os.environ["NOTION_CONFORMANCE_TOKEN"]
        page = os.environ["NOTION_CONFORMANCE_PAGE"]
        # A page of its own below the given one, so that runs do not meet.
        story = Story([], base, token, page)
        self.addCleanup(story.link.close)
        status, _, made = story.ask({"method": "POST", "path": "pages", "body": {
            "parent": {"page_id": page}, "properties": {"title": [{"text": {"content": name}}]}}})
        self.assertEqual(status, 200, made)
        self.tell(name, base, token, made["id"], embedded=False)
    return test


for file in sorted(SUITE.glob("*.json")):
    word = file.stem.replace("-", "_")
    setattr(Conformance, f"test_{word}", over_a_socket(file.stem))
    setattr(Conformance, f"test_notion_{word}", against_notion(file.stem))


if __name__ == "__main__":
    unittest.main()
