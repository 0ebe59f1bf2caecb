#!/usr/bin/env python3
"""A run of 1,000 rows is taken back after 37 were edited by hand: 963 are as they were, 37 are left."""

import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Terminal"))
from shop import Shop, text  # noqa: E402

ROWS, EDITED = 1000, 37


def main():
    shop = Shop(ROWS, properties={"Kind": {"select": {"options": [{"name": "a"}, {"name": "b"}]}},
                                  "Score": {"number": {}}})
    try:
        pages = shop.pages()
        for n, page in enumerate(pages.values()):
            # What stands there before is rich: links, colours, an equation; and some cells are empty.
            if n % 3 == 0:
                shop.server.make("PATCH", f"pages/{page['id']}", {"properties": {"Content": {"rich_text": [
                    {"text": {"content": "bold "}, "annotations": {"bold": True, "color": "red"}},
                    {"text": {"content": "link", "link": {"url": "https://example.com/"}}},
                    {"equation": {"expression": "a^2"}}]}, "Score": {"number": n}}})
        before = {title: page["properties"] for title, page in shop.pages().items()}
        shop.visen('use "Rows"; generate Content, Kind, Score with "about {Name}" on rows overwrite '
                   'parallel 32')
        run = shop.last_run()
        after = shop.pages()
        assert all(after[title]["properties"]["Content"] != before[title]["Content"] for title in after)
        edited = random.Random(1).sample(sorted(after), EDITED)
        for n, title in enumerate(edited):
            change = ({"Content": {"rich_text": [{"text": {"content": f"mine {n}"}}]}},
                      {"Score": {"number": -n - 1}})[n % 2]
            shop.server.make("PATCH", f"pages/{after[title]['id']}", {"properties": change})
        mine = {title: page["properties"] for title, page in shop.pages().items() if title in edited}
        start = time.monotonic()
        _, err = shop.visen(f'use "Rows"; undo {run}', expect=3)
        seconds = time.monotonic() - start
        assert f"{ROWS - EDITED} rows restored, {EDITED} left alone" in err, err[:300]
        now = shop.pages()
        restored = [title for title in now if now[title]["properties"] == before[title]]
        assert len(restored) == ROWS - EDITED and not set(restored) & set(edited)
        assert all(now[title]["properties"] == mine[title] for title in edited)
        listed = [title for title in edited if f"「{title}」" in err]
        assert len(listed) == EDITED
        print(f"undo of {ROWS} rows: {len(restored)} as they were read, {len(listed)} left and listed, "
              f"{seconds:.1f} s")
    finally:
        shop.close()


if __name__ == "__main__":
    main()
