#!/usr/bin/env python3
"""Kills the real program with SIGKILL at every boundary of its journal in turn, and resumes it.

200 rows, eight at a time, over the real engine protocol on a loopback socket. Until one run completes
untouched: no row lost, none filled twice, and at most the width asked twice. `--step N` takes every
N-th boundary.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Terminal"))
from services import KEY, Services  # noqa: E402
from terminal import VISEN, clean_environment, run  # noqa: E402

ROWS = 200
WIDTH = 8


def main():
    step = int(sys.argv[sys.argv.index("--step") + 1]) if "--step" in sys.argv else 1
    template = tempfile.mkdtemp(prefix="visen-kill-")
    topics = ", ".join(f'"row {number}"' for number in range(ROWS - 3))
    code, _, err = run(
        ["-c", f'connect "Blog" to template; add {topics}; tick rows; prompt "about {{Topic}}"'], template)
    assert code == 0, err
    boundary, kills, most_twice = 1, 0, 0
    while True:
        home = tempfile.mkdtemp(prefix="visen-kill-")
        shutil.rmtree(home)
        shutil.copytree(template, home)
        server = Services()
        environment = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}
        statements = f'set engine gpt; use "Blog"; generate parallel {WIDTH}'
        first = subprocess.run(
            [VISEN, "-c", statements], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=clean_environment(home, VISEN_TEST_DIE_AT=str(boundary), **environment))
        completed = first.returncode == 0
        if not completed:
            assert first.returncode == -9, (first.returncode, first.stderr)
            kills += 1
            code, _, err = run(["-c", "resume"], home, **environment)
            assert code == 0 or "no unfinished run" in err, (boundary, err)
        _, out, _ = run(["-c", 'use "Blog"; rows', "--format", "json"], home)
        rows = json.loads(out)
        assert len(rows) == ROWS, (boundary, len(rows))
        wrong = [row["Topic"] for row in rows if row["Content"] != f"answer to about {row['Topic']}"]
        asked = {}
        for _, data in server.requests:
            prompt = data["messages"][-1]["content"]
            asked[prompt] = asked.get(prompt, 0) + 1
        twice = [prompt for prompt, count in asked.items() if count > 1]
        if boundary > 1 or completed:
            assert not wrong, (boundary, wrong[:3])
        assert len(twice) <= WIDTH and max(asked.values(), default=1) <= 2, (boundary, twice)
        most_twice = max(most_twice, len(twice))
        server.close()
        shutil.rmtree(home, ignore_errors=True)
        if completed:
            break
        boundary += step
    shutil.rmtree(template, ignore_errors=True)
    print(f"{kills} kills, {ROWS} rows each: none lost, none filled twice, at most {most_twice} asked twice")


if __name__ == "__main__":
    main()
