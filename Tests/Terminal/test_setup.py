"""Setting up by conversation, and the connections database in Notion, both ways."""

import datetime
import os
import stat
import unittest

from rehearsal import Rehearsal, TOKEN
from terminal import TerminalTest, run


class Setup(TerminalTest):
    def test_conversation(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh", "--title", "Mine")
        self.addCleanup(rehearsal.close)
        addresses = {
            name: value for name, value in rehearsal.environment.items() if name.endswith("_URL")}
        key = "sk-typed-by-hand-0123456789"
        screen = self.terminal(home=home, VISEN_PAGER="cat", **addresses)
        screen.wait_prompt()
        screen.enter("setup")
        screen.wait_for("Engine (gemini, gpt, local, practice)")
        screen.enter("gtp")
        screen.wait_for("no engine called “gtp”")
        screen.enter("gpt")
        screen.wait_for("Key for gpt:")
        screen.enter(key)
        screen.wait_for("OpenAI knows this key")
        screen.wait_for("Connect your own Notion now?")
        screen.enter("y")
        screen.wait_for("Key for notion:")
        screen.enter("ntn_wrong")
        screen.wait_for("The key was not kept.")
        screen.wait_for("Try again? [Y/n]")
        # Stopped in the middle: what is done stays done, and setup goes on from there.
        screen.press("C-c")
        screen.wait_for("Go on with: setup")
        screen.wait_prompt()
        screen.enter("setup")
        screen.wait_for("gpt: OpenAI's models; paid. (its key is here)")
        screen.wait_for("Engine (gemini, gpt, local, practice) [gpt]", count=1)
        screen.press("Enter")
        screen.wait_for("Connect your own Notion now?", count=2)
        screen.enter("y")
        screen.wait_for("Key for notion:", count=2)
        screen.enter(TOKEN)
        screen.wait_for("Notion knows this key")
        # An address that is none is told at once, and asked for again.
        screen.wait_for("Address [none]:")
        screen.enter("nonsense")
        screen.wait_for("Its name here [Blog]:")
        screen.enter("Mine")
        screen.wait_for("Try again? [Y/n]", count=2)
        screen.press("Enter")
        screen.wait_for("Address [none]:", count=2)
        screen.enter("under https://www.notion.so/" + rehearsal.root.replace("-", ""))
        screen.wait_for("Its name here [Blog]:", count=2)
        screen.enter("Mine")
        screen.wait_for("Made “Mine” with 3 sample rows")
        screen.wait_for("Ready.")
        screen.wait_prompt()
        screen.enter("doctor")
        text = screen.wait_for("workspace: notion")
        screen.wait_prompt()
        screen.enter("settings")
        screen.wait_for("key gpt")
        # Each word that was typed as a key stands nowhere: not on the screen, not in the history.
        text = screen.screen(history=400)
        screen.press("C-d")
        screen.wait_for("[exit 0]")
        for secret in (key, TOKEN, "ntn_wrong"):
            self.assertNotIn(secret, text)
        folder = os.path.join(home, "visen")
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, name)
            with open(path, "rb") as file:
                holds = key.encode() in file.read()
            self.assertEqual(holds, "key" in name, f"the key and {name}")

    def test_connections_database_both_ways(self):
        home = self.folder()
        file = os.path.join(home, "workspace.db")
        rehearsal = Rehearsal(home, "--workspace", file)
        self.addCleanup(rehearsal.close)
        environment = {**rehearsal.environment, "OPENAI_API_KEY": "", "GEMINI_API_KEY": ""}

        def visen(statements):
            code, out, err = run(["-c", statements], home, **environment)
            self.assertEqual(code, 0, err)
            return out + err

        root = "https://www.notion.so/" + rehearsal.root.replace("-", "")
        visen(f'connections init under "{root}"; connect "Blog" to template under "{root}"; '
              'prompt "first words"')
        found = rehearsal.make("POST", "search", {"query": "connections"})["results"]
        source = next(item["id"] for item in found if item["object"] == "data_source")

        def mirrored():
            rows = rehearsal.make("POST", f"data_sources/{source}/query", {})["results"]
            text = lambda row, name, kind: "".join(
                part["plain_text"] for part in row["properties"][name][kind])
            return {text(row, "Name", "title"): (row["id"], text(row, "Prompt", "rich_text"))
                    for row in rows}

        self.assertEqual([words for _, words in mirrored().values()], ["first words"])
        visen('use "Blog"; prompt "second words"')
        self.assertEqual(mirrored()["Blog"][1], "second words")

        # An hour later somebody edits the row in Notion: the later edit wins.
        rehearsal.close()
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        rehearsal = Rehearsal(
            home, "--workspace", file, "--now", later.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.addCleanup(rehearsal.close)
        environment.update(NOTION_BASE_URL=rehearsal.environment["NOTION_BASE_URL"])
        row, _ = mirrored()["Blog"]
        rehearsal.make("PATCH", f"pages/{row}", {"properties": {
            "Prompt": {"rich_text": [{"text": {"content": "their words"}}]},
            "Name": {"title": [{"text": {"content": "Renamed"}}]}}})
        self.assertIn("Renamed", visen("connections"))
        self.assertIn("their words", visen('use "Renamed"; prompt'))

        # A row put into the trash there deletes the connection here, never the data.
        rehearsal.make("PATCH", f"pages/{row}", {"in_trash": True})
        text = visen("connections")
        self.assertIn("was deleted in Notion", text)
        self.assertIn('connections restore "Renamed"', text)
        visen('connections restore "Renamed"')
        visen('use "Renamed"; rows')
        self.assertIn("Renamed", mirrored())

        # The other way: gone here, gone there.
        visen('disconnect "Renamed"')
        self.assertEqual(mirrored(), {})


if __name__ == "__main__":
    unittest.main()
