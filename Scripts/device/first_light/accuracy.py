"""Part D: CIFAR-10, ResNet-18, 100 epochs: how long, how good, and how much memory."""

import functools
import signal
import threading
import time

from bench import nvidia_smi
from rows import Failed, NeedsCard, NotRun, end_group, median

# Kept for evaluation at the end of the part's time.
EVALUATION_SECONDS = 100


class Accuracy:
    title = "CIFAR-10, ResNet-18, 100 epochs"
    seconds = 480

    def __init__(self, bench):
        self.bench, self.part = bench, bench.part
        recipe = bench.size("cifar10-resnet18", "cifar10-resnet18-slim")
        tiny = ["encoder.width=0.0625", "training.global_batch_size=64", "training.epochs=2"]
        overrides = [f"training.device={bench.device}", *bench.size([], tiny), *bench.quick]
        self.memory = []
        self.run = None
        try:
            images = bench.cifar
        except (NotRun, Failed) as reason:
            self.reason = reason
            return
        self.run = bench.resumable_run("D", bench.recipe(recipe), f"data.path={images}", *overrides)

    def rows(self):
        row = self.part.row
        row("training", self.seconds - EVALUATION_SECONDS, self.training, aim="under 5 minutes")
        row("memory of the card over time", 15, self.card_memory, aim="flat")
        finished = self.run is not None and self.is_finished
        for name, protocol, aim in (("kNN", "knn", 83.2), ("linear", "linear", 85.6)):
            row(f"{name}, trained", 60, functools.partial(self.evaluation, protocol, finished),
                aim=f"{aim} on lossless images")
            row(f"{name}, untrained", 60,
                functools.partial(self.evaluation, protocol, finished, "--random-initialization"))

    @property
    def epochs(self):
        return [line for line in self.run.metrics if "mean_loss" in line]

    @property
    def is_finished(self):
        return len(self.epochs) >= self.expected_epochs

    @functools.cached_property
    def expected_epochs(self):
        text = self.bench.program.run("pretrain", self.run.recipe, *self.run.overrides, "--print-configuration").stdout
        return int(next(line.split(":")[1] for line in text.splitlines() if line.strip().startswith("epochs:")))

    def training(self):
        """Goes on from where an earlier call had to stop, and stops with a checkpoint before the row's time is over."""
        if self.run is None:
            raise self.reason
        before = len(self.epochs)
        began = time.monotonic()
        process = self.run.start("--resume")
        ended = threading.Event()
        sampler = threading.Thread(target=self.sample_memory, args=(ended, began))
        sampler.start()
        try:
            while process.poll() is None and time.monotonic() < self.part.row_end - 20:
                time.sleep(0.2)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            done = self.part.finish(process, checks=False)
        finally:
            ended.set()
            sampler.join()
            end_group(process)
        epochs = self.epochs
        seconds = sum(epoch["seconds"] for epoch in epochs)
        if done.code == 75:
            raise NotRun(f"{len(epochs)} of {self.expected_epochs} epochs in {seconds:.0f} s so far; called again with the "
                         "same --work, part D goes on")
        if done.code != 0:
            raise Failed(f"exit code {done.code}: {done.last_line()}")
        rate = median([step["images_per_second"] for step in self.run.steps])
        text = (f"{len(epochs)} epochs in {seconds:.0f} s ({len(epochs) - before} of them now), {rate:.0f} images/s, "
                f"last mean loss {epochs[-1]['mean_loss']:.4f}")
        peaks = [step["peak_memory_bytes"] for step in self.run.steps if "peak_memory_bytes" in step]
        if peaks:
            text += f", peak memory {peaks[-1] / 1e9:.2f} GB"
        return text, {"seconds": seconds, "images_per_second": rate, "epochs": epochs}

    def sample_memory(self, ended, began):
        while not ended.wait(2):
            used = nvidia_smi("memory.used")
            if used:
                self.memory.append((round(time.monotonic() - began, 1), int(used[0][0])))

    def card_memory(self):
        if self.bench.rehearses:
            raise NeedsCard
        # The first quarter fills the allocator's pools.
        settled = [mebibytes for _, mebibytes in self.memory[len(self.memory) // 4:]]
        if len(settled) < 3:
            raise NotRun(f"{len(self.memory)} samples of nvidia-smi are too few")
        text = f"{min(settled)} to {max(settled)} MiB after the first quarter"
        if max(settled) > 1.02 * min(settled) + 64:
            raise Failed(f"it grows: {text}")
        return text, {"seconds_and_mebibytes": self.memory}

    def evaluation(self, protocol, finished, *more):
        if self.run is None:
            raise self.reason
        if not finished:
            raise NotRun("training has not finished")
        result = self.bench.program.json(
            "evaluate", protocol, self.run.folder, "--data", self.bench.cifar, "--device", self.bench.device, *more)
        return f"{result['top1']:.2f} %, images as --data has them", result
