"""What others need for what `simclr benchmark augment` measures: JPEG files to two normalized views each, by SimCLR's
recipe for ImageNet (arXiv 2002.05709, appendix A). Prints images a second.

    python Benchmarks/peers/augment.py {lightly,torchvision,albumentations,dali,decode} DIR --size 224

Versions: Benchmarks/peers/requirements.txt. Every peer reads and decodes each file once and augments it twice, in two
workers of its own kind (processes of a DataLoader, DALI's threads), batches of 64; one pass to warm up, one that counts.
`decode` only decodes, with libjpeg-turbo in two threads: no loader that reads all of every file can be faster.
"""

import argparse
import concurrent.futures
import pathlib
import random
import time

import torch

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 64


class Views(torch.utils.data.Dataset):
    """Two views of each file."""

    def __init__(self, files, load, transform):
        self.files, self.load, self.transform = files, load, transform

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = self.load(self.files[index])
        return self.transform(image), self.transform(image)


def lightly(size):
    from lightly.transforms.simclr_transform import SimCLRViewTransform
    from PIL import Image
    return lambda file: Image.open(file).convert("RGB"), SimCLRViewTransform(input_size=size)


def torchvision(size):
    from torchvision.io import ImageReadMode, decode_image
    from torchvision.transforms import v2
    kernel = 2 * int(size * 0.1 / 2) + 1
    return lambda file: decode_image(file, ImageReadMode.RGB), v2.Compose([
        v2.RandomResizedCrop(size, scale=(0.08, 1)), v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], 0.8), v2.RandomGrayscale(0.2),
        v2.RandomApply([v2.GaussianBlur(kernel, (0.1, 2))], 0.5),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION)])


def albumentations(size):
    import albumentations as A
    import cv2
    from albumentations.pytorch import ToTensorV2
    cv2.setNumThreads(0)
    steps = A.Compose([
        A.RandomResizedCrop((size, size), scale=(0.08, 1)), A.HorizontalFlip(),
        A.ColorJitter((0.2, 1.8), (0.2, 1.8), (0.2, 1.8), (-0.2, 0.2), p=0.8), A.ToGray(p=0.2),
        A.GaussianBlur(blur_limit=0, sigma_limit=(0.1, 2), p=0.5), A.Normalize(MEAN, DEVIATION), ToTensorV2()])
    return lambda file: cv2.imread(file, cv2.IMREAD_COLOR_RGB), lambda image: steps(image=image)["image"]


def dali(files, size, workers):
    from nvidia.dali import fn, pipeline_def, types

    def sometimes(probability):
        return fn.random.coin_flip(probability=probability, dtype=types.BOOL)

    def uniform(low, high):
        return fn.random.uniform(range=[low, high])

    @pipeline_def(
        enable_conditionals=True, batch_size=BATCH, num_threads=workers, device_id=None, prefetch_queue_depth=2)
    def views():
        # A decoder for each view decodes only what its crop needs, which is faster than decoding all of it once.
        encoded, _ = fn.readers.file(files=files)
        result = []
        for _ in range(2):
            view = fn.decoders.image_random_crop(
                encoded, device="cpu", random_area=[0.08, 1], random_aspect_ratio=[3 / 4, 4 / 3])
            view = fn.resize(view, size=[size, size], antialias=True)
            if sometimes(0.8):
                view = fn.color_twist(
                    view, brightness=uniform(0.2, 1.8), contrast=uniform(0.2, 1.8), saturation=uniform(0.2, 1.8),
                    hue=uniform(-72, 72))
            else:
                view = view
            if sometimes(0.2):
                view = fn.saturation(view, saturation=0)
            else:
                view = view
            if sometimes(0.5):
                view = fn.gaussian_blur(view, sigma=uniform(0.1, 2))
            else:
                view = view
            result.append(fn.crop_mirror_normalize(
                view, mirror=fn.random.coin_flip(), mean=[255 * value for value in MEAN],
                std=[255 * value for value in DEVIATION]))
        return tuple(result)

    pipeline = views()
    pipeline.build()
    batches = len(files) // BATCH

    def run():
        for _ in range(batches):
            pipeline.run()
        return batches * BATCH
    return run


def decode(files, workers):
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    pool = concurrent.futures.ThreadPoolExecutor(workers)

    def decode_all(part):
        for file in part:
            decode_jpeg(read_file(file), mode=ImageReadMode.RGB)

    def run():
        list(pool.map(decode_all, [files[start::workers] for start in range(workers)]))
        return len(files)
    return run


def data_loader(files, peer, size, workers):
    loader = torch.utils.data.DataLoader(
        Views(files, *peer(size)), batch_size=BATCH, num_workers=workers, drop_last=True, persistent_workers=True)
    return lambda: sum(len(first) for first, _ in loader)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["lightly", "torchvision", "albumentations", "dali", "decode"])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=1000, help="files a pass; fewer are taken several times")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = sorted(str(path) for path in arguments.data.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    random.Random(0).shuffle(found)
    files = (found * (arguments.images // len(found) + 1))[: arguments.images]
    if arguments.peer == "dali":
        run = dali(files, arguments.size, arguments.workers)
    elif arguments.peer == "decode":
        run = decode(files, arguments.workers)
    else:
        run = data_loader(files, globals()[arguments.peer], arguments.size, arguments.workers)
    run()
    start = time.perf_counter()
    count = run()
    print(round(count / (time.perf_counter() - start), 1))


if __name__ == "__main__":
    main()
