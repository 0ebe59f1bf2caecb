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

    def rehearsed(self, *options):
        """A fresh workspace, and the program at work on it."""
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh", *options)
        self.addCleanup(rehearsal.close)

        def visen(statements, *options, expect=0):
            code, out, err = run([*options, "-c", statements], home, **{
                **rehearsal.environment, "OPENAI_API_KEY": "", "GEMINI_API_KEY": ""})
            self.assertEqual(code, expect, out + err)
            return out + err

        return home, rehearsal, visen

    def made_by_hand(self, rehearsal, properties):
        database = rehearsal.make("POST", "databases", {
            "parent": {"page_id": rehearsal.root}, "title": [{"text": {"content": "By hand"}}],
            "initial_data_source": {"properties": properties}})
        return database["url"], database["data_sources"][0]["id"]

    def test_a_connections_database_made_by_hand(self):
        home, rehearsal, visen = self.rehearsed()
        root = "https://www.notion.so/" + rehearsal.root.replace("-", "")
        visen(f'connect "Blog" to template under "{root}"; prompt "words"')
        # A title of another name, a prompt that is a number, no engine and no target.
        url, source = self.made_by_hand(rehearsal, {
            "Title": {"title": {}}, "Type": {"select": {}}, "URL": {"url": {}},
            "Prompt": {"number": {}}, "Notes": {"rich_text": {}}})
        rehearsal.make("POST", "pages", {
            "parent": {"data_source_id": source}, "properties": {
                "Title": {"title": [{"text": {"content": "a row of theirs"}}]},
                "Prompt": {"number": 7}}})
        wrong = [
            "the title column is called “Title”, not “Name”: it is renamed to “Name”",
            "“Prompt” is a number column and must be text: it is renamed to “Prompt (number)”, "
            "values and all, and a text column is added",
            "“Target” is missing: a text column of that name is added",
            "“Engine” is missing: a text column of that name is added"]
        # Without somebody to ask nothing is touched, and everything is named.
        text = visen(f'set connections_database "{url}"', expect=1)
        for line in wrong:
            self.assertIn(line, text)
        self.assertIn("--yes", text)
        columns = lambda: {name: column["type"] for name, column in rehearsal.make(
            "GET", f"data_sources/{source}")["properties"].items()}
        self.assertEqual(columns()["Prompt"], "number")
        # A person says no, then yes.
        screen = self.terminal(home=home, columns=120, VISEN_PAGER="cat", **rehearsal.environment)
        screen.wait_prompt()
        screen.enter(f'set connections_database "{url}"')
        screen.wait_for("Change 4 columns of “By hand” so? [y/N]")
        screen.enter("n")
        screen.wait_for("is left as it is")
        screen.enter(f'set connections_database "{url}"')
        screen.wait_for("Change 4 columns of “By hand” so? [y/N]", count=2)
        screen.enter("y")
        screen.wait_for("The connections are mirrored in “By hand”.")
        screen.press("C-d")
        screen.wait_for("[exit 0]")
        self.assertEqual(columns(), {
            "Name": "title", "Type": "select", "URL": "url", "Prompt": "rich_text",
            "Prompt (number)": "number", "Target": "rich_text", "Engine": "rich_text",
            "Notes": "rich_text"})
        rows = {row["properties"]["Name"]["title"][0]["plain_text"]: row["properties"]
                for row in rehearsal.make("POST", f"data_sources/{source}/query", {})["results"]}
        self.assertEqual(rows["a row of theirs"]["Prompt (number)"]["number"], 7)
        self.assertEqual(rows["Blog"]["Prompt"]["rich_text"][0]["plain_text"], "words")
        # A column that goes later is told of, wipes nothing here, and comes back when asked for.
        rehearsal.make("PATCH", f"data_sources/{source}", {"properties": {"Prompt": None}})
        text = visen('use "Blog"; prompt "other words"')
        self.assertEqual(text.count("“Prompt” is missing"), 1, text)
        self.assertIn("connections repair", text)
        self.assertIn("✗ mirror: in the connections database “Prompt” is missing", visen("doctor"))
        visen("connections repair", "--yes")
        self.assertIn("✓ mirror", visen("doctor"))
        rows = {row["properties"]["Name"]["title"][0]["plain_text"]: row["properties"]
                for row in rehearsal.make("POST", f"data_sources/{source}/query", {})["results"]}
        self.assertEqual(rows["Blog"]["Prompt"]["rich_text"][0]["plain_text"], "other words")
        # A row that somebody adds is a connection, with a prompt or without.
        other, _ = self.made_by_hand(rehearsal, {"Name": {"title": {}}, "Go": {"checkbox": {}}})
        rehearsal.make("POST", "pages", {
            "parent": {"data_source_id": source}, "properties": {
                "Name": {"title": [{"text": {"content": "Theirs"}}]}, "URL": {"url": other}}})
        self.assertIn("Theirs", visen("connections"))
        self.assertIn("0", visen('use "Theirs"; print count(rows where Go)'))

    def test_a_conflict_goes_to_the_later_edit(self):
        home = self.folder()
        file = os.path.join(home, "workspace.db")
        hours = lambda n: (datetime.datetime.now(datetime.timezone.utc)
                           + datetime.timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%SZ")

        def served(*options):
            rehearsal = Rehearsal(home, "--workspace", file, *options)
            self.addCleanup(rehearsal.close)

            def visen(statements):
                code, out, err = run(["-c", statements], home, **{
                    **rehearsal.environment, "OPENAI_API_KEY": "", "GEMINI_API_KEY": ""})
                self.assertEqual(code, 0, err)
                return out + err
            return rehearsal, visen

        rehearsal, visen = served()
        root = "https://www.notion.so/" + rehearsal.root.replace("-", "")
        visen(f'connections init under "{root}"; connect "Blog" to template under "{root}"; '
              'prompt "first"')
        found = rehearsal.make("POST", "search", {"query": "connections"})["results"]
        source = next(item["id"] for item in found if item["object"] == "data_source")
        row = lambda: rehearsal.make("POST", f"data_sources/{source}/query", {})["results"][0]
        # Their edit was an hour ago, ours is of now: ours stands on both sides.
        rehearsal.close()
        rehearsal, _ = served("--now", hours(-1))
        rehearsal.make("PATCH", f"pages/{row()['id']}", {"properties": {
            "Prompt": {"rich_text": [{"text": {"content": "earlier there"}}]}}})
        rehearsal.close()
        rehearsal, visen = served()
        self.assertIn("first", visen('connections; use "Blog"; prompt'))
        self.assertEqual(row()["properties"]["Prompt"]["rich_text"][0]["plain_text"], "first")
        # Both edit, theirs an hour later: theirs stands on both sides.
        visen('use "Blog"; prompt "ours"')
        rehearsal.close()
        rehearsal, visen = served("--now", hours(1))
        rehearsal.make("PATCH", f"pages/{row()['id']}", {"properties": {
            "Prompt": {"rich_text": [{"text": {"content": "theirs"}}]}}})
        self.assertIn("theirs", visen('connections; use "Blog"; prompt'))

    def test_doctor(self):
        home, rehearsal, visen = self.rehearsed("--title", "Mine")
        root = "https://www.notion.so/" + rehearsal.root.replace("-", "")
        visen(f'connect "Blog" to template under "{root}"; prompt "about {{Topic}}"')
        text = visen("doctor")
        for line in ["✓ workspace: notion: “", "✓ visible: ", " databases", "180 requests a minute",
                     "files up to 5 MB", "✓ connection: Blog, 3 properties"]:
            self.assertIn(line, text)
        # Each thing that does not fit any more is named, with what to do.
        source = next(item["id"] for item in rehearsal.make("POST", "search", {})["results"]
                      if item["object"] == "data_source")
        rehearsal.make("PATCH", f"data_sources/{source}", {"properties": {"Topic": {"name": "Title"}}})
        self.assertIn("the prompt of “Blog” names “Topic”, which is no property", visen("doctor"))
        visen('use "Blog"; prompt "about {Title}"')
        rehearsal.make("PATCH", f"data_sources/{source}", {"properties": {"Content": None}})
        self.assertIn("“Blog” fills “Content”, which is no property any more", visen("doctor"))
        database = rehearsal.make("GET", f"data_sources/{source}")["parent"]["database_id"]
        rehearsal.control("unshare", database)
        text = visen("doctor")
        self.assertIn("✗ connection: “Blog”: Notion does not show the database of “Blog”", text)
        self.assertIn("Connections,", text)
        rehearsal.control("unshare", rehearsal.root)
        self.assertIn("✗ sharing: nothing is shared with “", visen("doctor"))
        code, out, err = run(["-c", "doctor"], home, **{
            **rehearsal.environment, "NOTION_TOKEN": "ntn_wrong"})
        self.assertIn("key notion", out + err)

    def test_what_is_not_shared(self):
        _, rehearsal, visen = self.rehearsed()
        url, source = self.made_by_hand(rehearsal, {"Name": {"title": {}}})
        row = rehearsal.make("POST", "pages", {
            "parent": {"data_source_id": source},
            "properties": {"Name": {"title": [{"text": {"content": "one"}}]}}})["id"]
        visen(f'connect "Hand" to "{url}"')
        database = rehearsal.make("GET", f"data_sources/{source}")["parent"]["database_id"]
        rehearsal.control("unshare", database)
        # Taken from the integration, and never there: Notion answers alike, and so both are told.
        for statement in ['use "Hand"; rows', f'connect "Again" to "{url}"',
                          f'connect "Page" to page "{row}"',
                          'connect "None" to "11111111-1111-4111-8111-111111111111"']:
            text = visen(statement, expect=1)
            self.assertIn("is not shared with “", text, statement)
            self.assertIn("or does not exist", text, statement)
            self.assertIn("Connections", text, statement)
        for statement in ['connections init under "{}"', 'connect "T" to template under "{}"']:
            text = visen(statement.format(row), expect=1)
            self.assertIn("Notion does not show that page", text)


if __name__ == "__main__":
    unittest.main()
