"""Where keys come from: a command, a file, the Secret Service, else a file of ours; never shown."""

import json
import os
import pathlib
import stat

from services import KEY, Services
from terminal import TerminalTest, run

# As strict as the real tool: attributes in pairs, the secret on standard input only.
SECRET_TOOL = """#!/usr/bin/env python3
import json, os, sys
path = os.environ["HOME"] + "/secrets.json"
kept = json.load(open(path)) if os.path.exists(path) else {}
words = sys.argv[1:]
action, words = words[0], [w for w in words[1:] if not w.startswith("--label=")]
if len(words) % 2 or not words:
    sys.exit("usage")
name = json.dumps(dict(zip(words[::2], words[1::2])), sort_keys=True)
if action == "store":
    kept[name] = sys.stdin.read()
elif action == "lookup":
    if name not in kept:
        sys.exit(1)
    sys.stdout.write(kept[name])
elif action == "clear":
    kept.pop(name, None)
else:
    sys.exit("usage")
json.dump(kept, open(path, "w"))
"""


class Keys(TerminalTest):
    def setUp(self):
        self.server = Services()
        self.addCleanup(self.server.close)
        self.home = self.folder()
        self.address = {"OPENAI_BASE_URL": self.server.url}

    def visen(self, statements, **environment):
        return run(["-c", statements], self.home, **{**self.address, **environment})

    def test_from_command_and_file(self):
        file = pathlib.Path(self.home, "my key")
        file.write_text(KEY + "\nsecond line\n")
        for source in (f"command \"cat '{file}'\"", f'file "{file}"', 'file "~/my key"'):
            code, out, err = self.visen(f"key gpt from {source}")
            self.assertEqual(code, 0, err)
            self.assertIn("OpenAI knows this key", err)
            code, out, err = self.visen("set engine gpt; print ai 'hello'; settings")
            self.assertEqual(code, 0, err)
            self.assertNotIn(KEY, out + err)
            kept = pathlib.Path(self.home, "visen/keys.json").read_text()
            self.assertNotIn(KEY, kept)
            self.assertEqual(list(json.loads(kept)["gpt"]), [source.split()[0]])
        # A key that is not there any more is told where it is needed, with its place.
        file.unlink()
        code, out, err = self.visen("ai 'hello'")
        self.assertEqual(code, 4, err)
        self.assertIn("my key, which holds the key for gpt, cannot be read", err)
        code, out, _ = self.visen("doctor")
        self.assertIn("✗ engine: gpt:", out)
        # What does not work is not kept.
        for wrong, message in (
            ("command 'exit 3'", "ended with 3"), ("command 'true'", "printed no key"),
            ("file '/nonexistent'", "cannot be read"),
        ):
            code, _, err = self.visen(f"key gemini forget; key gpt from {wrong}")
            self.assertNotEqual(code, 0)
            self.assertIn(message, err)
        self.assertIn("my key", pathlib.Path(self.home, "visen/keys.json").read_text())

    def test_secret_service(self):
        tools = pathlib.Path(self.home, "bin")
        tools.mkdir()
        tool = tools / "secret-tool"
        tool.write_text(SECRET_TOOL)
        tool.chmod(0o755)
        desktop = {
            "PATH": f"{tools}:{os.environ['PATH']}", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
        screen = self.terminal(home=self.home, **self.address, **desktop)
        screen.wait_prompt()
        screen.enter("key gpt")
        screen.wait_for("Key for gpt:")
        screen.enter(KEY)
        screen.wait_for("It is kept in the Secret Service.")
        screen.wait_prompt()
        self.assertNotIn(KEY, screen.screen())
        screen.press("C-d")
        screen.wait_for("[exit 0]")
        path = pathlib.Path(self.home, "visen/keys.json")
        self.assertEqual(json.loads(path.read_text()), {"gpt": {"service": "secret-service"}})
        code, out, err = self.visen("set engine gpt; print ai 'hello'; settings", **desktop)
        self.assertEqual(code, 0, err)
        self.assertIn("Secret Service", out)
        # Elsewhere, where none runs, that is said.
        code, _, err = self.visen("ai 'hello'")
        self.assertEqual(code, 4, err)
        self.assertIn("The Secret Service does not give the key for gpt.", err)
        code, _, err = self.visen("key gpt forget", **desktop)
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(pathlib.Path(self.home, "secrets.json").read_text()), {})

    def test_file_and_stop(self):
        screen = self.terminal(home=self.home, **self.address)
        screen.wait_prompt()
        screen.enter("key gpt")
        screen.wait_for("Key for gpt:")
        screen.type("sk-half")
        screen.press("C-c")
        screen.wait_prompt()
        screen.enter("key gpt")
        screen.wait_for("Key for gpt:", count=2)
        # As a terminal pastes it.
        screen.send_bytes(b"\x1b[200~" + KEY.encode() + b"\x1b[201~")
        screen.press("Enter")
        screen.wait_for("OpenAI knows this key")
        path = pathlib.Path(self.home, "visen/keys.json")
        self.assertEqual(json.loads(path.read_text()), {"gpt": KEY})
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertNotIn(KEY, pathlib.Path(self.home, "visen/history.jsonl").read_text())
