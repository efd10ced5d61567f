// Errors, versions, the machine's CPU, CUDA devices and memory.
#pragma once
#include "ctorch_types.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Errors, versions, machine

/// One line; valid until the next failure on this thread.
const char *ctorch_error_message(void);
/// The version of the headers this was compiled with.
const char *ctorch_version_compiled(void);
/// The version of the library that was loaded; an empty string when it does not tell.
const char *ctorch_version_loaded(void);
/// How libtorch was built and which CPU capability it uses, several lines.
const char *ctorch_build_description(void);
int64_t ctorch_live_tensor_count(void);
int32_t ctorch_thread_count(void);
ctorch_status ctorch_set_thread_count(int32_t count);
/// From here on, until ctorch_threads_run_anywhere is called on the same thread, keeps each thread of the operations that
/// this thread begins to a core of its own. To be called on the first thread of the process.
///
/// Returns false, and does nothing, on another thread, where it has been begun already, and where there are not as many
/// threads as the process has cores, at least two.
bool ctorch_threads_keep_to_cores(void);
void ctorch_threads_run_anywhere(void);
/// For a thread that the first one has started meanwhile, and that would stay on its core: lets it run anywhere.
void ctorch_thread_runs_anywhere(void);
/// Whether the CPU has an instruction set, by libtorch's name for it: "avx2", "avx512_f", "avx512_bf16", "amx_bf16".
bool ctorch_cpu_has(const char *instruction_set);
/// Asks libtorch for algorithms that give the same bits every time; else cuDNN is to find the fastest by trying.
void ctorch_set_deterministic(bool deterministic);
/// Whether cuDNN tries its algorithms when it meets a convolution of new shapes.
bool ctorch_benchmarks_convolutions(void);
/// Keeps freed memory in the process, so that every step does not fault its activations in again (glibc only).
void ctorch_keep_freed_memory(void);
/// Gives freed memory of a megabyte and more back at once, so that resident memory is what is in use (glibc only).
void ctorch_return_freed_memory(void);

// MARK: CUDA

/// A device as the driver numbers it for this process.
typedef struct {
  char name[256];
  /// Such as "0000:3b:00.0"; parts of a divided GPU (MIG) have that of the whole.
  char pci_bus_id[32];
  /// Five groups of hexadecimal digits; empty when the driver does not tell.
  char uuid[40];
  int32_t capability_major, capability_minor;
  int64_t memory_bytes;
} ctorch_cuda_device;

/// Whether the CUDA part of libtorch was loaded; fails with the reason when it was not. Where there is a driver, whatever
/// function of this header that asks libtorch anything comes first has loaded it.
ctorch_status ctorch_cuda_load(void);
/// The CUDA that libtorch was built with: 13000 is 13.0; 0 when its CUDA part was not loaded.
int32_t ctorch_cuda_runtime_version(void);
/// Devices that libtorch sees.
int32_t ctorch_cuda_device_count(void);
ctorch_status ctorch_cuda_synchronize(int32_t device);
/// Has this thread work on a device where nothing else is said.
ctorch_status ctorch_cuda_set_device(int32_t device);
/// The newest CUDA that the driver is for: 13000 is 13.0.
ctorch_status ctorch_cuda_driver_version(int32_t *out);
/// Devices that this process may use. Fails when there are none.
ctorch_status ctorch_cuda_driver_device_count(int32_t *out);
ctorch_status ctorch_cuda_driver_device(int32_t number, ctorch_cuda_device *out);
/// The driver's own number, such as "580.65.06", by NVIDIA's management library; an empty string when that is not there.
const char *ctorch_cuda_driver_release(void);
/// NCCL's version: 22809 is 2.28.9; 0 when it cannot be loaded.
int32_t ctorch_nccl_version(void);
/// Whether cuDNN may round the operands of float32 convolutions to TF32. At first it may not.
ctorch_status ctorch_set_allows_tf32(bool allows);
ctorch_status ctorch_allows_tf32(bool *convolutions, bool *products);

// MARK: Memory

/// Counts the bytes of tensors from here on: on the CPU those that this thread, and backward passes that it runs, take
/// and give back; on a CUDA device all. To be ended on the same thread, the last one begun first.
typedef struct ctorch_memory_watch ctorch_memory_watch;
ctorch_status ctorch_memory_watch_begin(int32_t device, ctorch_memory_watch **out);
/// The most that was taken at once beyond what was taken when the watch began.
ctorch_status ctorch_memory_watch_peak(const ctorch_memory_watch *self, int64_t *out);
void ctorch_memory_watch_end(ctorch_memory_watch *watch);

/// The most that tensors have taken of a CUDA device since it was last reset, and the device's own memory.
ctorch_status ctorch_cuda_peak_bytes(int32_t device, int64_t *out);
ctorch_status ctorch_cuda_memory(int32_t device, int64_t *free_bytes, int64_t *total_bytes);

#ifdef __cplusplus
}
#endif
