"""Writes lab.json: colors in the CIE's space L*a*b*.

Run:       python Tests/EncodersTests/Fixtures/lab.py
Versions:  scikit-image 0.26.0, numpy 2.4.6
Seed:      none; all combinations of a few levels of red, green and blue.

lab.json: {"rgb": [[0…1, three], …], "lab": [[L, a, b], …]}, as skimage.color.rgb2lab has it (D65, 2°), in float64.
"""

import itertools
import json
from pathlib import Path

import numpy as np
from skimage.color import rgb2lab

HERE = Path(__file__).resolve().parent


def main() -> None:
    colors = np.array(list(itertools.product([0.0, 0.03, 0.2, 0.5, 1.0], repeat=3)))
    index = {"rgb": colors.tolist(), "lab": rgb2lab(colors).round(9).tolist()}
    (HERE / "lab.json").write_text(json.dumps(index) + "\n")


if __name__ == "__main__":
    main()
