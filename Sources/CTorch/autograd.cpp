// Gradients, the modes of a thread, and differentiable operations whose backward is the caller's.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "guard.hpp"

using namespace ctorch;

namespace {

/// A node of the graph whose backward function is the caller's.
struct ConnectedNode : torch::autograd::Node {
  ctorch_backward backward;
  void *context;
  void (*release)(void *);

  ConnectedNode(ctorch_backward backward, void *context, void (*release)(void *))
      : backward(backward), context(context), release(release) {}
  ~ConnectedNode() override { release_variables(); }

  std::string name() const override { return "ConnectedNode"; }

  void release_variables() override {
    if (context) release(std::exchange(context, nullptr));
  }

  torch::autograd::variable_list apply(torch::autograd::variable_list &&gradients) override {
    TORCH_CHECK(context, "backward ran twice through an operation whose saved tensors were released");
    std::vector<std::unique_ptr<ctorch_tensor>> owned;
    std::vector<const ctorch_tensor *> borrowed;
    for (size_t i = 0; i < gradients.size(); ++i) {
      at::Tensor gradient = gradients[i].defined() ? gradients[i] : input_metadata(i).zeros_like();
      owned.push_back(std::make_unique<ctorch_tensor>(std::move(gradient)));
      borrowed.push_back(owned.back().get());
    }
    std::vector<ctorch_tensor *> results(num_outputs(), nullptr);
    ctorch_status status = backward(context, borrowed.data(), static_cast<int32_t>(borrowed.size()), results.data(),
                                    static_cast<int32_t>(results.size()));
    torch::autograd::variable_list input_gradients;
    for (ctorch_tensor *result : results) {
      std::unique_ptr<ctorch_tensor> handle(result);
      input_gradients.push_back(handle ? handle->value : at::Tensor());
    }
    TORCH_CHECK(status == CTORCH_OK, "the backward function of a custom operation failed");
    return input_gradients;
  }
};

c10::DeviceType device_type(int32_t number) { return number < 0 ? c10::kCPU : c10::kCUDA; }

}  // namespace

extern "C" {

bool ctorch_gradients_enabled(void) { return at::GradMode::is_enabled(); }
void ctorch_set_gradients_enabled(bool enabled) { at::GradMode::set_enabled(enabled); }

bool ctorch_autocast_enabled(int32_t device) { return at::autocast::is_autocast_enabled(device_type(device)); }
int32_t ctorch_autocast_dtype(int32_t device) {
  return static_cast<int32_t>(at::autocast::get_autocast_dtype(device_type(device)));
}
void ctorch_set_autocast(int32_t device, bool enabled, int32_t dtype) {
  at::autocast::set_autocast_enabled(device_type(device), enabled);
  at::autocast::set_autocast_dtype(device_type(device), static_cast<at::ScalarType>(dtype));
}
void ctorch_clear_autocast_cache(void) { at::autocast::clear_cache(); }

ctorch_status ctorch_tensor_set_requires_gradient(ctorch_tensor *self, bool required) {
  return guard([&] { self->value.requires_grad_(required); });
}

ctorch_status ctorch_tensor_detach(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.detach()); });
}

ctorch_status ctorch_tensor_gradient(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = self->value.grad().defined() ? wrap(self->value.grad()) : nullptr; });
}

ctorch_status ctorch_tensor_set_gradient(ctorch_tensor *self, const ctorch_tensor *gradient) {
  return guard([&] { self->value.mutable_grad() = value_or_undefined(gradient); });
}

ctorch_status ctorch_tensor_backward(const ctorch_tensor *self, const ctorch_tensor *gradient) {
  return guard([&] {
    torch::autograd::backward({self->value},
                              gradient ? torch::autograd::variable_list{gradient->value}
                                       : torch::autograd::variable_list{});
  });
}

ctorch_status ctorch_tensor_gradients_of_inputs(const ctorch_tensor *output, const ctorch_tensor *gradient,
                                                const ctorch_tensor *const *inputs, int32_t count,
                                                ctorch_tensor **out) {
  return guard([&] {
    torch::autograd::variable_list gradients =
        torch::autograd::grad({output->value}, values(inputs, count), {gradient->value}, /*retain_graph=*/std::nullopt,
                              /*create_graph=*/false, /*allow_unused=*/true);
    for (int32_t i = 0; i < count; ++i) out[i] = gradients[i].defined() ? wrap(gradients[i]) : nullptr;
  });
}

ctorch_status ctorch_autograd_connect(const ctorch_tensor *const *inputs, int32_t input_count,
                                      const ctorch_tensor *const *outputs, int32_t output_count,
                                      ctorch_backward backward, void *context, void (*release)(void *context),
                                      ctorch_tensor **results) {
  bool owned = false;
  ctorch_status status = guard([&] {
    torch::autograd::variable_list sources = values(inputs, input_count);
    torch::autograd::variable_list targets;
    for (int32_t i = 0; i < output_count; ++i) targets.push_back(outputs[i]->value.detach());
    if (at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(sources)) {
      std::shared_ptr<ConnectedNode> node(new ConnectedNode(backward, context, release),
                                          torch::autograd::deleteNode);
      owned = true;
      node->set_next_edges(torch::autograd::collect_next_edges(sources));
      for (at::Tensor &target : targets) torch::autograd::set_history(target, node);
    }
    for (int32_t i = 0; i < output_count; ++i) results[i] = wrap(std::move(targets[i]));
  });
  if (!owned) release(context);
  return status;
}

}  // extern "C"
