// Operations on many tensors at once: on a CUDA device a few launches do for all of them.
#include <ATen/ATen.h>

#include "guard.hpp"

using namespace ctorch;

namespace {

bool lie_alike(const at::Tensor &first, const at::Tensor &second) {
  if (first.sizes() != second.sizes()) return false;
  for (int64_t dimension = 0; dimension < first.dim(); ++dimension) {
    if (first.size(dimension) > 1 && first.stride(dimension) != second.stride(dimension)) return false;
  }
  return true;
}

/// Tensors in the memory order of `models`: the fused updates take element after element as they lie.
std::vector<at::Tensor> ordered_as(const std::vector<at::Tensor> &models, std::vector<at::Tensor> tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!lie_alike(models[i], tensors[i])) tensors[i] = at::empty_like(models[i]).copy_(tensors[i]);
  }
  return tensors;
}

}  // namespace

extern "C" {

ctorch_status ctorch_foreach_norm(const ctorch_tensor *const *tensors, int32_t count, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::stack(at::_foreach_norm(values(tensors, count)))); });
}

ctorch_status ctorch_foreach_add(const ctorch_tensor *const *tensors, const ctorch_tensor *const *others,
                                 int32_t count, double alpha, ctorch_tensor **results) {
  return guard([&] {
    std::vector<at::Tensor> sums = at::_foreach_add(values(tensors, count), values(others, count), alpha);
    for (int32_t i = 0; i < count; ++i) results[i] = wrap(std::move(sums[i]));
  });
}

ctorch_status ctorch_foreach_add_(const ctorch_tensor *const *tensors, const ctorch_tensor *const *others,
                                  int32_t count, double alpha) {
  return guard([&] { at::_foreach_add_(values(tensors, count), values(others, count), alpha); });
}

ctorch_status ctorch_foreach_add_scaled_(const ctorch_tensor *const *tensors, const ctorch_tensor *const *others,
                                         int32_t count, const ctorch_tensor *factors) {
  return guard([&] {
    at::_foreach_addcmul_(values(tensors, count), values(others, count), factors->value.unbind());
  });
}

ctorch_status ctorch_foreach_mul_scalar_(const ctorch_tensor *const *tensors, int32_t count, double factor) {
  return guard([&] { at::_foreach_mul_(values(tensors, count), factor); });
}

ctorch_status ctorch_foreach_copy_(const ctorch_tensor *const *tensors, const ctorch_tensor *const *sources,
                                   int32_t count) {
  return guard([&] { at::_foreach_copy_(values(tensors, count), values(sources, count)); });
}

ctorch_status ctorch_sgd_step(const ctorch_tensor *const *parameters, const ctorch_tensor *const *gradients,
                              const ctorch_tensor *const *velocities, int32_t count, double rate, double momentum,
                              double weight_decay, bool nesterov) {
  return guard([&] {
    auto changed = values(parameters, count);
    auto buffers = momentum == 0 ? std::vector<at::Tensor>() : values(velocities, count);
    at::_fused_sgd_(changed, ordered_as(changed, values(gradients, count)), buffers, weight_decay, momentum, rate,
                    /*dampening=*/0, nesterov, /*maximize=*/false, /*is_first_step=*/false);
  });
}

ctorch_status ctorch_adam_step(const ctorch_tensor *const *parameters, const ctorch_tensor *const *gradients,
                               const ctorch_tensor *const *means, const ctorch_tensor *const *squares, int32_t count,
                               int64_t step, double rate, double beta1, double beta2, double epsilon,
                               double weight_decay, bool decouples_decay) {
  return guard([&] {
    auto changed = values(parameters, count);
    // One for all, since it is only read.
    auto made = at::full({}, static_cast<double>(step), changed[0].options().dtype(at::kFloat));
    std::vector<at::Tensor> steps(changed.size(), made);
    auto update = [&](auto &&fused) {
      fused(changed, ordered_as(changed, values(gradients, count)), values(means, count), values(squares, count),
            /*max_exp_avg_sqs=*/at::TensorList(), steps, rate, beta1, beta2, weight_decay, epsilon,
            /*amsgrad=*/false, /*maximize=*/false);
    };
    if (decouples_decay) update([](auto &&...all) { at::_fused_adamw_(all...); });
    else update([](auto &&...all) { at::_fused_adam_(all...); });
  });
}

}  // extern "C"
