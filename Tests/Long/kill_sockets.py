#!/usr/bin/env python3
"""A run of 1,000 rows over real sockets, with faults on both sides, killed 300 times and resumed.

Every row must end with exactly one answer; no prompt may be answered twice but for the calls that were
under way at a kill or that a fault cut off; what the server counted must be what the journal settled, plus
the answers that never arrived, each of which the journal has among the calls that were lost.

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
        # To the cent and row by row: what was settled is the price of the answer that stands there, once;
        # each further answer that the server counted is one that a kill or a fault kept from arriving, and
        # the row's journal has it among the calls that were lost, with what was set aside for it.
        asked = {entry["prompt"]: entry for entry in stats["asked"]}
        assert len(asked) == options.rows
        extra, lost = 0, 0.0
        for row in journal["rows"]:
            entry = asked["about " + row["row"]]
            unit = entry["cost"] / entry["times"]
            assert abs(row["cost"] - unit) < 1e-12, (row, entry)
            assert entry["times"] - 1 <= row["lost_calls"], (row, entry)
            assert (entry["times"] - 1) * unit <= row["lost_cost_at_most"] + 1e-12, (row, entry)
            extra += entry["times"] - 1
            lost += (entry["times"] - 1) * unit
        assert abs(stats["cost"] - journal["cost"] - lost) < 1e-9, (stats["cost"], journal["cost"], lost)
        print(
            f"{kills} kills, {options.rows} rows: each has one answer; the server counted "
            f"${stats['cost']:.6f}, the journal ${journal['cost']:.6f} settled and ${lost:.6f} for {extra} "
            f"answers that never arrived, of {journal['lost_calls']} calls that it counts as lost, "
            f"${journal['lost_cost_at_most']:.6f} set aside for them")
    finally:
        shop.close()


if __name__ == "__main__":
    main()
