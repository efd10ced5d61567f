// Tensors: modes, random numbers, creation, autograd, element by element, reductions.
#pragma once
#include "ctorch_types.h"

#ifdef __cplusplus
extern "C" {
#endif

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
// The eigenvalues of a symmetric matrix, ascending.
ctorch_status ctorch_tensor_symmetric_eigenvalues(const ctorch_tensor *self, ctorch_tensor **out);


ctorch_status ctorch_tensor_eigh(const ctorch_tensor *self, ctorch_tensor **values, ctorch_tensor **vectors);
ctorch_status ctorch_tensor_convolve(const ctorch_tensor *self, const ctorch_tensor *kernel, ctorch_tensor **out);

#ifdef __cplusplus
}
#endif
