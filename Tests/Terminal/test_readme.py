"""The README's first session is what the program shows."""

import subprocess
import unittest

from terminal import ROOT


class Readme(unittest.TestCase):
    def test_first_session(self):
        result = subprocess.run(
            [ROOT / "scripts/readme-session", "--check"], capture_output=True, text=True,
            timeout=120)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
