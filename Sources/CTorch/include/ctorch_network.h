// What networks and their training are computed with: lists of tensors, layers, uploads, losses.
#pragma once
#include "ctorch_types.h"

#ifdef __cplusplus
extern "C" {
#endif

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

/// Over the last dimension, whose size weight and bias have.
ctorch_status ctorch_nn_layer_norm(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                                   double epsilon, ctorch_tensor **out);
/// x times the normal distribution's probability of less than x.
ctorch_status ctorch_nn_gelu(const ctorch_tensor *input, ctorch_tensor **out);
/// x / (1 + exp(-x))
ctorch_status ctorch_nn_silu(const ctorch_tensor *input, ctorch_tensor **out);
/// softmax(query keyᵀ / sqrt(D)) value, each `[N, H, T, D]`.
ctorch_status ctorch_nn_attention(const ctorch_tensor *query, const ctorch_tensor *key, const ctorch_tensor *value,
                                  ctorch_tensor **out);
/// Images `[N, C, H, W]` in another size by bicubic interpolation, smoothed where they shrink.
ctorch_status ctorch_nn_resize_bicubic(const ctorch_tensor *input, int64_t height, int64_t width, ctorch_tensor **out);
/// Multiplications with an addition each that this thread has asked linear layers, convolutions and attention for so far:
/// forward passes only.
int64_t ctorch_nn_multiplications(void);

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

#ifdef __cplusplus
}
#endif
