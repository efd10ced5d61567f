"""Part A: does a GPU train what a CPU trains, and does everything that can go wrong there end well?"""

import functools
import math
import os
import signal
import socket
import time

import torch

import tensors
from bench import nvidia_smi
from program import REPOSITORY
from rows import Failed, NotRun, end_group

# Two trainings part by themselves where a rounding error, through a unit that falls to the other side of ReLU, grows from
# step to step. Residual branches that begin at zero and a low rate keep 20 steps of float32 together.
RECIPE = """\
data: {{ path: "{data}", threads: 1 }}
augmentation: {{ image_size: 32, blur_probability: 0 }}
encoder: {{ architecture: resnet18, width: {width}, stem: cifar, zero_initialize_residuals: true }}
projection_head: {{ hidden_dimension: 64, output_dimension: 32 }}
optimizer: {{ name: sgd, learning_rate: {rate}, learning_rate_scaling: none }}
schedule: {{ warmup_epochs: 0 }}
training: {{ global_batch_size: {batch}, epochs: 100, maximum_steps: {steps}, precision: fp32 }}
output: {{ log_every_steps: 1, checkpoint_every_epochs: 0, keep_checkpoints: 1 }}
distributed: {{ backend: gloo, timeout_seconds: {timeout} }}
"""


class Correctness:
    title = "correctness"
    seconds = 480

    def __init__(self, bench):
        self.bench, self.part = bench, bench.part
        self.steps = bench.size(20, 6)
        self.timeout = bench.size(10, 6)

    def rows(self):
        row = self.part.row
        row("machine", 60, self.machine)
        row("one device", 30, self.one_device)
        if any(r["name"] == "one device" and r["verdict"] == "FAILED" for r in self.part.rows):
            return
        row("CPU against the device, fp64", 90, self.float64, aim="within 1e-7")
        row("CPU against the device, fp32", 90, self.float32, aim="losses within 1e-4, without TF32")
        for precision in ("tf32", "bf16", "fp16"):
            row(f"{precision} beside fp32", 60, functools.partial(self.beside_fp32, precision), aim="losses within 2 %")
        row("features against torchvision's", 60, self.features)
        row("our BatchNorm against libtorch's", 60, self.own_kernels,
                aim="losses within 1e-4 in fp32, 2 % in bf16")
        row("two processes sharing the device, Gloo", 60, self.sharing, aim="fp64, within 1e-7 of one process")
        row("one process through NCCL", 60, self.nccl_alone, aim="fp64, within 1e-7 of one without")
        row("two processes through NCCL", 60, self.nccl_pair, aim="fp64, within 1e-7 of one process")
        row("activations computed again", 60, self.recomputed, aim="fp64, within 1e-7 of those kept")
        row("the same bits twice", 60, self.twice)
        row("stopped and resumed", 60, self.stopped_and_resumed, aim="the same bits as never stopped")
        row("CPU's checkpoint on the device", 60, functools.partial(self.moved, "cpu", self.bench.device),
            aim="fp64, within 1e-7")
        row("the device's checkpoint on the CPU", 60, functools.partial(self.moved, self.bench.device, "cpu"),
            aim="fp64, within 1e-7")
        row("memory that is not there", 60, self.out_of_memory, aim="exit code 1, one plain line")
        for rank in (1, 0):
            row(f"rank {rank} killed, Gloo", 60, functools.partial(self.killed, rank, "gloo"),
                aim="the other says so in time")
        row("rank 1 killed, NCCL", 60, functools.partial(self.killed, 1, "nccl"), aim="the other says so in time")
        row("a worker killed, started again", 90, self.restarted, aim="the same bits as undisturbed")

    # MARK: the machine

    def machine(self):
        facts = self.bench.facts
        cards = nvidia_smi("name,driver_version,memory.total,compute_cap,pci.bus_id")
        if isinstance(facts["doctor"], str):
            raise Failed(f"simclr doctor: {facts['doctor']}")
        named = [f"{name} ({memory} MiB, driver {driver})" for name, driver, memory, *_ in cards]
        text = f"{facts['machine']['cores']} cores, torch {facts['versions']['torch']}, {', '.join(named) or 'no GPU'}"
        return text, {"nvidia_smi": cards}

    def one_device(self):
        self.bench.need_card_of_torch()
        doctor = self.bench.facts["doctor"]
        why = doctor.get("cuda_unavailable")
        if why:
            raise Failed(f"simclr finds none, PyTorch {torch.cuda.device_count()}: {why}")
        found = doctor["cuda_devices"]
        count = found if isinstance(found, int) else len(found)
        if count != torch.cuda.device_count():
            raise Failed(f"simclr finds {count}, PyTorch {torch.cuda.device_count()}")
        return f"{count}, as PyTorch finds"

    # MARK: runs that rows share

    @functools.cached_property
    def recipe(self):
        path = self.bench.work / "correctness.yaml"
        path.write_text(RECIPE.format(
            data=self.bench.shapes, width=0.125, rate=1e-4, batch=self.bench.size(32, 16),
            steps=self.steps, timeout=self.timeout))
        return path

    def new_run(self, name, *overrides):
        return self.bench.new_run(f"A-{name}", self.recipe, *overrides)

    @functools.lru_cache(maxsize=None)
    def trained(self, device, precision, *overrides):
        """A training on a device, made once. In a rehearsal the device's runs on one thread, which rounds otherwise."""
        threads = ["training.threads=1"] if self.bench.rehearses and device != "reference" else []
        real = "cpu" if device == "reference" else device
        name = "-".join([device, precision, *(word.split(".")[-1].replace("=", "-") for word in overrides)])
        return self.new_run(
            name, f"training.device={real}", f"training.precision={precision}", *threads, *overrides).train()

    @functools.cached_property
    def start(self):
        """The weights that every run begins with."""
        run = self.new_run(
            "start", "training.device=cpu", "training.precision=fp64", "training.maximum_steps=1",
            "optimizer.learning_rate=1e-30")
        return tensors.read(run.train().checkpoint())

    @staticmethod
    def losses_apart(ours, reference):
        """The largest relative difference of a step's loss."""
        if len(ours.losses) != len(reference.losses):
            raise Failed(f"{len(ours.losses)} steps, expected {len(reference.losses)}")
        return max(abs(a - b) / abs(b) for a, b in zip(ours.losses, reference.losses))

    def apart(self, ours, reference, tolerance):
        """Compares losses and parameters; text and figures, or Failed."""
        losses = self.losses_apart(ours, reference)
        parameters, statistics = tensors.distance(
            tensors.read(ours.checkpoint()), tensors.read(reference.checkpoint()), self.start)
        text = f"losses {losses:.1e}, parameters {parameters:.1e}, statistics {statistics:.1e} apart"
        if not max(losses, parameters, statistics) <= tolerance:
            raise Failed(f"{text}; expected at most {tolerance:.0e}")
        return text, {"losses": losses, "parameters": parameters, "statistics": statistics}

    # MARK: the same training

    def float64(self):
        return self.apart(self.trained(self.bench.device, "fp64"), self.trained("reference", "fp64"), 1e-7)

    def float32(self):
        """Losses and statistics against the CPU's; parameters against those of float64, from which the CPU's float32 is
        some way off itself. TF32, of 2^13 times the rounding error, is thousands of times as far."""
        ours, theirs = self.trained(self.bench.device, "fp32"), self.trained("reference", "fp32")
        losses = self.losses_apart(ours, theirs)
        exact = tensors.read(self.trained("reference", "fp64").checkpoint())
        read = {"device": tensors.read(ours.checkpoint()), "cpu": tensors.read(theirs.checkpoint())}
        statistics = tensors.distance(read["device"], read["cpu"], self.start)[1]
        device, cpu = (tensors.distance(found, exact, self.start)[0] for found in read.values())
        text = (f"losses {losses:.1e}, statistics {statistics:.1e} apart; parameters {device:.1e} from fp64, "
                f"the CPU's {cpu:.1e}")
        if not (max(losses, statistics) <= 1e-4 and device <= 100 * cpu):
            raise Failed(text)
        return text, {"losses": losses, "statistics": statistics, "from_fp64": device, "cpu_from_fp64": cpu}

    def beside_fp32(self, precision):
        if precision == "tf32":
            self.bench.need_card(why="it is a mode of the GPU's")
            self.require_precision("tf32")
        run = self.trained(self.bench.device, precision)
        reference = self.trained(self.bench.device, "fp32").losses
        if not tensors.are_finite(tensors.read(run.checkpoint())):
            raise Failed("parameters that are not finite")
        if len(run.losses) != len(reference):
            raise Failed(f"{len(run.losses)} steps, expected {len(reference)}")
        # float16 may skip its first steps, until its scale fits.
        kept = [i for i, step in enumerate(run.steps) if not step.get("skipped")]
        first = abs(run.losses[0] - reference[0]) / reference[0]
        worst = max((abs(run.losses[i] - reference[i]) / reference[i] for i in kept), default=math.inf)
        text = f"first loss {first:.1e}, all {worst:.1e} apart; {len(reference) - len(kept)} steps skipped"
        if not worst <= 0.02:
            raise Failed(text)
        return text, {"first_loss": first, "losses": worst, "skipped": len(reference) - len(kept)}

    def require_precision(self, name):
        done = self.bench.program.run(
            "pretrain", self.recipe, f"training.precision={name}", "--print-configuration", checks=False)
        if done.code != 0:
            raise NotRun(f"this program has no training.precision={name}")

    def features(self):
        """Scripts/interop.py has torchvision load the export, and compares what it computes on the CPU."""
        try:
            import torchvision  # noqa: F401
            import safetensors  # noqa: F401
        except ImportError as error:
            raise NotRun(f"the Python lacks {error.name}") from error
        folder = self.bench.work / "features"
        folder.mkdir(exist_ok=True)
        run = self.trained(self.bench.device, "fp32")
        program = self.bench.program
        program.run("export", run.folder, "--output", folder / "device.safetensors")
        program.run("embed", run.folder, "--data", self.bench.shapes, "--split", "test", "--device", self.bench.device,
                    "--output", folder / "device-features.safetensors")
        done = self.part.run(
            [self.bench.python, REPOSITORY / "Scripts/interop.py", folder, self.bench.shapes / "test"], checks=False)
        line = (done.stdout.strip() or done.stderr.strip()).splitlines()[0]
        if done.code != 0:
            raise Failed(line)
        return " ".join(line.split()[2:])

    def own_kernels(self):
        """With libCTorchCUDA.so, and with its kernels out of reach."""
        self.bench.need_card(why="they are the GPU's kernels")
        library = self.bench.program.cuda_library
        if not library.exists():
            raise NotRun(f"no {library.name} beside the program")
        losses = {}
        for precision, tolerance in (("fp32", 1e-4), ("bf16", 0.02)):
            without = self.new_run(
                f"without-library-{precision}", "training.device=cuda", f"training.precision={precision}")
            without.train(env={"SIMCLR_CUDA_LIBRARY": "/nonexistent"})
            losses[precision] = self.losses_apart(self.trained("cuda", precision), without)
            if not losses[precision] <= tolerance:
                raise Failed(f"losses {losses[precision]:.1e} apart in {precision}; expected at most {tolerance:.0e}")
        return ", ".join(f"{precision} losses {worst:.1e}" for precision, worst in losses.items()) + " apart", losses

    def sharing(self):
        run = self.new_run("sharing", f"training.device={self.bench.device}", "training.precision=fp64")
        run.train("--processes", 2)
        return self.apart(run, self.trained("reference", "fp64"), 1e-7)

    def nccl_alone(self):
        self.bench.need_card()
        run = self.new_run("nccl", "training.device=cuda", "training.precision=fp64", "distributed.backend=nccl").train()
        return self.apart(run, self.trained("cuda", "fp64"), 1e-7)

    def nccl_pair(self):
        self.bench.need_card(2)
        run = self.new_run("nccl-2", "training.device=cuda", "training.precision=fp64", "distributed.backend=nccl")
        return self.apart(run.train("--processes", 2), self.trained("cuda", "fp64"), 1e-7)

    def recomputed(self):
        self.bench.program.require_key("training.activation_checkpointing")
        run = self.trained(self.bench.device, "fp64", "training.activation_checkpointing=blocks")
        return self.apart(run, self.trained(self.bench.device, "fp64"), 1e-7)

    # MARK: the same bits

    def deterministic(self, name, *overrides):
        """A run that is long enough to be disturbed."""
        return self.new_run(
            name, f"training.device={self.bench.device}", "training.deterministic=true",
            f"training.maximum_steps={10 * self.steps}", *self.bench.size([], ["training.threads=1"]), *overrides)

    @functools.cached_property
    def undisturbed(self):
        return self.deterministic("undisturbed").train()

    def twice(self):
        return self.same_bits(self.deterministic("again").train(), self.undisturbed)

    @staticmethod
    def same_bits(run, other):
        differing = run.same_bits(other)
        if differing:
            raise Failed(f"other bits in {', '.join(differing)}")
        return "the same parameters and optimizer, bit for bit"

    def stopped_and_resumed(self):
        run = self.deterministic("stopped")
        process = run.start()
        try:
            self.wait_for_step(run, 2, process)
            os.kill(process.pid, signal.SIGTERM)
            done = self.part.finish(process, checks=False)
        finally:
            end_group(process)
        if done.code != 75:
            raise Failed(f"SIGTERM ended it with exit code {done.code}, expected 75: {done.last_line()}")
        stopped = run.steps[-1]["step"]
        if stopped >= 10 * self.steps:
            raise Failed("it ended before it could be stopped")
        run.train("--resume")
        return f"after step {stopped}: {self.same_bits(run, self.undisturbed)}"

    def wait_for_step(self, run, step, *processes):
        """Until its metrics hold a step, or a process ends before."""
        while not any(line["step"] >= step for line in run.steps):
            for process in processes:
                if process.poll() is not None:
                    done = self.part.finish(process, checks=False)
                    raise Failed(f"ended before step {step}, exit code {done.code}: {done.last_line()}")
            if time.monotonic() > self.part.row_end:
                raise Failed(f"no step {step} in time")
            time.sleep(0.02)

    def moved(self, first, second):
        half = self.steps // 2
        run = self.new_run(f"{first}-then-{second}", "training.precision=fp64")
        run.train(f"training.device={first}", f"training.maximum_steps={half}")
        run.train(f"training.device={second}", "--resume")
        return self.apart(run, self.trained("reference", "fp64"), 1e-7)

    # MARK: what goes wrong

    def out_of_memory(self):
        """ResNet-50 of four times the channels needs more for a step than any card has; in a rehearsal, a limit on the
        process's memory plays the card's."""
        huge = ["encoder.architecture=resnet50", "encoder.width=4", "encoder.stem=imagenet", "augmentation.image_size=224",
                "training.global_batch_size=4096", "training.precision=bf16", "training.device=cuda"]
        under = ()
        if self.bench.rehearses:
            huge = ["training.global_batch_size=65536", "training.device=cpu"]
            under = ("prlimit", f"--as={6 << 30}")
        done = self.bench.program.run(
            "benchmark", "step", self.bench.recipe("cifar10-resnet18-slim"), "data.path=", *huge, "--steps", 1,
            checks=False, under=under)
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        if done.code != 1 or not errors or len(errors) > 2 or "memory" not in errors[0]:
            raise Failed(f"exit code {done.code} and {len(errors)} lines: {done.last_line()}")
        return errors[0]

    def killed(self, rank, backend):
        """Two processes that no supervisor of ours watches: what does the one that is left do?"""
        if backend == "nccl":
            self.bench.need_card(2)
        run = self.new_run(
            f"killed-{rank}-{backend}", f"training.device={self.bench.device}", "training.maximum_steps=100000",
            f"distributed.backend={backend}")
        port = free_port()
        processes = [
            run.start(env={"RANK": str(r), "LOCAL_RANK": str(r), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
                           "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
            for r in (0, 1)]
        try:
            self.wait_for_step(run, 2, *processes)
            processes[rank].kill()
            began = time.monotonic()
            done = self.part.finish(processes[1 - rank], checks=False)
            took = time.monotonic() - began
        finally:
            for process in processes:
                end_group(process)
                process.wait()
        limit = 2 * self.timeout + 5
        if done.code != 1 or f"rank {rank}" not in done.last_line() or took > limit:
            raise Failed(f"exit code {done.code} after {took:.1f} s (at most {limit}): {done.last_line()}")
        return f"after {took:.1f} s: {done.last_line()}", {"seconds": took}

    def restarted(self):
        whole, hurt = (
            self.deterministic(name, "output.checkpoint_every_steps=2", *more) for name, more in
            (("two", []), ("two-hurt", [])))
        whole.train("--processes", 2)
        process = hurt.start("--processes", 2, "--max-restarts", 1)
        try:
            self.wait_for_step(hurt, 3, process)
            os.kill(worker_of(process.pid), signal.SIGKILL)
            done = self.part.finish(process, checks=False)
        finally:
            end_group(process)
        if done.code != 0:
            raise Failed(f"exit code {done.code}: {done.last_line()}")
        if "going on after step" not in done.stdout + done.stderr:
            raise Failed("it was not started again: the worker was gone before it was killed")
        return self.same_bits(hurt, whole)


def worker_of(supervisor):
    """The last of the processes that it started."""
    with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as file:
        children = file.read().split()
    if not children:
        raise Failed("the supervisor has no workers")
    return int(children[-1])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
