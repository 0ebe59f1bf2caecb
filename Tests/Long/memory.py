#!/usr/bin/env python3
"""100,000 rows are planned, and generated with room for 10,000 at once: resident memory and processor time.

The program asks as many at once as the engine bears, 2,000 at most; rows beyond wait in the journal. With
`--latency 8s` so many are on the wire that they are reached.

usage: memory.py [--rows N] [--width N] [--latency TIME]
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Terminal"))
from shop import Shop, VISEN  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=10_000)
    parser.add_argument("--latency", default="200ms~0.5")
    options = parser.parse_args()
    shop = Shop(0)
    try:
        def make(n):
            shop.server.make("POST", "pages", {
                "parent": {"data_source_id": shop.source},
                "properties": {"Name": {"title": [{"text": {"content": f"row {n}"}}]}}})

        start = time.monotonic()
        for first in range(0, options.rows, 5000):
            # Notion shows no more than 10,000 rows of one minute.
            minute = first // 5000
            shop.serve("--now", f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00Z")
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(make, range(first, min(first + 5000, options.rows))))
        print(f"{options.rows} rows made in {time.monotonic() - start:.0f} s", flush=True)
        shop.serve("--latency", "engine=" + options.latency)
        for what, statements in (
            ("planned", f'use "Rows"; plan generate Content with "about {{Name}}" on rows samples 0'),
            ("generated", f'use "Rows"; generate Content with '
                          f'"about {{Name}}" on rows parallel {options.width}'),
        ):
            start = time.monotonic()
            process = subprocess.Popen(
                [VISEN, "-c", statements], env=shop.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            err = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.monotonic() - start
            assert process.returncode == 0, err[-2000:]
            megabytes = usage.ru_maxrss / 1024
            spent = (usage.ru_utime + usage.ru_stime) * 1000 / options.rows
            most = shop.server.stats()["engine"]["most_in_flight"]
            print(f"{options.rows} rows {what}: {megabytes:.0f} MB at most, {spent:.2f} ms of processor "
                  f"for a row, {wall:.0f} s, {most} questions on the wire at once", flush=True)
            assert megabytes < 150, megabytes
    finally:
        shop.close()


if __name__ == "__main__":
    main()
