// What every function of the ABI is built from: the handles, and the guard that turns exceptions into statuses.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <new>
#include <string>
#include <utility>

#include "CTorch.h"

namespace ctorch {

/// What the last call of this thread that failed said.
std::string &last_error();
std::atomic<int64_t> &live_tensors();

/// libtorch's messages open with the reason and go on with advice and traces: people get the reason.
std::string first_line(const std::string &text);

/// Loads the CUDA part of libtorch where there is a driver, and has float32 be float32 on CUDA; once. Whatever asks
/// libtorch anything calls it first.
void load_cuda();

/// Whether a text is what libtorch's allocator for CPUs says when it gets no memory, since it has no type of error for that;
/// if so, the text becomes plain.
bool is_out_of_memory(std::string &text);

template <class Body>
ctorch_status guard(Body &&body) noexcept {
  auto failed = [](ctorch_status status, const std::string &message) {
    last_error() = first_line(message);
    return status;
  };
  try {
    load_cuda();
    body();
    return CTORCH_OK;
  } catch (const c10::OutOfMemoryError &error) {
    return failed(CTORCH_OUT_OF_MEMORY, error.what_without_backtrace());
  } catch (const c10::Error &error) {
    std::string message = error.what_without_backtrace();
    ctorch_status status = is_out_of_memory(message) ? CTORCH_OUT_OF_MEMORY : CTORCH_INVALID;
    return failed(status, message);
  } catch (const std::bad_alloc &error) {
    return failed(CTORCH_OUT_OF_MEMORY, "not enough memory");
  } catch (const std::exception &error) {
    return failed(CTORCH_INVALID, error.what());
  } catch (...) {
    return failed(CTORCH_INVALID, "an unknown error");
  }
}

}  // namespace ctorch

struct ctorch_tensor {
  at::Tensor value;

  explicit ctorch_tensor(at::Tensor tensor) : value(std::move(tensor)) { ++ctorch::live_tensors(); }
  ~ctorch_tensor() { --ctorch::live_tensors(); }
  ctorch_tensor(const ctorch_tensor &) = delete;
  ctorch_tensor &operator=(const ctorch_tensor &) = delete;
};

namespace ctorch {

inline ctorch_tensor *wrap(at::Tensor tensor) { return new ctorch_tensor(std::move(tensor)); }

/// An absent operand (NULL) becomes libtorch's undefined tensor.
inline at::Tensor value_or_undefined(const ctorch_tensor *tensor) { return tensor ? tensor->value : at::Tensor(); }

inline std::vector<at::Tensor> values(const ctorch_tensor *const *tensors, int32_t count) {
  std::vector<at::Tensor> result;
  result.reserve(count);
  for (int32_t i = 0; i < count; ++i) result.push_back(value_or_undefined(tensors[i]));
  return result;
}

inline c10::Device device(int32_t number) {
  if (number == CTORCH_META) return c10::Device(c10::kMeta);
  return number < 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

inline c10::TensorOptions options(int32_t dtype, int32_t device_number) {
  return c10::TensorOptions().dtype(static_cast<c10::ScalarType>(dtype)).device(device(device_number));
}

inline at::IntArrayRef sizes(const int64_t *values, int32_t count) {
  return at::IntArrayRef(values, static_cast<size_t>(count));
}

}  // namespace ctorch
