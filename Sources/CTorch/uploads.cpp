// Copies to a device beside what it computes, by what libtorch has for streams of any device.
#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "guard.hpp"

using namespace ctorch;

struct ctorch_uploader {
  c10::impl::VirtualGuardImpl streams;
  c10::Device target;
  c10::Stream stream;
  c10::Event done;
  std::vector<at::Tensor> copies;
};

extern "C" {

ctorch_status ctorch_uploader_create(int32_t device_number, ctorch_uploader **out) {
  return guard([&] {
    TORCH_CHECK(device_number >= 0, "expected a CUDA device");
    const c10::Device target = device(device_number);
    c10::impl::VirtualGuardImpl streams(target.type());
    *out = new ctorch_uploader{streams, target, streams.getStreamFromGlobalPool(target), c10::Event(target.type()), {}};
  });
}

void ctorch_uploader_free(ctorch_uploader *uploader) { delete uploader; }

ctorch_status ctorch_uploader_begin(ctorch_uploader *self, const ctorch_tensor *const *tensors, int32_t count) {
  return guard([&] {
    c10::StreamGuard on_side(self->stream);
    self->copies.clear();
    for (const at::Tensor &tensor : values(tensors, count)) {
      self->copies.push_back(tensor.to(self->target, /*non_blocking=*/true));
    }
    self->done.record(self->stream);
  });
}

ctorch_status ctorch_uploader_finish(ctorch_uploader *self, ctorch_tensor **results, int32_t count) {
  return guard([&] {
    TORCH_CHECK(static_cast<size_t>(count) == self->copies.size(), self->copies.size(), " tensors are under way");
    const c10::Stream current = self->streams.getStream(self->target);
    self->done.block(current);
    for (int32_t i = 0; i < count; ++i) {
      // The memory is the side stream's: without this it could be written to again before the current one has read it.
      self->streams.recordDataPtrOnStream(self->copies[i].storage().data_ptr(), current);
      results[i] = wrap(std::move(self->copies[i]));
    }
    self->copies.clear();
  });
}

}  // extern "C"
