"""`generate as batch` through the program and both services' batches, over real sockets, as `visen serve` has them."""

import json
import signal
import subprocess
import time
import unittest

from rehearsal import Rehearsal
from terminal import VISEN, TerminalTest, clean_environment, run

TOPICS = ["learning is fun", "notion is best tool", "social media is a boon"]


class Batches(TerminalTest):
    def rehearse(self, *options):
        server = Rehearsal(self.folder(), "--fresh", *options)
        self.addCleanup(server.close)
        return server

    def variables(self, server):
        # The rows are in the embedded workspace; only the engines are the server's.
        return {name: value for name, value in server.environment.items() if "NOTION" not in name}

    def blog(self, engine, rows=()):
        home = self.folder()
        more = "; add " + ", ".join(f'"{row}"' for row in rows) if rows else ""
        code, _, err = run(
            ["-c", f'connect "Blog" to template{more}; tick rows; '
                   f'prompt "about {{Topic}}"; set engine {engine}'], home,
            OPENAI_API_KEY="sk-none", GEMINI_API_KEY="none")
        self.assertEqual(code, 0, err)
        return home

    def visen(self, home, server, statements, **more):
        return run(["-c", statements], home, **self.variables(server), **more)

    def contents(self, home):
        rows = json.loads(run(["-c", 'use "Blog"; rows', "--format", "json"], home)[1])
        return {row["Topic"]: row["Content"] for row in rows}

    def journal(self, home, run_number):
        return json.loads(run(["-c", f"runs {run_number}", "--format", "json"], home)[1])

    def answers(self, topics=TOPICS):
        return {topic: f"[practice] answer to: about {topic}" for topic in topics}

    def test_sent_waited_for_written_and_taken_back(self):
        for engine, cost in [("gpt", (0.10, 0.50)), ("gemini", (0.25, 1.50))]:
            with self.subTest(engine):
                server = self.rehearse("--latency", "batch=1500ms")
                home = self.blog(engine)
                code, _, err = self.visen(home, server, 'use "Blog"; generate as batch')
                self.assertEqual(code, 0, err)
                self.assertIn("3 questions sent to " + engine, err)
                self.assertIn("collect 1", err)
                code, _, err = self.visen(home, server, "collect 1")
                self.assertEqual(code, 0, err)
                self.assertIn("0 of 3 done", err)
                self.assertIn("collect 1 wait", err)
                self.assertEqual(set(self.contents(home).values()), {None})
                self.assertEqual(self.visen(home, server, "resume")[0], 1)
                code, _, err = self.visen(home, server, "undo")
                self.assertEqual(code, 1, err)
                self.assertIn("batches cancel 1", err)
                code, _, err = self.visen(home, server, "collect 1 wait")
                self.assertEqual(code, 0, err)
                self.assertIn("3 written", err)
                self.assertEqual(self.contents(home), self.answers())
                before = server.stats()["engine"]
                for _ in range(2):
                    code, _, err = self.visen(home, server, "collect 1")
                    self.assertEqual(code, 0, err)
                    self.assertIn("dealt with already", err)
                after = server.stats()["engine"]
                self.assertEqual(before, after)
                full = (after["input_tokens"] * cost[0] + after["output_tokens"] * cost[1]) / 1e6
                self.assertAlmostEqual(after["cost"], full / 2)
                code, out, err = run(
                    ["-c", "batches", "--format", "json"], home, **self.variables(server))
                self.assertEqual(json.loads(out)[0]["State"], "collected", err)
                code, _, err = self.visen(home, server, "undo")
                self.assertEqual(code, 0, err)
                self.assertEqual(set(self.contents(home).values()), {None})
                code, _, err = self.visen(home, server, "redo")
                self.assertEqual(self.contents(home), self.answers())

    def test_a_shape_by_both_protocols(self):
        for engine in ("gpt", "gemini"):
            with self.subTest(engine):
                server = self.rehearse("--latency", "batch=0s")
                home = self.blog(engine)
                code, _, err = self.visen(
                    home, server,
                    'use "Blog"; generate Content with "rate {Topic}" as one of ["good", "bad"] '
                    'on rows as batch; collect wait')
                self.assertEqual(code, 0, err)
                self.assertIn("3 written", err)
                self.assertLessEqual(set(self.contents(home).values()), {"good", "bad"})

    def test_an_answer_that_is_no_good_is_asked_once_more(self):
        for engine in ("gpt", "gemini"):
            with self.subTest(engine):
                server = self.rehearse("--latency", "batch=0s", "--faults", "engine:unfit=60%", "--seed", "5")
                topics = [f"topic {n}" for n in range(9)]
                home = self.blog(engine, topics)
                code, _, err = self.visen(
                    home, server,
                    'use "Blog"; generate Content with "rate {Topic}" as one of ["good", "bad"] '
                    'on rows as batch; collect wait')
                self.assertIn("answers were not usable; their rows are asked once more now", err)
                stats = server.stats()["engine"]
                again = [entry for entry in stats["asked"] if "must be one of" in entry["prompt"]]
                self.assertEqual(stats["answers"], 12 + len(again))
                self.assertTrue(0 < len(again) < 12, again)
                states = [row["State"] for row in self.journal(home, 2)]
                self.assertEqual(code, 3 if "failed" in states else 0, err)
                self.assertGreater(states.count("written"), 12 - len(again))
                # It costs what the server counted: half for the batch, the whole for what came after.
                path = f"{home}/run.json"
                run(["-c", f'runs 2 to "{path}"'], home)
                with open(path) as file:
                    self.assertAlmostEqual(json.load(file)["cost"], stats["cost"])

    def test_killed_at_every_step_nothing_is_lost_and_nothing_asked_twice(self):
        for engine, statements in [
            ("gpt", 'use "Blog"; generate as batch'), ("gemini", 'use "Blog"; generate as batch'),
            ("gpt", "collect"),
        ]:
            boundary, is_whole = 0, False
            while not is_whole:
                boundary += 1
                self.assertLess(boundary, 40)
                with self.subTest(f"{engine} {statements} {boundary}"):
                    server = self.rehearse("--latency", "batch=0s")
                    home = self.blog(engine)
                    if statements == "collect":
                        self.visen(home, server, 'use "Blog"; generate as batch')
                    code, _, err = self.visen(
                        home, server, statements, VISEN_TEST_DIE_AT=str(boundary))
                    is_whole = code == 0
                    self.assertIn(code, (0, -signal.SIGKILL), err)
                    for again in ("resume", "collect", "resume"):
                        code, _, err = self.visen(home, server, again)
                        self.assertTrue(
                            code == 0 or "no unfinished run" in err or "nothing left" in err, err)
                    if not (statements.startswith("use") and boundary == 1 and not is_whole):
                        self.assertEqual(self.contents(home), self.answers())
                        engine_stats = server.stats()["engine"]
                        self.assertEqual(engine_stats["answers"], 3)
                        self.assertEqual(engine_stats["asked_again"], 0)
                    server.close()
            self.assertGreater(boundary, 5)

    def test_a_row_edited_meanwhile_stays(self):
        server = self.rehearse("--latency", "batch=0s")
        home = self.blog("gpt")
        self.visen(home, server, 'use "Blog"; generate as batch')
        run(["-c", 'use "Blog"; for row in rows where Topic is "learning is fun" '
                   '{ row.Content = "mine" }'], home)
        code, _, err = self.visen(home, server, "collect")
        self.assertEqual(code, 3, err)
        self.assertIn("2 written · 1 left alone", err)
        self.assertEqual(self.contents(home)["learning is fun"], "mine")

    def test_expired_finished_rows_are_kept_and_the_others_resume(self):
        # Gemini gives nothing of a batch that ran out of time; OpenAI gives what was done by then.
        topics = [f"topic {n}" for n in range(7)]
        for engine, keeps in [("gpt", True), ("gemini", False)]:
            for how in ("resume", "resume as batch"):
                with self.subTest(f"{engine} {how}"):
                    late = self.rehearse("--latency", "batch=0s", "--faults", "batch:expired=100%")
                    home = self.blog(engine, topics)
                    self.visen(home, late, 'use "Blog"; generate as batch')
                    code, _, err = self.visen(home, late, "collect")
                    self.assertEqual(code, 3, err)
                    self.assertIn("ran out of time", err)
                    kept = sum(map(bool, self.contents(home).values()))
                    self.assertEqual(0 < kept < 10, keeps, kept)
                    self.assertIn(f"{kept} written · {10 - kept} failed", err)
                    calm = self.rehearse("--latency", "batch=0s")
                    code, _, err = self.visen(home, calm, how)
                    self.assertEqual(code, 0, err)
                    if "batch" in how:
                        self.assertEqual(self.visen(home, calm, "collect")[0], 0)
                    self.assertEqual(self.contents(home), self.answers(TOPICS + topics))
                    self.assertEqual(calm.stats()["engine"]["answers"], 10 - kept)

    def test_single_rows_fail_and_are_asked_again(self):
        for engine in ("gpt", "gemini"):
            with self.subTest(engine):
                topics = [f"topic {n}" for n in range(27)]
                server = self.rehearse(
                    "--latency", "batch=0s", "--faults", "batch:400=10%,batch:500=10%,batch:malformed=10%")
                home = self.blog(engine, topics)
                self.visen(home, server, 'use "Blog"; generate as batch')
                code, _, err = self.visen(home, server, "collect")
                self.assertEqual(code, 3, err)
                answered = server.stats()["engine"]["answers"]
                self.assertTrue(10 < answered < 30, answered)
                self.assertIn(f"{answered} written · {30 - answered} failed", err)
                code, _, err = self.visen(home, server, "resume")
                self.assertEqual(code, 0, err)
                self.assertEqual(self.contents(home), self.answers(TOPICS + topics))
                self.assertEqual(server.stats()["engine"]["asked_again"], 0)

    def test_cancelled(self):
        for engine in ("gpt", "gemini"):
            with self.subTest(engine):
                server = self.rehearse("--latency", "batch=20s")
                home = self.blog(engine)
                self.visen(home, server, 'use "Blog"; generate as batch')
                code, _, err = self.visen(home, server, "batches cancel 1")
                self.assertEqual(code, 0, err)
                self.assertIn("is being stopped", err)
                code, _, err = self.visen(home, server, "collect wait")
                self.assertEqual(code, 0, err)
                self.assertIn("3 not asked", err)
                self.assertEqual(set(self.contents(home).values()), {None})
                code, _, err = self.visen(home, server, "resume")
                self.assertEqual(code, 0, err)
                self.assertEqual(self.contents(home), self.answers())
                self.assertEqual(self.visen(home, server, "batches cancel 1")[0], 1)

    def test_troubled_services_are_asked_again_and_no_batch_is_made_twice(self):
        for engine in ("gpt", "gemini"):
            for seed in range(4):
                with self.subTest(f"{engine} {seed}"):
                    server = self.rehearse(
                        "--latency", "batch=0s", "--seed", str(seed),
                        "--faults", "engine:reset=15%,engine:cut=15%,engine:503=15%")
                    home = self.blog(engine)
                    self.visen(home, server, 'use "Blog"; generate as batch')
                    for _ in range(6):
                        # What the service refused for good is sent again by hand.
                        self.visen(home, server, "resume as batch")
                        if self.visen(home, server, "collect")[0] == 0 and all(
                                self.contents(home).values()):
                            break
                    stats = server.stats()["engine"]
                    self.assertEqual(self.contents(home), self.answers(), stats)
                    self.assertEqual((stats["answers"], stats["asked_again"]), (3, 0))

    def test_what_cannot_be_says_so_and_leaves_the_rows(self):
        server = self.rehearse("--latency", "batch=0s")
        home = self.blog("practice")
        code, _, err = self.visen(home, server, 'use "Blog"; generate as batch')
        self.assertEqual(code, 1, err)
        self.assertIn("gpt and gemini have", err)
        code, _, err = self.visen(home, server, 'use "Blog"; generate using gpt packed 2 as batch')
        self.assertEqual(code, 1, err)
        self.assertIn("packed and as batch", err)
        code, _, err = self.visen(home, server, "collect 7")
        self.assertEqual(code, 1, err)
        self.assertIn("no batch 7", err)
        code, _, err = self.visen(home, server, "collect")
        self.assertEqual(code, 0, err)
        refusing = self.rehearse("--faults", "engine:401=100%")
        code, _, err = self.visen(home, refusing, 'use "Blog"; generate using gpt as batch')
        self.assertEqual(code, 4, err)
        self.assertIn("resume", err)
        code, _, err = self.visen(home, server, "resume")
        self.assertEqual(code, 0, err)
        self.assertEqual(self.contents(home), self.answers())

    def test_a_plan_shows_half_the_price(self):
        server = self.rehearse()
        home = self.blog("gpt", [f"topic {n}" for n in range(17)])
        texts = [self.visen(home, server, f'use "Blog"; plan generate samples 0{word}')[2]
                 for word in ("", " as batch")]
        self.assertIn("half of the usual", texts[1])
        self.assertIn("20 questions in a batch", texts[1])
        self.assertNotIn("batch", texts[0])

    def test_a_budget_holds_back_what_it_does_not_hold(self):
        server = self.rehearse("--latency", "batch=0s")
        home = self.blog("gpt")
        code, _, err = run(
            ["-c", 'use "Blog"; generate as batch', "--max-cost", "0.0011"], home,
            **self.variables(server))
        self.assertEqual(code, 5, err)
        self.assertIn("2 questions sent", err)
        self.assertIn("does not hold 1 row", err)
        self.assertEqual(self.visen(home, server, "collect")[0], 0)
        self.assertEqual(sorted(map(bool, self.contents(home).values())), [False, True, True])
        self.assertEqual(self.visen(home, server, "set max_cost 1; resume as batch; collect")[0], 0)
        self.assertEqual(self.contents(home), self.answers())

    def test_two_programs_at_once_take_in_once(self):
        server = self.rehearse("--latency", "batch=1s")
        home = self.blog("gpt")
        self.visen(home, server, 'use "Blog"; generate as batch')
        first = subprocess.Popen(
            [VISEN, "-c", "collect wait"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, env=clean_environment(home, **self.variables(server)))
        time.sleep(0.4)
        code, _, err = self.visen(home, server, "collect")
        self.assertEqual(code, 1, err)
        self.assertIn("another Visen", err)
        _, err = first.communicate(timeout=30)
        self.assertEqual(first.returncode, 0, err)
        self.assertEqual(self.contents(home), self.answers())


if __name__ == "__main__":
    unittest.main()
