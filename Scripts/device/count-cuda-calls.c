// Counts calls of the CUDA runtime, ours and PyTorch's alike, without a profiler:
//
//   cc -O1 -shared -fPIC Scripts/device/count-cuda-calls.c -o libcount-cuda-calls.so -ldl
//   LD_PRELOAD=./libcount-cuda-calls.so COUNT_CUDA_CALLS=calls.json PROGRAM …
//
// Calls that go through the dynamic linker are counted, which are libtorch's own; not those of cuDNN and cuBLAS, which
// bring a runtime of their own, nor of Triton, which asks the driver. x86-64 only, as simclr is.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// Each is passed on with all its arguments as they are, whatever they are: the original is jumped to, not called.
#define CALLS(X)                                                                                                      \
  X(0, cudaDeviceSynchronize) X(1, cudaStreamSynchronize) X(2, cudaEventSynchronize) X(3, cudaMemcpy)                  \
  X(4, cudaMemcpyAsync) X(5, cudaMemsetAsync) X(6, cudaLaunchKernel) X(7, cudaLaunchKernelExC) X(8, cudaGraphLaunch)   \
  X(9, __cudaLaunchKernel) X(10, cudaMalloc) X(11, cudaHostAlloc)
#define CALL_COUNT 12

#define NAME(index, name) #name,
static const char *const names[CALL_COUNT] = {CALLS(NAME)};

__attribute__((visibility("hidden"))) unsigned long count_cuda_calls_counts[CALL_COUNT];
__attribute__((visibility("hidden"))) void *count_cuda_calls_originals[CALL_COUNT];

// Python loads the runtime late, and out of sight of RTLD_NEXT: so it is asked for by its name.
__attribute__((visibility("hidden"), used)) void count_cuda_calls_find(int index) {
  void *original = dlsym(RTLD_NEXT, names[index]);
  static const char *const libraries[] = {"libcudart.so.13", "libcudart.so.12"};
  for (int i = 0; !original && i < 2; i++) {
    void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
    if (library) original = dlsym(library, names[index]);
  }
  if (!original) {
    fprintf(stderr, "count-cuda-calls: no CUDA runtime defines %s\n", names[index]);
    abort();
  }
  count_cuda_calls_originals[index] = original;
}

// The registers that carry arguments are kept while the original is looked for, at the first call.
#define PASS_ON(index, name)                                                                                          \
  __asm__(".globl " #name "\n.type " #name ", @function\n" #name ":\n"                                                 \
          "  endbr64\n"                                                                                               \
          "  lock incq count_cuda_calls_counts+8*" #index "(%rip)\n"                                                  \
          "  cmpq $0, count_cuda_calls_originals+8*" #index "(%rip)\n"                                                \
          "  jne 1f\n"                                                                                                \
          "  push %rdi\n  push %rsi\n  push %rdx\n  push %rcx\n  push %r8\n  push %r9\n  sub $8, %rsp\n"              \
          "  mov $" #index ", %edi\n  call count_cuda_calls_find\n"                                                   \
          "  add $8, %rsp\n  pop %r9\n  pop %r8\n  pop %rcx\n  pop %rdx\n  pop %rsi\n  pop %rdi\n"                    \
          "1: jmp *count_cuda_calls_originals+8*" #index "(%rip)\n"                                                   \
          ".size " #name ", .-" #name "\n");
CALLS(PASS_ON)

// Also where the program leaves by _exit, as simclr does.
static void write_counts(void) {
  const char *path = getenv("COUNT_CUDA_CALLS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fputc('{', file);
  for (int i = 0; i < CALL_COUNT; i++) {
    fprintf(file, "%s\"%s\": %lu", i ? ", " : "", names[i], count_cuda_calls_counts[i]);
  }
  fputs("}\n", file);
  fclose(file);
}

__attribute__((destructor)) static void at_exit(void) { write_counts(); }

void _exit(int status) {
  write_counts();
  ((void (*)(int))dlsym(RTLD_NEXT, "_exit"))(status);
  __builtin_unreachable();
}
