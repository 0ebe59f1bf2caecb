#!/usr/bin/env python3
"""A run of 1,000 rows over real sockets, with faults on both sides, killed 300 times and resumed.

Every row must end with exactly one answer; no prompt may be answered twice but for the calls that were
under way at a kill or that a fault cut off; what the journal says was spent must be what the server
counted, once for each answer that was kept.

usage: kill_sockets.py [--rows N] [--kills N] [--seed N]
"""

import argparse
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Terminal"))
from shop import Shop, text  # noqa: E402

WIDTH = 4
FAULTS = "429=2%,500=2%,503=2%,reset=2%,cut=2%,malformed=2%"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    shop = Shop(options.rows)
    try:
        shop.serve("--latency", "engine=200ms~0.4", "--latency", "notion=5ms", "--faults", FAULTS)
        statements = (f'use "Rows"; generate Content with "about {{Name}}" on rows parallel {WIDTH}')
        kills, run = 0, None
        while kills < options.kills:
            process = shop.start(statements if run is None else f"resume {run}")
            # Some die while they start, most in the middle of the work.
            time.sleep(chance.uniform(0.02, 0.45))
            ended = process.poll() is not None
            if not ended:
                process.send_signal(signal.SIGKILL)
                kills += 1
            _, err = process.communicate()
            if run is None and "no unfinished" not in err:
                listed = shop.visen("runs", "--format", "json", expect=None)[0]
                if '"Run"' in listed:
                    run = shop.last_run()
            if ended:
                assert process.returncode in (0, 3) or "nothing left" in err, err
                if "nothing left" in err or process.returncode == 0:
                    break
        while True:
            _, err = shop.visen(f"resume {run}", expect=None)
            if "nothing left" in err:
                break
        stats = shop.server.stats()["engine"]
        # What is looked at now is looked at without faults.
        shop.serve()
        pages = shop.pages()
        wrong = [
            title for title, page in pages.items()
            if not text(page, "Content").endswith(f"about {title}")]
        assert not wrong, wrong[:5]
        journal = shop.run(run)
        assert len(journal["rows"]) == options.rows
        assert {row["state"] for row in journal["rows"]} == {"written"}
        again = [entry for entry in stats["asked"] if entry["times"] > 1]
        extra = sum(entry["times"] - 1 for entry in again)
        assert len(stats["asked"]) == options.rows
        unit = {entry["prompt"]: entry["cost"] / entry["times"] for entry in stats["asked"]}
        once = sum(unit.values())
        # An answer that was kept for the same question, but not yet in the run, when the process died is
        # not asked for again; its price is among what the journal says lost calls may have cost.
        rescued = [row for row in journal["rows"] if row["cost"] == 0]
        for row in journal["rows"]:
            if row["cost"]:
                assert abs(row["cost"] - unit["about " + row["row"]]) < 1e-12, row
        saved = sum(unit["about " + row["row"]] for row in rescued)
        assert abs(once - saved - journal["cost"]) < 1e-9, (once, saved, journal["cost"])
        assert len(rescued) <= journal["lost_calls"] and saved <= journal["lost_cost_at_most"] + 1e-12
        assert extra <= journal["lost_calls"], (extra, journal["lost_calls"])
        assert stats["cost"] <= journal["cost"] + journal["lost_cost_at_most"] + 1e-9
        print(
            f"{kills} kills, {options.rows} rows: each has one answer; {len(rescued)} answers outlived "
            f"a kill in the cache (${saved:.6f}); {extra} answers were lost to kills "
            f"and faults, of {journal['lost_calls']} calls that the journal counts as lost; spent "
            f"${journal['cost']:.6f} by the journal, ${once:.6f} by the server for the same answers, "
            f"${stats['cost']:.6f} with the lost ones")
    finally:
        shop.close()


if __name__ == "__main__":
    main()
