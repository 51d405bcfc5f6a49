"""The planned future: got from a copy, while the scheduler itself stays as it was."""

import random
import threading
import unittest

from anneal_studio import planned
from anneal_studio.groups import Groups

from .torchless import ByFunction, Chained, OnPlateau, Optimizer, cosine, train


class Planned(unittest.TestCase):
    def test_it_is_what_the_scheduler_then_does(self):
        optimizer = Optimizer([0.1, 0.02])
        scheduler = Chained(optimizer)
        future = planned.ahead(Groups(optimizer), scheduler, 100)
        self.assertEqual(scheduler.last_epoch, 0)
        self.assertEqual([group["lr"] for group in optimizer.param_groups], [0.1, 0.02])
        train(optimizer, scheduler, 100)
        self.assertEqual(future.rates["group 0"], [rates[0] for rates in optimizer.applied])
        self.assertEqual(future.rates["group 1"], [rates[1] for rates in optimizer.applied])
        self.assertEqual((future.every, future.why), (1, ""))

    def test_a_function_that_counts_its_calls_does_not_count_those_of_the_copy(self):
        calls = 0
        seen = []

        def factor(update):
            nonlocal calls
            calls += 1
            seen.append(update)
            random.random()
            return 0.9**calls

        optimizer = Optimizer([0.1])
        scheduler = ByFunction(optimizer, factor)
        state = random.getstate()
        future = planned.ahead(Groups(optimizer), scheduler, 50)
        self.assertEqual((calls, seen), (0, []))
        self.assertEqual(random.getstate(), state)
        self.assertEqual(future.rates["all"][:3], [0.1, 0.1 * 0.9, 0.1 * 0.9**2])

    def test_it_follows_the_epochs_of_a_scheduler_that_steps_once_in_each(self):
        optimizer = Optimizer([1.0])
        future = planned.ahead(Groups(optimizer), Chained(optimizer, 0.5), 9, every=3)
        self.assertEqual(future.rates["all"], [1.0] * 3 + [0.5] * 3 + [0.25] * 3)

    def test_long_futures_are_thinned(self):
        optimizer = Optimizer([1.0])
        future = planned.ahead(Groups(optimizer), ByFunction(optimizer, cosine(50_000)), 50_000, seconds=60)
        self.assertEqual(future.every, 3)
        self.assertEqual(future.rates["all"][5], cosine(50_000)(15))

    def test_a_slow_scheduler_is_drawn_as_far_as_it_got(self):
        optimizer = Optimizer([1.0])
        future = planned.ahead(Groups(optimizer), Chained(optimizer), 1000, seconds=0.0)
        self.assertEqual(len(future.rates["all"]), 1)
        self.assertIn("slow", future.why)

    def test_what_waits_for_a_metric_or_cannot_be_copied_is_drawn_as_the_rate_now_and_said(self):
        optimizer = Optimizer([0.1])
        future = planned.ahead(Groups(optimizer), OnPlateau(optimizer), 10)
        self.assertEqual(future.rates, {"all": [0.1]})
        self.assertIn("decides by what is measured", future.why)
        scheduler = Chained(optimizer)
        scheduler.lock = threading.Lock()
        future = planned.ahead(Groups(optimizer), scheduler, 10)
        self.assertEqual(future.rates, {"all": [0.1]})
        self.assertIn("could not be copied", future.why)

    def test_the_parameters_are_not_copied(self):
        class Parameter:
            def __deepcopy__(self, memo):
                raise AssertionError("a second model in memory")

        optimizer = Optimizer([0.1])
        parameter = Parameter()
        optimizer.param_groups[0]["params"] = [parameter]
        scheduler = ByFunction(optimizer, lambda update, model=None: 1.0 if parameter else 0.0)
        scheduler.model = parameter
        self.assertEqual(planned.ahead(Groups(optimizer), scheduler, 3).why, "")


if __name__ == "__main__":
    unittest.main()
