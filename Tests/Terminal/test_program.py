"""The program without a terminal: what it prints where, and its exit codes."""

import json
import os
import stat
import unittest

from terminal import TerminalTest, run

TOPICS = ["learning is fun", "notion is best tool", "social media is a boon"]


class Program(TerminalTest):
    def test_translates_and_takes_back(self):
        home = self.folder()
        code, out, err = run(["scripts/examples/translate.visen"], home)
        self.assertEqual(code, 0, err)
        before, rest = out.split("After:")
        after, undone = rest.split("After undo:")
        for topic in TOPICS:
            self.assertIn(topic, before)
        self.assertIn("[practice] 学ぶことは楽しい", after)
        self.assertNotIn("practice]", before + undone)
        self.assertIn("Content: 3 written", err)

    def test_json_is_one_array_and_nothing_else(self):
        home = self.folder()
        run(["-c", 'connect "Blog" to template; tick rows where Topic contains "FUN"'], home)
        code, out, _ = run(["-c", 'use "Blog"; rows where Generate', "--format", "json"], home)
        self.assertEqual(code, 0)
        rows = json.loads(out)
        self.assertEqual([row["Topic"] for row in rows], ["learning is fun"])
        self.assertEqual(rows[0]["Generate"], True)

    def test_exit_codes(self):
        home = self.folder()
        self.assertEqual(run(["-c", "1 +"], home)[0], 2)
        self.assertEqual(run(["-c", "fail 'on purpose'"], home)[0], 1)
        self.assertEqual(run(["--nonsense"], home)[0], 2)
        self.assertEqual(run(["no-such-file.visen"], home)[0], 2)
        self.assertEqual(run(["-c", ""], home)[0], 0)
        code, _, err = run(["-c", 'print ai "hello" using gpt'], home)
        self.assertEqual(code, 4)
        self.assertIn("OPENAI_API_KEY", err)
        code, _, err = run(
            ["-c", "for x in [1, 2] on error continue { if x is 2 { fail 'two' } }"], home)
        self.assertEqual(code, 3)
        self.assertIn("two", err)

    def test_statements_from_standard_input(self):
        code, out, _ = run([], self.folder(), input_text="let a = 2\nfor x in 1..3 {\n print x * a\n}\na")
        self.assertEqual((code, out), (0, "2\n4\n6\n2\n"))

    def test_files_are_private(self):
        home = self.folder()
        run(["-c", 'connect "Blog" to template'], home)
        folder = os.path.join(home, "visen")
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        for name in os.listdir(folder):
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            self.assertEqual(mode, 0o600, name)

    def test_home_that_cannot_be_used(self):
        code, _, err = run(["-c", "runs"], self.folder(), VISEN_HOME="/proc/nowhere")
        self.assertEqual(code, 1)
        self.assertIn("VISEN_HOME", err)


if __name__ == "__main__":
    unittest.main()
