#!/usr/bin/env python3
"""A free tier of 10 requests a minute: 400 rows, 20 in each question, three rows of each answer spoilt."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Terminal"))
from shop import Shop, text  # noqa: E402

ROWS, PACK, A_MINUTE = 400, 20, 10


def main():
    shop = Shop(ROWS, engine="gemini")
    try:
        shop.serve("--rate", f"engine={A_MINUTE}/60s", "--faults", "engine:spoilt=15%",
                   "--latency", "engine=500ms~0.3")
        out, err = shop.visen('use "Rows"; plan generate Content with "about {Name}" on rows samples 0')
        start = time.monotonic()
        out, err = shop.visen(
            f'use "Rows"; generate Content with "about {{Name}}" on rows packed {PACK}')
        seconds = time.monotonic() - start
        wrong = [title for title, page in shop.pages().items()
                 if not text(page, "Content").endswith(f"about {title}")]
        assert not wrong, wrong[:3]
        stats = shop.server.stats()["engine"]
        asked = stats["answers"]
        refused = stats["statuses"].get("429", 0)
        allowed = ROWS / PACK / A_MINUTE * 60
        assert asked <= ROWS / PACK * 1.5, asked
        assert seconds <= allowed * 1.1, (seconds, allowed)
        print(f"{ROWS} rows in {asked} questions and {seconds:.0f} s; {ROWS // PACK} questions at "
              f"{A_MINUTE} a minute are {allowed:.0f} s; refused {refused} times; one by one it would "
              f"be {ROWS / A_MINUTE:.0f} min")
        _, err = shop.visen("plan generate with \"about {Name}\" on rows samples 0 overwrite", expect=None)
        out, err = shop.visen('use "Rows"; doctor')
        assert "10 requests a minute" in out + err, out + err
    finally:
        shop.close()


if __name__ == "__main__":
    main()
