"""How far an image decoded at a half of its size by JPEG's own transform, then resized, is from one resized from full
scale, by how much is left for the resize to shrink: where the bound in Docs/Numerics.md comes from.

    python Benchmarks/dct-scaling.py DIR [--images 200]

Written for Pillow 12 (libjpeg-turbo 3). Prints, for each denominator and remaining shrinkage, the mean and the 99th and
99.9th percentile of the absolute difference in levels, over all samples of all images.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image


def resized(path, denominator, size):
    image = Image.open(path)
    box = (0, 0, image.width / denominator, image.height / denominator)
    if denominator > 1:
        image.draft("RGB", (image.width // denominator, image.height // denominator))
    return np.asarray(image.convert("RGB").resize(size, Image.BILINEAR, box=box), dtype=np.int16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=200)
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.data.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    print("denominator  remaining  mean   99 %  99.9 %")
    for denominator in (2, 4, 8):
        for remaining in (1.0, 1.25, 1.5, 2.0, 3.0):
            differences = []
            for path in paths[: arguments.images]:
                with Image.open(path) as image:
                    size = tuple(round(side / denominator / remaining) for side in image.size)
                if min(size) < 8:
                    continue
                differences.append(np.abs(resized(path, denominator, size) - resized(path, 1, size)).ravel())
            levels = np.concatenate(differences)
            print(f"{denominator:11}  {remaining:9}  {levels.mean():.2f}  {np.percentile(levels, 99):5.0f}"
                  f"  {np.percentile(levels, 99.9):6.0f}")


if __name__ == "__main__":
    main()
