"""A training is the one it would be without the client, whatever the studio does."""

import logging
import math
import os
import threading
import time
import unittest

from anneal_studio import Live

from .studio import TOKEN, Studio
from .torchless import Chained, Optimizer, train


def alone(updates=300):
    optimizer = Optimizer([0.02, 0.01])
    return train(optimizer, Chained(optimizer), updates), optimizer


class Harm(unittest.TestCase):
    def setUp(self):
        self.studio = Studio()
        self.addCleanup(self.studio.close)
        logging.getLogger("anneal_studio").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("anneal_studio").setLevel, logging.NOTSET)

    def live(self, optimizer, scheduler, **options):
        live = Live(optimizer, scheduler, 300, "a test", **{"url": self.studio.url, "token": TOKEN, **options})
        self.addCleanup(live.close, 0.1)
        return live

    def compare(self, each=None, **options):
        """A training with the client; its losses are bit for bit those of one without."""
        optimizer = Optimizer([0.02, 0.01])
        scheduler = Chained(optimizer)
        live = self.live(optimizer, scheduler, **options)
        losses = train(optimizer, scheduler, 300, live, each)
        expected, other = alone()
        self.assertEqual(losses, expected)
        self.assertEqual(optimizer.applied, other.applied)
        return live

    def test_a_good_studio(self):
        live = self.compare(lambda update: time.sleep(0.001))
        live.close()
        self.assertEqual(len(self.studio.rows), 300)
        self.assertEqual(self.studio.column("train_loss"), dict(enumerate(alone()[0])))

    def test_every_kind_of_wrong_answer(self):
        for mood in ("hangs", "slow", "dies", "lies", "forgets", "garbage", "page", "huge", "deep", "busy"):
            with self.subTest(mood):
                self.studio.mood = mood
                self.compare()
                if mood == "hangs":
                    # The training ended while the first rows still wait for an answer: it waited for none.
                    self.assertEqual(self.studio.rows, {})

    def test_a_wrong_token(self):
        live = self.compare(lambda update: time.sleep(0.001), token="wrong")
        self.assertFalse(live.connected)
        self.assertEqual(self.studio.hellos, [])
        self.assertGreaterEqual(live.counts["failures"], 1)

    def test_no_studio_at_all(self):
        live = self.compare(url="http://127.0.0.1:9", token=TOKEN)
        self.assertFalse(live.connected)

    def test_a_studio_that_dies_in_the_middle_and_comes_back_gets_all_rows(self):
        def each(update):
            time.sleep(0.001)
            if update == 100:
                self.studio.mood = "dies"
            if update == 200:
                self.studio.wait(lambda: not live_of[0].connected)
                self.studio.mood = "good"

        live_of = []
        optimizer = Optimizer([0.02, 0.01])
        scheduler = Chained(optimizer)
        live_of.append(self.live(optimizer, scheduler))
        losses = train(optimizer, scheduler, 300, live_of[0], each)
        self.studio.wait(lambda: live_of[0].connected)
        live_of[0].close()
        self.assertEqual(losses, alone()[0])
        self.assertEqual(sorted(self.studio.rows), list(range(300)))
        self.assertEqual({hello["session"] for hello in self.studio.hellos}, {live_of[0].session})
        self.assertGreaterEqual(live_of[0].counts["connections"], 2)

    def test_a_full_queue_drops_the_oldest_rows_and_counts_them(self):
        self.studio.mood = "hangs"
        live = self.compare(history=16)
        self.studio.mood = "good"
        self.studio.wait(lambda: live.counts["dropped"] > 0)
        self.studio.wait(lambda: live.connected)
        live.close()
        self.assertEqual(live.counts["dropped"] + len(self.studio.rows), 300)

    def test_a_flood_of_control_leaves_the_interpreter_to_the_training(self):
        optimizer = Optimizer([0.02, 0.01])
        live = self.live(optimizer, None)
        self.studio.wait(lambda: live.connected)
        over = threading.Event()

        def flood():
            while not over.is_set():
                self.studio.tell(pause=False)

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            for _ in range(100):
                live.step(loss=1.0)
                optimizer.step()
        finally:
            over.set()
            thread.join()
        self.assertEqual(optimizer.applied, [[0.02, 0.01]] * 100)

    def test_losses_that_are_no_numbers_are_shown_as_such_and_odd_values_not_at_all(self):
        optimizer = Optimizer([0.02, 0.01])
        live = self.live(optimizer, None)
        self.studio.wait(lambda: live.connected)
        for value in (math.nan, math.inf, -math.inf, 1, "text", [1, 2], object()):
            live.step(loss=value, accuracy=0.5)
        live.log(accuracy=0.75)
        live.close()
        self.assertEqual(list(self.studio.column("train_loss").values()), ["nan", "inf", "-inf", 1.0, None, None, None])
        self.assertEqual(list(self.studio.column("accuracy").values()), [0.5] * 6 + [0.75])

    def test_an_error_of_the_client_itself_ends_the_client_only(self):
        optimizer = Optimizer([0.02, 0.01])
        scheduler = Chained(optimizer)
        live = self.live(optimizer, scheduler)
        live._journal = None
        self.assertEqual(train(optimizer, scheduler, 300, live), alone()[0])

    def test_a_copy_of_the_process_leaves_the_run_alone(self):
        if not hasattr(os, "fork"):
            self.skipTest("no fork here")
        live = self.live(Optimizer([0.02, 0.01]), None)
        self.studio.wait(lambda: live.connected)
        child = os.fork()
        if child == 0:
            live.close()
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(live.connected)

    def test_what_is_wrong_in_the_script_is_said_at_once(self):
        with self.assertRaises(TypeError):
            Live(object(), total=10)
        for wrong in ({"total": 0}, {"total": 1.5}, {"bounds": (1, 0)}, {"update": -1}, {"history": 1}):
            with self.assertRaises(ValueError):
                Live(Optimizer([0.1]), **{"total": 10, **wrong})


class Saying(unittest.TestCase):
    def setUp(self):
        # What trainings of earlier tests still say belongs to them.
        for thread in threading.enumerate():
            if thread.name.startswith("anneal-live"):
                thread.join(10)

    def test_each_thing_is_said_once_in_plain_words(self):
        studio = Studio()
        self.addCleanup(studio.close)
        with self.assertLogs("anneal_studio", "WARNING") as logs:
            live = Live(Optimizer([0.1]), total=10, url=studio.url, token="wrong")
            studio.wait(lambda: live.counts["failures"] > 0)
            live.close()
        self.assertEqual(len(logs.output), 1)
        self.assertIn("lets nobody in with this token", logs.output[0])

    def test_a_dead_studio_and_a_refusal_are_said_once_each(self):
        studio = Studio()
        self.addCleanup(studio.close)
        with self.assertLogs("anneal_studio", "WARNING") as logs:
            live = Live(Optimizer([0.1]), total=10, url=studio.url, token=TOKEN, bounds=(0, 0.2))
            studio.wait(lambda: live.connected)
            for _ in range(3):
                studio.tell(groups={"all": {"from": 0, "rates": [0.5]}})
                studio.wait(lambda: live._control.revision == studio.state["revision"])
            studio.mood = "dies"
            studio.wait(lambda: live.counts["failures"] >= 2)
            live.close()
        self.assertEqual(len(logs.output), 2, logs.output)
        self.assertIn("outside the bounds", logs.output[0])
        self.assertIn("the training goes on without it", logs.output[1])


if __name__ == "__main__":
    unittest.main()
