"""What a bent curve does to a training, against a stand-in for the studio."""

import threading
import unittest

from anneal_studio import Live

from .studio import TOKEN, Studio
from .torchless import ByFunction, Chained, Hookless, Optimizer, cosine, train


class Bending(unittest.TestCase):
    def setUp(self):
        self.studio = Studio()
        self.addCleanup(self.studio.close)

    def live(self, optimizer, scheduler=None, total=200, **options):
        live = Live(optimizer, scheduler, total, "a test", url=self.studio.url, token=TOKEN, **options)
        self.addCleanup(live.close)
        # The first event holds the whole state; the next ones are changes. It may be there already.
        self.studio.wait(lambda: live._control is not live._quiet)
        return live

    def told(self, live, **state):
        """Tells the run something, and waits until it knows."""
        before = live._control
        self.studio.tell(**state)
        self.studio.wait(lambda: live._control is not before)

    def test_every_applied_rate_equals_the_plan_exactly_from_the_promised_update_on(self):
        optimizer = Optimizer([0.1, 0.01])
        scheduler = ByFunction(optimizer, cosine(200))
        own = [[base * cosine(200)(update) for base in (0.1, 0.01)] for update in range(200)]
        live = self.live(optimizer, scheduler)
        plan = {"group 0": [0.3 / (1 + i) for i in range(140)], "group 1": [0.01 * 0.7**i for i in range(140)]}
        told = {60: {"groups": {name: {"from": 60, "rates": rates} for name, rates in plan.items()}, "from": 60}}
        train(optimizer, scheduler, 200, live, lambda update: update == 50 and self.told(live, **told[60]))
        live.close()
        self.assertEqual(optimizer.applied[:60], own[:60])
        wanted = [list(rates) for rates in zip(plan["group 0"], plan["group 1"])]
        self.assertEqual(optimizer.applied[60:], wanted)
        self.assertEqual(self.studio.applied, [{"revision": 1, "update": 60, "late": False, "latency_s": None}])
        shown = self.studio.column("lr:group 1")
        self.assertEqual(list(shown), list(range(200)))
        self.assertEqual([shown[update] for update in range(60, 200)], plan["group 1"])
        self.assertEqual(self.studio.posts[-1]["state"], "finished")

    def test_the_scheduler_and_what_a_checkpoint_holds_know_nothing_of_a_bent_rate(self):
        optimizer, alone = Optimizer([0.1]), Optimizer([0.1])
        scheduler, other = Chained(optimizer), Chained(alone)
        live = self.live(optimizer, scheduler)
        self.told(live, groups={"all": {"from": 0, "rates": [0.5]}})
        for update in range(50):
            live.step(loss=1.0)
            self.assertEqual(optimizer.param_groups[0]["lr"], 0.5)
            optimizer.step()
            alone.step()
            self.assertEqual(optimizer.param_groups[0]["lr"], alone.param_groups[0]["lr"])
            scheduler.step()
            other.step()
        self.assertEqual(vars(scheduler)["last_epoch"], 50)

    def test_released_control_continues_where_the_scheduler_is(self):
        optimizer, alone = Optimizer([0.1]), Optimizer([0.1])
        scheduler, other = Chained(optimizer), Chained(alone)
        live = self.live(optimizer, scheduler)

        def each(update):
            if update == 10:
                self.told(live, groups={"all": {"from": 20, "rates": [0.02]}}, **{"from": 20})
            if update == 40:
                self.told(live, release=True, **{"from": 70})

        train(optimizer, scheduler, 200, live, each)
        train(alone, other, 200)
        self.assertEqual(optimizer.applied[:20], alone.applied[:20])
        self.assertEqual(optimizer.applied[20:70], [[0.02]] * 50)
        self.assertEqual(optimizer.applied[70:], alone.applied[70:])

    def test_a_later_change_waits_while_the_earlier_one_stays(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)

        def each(update):
            if update == 5:
                self.told(live, groups={"all": {"from": 10, "rates": [0.2, 0.3]}}, **{"from": 10})
            if update == 6:
                self.told(live, groups={"all": {"from": 30, "rates": [0.4]}}, **{"from": 30})

        train(optimizer, None, 50, live, each)
        live.close()
        rates = [rates[0] for rates in optimizer.applied]
        self.assertEqual(rates, [0.1] * 10 + [0.2] + [0.3] * 19 + [0.4] * 20)
        self.assertEqual([it["revision"] for it in self.studio.applied], [1, 2])

    def test_a_curve_that_a_later_change_does_not_name_goes_back_to_its_scheduler(self):
        optimizer = Optimizer([0.1, 0.2])
        live = self.live(optimizer)
        bent = {name: {"from": 0, "rates": [0.5]} for name in ("group 0", "group 1")}
        self.told(live, groups=bent, **{"from": 0})
        change = {"groups": {"group 0": {"from": 4, "rates": [0.5]}}, "from": 10}
        train(optimizer, None, 20, live, lambda update: update == 4 and self.told(live, **change))
        self.assertEqual(optimizer.applied, [[0.5, 0.5]] * 10 + [[0.5, 0.2]] * 10)

    def test_a_change_that_comes_late_is_followed_from_the_next_update_and_reported_late(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        plan = [0.001 * (i + 1) for i in range(100)]
        change = {"groups": {"all": {"from": 20, "rates": plan}}, "from": 20}
        train(optimizer, None, 60, live, lambda update: update == 25 and self.told(live, **change))
        live.close()
        rates = [rates[0] for rates in optimizer.applied]
        self.assertEqual(rates, [0.1] * 25 + plan[5:40])
        applied = self.studio.applied[0]
        self.assertEqual((applied["update"], applied["late"]), (25, True))
        self.assertEqual(live.counts["late"], 1)

    def test_what_a_plan_holds_beyond_its_first_values_is_fetched(self):
        self.studio.plan = lambda update: update / 1e6
        optimizer = Optimizer([0.1])
        live = self.live(optimizer, total=10_000)
        first = [update / 1e6 for update in range(4096)]
        self.told(live, groups={"all": {"from": 0, "rates": first}})
        self.studio.wait(lambda: live._control.lacking(0, 10_000) is None)
        train(optimizer, None, 10_000, live)
        self.assertEqual(optimizer.applied, [[update / 1e6] for update in range(10_000)])

    def test_momentum_betas_and_weight_decay_are_bent_and_given_back(self):
        optimizer = Optimizer([0.1], betas=(0.9, 0.999))
        live = self.live(optimizer)
        self.told(live, numbers={"momentum": {"from": 0, "value": 0.5}, "beta2": 0.99, "weight_decay": {"values": [0.1, 0.2]}})
        group = optimizer.param_groups[0]
        seen = []
        for _ in range(3):
            live.step(loss=1.0)
            seen.append((group["momentum"], group["betas"], group["weight_decay"], group["lr"]))
            optimizer.step()
            self.assertEqual((group["momentum"], group["betas"], group["weight_decay"]), (0.9, (0.9, 0.999), 0.0))
        self.assertEqual(seen, [(0.5, (0.9, 0.99), 0.1, 0.1)] + [(0.5, (0.9, 0.99), 0.2, 0.1)] * 2)
        live.close()
        self.assertEqual(list(self.studio.column("weight_decay").values()), [0.1, 0.2, 0.2])

    def test_an_optimizer_without_a_number_refuses_to_bend_it(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        self.told(live, numbers={"beta1": 0.5})
        live.close()
        self.assertEqual(self.studio.applied[0]["refused"], 1)
        self.assertIn("Optimizer has no beta1", self.studio.applied[0]["reason"])

    def test_on_change_is_called_before_a_change_and_may_refuse_it_by_failing(self):
        optimizer, calls = Optimizer([0.1]), []

        def on_change(change):
            calls.append((change.revision, change.update, optimizer.param_groups[0]["lr"], len(optimizer.applied)))
            if change.revision == 2:
                raise OSError("the disk is full")

        live = self.live(optimizer, on_change=on_change)

        def each(update):
            if update == 3:
                self.told(live, groups={"all": {"from": 10, "rates": [0.2]}}, **{"from": 10})
            if update == 15:
                self.told(live, groups={"all": {"from": 20, "rates": [0.3]}}, **{"from": 20})

        train(optimizer, None, 30, live, each)
        live.close()
        self.assertEqual(calls, [(1, 10, 0.1, 10), (2, 20, 0.1, 20)])
        self.assertEqual([rates[0] for rates in optimizer.applied], [0.1] * 10 + [0.2] * 20)
        self.assertIn("the disk is full", self.studio.applied[1]["reason"])

    def test_rates_outside_the_bounds_and_what_is_no_rate_are_refused_whole(self):
        optimizer = Optimizer([0.1, 0.1])
        live = self.live(optimizer, bounds=(0, 0.5))
        bad = [0.6, -0.1, float("nan"), float("inf"), "0.1", None, True, [0.1]]
        for value in bad:
            self.told(live, groups={"group 0": {"from": 0, "rates": [0.2]}, "group 1": {"from": 0, "rates": [0.2, value]}})
        for broken in ({"groups": {"nobody": {"rates": [0.1]}}}, {"groups": [1]}, {"groups": {"all": {"rates": []}}},
                       {"numbers": {"momentum": 1.0}}, {"numbers": {"nesterov": 1}}, {"numbers": {"weight_decay": -1}}):
            self.told(live, **broken)
        train(optimizer, None, 20, live)
        live.close()
        self.assertEqual(optimizer.applied, [[0.1, 0.1]] * 20)
        self.assertEqual(live.counts["refused"], len(bad) + 6)
        reasons = [it["reason"] for it in self.studio.applied]
        self.assertIn("outside the bounds that the script declared, 0 to 0.5", reasons[0])
        self.assertEqual([it["refused"] for it in self.studio.applied], list(range(1, len(bad) + 7)))

    def test_a_rate_is_put_back_where_the_optimizer_has_no_hooks_or_its_update_was_skipped(self):
        optimizer, alone = Hookless([0.1]), Optimizer([0.1])
        scheduler, other = Chained(optimizer), Chained(alone)
        live = self.live(optimizer, scheduler)
        self.told(live, groups={"all": {"from": 0, "rates": [0.02]}})
        train(optimizer, scheduler, 30, live)
        self.assertEqual(optimizer.applied, [[0.02]] * 30)
        self.told(live, release=True)
        optimizer.applied.clear()
        train(optimizer, scheduler, 30, live)
        train(alone, other, 60)
        self.assertEqual(optimizer.applied, alone.applied[30:])

    def test_a_tensor_rate_stays_the_same_tensor(self):
        class Tensor:
            """A rate in a tensor, as a captured graph wants it."""

            def __init__(self, value):
                self.value = value

            def fill_(self, value):
                self.value = value

            def copy_(self, other):
                self.value = other.value

            def detach(self):
                return self

            def clone(self):
                return Tensor(self.value)

            def __float__(self):
                return self.value

        optimizer = Optimizer([0.1])
        rate = optimizer.param_groups[0]["lr"] = Tensor(0.1)
        live = self.live(optimizer)
        self.told(live, groups={"all": {"from": 0, "rates": [0.02]}})
        live.step(loss=1.0)
        self.assertIs(optimizer.param_groups[0]["lr"], rate)
        self.assertEqual(rate.value, 0.02)
        live.close()
        self.assertEqual(rate.value, 0.1)

    def test_a_change_that_is_to_begin_soon_begins_at_the_next_update_and_is_never_late(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        plan = [0.001 * (i + 1) for i in range(100)]
        # The studio knows of 20 updates when 25 are made.
        change = {"groups": {"all": {"from": 20, "rates": plan}}, "from": 20, "soon": True}
        train(optimizer, None, 60, live, lambda update: update == 25 and self.told(live, **change))
        live.close()
        self.assertEqual([rates[0] for rates in optimizer.applied], [0.1] * 25 + plan[5:40])
        applied = self.studio.applied[0]
        self.assertEqual((applied["update"], applied["late"], live.counts["late"]), (25, False, 0))

    def test_a_change_that_a_newer_one_overtook_on_the_way_is_told_of_as_well(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        self.studio.state["revision"] = 1
        plan = [0.2] * 10 + [0.3]
        change = {"groups": {"all": {"from": 0, "rates": plan}}, "from": 10, "open": [1], "soon": False}
        train(optimizer, None, 20, live, lambda update: update == 3 and self.told(live, **change))
        live.close()
        self.assertEqual([rates[0] for rates in optimizer.applied], [0.1] * 3 + [0.2] * 7 + [0.3] * 10)
        self.assertEqual([(it["revision"], it["update"], it["late"]) for it in self.studio.applied],
                         [(1, 3, False), (2, 10, False)])

    def test_a_snapshot_and_a_fork_are_the_scripts_own_functions(self):
        optimizer, seen = Optimizer([0.1]), []

        def fork(request):
            raise OSError("no machine is free")

        live = self.live(optimizer, on_snapshot=lambda it: seen.append((it, len(optimizer.applied))), on_fork=fork)
        self.assertEqual(self.studio.hellos[0]["can"], ["pause", "stop", "step", "snapshot", "fork"])
        asked = [{"id": 1, "what": "snapshot", "by": "me", "why": "before it breaks"}, {"id": 2, "what": "fork"},
                 {"id": 3, "what": "dance"}, {"id": "4"}, 5]

        def each(update):
            if update == 7:
                self.told(live, asked=asked)
            if update == 9:
                # An event that says the same once more asks for nothing new.
                self.told(live, asked=asked[:2])

        train(optimizer, None, 20, live, each)
        live.close()
        self.assertEqual([(it.what, it.update, it.by, it.why, made) for it, made in seen],
                         [("snapshot", 7, "me", "before it breaks", 7)])
        answered = {it["id"]: it for it in self.studio.answered}
        self.assertEqual(answered[1], {"id": 1, "update": 7, "error": None})
        self.assertIn("no machine is free", answered[2]["error"])
        self.assertIn("does not dance", answered[3]["error"])
        self.assertEqual(len(self.studio.answered), 3)

    def test_a_script_without_such_functions_offers_neither(self):
        self.live(Optimizer([0.1]))
        self.assertEqual(self.studio.hellos[0]["can"], ["pause", "stop", "step"])

    def test_a_paused_training_makes_one_update_when_it_is_asked_to(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        self.told(live, pause=True)

        def loop():
            while not live.stop_requested:
                live.wait_while_paused()
                if live.stop_requested:
                    break
                live.step(loss=1.0)
                optimizer.step()

        training = threading.Thread(target=loop, name="training", daemon=True)
        training.start()
        for number in (1, 2):
            self.studio.tell(asked=[{"id": number, "what": "step"}])
            self.studio.wait(lambda: len(optimizer.applied) == number)
            self.studio.wait(lambda: [it["id"] for it in self.studio.answered] == list(range(1, number + 1)))
        self.assertEqual([it["update"] for it in self.studio.answered], [0, 1])
        self.assertEqual(len(optimizer.applied), 2)
        self.studio.tell(stop=True)
        training.join(10)
        self.assertFalse(training.is_alive())

    def test_a_studio_that_begins_again_is_told_what_is_followed_and_what_was_changed(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        self.told(live, groups={"all": {"from": 0, "rates": [0.2, 0.3]}}, numbers={"momentum": 0.5}, by="me", why="to see")
        train(optimizer, None, 5, live)
        self.studio.wait(lambda: self.studio.applied)
        first = self.studio.hellos[0]
        self.assertEqual((first["bent"], first["changes"], first["soon"]), ({}, [], True))
        self.assertEqual(first["number_values"], {"momentum": 0.9, "weight_decay": 0.0})
        self.studio.mood = "dies"
        self.studio.wait(lambda: not live.connected)
        self.studio.mood = "good"
        self.studio.wait(lambda: len(self.studio.hellos) > 1)
        again = self.studio.hellos[-1]
        self.assertEqual(again["bent"], {"all": {"from": 0, "rates": [0.2, 0.3]}})
        self.assertEqual(again["bent_numbers"], {"momentum": {"from": 0, "value": 0.5}})
        change = again["changes"][0]
        self.assertEqual((change["revision"], change["applied"], change["by"], change["why"]), (1, 0, "me", "to see"))

    def test_pause_and_stop_are_asked_for_and_the_loop_decides(self):
        live = self.live(Optimizer([0.1]))
        self.told(live, pause=True)
        self.assertTrue(live.pause_requested)
        self.assertFalse(live.stop_requested)
        self.told(live, pause=False, stop=True)
        self.assertFalse(live.pause_requested)
        self.assertTrue(live.stop_requested)

    def test_a_pause_ends_when_the_studio_dies(self):
        live = self.live(Optimizer([0.1]))
        self.told(live, pause=True)
        self.studio.mood = "dies"
        live.wait_while_paused()
        self.assertFalse(live.pause_requested)

    def test_latency_is_reported_for_what_is_to_be_done_at_once(self):
        optimizer = Optimizer([0.1])
        live = self.live(optimizer)
        self.told(live, groups={"all": {"from": 0, "rates": [0.2]}})
        live.step(loss=1.0)
        live.close()
        self.assertGreaterEqual(self.studio.applied[0]["latency_s"], 0.0)


if __name__ == "__main__":
    unittest.main()
