"""Part B: how fast is a step, beside PyTorch's and beside what the card can do at most?"""

import functools

from calls import counted_calls
from rows import Failed, NotRun, median

# Of a contest's figures, one of each kind of contestant.
CONTESTANTS = ("eager", "compiled", "ours")


class Speed:
    title = "speed of a step"
    seconds = 480

    def __init__(self, bench):
        self.bench, self.part = bench, bench.part
        self.steps = bench.size(20, 2)
        self.flops = None
        self.eager_peak = {}

    def rows(self):
        row = self.part.row
        row("ceilings of the device", 60, self.ceilings)
        side, batch = self.bench.size(224, 64), self.bench.size(256, 4)
        # In the order of what is worth most: what the part's time is too short for can be run again.
        rounds = self.bench.size(2, 1)
        self.contest("resnet50", side, batch, rounds)
        self.contest("resnet18", 32, self.bench.size(512, 16), rounds)
        for name in ("eager", "ours"):
            row(f"calls a step, {name}", 60, functools.partial(self.calls, name, "resnet50", side, batch))
        pairs = self.bench.size(65_536, 512)
        for precision in ("fp32", "bf16"):
            row(f"NT-Xent of {pairs:,} pairs, {precision}", 60, functools.partial(self.loss, pairs, precision),
                aim="at most 2 GB")
        row("where PyTorch's time goes", 60, functools.partial(self.phases, "resnet50", side, batch))
        row("the largest batch that fits, ResNet-50", 90, functools.partial(self.largest_batch, side, batch))
        row("what --dry-run foresees, ResNet-50", 60, functools.partial(self.estimate, side, batch))
        row("ours with the recipe's LARS", 60, functools.partial(self.with_lars, side, batch))
        if not self.bench.rehearses:
            self.contest("resnet18", 32, 1024, rounds)

    # MARK: the contest

    def contest(self, architecture, side, batch, rounds):
        """Everyone in turn, each in a process of its own; medians over rounds of medians over steps."""
        title = f"{architecture.replace('resnet', 'ResNet-')}, {side} px, batch {batch}"
        results = {name: [] for name in CONTESTANTS}
        for number in range(1, rounds + 1):
            for name in CONTESTANTS:
                # The first compilation takes a minute or two.
                seconds = 150 if name == "compiled" and number == 1 else 60
                figures = self.part.row(
                    f"{title}: {name}, round {number}", seconds,
                    functools.partial(self.measured, name, architecture, side, batch), shows=False)
                if figures:
                    results[name].append(figures[1])
        self.part.row(title, 15, functools.partial(self.summary, results), aim="1.3 × eager, as fast as compiled")

    def measured(self, name, architecture, side, batch):
        if name == "ours":
            figures = self.ours(architecture, side, batch, "data.path=")
            rate = figures["compute_pairs_per_second"]
        else:
            figures = self.peer(name, architecture, side, batch)
            rate = figures["pairs_per_second"]
            self.flops = figures["flops_per_pair"]
        return f"{rate:.0f} pairs/s", {"pairs_per_second": rate, "figures": figures}

    def summary(self, results):
        rates = {name: median([figures["pairs_per_second"] for figures in found])
                 for name, found in results.items() if found}
        if "ours" not in rates:
            raise Failed("no figure of ours")
        text = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()) + " pairs/s"
        ratios = {name: rates["ours"] / rate for name, rate in rates.items() if name != "ours"}
        text += "".join(f"; {ratio:.2f} × {name}" for name, ratio in ratios.items())
        share = None
        peak = self.part.facts.get("ceilings", {}).get("bf16_flops_per_second")
        if peak and self.flops:
            share = rates["ours"] * self.flops / peak
            text += f"; {100 * share:.0f} % of the device's bf16 rate"
        return text, {"pairs_per_second": rates, "ratios": ratios, "share_of_bf16_rate": share}

    # MARK: contestants

    def ours(self, architecture, side, batch, *overrides, steps=None, **options):
        return self.bench.program.json(
            "benchmark", "step", *self.configuration(architecture, side, batch), *overrides, "--steps",
            steps or self.steps, **options)

    def configuration(self, architecture, side, batch):
        """A recipe and what makes its arithmetic the peer's."""
        recipe = "imagenet-resnet50-paper" if architecture == "resnet50" else "cifar10-resnet18"
        return [
            self.bench.recipe(recipe), f"training.device={self.bench.device}", "training.precision=bf16",
            f"training.global_batch_size={batch}", f"encoder.architecture={architecture}",
            f"encoder.stem={'cifar' if side <= 64 else 'imagenet'}", f"augmentation.image_size={side}",
            "optimizer.name=sgd", "optimizer.nesterov=false", "optimizer.weight_decay=0",
            "optimizer.learning_rate=0.001", "optimizer.learning_rate_scaling=none", *self.bench.quick]

    def peer(self, name, architecture, side, batch, *more, steps=None, **options):
        if name == "compiled":
            if self.bench.rehearses:
                raise NotRun("compiling for a CPU says nothing of a card")
            more = (*more, "--compile")
        return self.bench.peer(
            "--architecture", architecture, "--image-size", side, "--batch", batch, "--steps", steps or self.steps,
            "--warm-up", self.bench.size(5, 1), *more, **options)

    # MARK: rows

    def ceilings(self):
        figures = self.bench.peer("--ceilings", "--ceiling-size", self.bench.size(8192, 512))
        self.part.facts["ceilings"] = figures
        return (f"{figures['bf16_flops_per_second'] / 1e12:.4g} TFLOP/s in a bf16 product of {figures['size']} × "
                f"{figures['size']}, {figures['copied_bytes_per_second'] / 1e9:.4g} GB/s in a copy"), figures

    def phases(self, architecture, side, batch):
        figures = self.peer("eager", architecture, side, batch, "--phases")
        text = ", ".join(f"{name} {1e3 * seconds:.1f}" for name, seconds in figures["phases"].items()) + " ms"
        if figures["peak_bytes"]:
            text += f"; peak {figures['peak_bytes'] / 1e9:.1f} GB"
        return text, figures

    def calls(self, name, architecture, side, batch):
        """The difference between two runs of different length, so that starting does not count."""
        self.bench.need_card(why="it counts calls of the CUDA runtime")
        few, many = 4, 12
        counts = []
        for steps in (few, many):
            with counted_calls(self.bench) as (environment, read):
                if name == "ours":
                    self.ours(architecture, side, batch, "data.path=", steps=steps, env=environment)
                else:
                    self.peer(name, architecture, side, batch, steps=steps, env=environment)
            counts.append(read())
        each = {call: (counts[1][call] - counts[0][call]) / (many - few) for call in counts[0]}
        waits = sum(number for call, number in each.items() if "Synchronize" in call)
        launches = sum(number for call, number in each.items() if "Launch" in call)
        copies = sum(number for call, number in each.items() if "Memcpy" in call)
        return f"{launches:.0f} launches, {copies:.0f} copies, {waits:.1f} waits for the device", each

    def with_lars(self, side, batch):
        figures = self.ours("resnet50", side, batch, "data.path=", "optimizer.name=lars")
        return f"{figures['compute_pairs_per_second']:.0f} pairs/s", figures

    def largest_batch(self, side, batch):
        """Half as much again each time, until memory is at an end."""
        self.bench.need_card(why="a CPU has all of the machine's memory")
        best = None
        while True:
            batch = batch * 3 // 2 // 8 * 8
            recipe_and_more = functools.partial(self.ours, "resnet50", side, batch, "data.path=", steps=4)
            try:
                best = (batch, recipe_and_more()["compute_pairs_per_second"])
            except Failed as failure:
                if "memory" not in str(failure):
                    raise
                if best is None:
                    raise Failed(f"not even {batch}: {failure}") from failure
                break
        eager = self.peer("eager", "resnet50", side, best[0], steps=4)["pairs_per_second"]
        return (f"{best[0]} fits, {batch} does not: {best[1]:.0f} pairs/s, eager {eager:.0f}",
                {"batch": best[0], "pairs_per_second": best[1], "eager_pairs_per_second": eager})

    def estimate(self, side, batch):
        """To be held against the largest batch that fits."""
        self.bench.program.require_option("--dry-run", "pretrain")
        figures = self.bench.program.json(
            "pretrain", *self.configuration("resnet50", side, batch), f"data.path={self.bench.photos}", "--dry-run")
        largest = figures.get("largest_global_batch_size")
        return (f"{figures['total_bytes'] / 1e9:.3g} GB for a batch of {batch}; at most "
                f"{'?' if largest is None else largest} would fit"), figures

    def loss(self, pairs, precision):
        self.bench.program.require_option("--pairs", "benchmark", "loss")
        figures = self.bench.program.json(
            "benchmark", "loss", "--pairs", pairs, "--dim", 128, "--device", self.bench.device, "--precision", precision)
        return (f"{figures['seconds']:.4g} s forward and backward, {figures['peak_bytes'] / 1e9:.2f} GB beyond the "
                "projections"), figures
