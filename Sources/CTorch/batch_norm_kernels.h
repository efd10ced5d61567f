// Kernels of batch normalization that libtorch does not have: a table of functions that libCTorchCUDA.so fills in, and
// tests with the same kernels compiled for the CPU. Nothing here needs CUDA's headers or libtorch's.
//
// Images are rows of channels: `[N, C, H, W]` channels-last is N H W rows of C channels, `[N, C]` is N. Elements are
// float32, float16 or bfloat16; what belongs to a channel is float32 but for sums, which are float64. Arithmetic is
// float32; float64 adds up what blocks of threads found.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What the elements of one call are.
typedef struct {
  /// CTORCH_FLOAT32, CTORCH_FLOAT16 or CTORCH_BFLOAT16.
  int32_t element;
  /// The number of the device that they lie on; work goes to its current stream.
  int32_t device;
  int64_t rows, channels;
} ctorch_rows;

/// Each function gives NULL, or why it could not start its work. None waits for the device, and two calls with the same
/// arguments on one device give the same bits.
typedef struct ctorch_batch_norm_kernels {
  /// The kind of device: libtorch's number (c10::DeviceType).
  int32_t device_type;
  /// Bytes that `sums` and `gradient_sums` need for sums of parts.
  int64_t (*scratch_bytes)(const ctorch_rows *rows);
  /// The sum of each channel, then that of its squares, `[2, C]`: reads the input once.
  const char *(*sums)(const ctorch_rows *rows, const void *input, void *scratch, double *sums);
  /// From such sums over `count` values a channel: the mean, 1 / sqrt(variance + epsilon), and the variance with
  /// Bessel's correction, `[3, C]`.
  const char *(*statistics)(int32_t device, int64_t channels, const double *sums, double count, double epsilon,
                            double *statistics);
  /// output = (input - mean) * inverse_deviation * weight + bias [+ residual], with `relu` 0 where that is negative:
  /// reads input and residual once and writes the output. `residual` may be NULL.
  const char *(*apply)(const ctorch_rows *rows, const void *input, const void *residual, const float *mean,
                       const float *inverse_deviation, const float *weight, const float *bias, bool relu, void *output);
  /// The sum of the gradient in each channel, then that of its products with input - mean: `[2, C]`; and the gradients
  /// of weight and bias that these are. Where `output` is given, the gradient counts as 0 where the output is not above
  /// 0. Reads each of them once.
  const char *(*gradient_sums)(const ctorch_rows *rows, const void *gradient, const void *input, const void *output,
                               const float *mean, const float *inverse_deviation, void *scratch, double *sums,
                               float *weight_gradient, float *bias_gradient);
  /// The gradient of the input from such `sums` over all `count` values a channel, and unless it is NULL that of the
  /// residual: reads gradient, input and output once, and writes one or two.
  const char *(*input_gradient)(const ctorch_rows *rows, const void *gradient, const void *input, const void *output,
                                const float *mean, const float *inverse_deviation, const float *weight,
                                const double *sums, double count, void *input_gradient, void *residual_gradient);
} ctorch_batch_norm_kernels;

#ifdef __cplusplus
}
#endif
