#include "FakeCUDA.h"

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace {

std::string &log() {
  static std::string lines;
  return lines;
}

void note(const std::string &line) { log() += line + "\n"; }

std::string name(const c10::Stream &stream) { return "stream " + std::to_string(stream.id()); }

thread_local c10::StreamId current_stream = 0;

/// One device with two streams: 0, and 7 from the pool.
struct Streams final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device getDevice() const override { return c10::Device(c10::kCUDA, 0); }
  c10::Device exchangeDevice(c10::Device) const override { return getDevice(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  c10::Stream getStream(c10::Device device) const override {
    return c10::Stream(c10::Stream::UNSAFE, device, current_stream);
  }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    return c10::Stream(c10::Stream::UNSAFE, stream.device(), std::exchange(current_stream, stream.id()));
  }
  c10::Stream getStreamFromGlobalPool(c10::Device device, bool) const override {
    return c10::Stream(c10::Stream::UNSAFE, device, 7);
  }
  void record(void **event, const c10::Stream &stream, c10::DeviceIndex, c10::EventFlag) const override {
    static char mark;
    *event = &mark;
    note(name(stream) + " marks");
  }
  void block(void *event, const c10::Stream &stream) const override {
    note(name(stream) + (event ? " waits" : " waits for nothing"));
  }
  void recordDataPtrOnStream(const c10::DataPtr &, const c10::Stream &stream) const override {
    note("memory is kept for " + name(stream));
  }
};

struct Memory : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void *address = std::malloc(bytes ? bytes : 1);
    return {address, address, &std::free, c10::Device(c10::kCUDA, 0)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void *target, const void *source, size_t bytes) const override {
    std::memcpy(target, source, bytes);
  }
};

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  static Memory memory;
  return at::detail::empty_strided_generic(sizes, strides, &memory, c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                           dtype.value_or(at::kFloat));
}

at::Tensor &copy_(at::Tensor &self, const at::Tensor &source, bool non_blocking) {
  std::memcpy(self.data_ptr(), source.data_ptr(), self.nbytes());
  if (self.is_cuda()) {
    note(name(Streams().getStream(self.device())) + (non_blocking ? " copies" : " copies and is waited for"));
  }
  return self;
}

C10_REGISTER_GUARD_IMPL(CUDA, Streams)

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("empty_strided", empty_strided);
  library.impl("copy_", copy_);
}

}  // namespace

const char *fake_cuda_take_log(void) {
  static std::string taken;
  taken = std::exchange(log(), "");
  return taken.c_str();
}
