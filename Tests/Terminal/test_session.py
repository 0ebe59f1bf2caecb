"""Whole sessions in a real terminal, as a person has them."""

import unittest

from rehearsal import Rehearsal
from services import KEY, Services
from terminal import TerminalTest, run

MARKDOWN = """# Plan

Some **bold** words about it.

- first
- second
  - inner

| a | b |
| --- | --- |
| 1 | 2 |
"""


class Sessions(TerminalTest):
    def test_demonstration_by_hand(self):
        screen = self.terminal()
        screen.wait_prompt()
        # Tab completes a command word.
        screen.type("conne")
        screen.press("Tab")
        screen.wait_for("connect")
        screen.press("C-c")
        screen.enter('connect "Blog" to template')
        screen.wait_for("Made “Blog” with 3 sample rows")
        screen.wait_prompt()
        screen.enter("tick rows")
        screen.wait_prompt()
        screen.enter('prompt "translate the topic to Japanese"')
        screen.wait_prompt()
        # One typo: the message says how to put it right, and nothing is lost.
        screen.enter("generat")
        text = screen.wait_for("did you mean `generate`?")
        self.assertIn("generat", text)
        screen.wait_prompt()
        # History brings it back, to be put right.
        screen.press("Up")
        screen.wait(lambda s: s.rstrip().endswith("generat"), what="the history")
        screen.type("e")
        screen.press("Enter")
        screen.wait_for("Content: 3 written")
        screen.wait_prompt()
        screen.enter("rows")
        screen.wait_for("[practice] 学ぶことは楽しい")
        screen.wait_prompt()
        screen.enter("usage")
        screen.wait_prompt()
        screen.enter("undo")
        screen.wait_for("3 rows restored")
        screen.wait_prompt()
        screen.press("C-l")
        screen.wait(lambda _: "restored" not in screen.screen(), what="a cleared screen")
        screen.enter("rows")
        screen.wait(lambda _: "social media is a boon" in screen.screen(), what="the table")
        screen.wait_prompt()
        self.assertNotIn("学ぶ", screen.screen())
        screen.press("C-d")
        screen.wait_for("[exit 0]")

    def test_interrupt_and_resume(self):
        server = Services(delay=0.4)
        self.addCleanup(server.close)
        screen = self.terminal(OPENAI_BASE_URL=server.url, OPENAI_API_KEY=KEY)
        screen.wait_prompt()
        screen.enter('connect "Blog" to template; set engine gpt; tick rows')
        screen.wait_prompt()
        screen.enter('add ' + ", ".join(f'"topic {n}"' for n in range(17)))
        screen.wait_for("17")
        screen.wait_prompt()
        screen.enter('tick rows; generate with "about {Topic}" parallel 2')
        screen.wait(lambda s: "/20 " in s, what="progress")
        screen.press("C-c")
        screen.wait_for("resume")
        screen.wait_prompt()
        asked = server.asked
        self.assertLess(asked, 20)
        screen.enter("resume")
        screen.wait_for("written", count=2)
        screen.wait_prompt()
        # Only what was in flight is asked again.
        self.assertLessEqual(server.asked, 20 + 2)
        screen.enter("count(rows where Content is empty)")
        screen.wait(lambda s: "\n0\n" in s, what="no row left")

    def test_narrow_dumb_and_plain(self):
        for variables in ({"columns": 40}, {"TERM": "dumb"}, {"LC_ALL": "C"}, {"NO_COLOR": "1"}):
            with self.subTest(variables):
                screen = self.terminal(**variables)
                screen.wait_prompt()
                screen.enter('connect "Blog" to template')
                screen.wait_for("Made")
                screen.wait_prompt()
                screen.enter("rows")
                text = screen.wait(lambda s: s.count("learning") >= 1, what="rows")
                self.assertNotIn("\x1b", text)
                screen.wait_prompt()
                screen.press("C-d")
                screen.wait_for("[exit 0]")

    def test_second_session_on_the_same_home(self):
        home = self.folder()
        first = self.terminal(home=home)
        first.wait_prompt()
        first.enter('connect "Blog" to template')
        first.wait_for("Made")
        second = self.terminal(home=home)
        second.wait_prompt()
        second.enter('use "Blog"; add "from the second"')
        second.wait_for("1 row added")
        first.wait_prompt()
        first.enter("rows")
        first.wait_for("from the second")


class Pages(TerminalTest):
    """A page connection: Markdown becomes blocks, and undo takes exactly these away."""

    def blocks(self, rehearsal, block):
        """What a page holds, as (type, text, children)."""
        found = rehearsal.make("GET", f"blocks/{block}/children")["results"]
        result = []
        for item in found:
            body = item[item["type"]]
            text = "".join(part["plain_text"] for part in body.get("rich_text", []))
            cells = [["".join(p["plain_text"] for p in cell) for cell in body["cells"]]] \
                if "cells" in body else []
            children = self.blocks(rehearsal, item["id"]) if item["has_children"] else []
            result.append((item["type"], text or cells, children))
        return result

    def test_page(self):
        home = self.folder()
        server = Services(answer=lambda prompt, schema: MARKDOWN)
        self.addCleanup(server.close)
        run(["-c", "connections"], home)
        rehearsal = Rehearsal(home)
        self.addCleanup(rehearsal.close)
        page = rehearsal.make("POST", "pages", {
            "parent": {"page_id": rehearsal.root},
            "properties": {"title": {"title": [{"text": {"content": "Essay"}}]}},
            "children": [{"paragraph": {"rich_text": [{"text": {"content": "mine"}}]}}]})
        before = self.blocks(rehearsal, page["id"])
        environment = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}
        code, _, err = run(
            ["-c", f'connect "Essay" to page "{page["url"]}"; set engine gpt; '
             'generate with "write a plan"'], home, **environment)
        self.assertEqual(code, 0, err)
        self.assertEqual(self.blocks(rehearsal, page["id"]), before + [
            ("heading_1", "Plan", []),
            ("paragraph", "Some bold words about it.", []),
            ("bulleted_list_item", "first", []),
            ("bulleted_list_item", "second", [("bulleted_list_item", "inner", [])]),
            ("table", [], [("table_row", [["a", "b"]], []), ("table_row", [["1", "2"]], [])]),
        ])
        # Words a person adds after the run stay when it is taken back.
        rehearsal.make("PATCH", f"blocks/{page['id']}/children", {
            "children": [{"paragraph": {"rich_text": [{"text": {"content": "theirs"}}]}}]})
        code, _, err = run(["-c", 'use "Essay"; undo'], home, **environment)
        self.assertEqual(code, 0, err)
        self.assertEqual(
            self.blocks(rehearsal, page["id"]), before + [("paragraph", "theirs", [])])


if __name__ == "__main__":
    unittest.main()
