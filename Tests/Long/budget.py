#!/usr/bin/env python3
"""A budget of 60 % of what a run needs stops it within the budget; with more it ends, nothing asked twice."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Terminal"))
from shop import Shop, text  # noqa: E402

ROWS = 500


def main():
    shop = Shop(ROWS)
    try:
        # What it needs: the same run on a copy of the questions, told apart by a word of equal length.
        shop.visen('use "Rows"; generate Content with "above {Name}" on rows parallel 16')
        need = shop.server.stats()["engine"]["cost"]
        shop.serve("--latency", "engine=20ms~0.5")
        budget = need * 0.6
        _, err = shop.visen(
            'use "Rows"; generate Content with "about {Name}" on rows overwrite parallel 16',
            f"--max-cost={budget:.9f}", expect=5)
        run = shop.last_run()
        spent = shop.server.stats()["engine"]
        journal = shop.run(run)
        asked = sum(row["attempts"] > 0 for row in journal["rows"])
        assert spent["cost"] <= budget, (spent["cost"], budget)
        assert abs(journal["cost"] - spent["cost"]) < 1e-9
        assert asked == spent["answers"] and journal["states"]["written"] == asked
        _, err = shop.visen(f'budget {need * 2:.9f}; resume {run}')
        stats = shop.server.stats()["engine"]
        assert stats["asked_again"] == 0 and stats["answers"] == ROWS, stats["asked_again"]
        assert all(
            text(page, "Content").endswith(f"about {title}") for title, page in shop.pages().items())
        print(f"budget of 60 % (${budget:.6f}): stopped at ${spent['cost']:.6f} "
              f"({spent['cost'] / budget:.1%}) with {asked} of {ROWS} rows; resumed to the end, "
              f"{stats['answers']} questions in all, none twice")
    finally:
        shop.close()


if __name__ == "__main__":
    main()
