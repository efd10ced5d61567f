// The table of kernels that CTorch asks for: each call goes to the current stream of the device that its tensors lie
// on.
#include <ATen/cuda/CUDAContextLight.h>
#include <c10/core/DeviceType.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>
#include <string>

#include "batch_norm.hpp"

namespace {

using kernels::Queue;

Queue queue(int32_t number) {
  const auto device = static_cast<c10::DeviceIndex>(number);
  return {c10::cuda::getCurrentCUDAStream(device).stream(), at::cuda::getDeviceProperties(device)->multiProcessorCount};
}

/// Calls `body(queue)` with the device current: CUDA refuses a launch on another device's stream.
template <class Body>
const char *launching(int32_t device, const Body &body) {
  thread_local std::string reason;
  try {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    return body(queue(device));
  } catch (const c10::Error &error) {
    reason = error.what_without_backtrace();
  } catch (const std::exception &error) {
    reason = error.what();
  }
  return reason.c_str();
}

int64_t scratch_bytes(const ctorch_rows *rows) {
  return kernels::batch_norm_scratch_bytes(*rows, queue(rows->device));
}

const char *sums(const ctorch_rows *rows, const void *input, void *scratch, double *sums) {
  return launching(rows->device, [&](const Queue &queue) {
    return kernels::batch_norm_sums(*rows, queue, input, scratch, sums);
  });
}

const char *statistics(int32_t device, int64_t channels, const double *sums, double count, double epsilon,
                       double *statistics) {
  return launching(device, [&](const Queue &queue) {
    return kernels::batch_norm_statistics(channels, queue, sums, count, epsilon, statistics);
  });
}

const char *apply(const ctorch_rows *rows, const void *input, const void *residual, const float *mean,
                  const float *inverse_deviation, const float *weight, const float *bias, bool relu, void *output) {
  return launching(rows->device, [&](const Queue &queue) {
    return kernels::batch_norm_apply(*rows, queue, input, residual, mean, inverse_deviation, weight, bias, relu,
                                     output);
  });
}

const char *gradient_sums(const ctorch_rows *rows, const void *gradient, const void *input, const void *output,
                          const float *mean, const float *inverse_deviation, void *scratch, double *sums,
                          float *weight_gradient, float *bias_gradient) {
  return launching(rows->device, [&](const Queue &queue) {
    return kernels::batch_norm_gradient_sums(*rows, queue, gradient, input, output, mean, inverse_deviation, scratch,
                                             sums, weight_gradient, bias_gradient);
  });
}

const char *input_gradient(const ctorch_rows *rows, const void *gradient, const void *input, const void *output,
                           const float *mean, const float *inverse_deviation, const float *weight, const double *sums,
                           double count, void *input_gradient, void *residual_gradient) {
  return launching(rows->device, [&](const Queue &queue) {
    return kernels::batch_norm_input_gradient(*rows, queue, gradient, input, output, mean, inverse_deviation, weight,
                                              sums, count, input_gradient, residual_gradient);
  });
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const ctorch_batch_norm_kernels *ctorch_cuda_batch_norm_kernels() {
  static const ctorch_batch_norm_kernels table{
      static_cast<int32_t>(c10::DeviceType::CUDA), scratch_bytes, sums, statistics, apply, gradient_sums,
      input_gradient};
  return &table;
}
