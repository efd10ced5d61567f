// Batch normalization by kernels of our own, where libCTorchCUDA.so (or a test) brought them: they read and write
// activations in their own type, and ReLU and residual in the same pass.
#include <ATen/ATen.h>

#include <atomic>

#include "batch_norm.hpp"
#include "batch_norm_kernels.h"
#include "guard.hpp"

namespace ctorch {

namespace {

std::atomic<const ctorch_batch_norm_kernels *> loaded{nullptr};

/// Those for the device that a tensor lies on, NULL where there are none.
const ctorch_batch_norm_kernels *kernels_beside(const at::Tensor &values) {
  const ctorch_batch_norm_kernels *kernels = loaded;
  return kernels && static_cast<int32_t>(values.device().type()) == kernels->device_type ? kernels : nullptr;
}

void check_launch(const char *reason) {
  TORCH_CHECK(!reason, "a kernel of batch normalization could not start: ", reason);
}

/// Vectors, or images with the channels of a place side by side.
at::Tensor as_rows(const at::Tensor &values) {
  return values.contiguous(values.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

/// The same in the type of the rows `x`; undefined stays so.
at::Tensor as_rows_like(const at::Tensor &values, const at::Tensor &x) {
  return values.defined() ? as_rows(values.to(x.scalar_type())) : values;
}

ctorch_rows rows_of(const at::Tensor &x) {
  return {static_cast<int32_t>(x.scalar_type()), x.device().index(), x.numel() / x.size(1), x.size(1)};
}

const void *elements(const at::Tensor &values) { return values.defined() ? values.const_data_ptr() : nullptr; }
void *mutable_elements(const at::Tensor &values) { return values.defined() ? values.mutable_data_ptr() : nullptr; }

/// `[C]`, float32.
at::Tensor as_vector(const at::Tensor &values) { return values.to(at::kFloat).contiguous(); }
const float *vector(const at::Tensor &values) { return static_cast<const float *>(values.const_data_ptr()); }

at::Tensor as_sums(const at::Tensor &values) { return values.to(at::kDouble).contiguous(); }
const double *sums_in(const at::Tensor &values) { return static_cast<const double *>(values.const_data_ptr()); }

at::Tensor empty(at::IntArrayRef shape, at::ScalarType type, const at::Tensor &beside) {
  return at::empty(shape, at::TensorOptions().device(beside.device()).dtype(type));
}

template <class Number>
Number *numbers(const at::Tensor &values) {
  return static_cast<Number *>(values.mutable_data_ptr());
}

/// Room for sums of parts. It is freed while kernels may still be at it: libtorch's allocator hands it on in the order
/// of the stream.
at::Tensor scratch(const ctorch_batch_norm_kernels &kernels, const ctorch_rows &rows, const at::Tensor &x) {
  return empty({kernels.scratch_bytes(&rows)}, at::kByte, x);
}

struct KernelBatchNorm final : BatchNorm {
  at::Tensor sums(const at::Tensor &input) const override {
    const at::Tensor x = as_rows(input);
    const ctorch_rows rows = rows_of(x);
    const at::Tensor room = scratch(kernels(x), rows, x);
    at::Tensor result = empty({2, rows.channels}, at::kDouble, x);
    check_launch(kernels(x).sums(&rows, elements(x), mutable_elements(room), numbers<double>(result)));
    return result;
  }

  at::Tensor statistics(const at::Tensor &sums, double count, double epsilon) const override {
    const at::Tensor totals = as_sums(sums);
    at::Tensor result = empty({3, sums.size(1)}, at::kDouble, sums);
    check_launch(kernels(sums).statistics(sums.device().index(), sums.size(1), sums_in(totals), count, epsilon,
                                          numbers<double>(result)));
    return result;
  }

  at::Tensor apply(const at::Tensor &input, const at::Tensor &mean, const at::Tensor &inverse_deviation,
                   const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &residual,
                   bool relu) const override {
    const at::Tensor x = as_rows(input), shortcut = as_rows_like(residual, x);
    const at::Tensor center = as_vector(mean), inverse = as_vector(inverse_deviation);
    const at::Tensor scale = as_vector(weight), shift = as_vector(bias);
    const ctorch_rows rows = rows_of(x);
    at::Tensor y = at::empty_like(x);
    check_launch(kernels(x).apply(&rows, elements(x), elements(shortcut), vector(center), vector(inverse),
                                  vector(scale), vector(shift), relu, mutable_elements(y)));
    return y;
  }

  GradientSums gradient_sums(const at::Tensor &gradient, const at::Tensor &input, const at::Tensor &output,
                             const at::Tensor &mean, const at::Tensor &inverse_deviation) const override {
    const at::Tensor x = as_rows(input), dy = as_rows_like(gradient, x), y = as_rows_like(output, x);
    const at::Tensor center = as_vector(mean), inverse = as_vector(inverse_deviation);
    const ctorch_rows rows = rows_of(x);
    const at::Tensor room = scratch(kernels(x), rows, x);
    at::Tensor sums = empty({2, rows.channels}, at::kDouble, x);
    at::Tensor of_weight = empty({rows.channels}, at::kFloat, x), of_bias = at::empty_like(of_weight);
    check_launch(kernels(x).gradient_sums(&rows, elements(dy), elements(x), elements(y), vector(center),
                                          vector(inverse), mutable_elements(room), numbers<double>(sums),
                                          numbers<float>(of_weight), numbers<float>(of_bias)));
    return {sums, of_weight.to(mean.scalar_type()), of_bias.to(mean.scalar_type())};
  }

  InputGradients input_gradients(const at::Tensor &gradient, const at::Tensor &input, const at::Tensor &output,
                                 const at::Tensor &mean, const at::Tensor &inverse_deviation, const at::Tensor &weight,
                                 const at::Tensor &sums, double count, bool wants_residual) const override {
    const at::Tensor x = as_rows(input), dy = as_rows_like(gradient, x), y = as_rows_like(output, x);
    const at::Tensor center = as_vector(mean), inverse = as_vector(inverse_deviation), scale = as_vector(weight);
    const at::Tensor totals = as_sums(sums);
    const ctorch_rows rows = rows_of(x);
    // Without a ReLU the residual's gradient is the output's.
    const bool writes_residual = wants_residual && output.defined();
    at::Tensor dx = at::empty_like(x), residual_gradient = writes_residual ? at::empty_like(x) : at::Tensor();
    check_launch(kernels(x).input_gradient(&rows, elements(dy), elements(x), elements(y), vector(center),
                                           vector(inverse), vector(scale), sums_in(totals), count,
                                           mutable_elements(dx), mutable_elements(residual_gradient)));
    return {dx, wants_residual && !writes_residual ? dy : residual_gradient};
  }

 private:
  static const ctorch_batch_norm_kernels &kernels(const at::Tensor &values) {
    const ctorch_batch_norm_kernels *kernels = kernels_beside(values);
    TORCH_CHECK(kernels, "there are no kernels of batch normalization for ", values.device());
    return *kernels;
  }
};

const BatchNorm &kernel_batch_norm() {
  static const KernelBatchNorm instance;
  return instance;
}

const BatchNorm &without_kernels(const at::Tensor &values) {
  return values.is_cuda() ? cuda_batch_norm() : cpu_batch_norm();
}

}  // namespace

const BatchNorm &batch_norm_of(const at::Tensor &values) {
  const at::ScalarType type = values.scalar_type();
  const bool has_type = type == at::kFloat || type == at::kHalf || type == at::kBFloat16;
  const bool has_rows = (values.dim() == 2 || values.dim() == 4) && values.numel() > 0;
  return kernels_beside(values) && has_type && has_rows ? kernel_batch_norm() : without_kernels(values);
}

const BatchNorm &batch_norm_of_sums(const at::Tensor &sums) {
  return kernels_beside(sums) ? kernel_batch_norm() : without_kernels(sums);
}

}  // namespace ctorch

extern "C" {

void ctorch_batch_norm_use_kernels(const ctorch_batch_norm_kernels *kernels) { ctorch::loaded = kernels; }
bool ctorch_batch_norm_has_kernels(void) { return ctorch::loaded != nullptr; }

}  // extern "C"
