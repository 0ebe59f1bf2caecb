"""Every example script, on the embedded workspace: it checks, has its layout, and runs."""

import unittest

from terminal import ROOT, TerminalTest, run

FOLDER = ROOT / "scripts/examples"
# What each prints at least; options where it needs any.
EXAMPLES = {
    # Those of `None` need databases of their own: they are run by the golden tests.
    "classify": None,
    "clean-up-tags": None,
    "compare-engines": ([], ["== practice", "learning is fun: [practice]"]),
    "compare-prompts": None,
    "draft-and-review": ([], ["[practice] answer to: [practice] answer to: learning is fun"]),
    "enrich-from-csv": None,
    "fill-relations": None,
    "from-csv": ([], ["日本語の行", "学ぶことは楽しい"]),
    "nightly": ([], ["0 rows are left."]),
    "safe-run": ([], ["Property", "学ぶことは楽しい", "generate"]),
    "save-and-share": (["--folder={home}"], ["Saved 3 rows"]),
    "summarise-bodies": None,
    "translate": ([], ["Before:", "学ぶことは楽しい", "After undo:"]),
    "weekly-report": ([], ["0 of 3 rows are filled.", "- learning is fun"]),
}


class Examples(TerminalTest):
    def test_all_are_here(self):
        self.assertEqual({path.stem for path in FOLDER.glob("*.visen")}, set(EXAMPLES))

    def test_each_runs(self):
        for name, expected in EXAMPLES.items():
            with self.subTest(name):
                home = self.folder()
                path = f"scripts/examples/{name}.visen"
                if expected is not None:
                    self.assertEqual(run(["check", path], home)[0], 0)
                self.assertEqual(run(["fmt", "--check", path], home)[0], 0)
                self.assertEqual(run([path, "--help"], home)[0], 0)
                if expected is None:
                    continue
                options, words = expected
                code, out, err = run(
                    [path, *(option.format(home=home) for option in options)], home)
                self.assertEqual(code, 0, err)
                for word in words:
                    self.assertIn(word, out)


if __name__ == "__main__":
    unittest.main()
