// C ABI over libtorch. No torch type appears here: tensors and generators are opaque handles with one owner each.
//
// One idiom: every function that can fail returns a status, results come through out-parameters, and the message of
// the last failure on this thread is `ctorch_error_message()`. A handle given out is the caller's to free.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_tensor ctorch_tensor;
typedef struct ctorch_generator ctorch_generator;
typedef struct ctorch_uploader ctorch_uploader;
typedef struct ctorch_store ctorch_store;
typedef struct ctorch_process_group ctorch_process_group;
typedef struct ctorch_reducer ctorch_reducer;
typedef struct ctorch_batch_norm_kernels ctorch_batch_norm_kernels;
typedef int32_t ctorch_status;

enum { CTORCH_OK = 0, CTORCH_INVALID = 1, CTORCH_OUT_OF_MEMORY = 2 };

// Element types: libtorch's own numbers (c10::ScalarType).
enum {
  CTORCH_UINT8 = 0, CTORCH_INT32 = 3, CTORCH_INT64 = 4, CTORCH_FLOAT16 = 5, CTORCH_FLOAT32 = 6, CTORCH_FLOAT64 = 7,
  CTORCH_BOOL = 11, CTORCH_BFLOAT16 = 15
};

// Devices: -1 is the CPU, n >= 0 is CUDA device n.
enum { CTORCH_CPU = -1 };

// MARK: Errors, versions, machine

/// One line; valid until the next failure on this thread.
const char *ctorch_error_message(void);
/// The same with libtorch's stack trace.
const char *ctorch_error_details(void);
/// The version of the headers this was compiled with.
const char *ctorch_version_compiled(void);
/// The version of the library that was loaded; an empty string when it does not tell.
const char *ctorch_version_loaded(void);
/// How libtorch was built and which CPU capability it uses, several lines.
const char *ctorch_build_description(void);
int64_t ctorch_live_tensor_count(void);
int32_t ctorch_thread_count(void);
ctorch_status ctorch_set_thread_count(int32_t count);
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

// MARK: Modes of this thread

bool ctorch_gradients_enabled(void);
void ctorch_set_gradients_enabled(bool enabled);
bool ctorch_autocast_enabled(int32_t device);
int32_t ctorch_autocast_dtype(int32_t device);
void ctorch_set_autocast(int32_t device, bool enabled, int32_t dtype);
void ctorch_clear_autocast_cache(void);

// MARK: Generators

ctorch_status ctorch_generator_create(int32_t device, uint64_t seed, ctorch_generator **out);
void ctorch_generator_free(ctorch_generator *generator);

// MARK: Creating tensors

void ctorch_tensor_free(ctorch_tensor *tensor);
/// Copies `byte_count` bytes in.
ctorch_status ctorch_tensor_from_bytes(const void *bytes, size_t byte_count, const int64_t *shape, int32_t rank,
                                       int32_t dtype, ctorch_tensor **out);
/// Takes over `bytes`: `release(context)` runs when the last tensor that shares them goes.
ctorch_status ctorch_tensor_from_owned_bytes(void *bytes, const int64_t *shape, int32_t rank, int32_t dtype,
                                             void *context, void (*release)(void *context), ctorch_tensor **out);
ctorch_status ctorch_tensor_empty(const int64_t *shape, int32_t rank, int32_t dtype, int32_t device,
                                  ctorch_tensor **out);
/// On the CPU in memory that CUDA devices read by themselves. It is used again only when copies from it that do not wait
/// are done. Fails where there is no CUDA.
ctorch_status ctorch_tensor_empty_pinned(const int64_t *shape, int32_t rank, int32_t dtype, ctorch_tensor **out);
ctorch_status ctorch_tensor_full(const int64_t *shape, int32_t rank, double value, int32_t dtype, int32_t device,
                                 ctorch_tensor **out);
