"""The same generate through gpt, local and gemini over a real socket, with everything that goes wrong."""

import json
import unittest

import services
from services import KEY, Services
from terminal import TerminalTest, run

SETUP = 'connect "Blog" to template; tick rows; prompt "translate {Topic}"'
TOPICS = ["learning is fun", "notion is best tool", "social media is a boon"]


class Engines(TerminalTest):
    def services(self, **arguments):
        server = Services(**arguments)
        self.addCleanup(server.close)
        return server

    def environment(self, engine, server, key=KEY):
        return {
            "gpt": {"OPENAI_BASE_URL": server.url + "/v1", "OPENAI_API_KEY": key},
            "local": {"LOCAL_BASE_URL": server.url},
            "gemini": {"GEMINI_BASE_URL": server.url, "GEMINI_API_KEY": key},
        }[engine]

    def generate(self, engine, server, statements="generate", home=None, key=KEY, seconds=60):
        home = home or self.folder()
        run(["-c", SETUP], home)
        result = run(
            ["-c", f'set engine {engine}; use "Blog"; {statements}'], home, seconds=seconds,
            **self.environment(engine, server, key))
        rows = json.loads(run(["-c", 'use "Blog"; rows sort by Topic', "--format", "json"], home)[1])
        return result, {row["Topic"]: row["Content"] for row in rows}, home

    def test_packed_rows_and_three_spoilt(self):
        def answer(prompt, schema):
            if not schema or "r1" not in schema["properties"]:
                return "alone " + prompt.split("about ")[-1].strip()
            parts = {}
            for section in prompt.split("### ")[1:]:
                name, words = section.split("\n", 1)
                parts[name] = "packed " + words.split("about ")[-1].strip()
            # One is missing, one has the wrong type, one is null.
            names = list(parts)
            del parts[names[0]]
            parts[names[1]], parts[names[2]] = 7, None
            return json.dumps(parts)

        server = self.services(answer=answer)
        home = self.folder()
        topics = ", ".join(f'"topic {n}"' for n in range(37))
        run(["-c", f'connect "Blog" to template; add {topics}; tick rows'], home)
        environment = self.environment("gpt", server)
        code, _, err = run(
            ["-c", 'set engine gpt; use "Blog"; generate with "about {Topic}" packed 20 parallel 1'],
            home, **environment)
        self.assertEqual(code, 0, err)
        self.assertIn("40 written", err)
        rows = json.loads(run(["-c", 'use "Blog"; rows', "--format", "json"], home)[1])
        for row in rows:
            self.assertIn(row["Content"], (f"packed {row['Topic']}", f"alone {row['Topic']}"))
        alone = [row for row in rows if row["Content"].startswith("alone")]
        # The spoilt ones go into a pack of their own first; what is spoilt again is asked alone.
        self.assertEqual(len(alone), 3)
        self.assertEqual(server.asked, 2 + 1 + 1 + 3)

    def test_each_engine_fills_the_rows(self):
        for engine in ("gpt", "local", "gemini"):
            with self.subTest(engine):
                server = self.services()
                (code, _, err), rows, _ = self.generate(engine, server)
                self.assertEqual(code, 0, err)
                self.assertEqual(rows, {t: f"answer to translate {t}" for t in TOPICS})
                self.assertEqual(server.asked, 3)

    def test_trouble_that_passes_is_waited_for(self):
        for engine in ("gpt", "local", "gemini"):
            for name, fault in [
                ("429", services.rate_limit(1)), ("500", services.status(500)),
                ("503", services.status(503)), ("reset", services.reset),
                ("cut body", services.truncated_body),
            ]:
                with self.subTest(f"{engine} {name}"):
                    server = self.services(faults=[fault])
                    (code, _, err), rows, _ = self.generate(engine, server)
                    self.assertEqual(code, 0, err)
                    self.assertEqual(rows, {t: f"answer to translate {t}" for t in TOPICS})
                    self.assertEqual(server.asked, 4)

    def test_what_concerns_one_row_fails_that_row_and_is_not_written(self):
        for engine in ("gpt", "local", "gemini"):
            for name, fault, word in [
                ("blocked", services.blocked, ("declined", "refused", "content")),
                ("cut", services.cut_short, ("cut at its limit",)),
                ("empty", services.answered("  \n"), ("without any text",)),
            ]:
                with self.subTest(f"{engine} {name}"):
                    server = self.services(faults=[fault])
                    (code, _, err), rows, home = self.generate(engine, server)
                    self.assertEqual(code, 3, err)
                    self.assertTrue(any(part in err for part in word), err)
                    self.assertIn("2 written · 1 failed", err)
                    self.assertEqual(sorted(v is None for v in rows.values()), [False, False, True])
                    code, _, err = run(["-c", "resume"], home, **self.environment(engine, server))
                    self.assertEqual(code, 0, err)
                    self.assertEqual(server.asked, 4)

    def test_what_concerns_everything_stops_the_run(self):
        for engine in ("gpt", "gemini"):
            with self.subTest(engine):
                server = self.services()
                (code, _, err), rows, _ = self.generate(engine, server, key="wrong-key-0123456789")
                self.assertEqual(code, 4, err)
                self.assertIn(f"key {engine}", err)
                self.assertNotIn("wrong-key", err)
                self.assertEqual(set(rows.values()), {None})
                server = self.services(faults=[services.out_of_credit] * 3)
                (code, _, err), rows, home = self.generate(engine, server)
                self.assertEqual(code, 1, err)
                self.assertIn("resume", err)
                code, _, err = run(["-c", "resume"], home, **self.environment(engine, server))
                self.assertEqual(code, 0, err)

    def test_a_hang_ends_and_is_asked_again(self):
        for engine in ("gpt", "local", "gemini"):
            with self.subTest(engine):
                server = self.services(faults=[services.hang(8)])
                (code, _, err), rows, _ = self.generate(
                    engine, server, "set timeout 1; generate parallel 1")
                self.assertEqual(code, 0, err)
                self.assertEqual(rows["learning is fun"], "answer to translate learning is fun")
                self.assertEqual(server.asked, 4)

    def test_shapes_are_checked_and_asked_for_once_more(self):
        for engine in ("gpt", "local", "gemini"):
            with self.subTest(engine):
                server = self.services(
                    answer=lambda prompt, schema: json.dumps({"value": 7}),
                    faults=[services.answered('{"value": "seven"'), services.answered('{"value": 99}')])
                home = self.folder()
                statements = "print ai 'rate this' as number 0..10"
                code, out, err = run(
                    ["-c", f"set engine {engine}; {statements}"], home,
                    **self.environment(engine, server))
                self.assertEqual(code, 1, out)
                self.assertIn("not usable, twice", err)
                code, out, err = run(
                    ["-c", statements], home, **self.environment(engine, server))
                self.assertEqual((code, out), (0, "7\n"), err)
                server.faults = [services.answered('```json\n{"value": 99}\n```')]
                code, out, err = run(["-c", statements], home, **self.environment(engine, server))
                self.assertEqual((code, out), (0, "7\n"), err)

    def test_a_refused_temperature_is_dropped_and_remembered(self):
        server = self.services()
        (code, _, err), rows, _ = self.generate(
            "gpt", server, "set temperature 0.2; generate parallel 1")
        self.assertEqual(code, 0, err)
        self.assertEqual(server.asked, 4)
        self.assertEqual(rows["learning is fun"], "answer to translate learning is fun")

    def test_width_bounds_what_is_in_flight(self):
        server = self.services(delay=0.15)
        home = self.folder()
        run(["-c", SETUP + "; add " + ", ".join(f'"topic {i}"' for i in range(20)) + "; tick rows"], home)
        code, _, err = run(
            ["-c", 'set engine gpt; use "Blog"; generate parallel 4'], home,
            **self.environment("gpt", server))
        self.assertEqual(code, 0, err)
        self.assertEqual(server.asked, 23)
        self.assertEqual(server.most_in_flight, 4)

    def test_the_allowance_counts_runs_and_ends_with_code_5(self):
        server = self.services()
        home = self.folder()
        run(["-c", SETUP + "; upgrade to 1"], home)
        environment = self.environment("gpt", server)
        self.assertEqual(run(["-c", 'set engine gpt; use "Blog"; generate'], home, **environment)[0], 0)
        code, _, err = run(["-c", 'use "Blog"; generate overwrite'], home, **environment)
        self.assertEqual(code, 5, err)
        self.assertIn("upgrade", err)

    def test_keys_are_nowhere(self):
        server = self.services()
        (code, out, err), _, home = self.generate("gpt", server, "generate; settings")
        self.assertEqual(code, 0, err)
        import pathlib
        for path in pathlib.Path(home).rglob("*"):
            if path.is_file():
                self.assertNotIn(KEY.encode(), path.read_bytes(), path)
        self.assertNotIn(KEY, out + err)
        self.assertIn("••••••••cdef", out)


if __name__ == "__main__":
    unittest.main()
