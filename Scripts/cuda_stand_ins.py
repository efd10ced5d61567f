"""Lets PyTorch be imported for CPU use without 3 GB of CUDA libraries; called by Scripts/interop.sh.

    python Scripts/cuda_stand_ins.py

PyTorch's Python module is linked to the CUDA libraries (cuBLAS, cuDNN, NCCL, …) whatever it is used for, and the loader
wants each of them to exist and to define the names that PyTorch asks it for. Calls are bound only when made, and CPU
work makes none. So each library that is not installed is stood in for by one of its name, beside PyTorch's own, whose
functions end the program. Needs nm, readelf and clang, which Swift brings or needs too.
"""

import pathlib
import re
import subprocess
import sysconfig

# Linked to the CUDA libraries and loaded by `import torch`.
LINKED = ["libtorch_cuda.so", "libtorch_python.so"]
# Small, or with data besides functions: these are installed as they are.
INSTALLED = {"libcudart.so.13"}


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    folder = pathlib.Path(sysconfig.get_paths()["purelib"], "torch", "lib")
    names, libraries = set(), set()
    for linked in LINKED:
        names.update(re.findall(r" U (\S+)", output_of("nm", "-D", "--undefined-only", folder / linked)))
        dynamic = output_of("readelf", "--dynamic", folder / linked)
        libraries.update(re.findall(r"NEEDED.*\[(lib(?:cu|nccl)\w*\.so\.\d+)\]", dynamic))
    # Names without a version may come from any library: the first stand-in defines them all.
    unversioned = sorted(name for name in names if re.fullmatch(r"(cuFile|cusparseLt|nccl)[A-Z]\w*", name))
    for library in sorted(libraries - INSTALLED):
        versioned = sorted(name.split("@")[0] for name in names if name.endswith(f"@{library}"))
        write_stand_in(folder / library, versioned, unversioned)
        unversioned = []


def write_stand_in(path, versioned, unversioned):
    """Versions of these libraries' names are called like the library."""
    source = "".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in versioned + unversioned)
    command = ["clang", "-shared", "-fPIC", "-w", f"-Wl,-soname,{path.name}", "-o", path, "-x", "c", "-"]
    if versioned:
        script = path.with_suffix(".map")
        script.write_text(f"{path.name} {{ global: {'; '.join(versioned)}; }};\n")
        command.insert(1, f"-Wl,--version-script={script}")
    subprocess.run(command, input=source, text=True, check=True)


if __name__ == "__main__":
    main()
