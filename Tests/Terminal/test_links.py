"""Titles lead to their pages in Notion, where a terminal knows links and nowhere else."""

import re

from rehearsal import Rehearsal
from terminal import TerminalTest, Wire, run


class Links(TerminalTest):
    def test_links(self):
        home = self.folder()
        rehearsal = Rehearsal(home, "--fresh")
        self.addCleanup(rehearsal.close)
        notion = {name: value for name, value in rehearsal.environment.items() if "NOTION" in name}
        code, _, err = run(
            ["-c", f'connect "Blog" to template under "{rehearsal.root}"'], home, **notion)
        self.assertEqual(code, 0, err)
        code, out, err = run(["-c", 'use "Blog"; rows', "--format", "json"], home, **notion)
        self.assertEqual(code, 0, err)

        def sent(*options, **environment):
            wire = Wire(home, ["-c", 'use "Blog"; rows; show row 1', *options],
                        **{**notion, **environment})
            self.addCleanup(wire.close)
            return wire.read_all()

        links = re.findall(rb"\x1b\]8;;([^\x1b]*)\x1b\\([^\x1b]*)\x1b\]8;;\x1b\\", sent())
        self.assertEqual(len(links), 4, links)
        for address, text in links:
            self.assertRegex(address, rb"^https://www\.notion\.so/[0-9a-f]{32}$")
            self.assertIn(text, (b"learning is fun", b"notion is best tool", b"social media is a boon"))
        # Columns are reached by moving the cursor, so that no wide character shifts the rest.
        self.assertRegex(sent(), rb"\x1b\[\d+G")
        for data in (sent("--no-links"), sent(TERM="dumb")):
            self.assertNotIn(b"\x1b]8", data)
        self.assertNotIn(b"\x1b[", sent(TERM="dumb", NO_COLOR="1"))
        code, out, err = run(["-c", 'use "Blog"; rows', "--color", "always"], home, **notion)
        self.assertNotIn("\x1b]8", out)
        self.assertNotRegex(out, r"\x1b\[\d+G")
        code, out, err = run(["-c", 'set links off'], home, **notion)
        self.assertNotIn(b"\x1b]8", sent())
