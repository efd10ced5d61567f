"""What `simclr benchmark loss` measures, by lightly's NTXentLoss: prints seconds (the median) and bytes of memory beyond
the projections, of the loss of random projections and its gradient in float32 on the CPU.

    python Benchmarks/peers/loss.py --pairs 8192 --dim 128

Versions: Benchmarks/peers/requirements.txt.
"""

import argparse
import pathlib
import resource
import statistics
import time

import torch
from lightly.loss import NTXentLoss


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=8192)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    first, second = (torch.randn(arguments.pairs, arguments.dim, requires_grad=True) for _ in range(2))
    loss = NTXentLoss(temperature=arguments.temperature)
    # Linux: the peak begins anew at what is resident now.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    seconds = []
    for _ in range(1 + arguments.runs):
        first.grad = second.grad = None
        start = time.perf_counter()
        loss(first, second).backward()
        seconds.append(time.perf_counter() - start)
    print(round(statistics.median(seconds[1:]), 4), peak_bytes() - before)


if __name__ == "__main__":
    main()