ctorch_status ctorch_tensor_arange(int64_t start, int64_t end, int32_t dtype, int32_t device, ctorch_tensor **out);
ctorch_status ctorch_tensor_zeros_like(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_empty_like(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_randn(const int64_t *shape, int32_t rank, ctorch_generator *generator, int32_t dtype,
                                  int32_t device, ctorch_tensor **out);
ctorch_status ctorch_tensor_uniform(const int64_t *shape, int32_t rank, double low, double high,
                                    ctorch_generator *generator, int32_t dtype, int32_t device, ctorch_tensor **out);
ctorch_status ctorch_tensor_randperm(int64_t count, ctorch_generator *generator, ctorch_tensor **out);

// MARK: Looking at tensors

int32_t ctorch_tensor_rank(const ctorch_tensor *self);
int64_t ctorch_tensor_size(const ctorch_tensor *self, int32_t dimension);
int64_t ctorch_tensor_element_count(const ctorch_tensor *self);
int32_t ctorch_tensor_dtype(const ctorch_tensor *self);
int32_t ctorch_tensor_device(const ctorch_tensor *self);
bool ctorch_tensor_requires_gradient(const ctorch_tensor *self);
bool ctorch_tensor_is_contiguous(const ctorch_tensor *self);
bool ctorch_tensor_is_channels_last(const ctorch_tensor *self);
/// The address of the first element of a contiguous CPU tensor, else fails.
ctorch_status ctorch_tensor_data(const ctorch_tensor *self, void **out);
/// Copies the elements, row-major, to `destination` as `dtype`; `byte_count` must be what they need.
ctorch_status ctorch_tensor_copy_out(const ctorch_tensor *self, int32_t dtype, void *destination, size_t byte_count);
ctorch_status ctorch_tensor_item(const ctorch_tensor *self, double *out);
/// Same shape, dtype and bits (not numbers: a NaN equals itself bit for bit).
ctorch_status ctorch_tensor_identical(const ctorch_tensor *self, const ctorch_tensor *other, bool *out);

// MARK: Autograd

ctorch_status ctorch_tensor_set_requires_gradient(ctorch_tensor *self, bool required);
ctorch_status ctorch_tensor_detach(const ctorch_tensor *self, ctorch_tensor **out);
/// `*out` is NULL when there is none.
ctorch_status ctorch_tensor_gradient(const ctorch_tensor *self, ctorch_tensor **out);
/// NULL takes the gradient away.
ctorch_status ctorch_tensor_set_gradient(ctorch_tensor *self, const ctorch_tensor *gradient);
/// Accumulates into the leaves. `gradient` may be NULL for a scalar.
/// The derivatives of `output`, weighted by `gradient`, with respect to `inputs`; NULL where there is none. Nothing is added
/// to any leaf's gradient.
ctorch_status ctorch_tensor_gradients_of_inputs(const ctorch_tensor *output, const ctorch_tensor *gradient,
                                                const ctorch_tensor *const *inputs, int32_t count, ctorch_tensor **out);
ctorch_status ctorch_tensor_backward(const ctorch_tensor *self, const ctorch_tensor *gradient);

/// Computes input gradients from output gradients. Both arrays are borrowed; a result is given away through
/// `input_gradients`, NULL where an input has none. A status other than CTORCH_OK fails the backward pass.
typedef ctorch_status (*ctorch_backward)(void *context, const ctorch_tensor *const *output_gradients,
                                         int32_t output_count, ctorch_tensor **input_gradients, int32_t input_count);

/// Ties `outputs`, computed without gradients, to `inputs` by a backward function of the caller's. New handles come
/// through `results`. `release(context)` runs once, when the graph no longer needs it.
ctorch_status ctorch_autograd_connect(const ctorch_tensor *const *inputs, int32_t input_count,
                                      const ctorch_tensor *const *outputs, int32_t output_count,
                                      ctorch_backward backward, void *context, void (*release)(void *context),
                                      ctorch_tensor **results);

// MARK: Moving and viewing

/// From the CPU to a CUDA device without waiting for the device.
ctorch_status ctorch_tensor_to(const ctorch_tensor *self, int32_t dtype, int32_t device, ctorch_tensor **out);
ctorch_status ctorch_tensor_contiguous(const ctorch_tensor *self, bool channels_last, ctorch_tensor **out);
ctorch_status ctorch_tensor_clone(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_reshape(const ctorch_tensor *self, const int64_t *shape, int32_t rank, ctorch_tensor **out);
ctorch_status ctorch_tensor_flatten(const ctorch_tensor *self, int64_t first, int64_t last, ctorch_tensor **out);
ctorch_status ctorch_tensor_permute(const ctorch_tensor *self, const int64_t *order, int32_t rank, ctorch_tensor **out);
ctorch_status ctorch_tensor_transpose(const ctorch_tensor *self, int64_t first, int64_t second, ctorch_tensor **out);
ctorch_status ctorch_tensor_unsqueeze(const ctorch_tensor *self, int64_t dimension, ctorch_tensor **out);
ctorch_status ctorch_tensor_squeeze(const ctorch_tensor *self, int64_t dimension, ctorch_tensor **out);
ctorch_status ctorch_tensor_expand(const ctorch_tensor *self, const int64_t *shape, int32_t rank, ctorch_tensor **out);
ctorch_status ctorch_tensor_narrow(const ctorch_tensor *self, int64_t dimension, int64_t start, int64_t length,
                                   ctorch_tensor **out);
ctorch_status ctorch_tensor_select(const ctorch_tensor *self, int64_t dimension, int64_t index, ctorch_tensor **out);
ctorch_status ctorch_tensor_diagonal(const ctorch_tensor *self, int64_t offset, ctorch_tensor **out);
ctorch_status ctorch_tensor_concatenate(const ctorch_tensor *const *tensors, int32_t count, int64_t dimension,
                                        ctorch_tensor **out);
ctorch_status ctorch_tensor_stack(const ctorch_tensor *const *tensors, int32_t count, int64_t dimension,
                                  ctorch_tensor **out);
ctorch_status ctorch_tensor_index_select(const ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                         ctorch_tensor **out);
ctorch_status ctorch_tensor_gather(const ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                   ctorch_tensor **out);
ctorch_status ctorch_tensor_scatter_add(const ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                        const ctorch_tensor *source, ctorch_tensor **out);

// MARK: Element by element

ctorch_status ctorch_tensor_add(const ctorch_tensor *self, const ctorch_tensor *other, double alpha,
                                ctorch_tensor **out);
ctorch_status ctorch_tensor_add_scalar(const ctorch_tensor *self, double other, ctorch_tensor **out);
ctorch_status ctorch_tensor_sub(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_mul(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_mul_scalar(const ctorch_tensor *self, double other, ctorch_tensor **out);
ctorch_status ctorch_tensor_div(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_pow(const ctorch_tensor *self, double exponent, ctorch_tensor **out);
ctorch_status ctorch_tensor_maximum(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_minimum(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_equal(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_greater(const ctorch_tensor *self, double other, ctorch_tensor **out);
ctorch_status ctorch_tensor_clamp(const ctorch_tensor *self, double low, double high, ctorch_tensor **out);
ctorch_status ctorch_tensor_masked_fill(const ctorch_tensor *self, const ctorch_tensor *mask, double value,
                                        ctorch_tensor **out);
ctorch_status ctorch_tensor_where(const ctorch_tensor *condition, const ctorch_tensor *self,
                                  const ctorch_tensor *other, ctorch_tensor **out);
ctorch_status ctorch_tensor_neg(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_abs(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_exp(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_log(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_log1p(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_sqrt(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_relu(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_isfinite(const ctorch_tensor *self, ctorch_tensor **out);

// MARK: In place (the handle keeps its tensor)

ctorch_status ctorch_tensor_copy_(ctorch_tensor *self, const ctorch_tensor *source);
ctorch_status ctorch_tensor_fill_(ctorch_tensor *self, double value);
ctorch_status ctorch_tensor_add_(ctorch_tensor *self, const ctorch_tensor *other, double alpha);
ctorch_status ctorch_tensor_add_scalar_(ctorch_tensor *self, double other);
ctorch_status ctorch_tensor_mul_(ctorch_tensor *self, const ctorch_tensor *other);
ctorch_status ctorch_tensor_mul_scalar_(ctorch_tensor *self, double other);
ctorch_status ctorch_tensor_sub_(ctorch_tensor *self, const ctorch_tensor *other);
ctorch_status ctorch_tensor_div_(ctorch_tensor *self, const ctorch_tensor *other);
ctorch_status ctorch_tensor_exp_(ctorch_tensor *self);
ctorch_status ctorch_tensor_relu_(ctorch_tensor *self);
ctorch_status ctorch_tensor_clamp_(ctorch_tensor *self, double low, double high);
ctorch_status ctorch_tensor_floor_(ctorch_tensor *self);
/// Half to even.
ctorch_status ctorch_tensor_round_(ctorch_tensor *self);
/// What is left of a division, with the sign of `divisor`.
ctorch_status ctorch_tensor_remainder_(ctorch_tensor *self, double divisor);
/// The slices that `index` names become those of `source`.
ctorch_status ctorch_tensor_index_copy_(ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                        const ctorch_tensor *source);
ctorch_status ctorch_tensor_lerp_(ctorch_tensor *self, const ctorch_tensor *end, double weight);
/// self += value * first * second
ctorch_status ctorch_tensor_addcmul_(ctorch_tensor *self, const ctorch_tensor *first, const ctorch_tensor *second,
                                     double value);
/// self += value * first / second
ctorch_status ctorch_tensor_addcdiv_(ctorch_tensor *self, const ctorch_tensor *first, const ctorch_tensor *second,
                                     double value);
/// self = beta * self + alpha * first @ second
ctorch_status ctorch_tensor_addmm_(ctorch_tensor *self, const ctorch_tensor *first, const ctorch_tensor *second,
                                   double beta, double alpha);

// MARK: Reductions (rank 0 dimensions: over all)

ctorch_status ctorch_tensor_sum(const ctorch_tensor *self, const int64_t *dimensions, int32_t count, bool keep,
                                ctorch_tensor **out);
ctorch_status ctorch_tensor_mean(const ctorch_tensor *self, const int64_t *dimensions, int32_t count, bool keep,
                                 ctorch_tensor **out);
/// Without Bessel's correction when `correction` is 0.
ctorch_status ctorch_tensor_var(const ctorch_tensor *self, const int64_t *dimensions, int32_t count, int64_t correction,
                                bool keep, ctorch_tensor **out);
ctorch_status ctorch_tensor_max(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_min(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_all(const ctorch_tensor *self, ctorch_tensor **out);
ctorch_status ctorch_tensor_argmax(const ctorch_tensor *self, int64_t dimension, ctorch_tensor **out);
ctorch_status ctorch_tensor_amax(const ctorch_tensor *self, int64_t dimension, bool keep, ctorch_tensor **out);
ctorch_status ctorch_tensor_amin(const ctorch_tensor *self, int64_t dimension, bool keep, ctorch_tensor **out);
ctorch_status ctorch_tensor_logsumexp(const ctorch_tensor *self, int64_t dimension, bool keep, ctorch_tensor **out);
/// Largest first.
ctorch_status ctorch_tensor_topk(const ctorch_tensor *self, int64_t count, int64_t dimension, ctorch_tensor **values,
                                 ctorch_tensor **indices);
/// Euclidean norm over all elements.
ctorch_status ctorch_tensor_norm(const ctorch_tensor *self, ctorch_tensor **out);

// MARK: Many tensors at once (lists of `count`, at least 1; a few launches on a CUDA device do for all of them)

/// The Euclidean norm of each: `[count]`.
ctorch_status ctorch_foreach_norm(const ctorch_tensor *const *tensors, int32_t count, ctorch_tensor **out);
/// tensors + alpha * others
ctorch_status ctorch_foreach_add(const ctorch_tensor *const *tensors, const ctorch_tensor *const *others,
                                 int32_t count, double alpha, ctorch_tensor **results);
/// tensors += alpha * others
ctorch_status ctorch_foreach_add_(const ctorch_tensor *const *tensors, const ctorch_tensor *const *others,
                                  int32_t count, double alpha);
/// tensors += factors * others, one factor for each: `[count]`.
ctorch_status ctorch_foreach_add_scaled_(const ctorch_tensor *const *tensors, const ctorch_tensor *const *others,
                                         int32_t count, const ctorch_tensor *factors);
ctorch_status ctorch_foreach_mul_scalar_(const ctorch_tensor *const *tensors, int32_t count, double factor);
ctorch_status ctorch_foreach_copy_(const ctorch_tensor *const *tensors, const ctorch_tensor *const *sources,
                                   int32_t count);
/// Changes parameters as `torch.optim.SGD` without dampening does. `velocities` begin as zeros and lie in memory as the
/// parameters do; without momentum they are not looked at.
ctorch_status ctorch_sgd_step(const ctorch_tensor *const *parameters, const ctorch_tensor *const *gradients,
                              const ctorch_tensor *const *velocities, int32_t count, double rate, double momentum,
                              double weight_decay, bool nesterov);
/// Changes parameters as `torch.optim.Adam`, or `AdamW` with `decouples_decay`, does in step number `step`, from 1. Both
/// moments begin as zeros and lie in memory as the parameters do.
ctorch_status ctorch_adam_step(const ctorch_tensor *const *parameters, const ctorch_tensor *const *gradients,
                               const ctorch_tensor *const *means, const ctorch_tensor *const *squares, int32_t count,
                               int64_t step, double rate, double beta1, double beta2, double epsilon,
                               double weight_decay, bool decouples_decay);

// MARK: Linear algebra and layers

ctorch_status ctorch_tensor_matmul(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out);
/// `bias` may be NULL, here and below.
ctorch_status ctorch_nn_linear(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                               ctorch_tensor **out);
ctorch_status ctorch_nn_conv2d(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                               int64_t stride, int64_t padding, int64_t dilation, int64_t groups, ctorch_tensor **out);
/// `running_mean` and `running_var` are updated in place when training; both may be NULL.
ctorch_status ctorch_nn_batch_norm(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                                   ctorch_tensor *running_mean, ctorch_tensor *running_var, bool training,
                                   double momentum, double epsilon, ctorch_tensor **out);
/// The sum of each channel of `input` `[N, C, …]` and that of its squares: `[2, C]`, float64.
ctorch_status ctorch_nn_batch_norm_sums(const ctorch_tensor *input, ctorch_tensor **out);
/// What follows from such sums over `count` values a channel: mean and 1 / sqrt(variance + epsilon), `[C]` of `dtype`. The
/// running statistics, the variance with Bessel's correction, move by `momentum`; both may be NULL.
ctorch_status ctorch_nn_batch_norm_statistics(const ctorch_tensor *sums, double count, double epsilon, int32_t dtype,
                                              ctorch_tensor *running_mean, ctorch_tensor *running_var, double momentum,
                                              ctorch_tensor **mean, ctorch_tensor **inverse_deviation);
/// (input - mean) * inverse_deviation * weight + bias + residual, with `relu` at least 0, in one pass. `residual`, of the
/// input's shape, may be NULL.
ctorch_status ctorch_nn_batch_norm_apply(const ctorch_tensor *input, const ctorch_tensor *mean,
                                         const ctorch_tensor *inverse_deviation, const ctorch_tensor *weight,
                                         const ctorch_tensor *bias, const ctorch_tensor *residual, bool relu,
                                         ctorch_tensor **out);
/// The sum of `gradient` in each channel, and that of its products with input - mean: `[2, C]`, float64; and what they are
/// as gradients of weight and bias. Where `output`, the result of an application with `relu`, is given, the gradient
/// counts as 0 where the output is not positive.
ctorch_status ctorch_nn_batch_norm_gradient_sums(const ctorch_tensor *gradient, const ctorch_tensor *input,
                                                 const ctorch_tensor *output, const ctorch_tensor *mean,
                                                 const ctorch_tensor *inverse_deviation, ctorch_tensor **sums,
                                                 ctorch_tensor **weight_gradient, ctorch_tensor **bias_gradient);
/// The gradients of input and residual in one pass, from the gradient sums over all `count` values of a channel.
/// `residual_gradient` may be NULL.
ctorch_status ctorch_nn_batch_norm_input_gradient(const ctorch_tensor *gradient, const ctorch_tensor *input,
                                                  const ctorch_tensor *output, const ctorch_tensor *mean,
                                                  const ctorch_tensor *inverse_deviation, const ctorch_tensor *weight,
                                                  const ctorch_tensor *sums, double count,
                                                  ctorch_tensor **input_gradient, ctorch_tensor **residual_gradient);
/// Kernels (batch_norm_kernels.h) that compute these parts from then on, for the device and the types that they are for; NULL takes them away. The
/// table is kept, not copied.
void ctorch_batch_norm_use_kernels(const ctorch_batch_norm_kernels *kernels);
bool ctorch_batch_norm_has_kernels(void);
ctorch_status ctorch_nn_max_pool2d(const ctorch_tensor *input, int64_t kernel, int64_t stride, int64_t padding,
                                   ctorch_tensor **out);
ctorch_status ctorch_nn_adaptive_avg_pool2d(const ctorch_tensor *input, int64_t height, int64_t width,
                                            ctorch_tensor **out);
ctorch_status ctorch_nn_softmax(const ctorch_tensor *input, int64_t dimension, ctorch_tensor **out);
ctorch_status ctorch_nn_log_softmax(const ctorch_tensor *input, int64_t dimension, ctorch_tensor **out);
/// Mean over the batch of -log softmax(input)[target]; `target` is int64.
ctorch_status ctorch_nn_cross_entropy(const ctorch_tensor *input, const ctorch_tensor *target, ctorch_tensor **out);
/// input / max(|input|, epsilon) along `dimension`.
ctorch_status ctorch_nn_normalize(const ctorch_tensor *input, int64_t dimension, double epsilon, ctorch_tensor **out);

// MARK: Uploads (copies to a CUDA device beside what it computes)

/// Fails where there is no such device.
ctorch_status ctorch_uploader_create(int32_t device, ctorch_uploader **out);
void ctorch_uploader_free(ctorch_uploader *uploader);
/// Asks for copies of tensors; they are under way together until they are finished.
ctorch_status ctorch_uploader_begin(ctorch_uploader *self, const ctorch_tensor *const *tensors, int32_t count);
/// Hands out the `count` copies that are under way: what is asked of the device from now on waits for them, this does not.
ctorch_status ctorch_uploader_finish(ctorch_uploader *self, ctorch_tensor **results, int32_t count);

// MARK: Contrastive losses

/// A block of logits `[R, C]` becomes its exponentials, in place, whose sums over columns are added to `row_sums` `[R]` and
/// those over rows to `column_sums` `[C]` (NULL: to nothing); sums are float64. float32 on the CPU: logits up to 88.
ctorch_status ctorch_contrast_exponentiate_(ctorch_tensor *logits, ctorch_tensor *row_sums, ctorch_tensor *column_sums);
/// logits[i, j] = exp(logits[i, j]) * (row_weights[i] + column_weights[j]), weights in the type of the logits.
ctorch_status ctorch_contrast_weigh_(ctorch_tensor *logits, const ctorch_tensor *row_weights,
                                     const ctorch_tensor *column_weights);

// MARK: Stores (keys and bytes that processes share over TCP)

/// Serves a store on a socket that already listens, which it takes over.
ctorch_status ctorch_store_host(int32_t listening_socket, int32_t port, const char *host, int64_t timeout_milliseconds,
                                ctorch_store **out);
ctorch_status ctorch_store_connect(const char *host, int32_t port, int64_t timeout_milliseconds, ctorch_store **out);
/// The same store, seen through keys that begin with `prefix`.
ctorch_status ctorch_store_prefix(const ctorch_store *self, const char *prefix, ctorch_store **out);
/// The same, where no group looks past the prefix either, as c10d does for keys that all groups share.
ctorch_status ctorch_store_namespace(const ctorch_store *self, const char *prefix, ctorch_store **out);
void ctorch_store_free(ctorch_store *store);
ctorch_status ctorch_store_set(const ctorch_store *self, const char *key, const void *bytes, size_t byte_count);
/// Sets the key unless it is set already. `*found`, what it holds then, is the caller's to `free`.
ctorch_status ctorch_store_set_if_absent(const ctorch_store *self, const char *key, const void *bytes, size_t byte_count,
                                         void **found, size_t *found_count);
/// The names of all keys, each ended by a zero. `*bytes` is the caller's to `free`.
ctorch_status ctorch_store_keys(const ctorch_store *self, void **bytes, size_t *byte_count);
/// Waits for the key. `*bytes` is the caller's to `free`.
ctorch_status ctorch_store_get(const ctorch_store *self, const char *key, int64_t timeout_milliseconds, void **bytes,
                               size_t *byte_count);
ctorch_status ctorch_store_has(const ctorch_store *self, const char *key, bool *out);
/// Adds to a counter, and gives its new value.
ctorch_status ctorch_store_add(const ctorch_store *self, const char *key, int64_t value, int64_t *out);

// MARK: Process groups. Collectives wait for their result, and after one failed all fail.

enum { CTORCH_SUM = 0, CTORCH_MINIMUM = 1, CTORCH_MAXIMUM = 2 };

/// Connects `size` processes over TCP, each listening on a network interface, or on an address of this machine where
/// `interface` is NULL. `companion` is a group that fails together with this one; it may be NULL.
ctorch_status ctorch_process_group_gloo(const ctorch_store *store, int32_t rank, int32_t size, const char *address,
                                        const char *interface, int64_t timeout_milliseconds,
                                        const ctorch_process_group *companion, ctorch_process_group **out);
/// Loads libCTorchCUDA.so from `path`, once; fails with the reason when it cannot be had.
ctorch_status ctorch_nccl_load(const char *path);
/// Has a group, which exchanges all tensors over TCP so far, exchange those on CUDA devices over NCCL: all of this process
/// lie on `device`. `store` must have keys that no other group uses. Waits for the others, without end.
ctorch_status ctorch_process_group_use_nccl(ctorch_process_group *group, const ctorch_store *store, int32_t device,
                                            int64_t timeout_milliseconds);
/// Ends the exchange over NCCL after the last one; all processes of the group must do so.
void ctorch_process_group_end_nccl(ctorch_process_group *group);
/// Whether an exchange over NCCL, of this group or a companion, failed or took longer than the timeout.
bool ctorch_process_group_nccl_has_error(const ctorch_process_group *self);
/// Has all further collectives of this group and its companions fail, and those over NCCL that wait end at once, with
/// whatever numbers: from any thread, while another one waits for the device.
void ctorch_process_group_abort(ctorch_process_group *self);
void ctorch_process_group_free(ctorch_process_group *group);
bool ctorch_process_group_has_failed(const ctorch_process_group *self);
/// Closes the connections, so that the others notice, and has all further collectives fail.
void ctorch_process_group_fail(ctorch_process_group *self);
/// Waits, without end, until another process says over its connection that it leaves; fails when the connection closes
/// before.
ctorch_status ctorch_process_group_await_farewell(const ctorch_process_group *self, int32_t from);
/// Says to another process that this one leaves.
ctorch_status ctorch_process_group_say_farewell(const ctorch_process_group *self, int32_t to);
/// Bytes of tensors that this process has sent in this group and its companions, by the algorithms' count: small tensors
/// go to each other process, large ones around a ring.
int64_t ctorch_process_group_sent_bytes(const ctorch_process_group *self);
/// Bytes that each process sends for an all-reduce of so many.
int64_t ctorch_all_reduce_sent_bytes(int32_t processes, int64_t bytes, bool on_cpu);
/// In place.
ctorch_status ctorch_all_reduce(ctorch_process_group *group, ctorch_tensor *tensor, int32_t operation);
/// Joins the tensors of all processes, of one shape, along their first dimension.
ctorch_status ctorch_all_gather(ctorch_process_group *group, const ctorch_tensor *tensor, ctorch_tensor **out);
/// In place.
ctorch_status ctorch_broadcast(ctorch_process_group *group, ctorch_tensor *tensor, int32_t root);

// MARK: Reducers

/// Sums the gradients of `parameters` over the processes of a group, in buckets, during `ctorch_reducer_backward`.
/// Gradients become views of the buckets. With `compresses` they travel and are added as bfloat16.
ctorch_status ctorch_reducer_create(const ctorch_process_group *group, const ctorch_tensor *const *parameters,
                                    const char *const *names, int32_t count, int64_t bucket_bytes,
                                    int64_t first_bucket_bytes, bool finds_unused, bool compresses,
                                    ctorch_reducer **out);
void ctorch_reducer_free(ctorch_reducer *reducer);
/// Backward from `output`, then waits for the sums; `*waited_seconds` says how long it had nothing else to do.
ctorch_status ctorch_reducer_backward(ctorch_reducer *self, const ctorch_tensor *output,
                                      const ctorch_tensor *gradient, double *waited_seconds);

#ifdef __cplusplus
}
#endif
