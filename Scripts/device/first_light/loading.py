"""Part C: do the machine's cores keep up with its card?"""

import functools

from rows import Failed


class Loading:
    title = "loading"
    seconds = 480

    def __init__(self, bench):
        self.bench, self.part = bench, bench.part

    def rows(self):
        row = self.part.row
        for side, images in ((32, self.bench.size(20_000, 512)), (224, self.bench.size(4_000, 64))):
            for threads in self.bench.size((1, 4, 0), (1,)):
                for precision in ("bf16",) if threads else ("bf16", "fp32"):
                    who = f"{threads} thread{'s' if threads > 1 else ''}" if threads else "all cores"
                    row(f"two views of {side} px, {precision}, {who}", 60,
                        functools.partial(self.augmenting, side, images, threads, precision))
        for architecture, side, batch in self.bench.size(
                (("resnet50", 224, 256), ("resnet18", 32, 512), ("resnet18", 32, 1024)), (("resnet18", 32, 16),)):
            title = f"{architecture.replace('resnet', 'ResNet-')}, {side} px, batch {batch}, with loading"
            row(title, 90, functools.partial(self.training, architecture, side, batch), aim="97 % of resident")

    def images(self, side):
        return self.bench.photos if side > 64 else self.bench.cifar

    def augmenting(self, side, images, threads, precision):
        figures = self.bench.program.json(
            "benchmark", "augment", "--data", self.images(side), "--size", side, "--threads", threads,
            "--images", images, "--precision", precision, "--rounds", self.bench.size(5, 1))
        stages = ", ".join(f"{name} {value:.0f}" for name, value in figures["microseconds_per_image"].items() if value)
        text = f"{figures['images_per_second']:.0f} images/s; µs an image and thread: {stages}"
        return text + (f" ({self.bench.photos_are})" if side > 64 else ""), figures

    def training(self, architecture, side, batch):
        """Files are read and decoded for every step: nothing is kept from the last epoch."""
        recipe = "imagenet-resnet50-paper" if architecture == "resnet50" else "cifar10-resnet18"
        figures = self.bench.program.json(
            "benchmark", "step", self.bench.recipe(recipe), f"data.path={self.images(side)}", "data.cache_megabytes=0",
            f"training.device={self.bench.device}", f"training.global_batch_size={batch}", "training.precision=bf16",
            *self.bench.quick, "--steps", self.bench.size(40, 2))
        if not figures.get("pairs_per_second"):
            raise Failed(f"no figure with loading: are there {batch} images in {self.images(side)}?")
        share = figures["pairs_per_second"] / figures["compute_pairs_per_second"]
        text = (f"{figures['pairs_per_second']:.0f} pairs/s, {100 * share:.1f} % of {figures['compute_pairs_per_second']:.0f}; "
                f"{100 * figures['data_wait']['share']:.1f} % of the time waiting for data")
        return text, {"share": share, **figures}
