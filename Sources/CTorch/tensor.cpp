// Creating tensors, looking at them, moving and viewing.
#include <ATen/ATen.h>

#include <cstring>

#include "guard.hpp"

using namespace ctorch;

extern "C" {

void ctorch_tensor_free(ctorch_tensor *tensor) { delete tensor; }

ctorch_status ctorch_tensor_from_bytes(const void *bytes, size_t byte_count, const int64_t *shape, int32_t rank,
                                       int32_t dtype, ctorch_tensor **out) {
  return guard([&] {
    at::Tensor tensor = at::empty(sizes(shape, rank), options(dtype, CTORCH_CPU));
    TORCH_CHECK(tensor.nbytes() == byte_count, "expected ", tensor.nbytes(), " bytes, got ", byte_count);
    if (byte_count > 0) std::memcpy(tensor.data_ptr(), bytes, byte_count);
    *out = wrap(std::move(tensor));
  });
}

ctorch_status ctorch_tensor_from_owned_bytes(void *bytes, const int64_t *shape, int32_t rank, int32_t dtype,
                                             void *context, void (*release)(void *context), ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(at::from_blob(
        bytes, sizes(shape, rank), [context, release](void *) { release(context); }, options(dtype, CTORCH_CPU)));
  });
}

ctorch_status ctorch_tensor_empty(const int64_t *shape, int32_t rank, int32_t dtype, int32_t device,
                                  ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::empty(sizes(shape, rank), options(dtype, device))); });
}

ctorch_status ctorch_tensor_empty_pinned(const int64_t *shape, int32_t rank, int32_t dtype, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::empty(sizes(shape, rank), options(dtype, CTORCH_CPU).pinned_memory(true))); });
}

ctorch_status ctorch_tensor_full(const int64_t *shape, int32_t rank, double value, int32_t dtype, int32_t device,
                                 ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::full(sizes(shape, rank), value, options(dtype, device))); });
}

ctorch_status ctorch_tensor_arange(int64_t start, int64_t end, int32_t dtype, int32_t device, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::arange(start, end, options(dtype, device))); });
}

ctorch_status ctorch_tensor_zeros_like(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::zeros_like(self->value)); });
}

ctorch_status ctorch_tensor_empty_like(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::empty_like(self->value)); });
}

int32_t ctorch_tensor_rank(const ctorch_tensor *self) { return static_cast<int32_t>(self->value.dim()); }
int64_t ctorch_tensor_size(const ctorch_tensor *self, int32_t dimension) { return self->value.size(dimension); }
int64_t ctorch_tensor_element_count(const ctorch_tensor *self) { return self->value.numel(); }
int32_t ctorch_tensor_dtype(const ctorch_tensor *self) { return static_cast<int32_t>(self->value.scalar_type()); }
int32_t ctorch_tensor_device(const ctorch_tensor *self) {
  if (self->value.is_meta()) return CTORCH_META;
  return self->value.is_cuda() ? self->value.get_device() : CTORCH_CPU;
}
bool ctorch_tensor_requires_gradient(const ctorch_tensor *self) { return self->value.requires_grad(); }
bool ctorch_tensor_is_contiguous(const ctorch_tensor *self) { return self->value.is_contiguous(); }
bool ctorch_tensor_is_channels_last(const ctorch_tensor *self) {
  return self->value.dim() == 4 && self->value.is_contiguous(at::MemoryFormat::ChannelsLast);
}

ctorch_status ctorch_tensor_data(const ctorch_tensor *self, void **out) {
  return guard([&] {
    TORCH_CHECK(self->value.device().is_cpu() && self->value.is_contiguous(), "expected a contiguous CPU tensor");
    *out = self->value.data_ptr();
  });
}

ctorch_status ctorch_tensor_copy_out(const ctorch_tensor *self, int32_t dtype, void *destination, size_t byte_count) {
  return guard([&] {
    at::Tensor tensor = self->value.detach().to(at::kCPU, static_cast<at::ScalarType>(dtype)).contiguous();
    TORCH_CHECK(tensor.nbytes() == byte_count, "expected room for ", tensor.nbytes(), " bytes, got ", byte_count);
    if (byte_count > 0) std::memcpy(destination, tensor.data_ptr(), byte_count);
  });
}

ctorch_status ctorch_tensor_item(const ctorch_tensor *self, double *out) {
  return guard([&] { *out = self->value.item().toDouble(); });
}

ctorch_status ctorch_tensor_identical(const ctorch_tensor *self, const ctorch_tensor *other, bool *out) {
  return guard([&] {
    *out = false;
    if (self->value.sizes() != other->value.sizes() || self->value.scalar_type() != other->value.scalar_type()) return;
    at::Tensor a = self->value.detach().cpu().contiguous(), b = other->value.detach().cpu().contiguous();
    *out = a.nbytes() == 0 || std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes()) == 0;
  });
}

ctorch_status ctorch_tensor_to(const ctorch_tensor *self, int32_t dtype, int32_t device, ctorch_tensor **out) {
  return guard([&] {
    // Not waiting is safe this way: what lies in pageable memory has left it, and pinned memory is kept, until read.
    const bool uploads = self->value.is_cpu() && device != CTORCH_CPU;
    *out = wrap(self->value.to(options(dtype, device), /*non_blocking=*/uploads));
  });
}

ctorch_status ctorch_tensor_contiguous(const ctorch_tensor *self, bool channels_last, ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(self->value.contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous));
  });
}

ctorch_status ctorch_tensor_clone(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.clone()); });
}

ctorch_status ctorch_tensor_reshape(const ctorch_tensor *self, const int64_t *shape, int32_t rank,
                                    ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.reshape(sizes(shape, rank))); });
}

ctorch_status ctorch_tensor_flatten(const ctorch_tensor *self, int64_t first, int64_t last, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.flatten(first, last)); });
}

ctorch_status ctorch_tensor_permute(const ctorch_tensor *self, const int64_t *order, int32_t rank,
                                    ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.permute(sizes(order, rank))); });
}

ctorch_status ctorch_tensor_transpose(const ctorch_tensor *self, int64_t first, int64_t second, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.transpose(first, second)); });
}

ctorch_status ctorch_tensor_unsqueeze(const ctorch_tensor *self, int64_t dimension, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.unsqueeze(dimension)); });
}

ctorch_status ctorch_tensor_squeeze(const ctorch_tensor *self, int64_t dimension, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.squeeze(dimension)); });
}

ctorch_status ctorch_tensor_expand(const ctorch_tensor *self, const int64_t *shape, int32_t rank, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.expand(sizes(shape, rank))); });
}

ctorch_status ctorch_tensor_narrow(const ctorch_tensor *self, int64_t dimension, int64_t start, int64_t length,
                                   ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.narrow(dimension, start, length)); });
}

ctorch_status ctorch_tensor_select(const ctorch_tensor *self, int64_t dimension, int64_t index, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.select(dimension, index)); });
}

ctorch_status ctorch_tensor_diagonal(const ctorch_tensor *self, int64_t offset, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.diagonal(offset)); });
}

ctorch_status ctorch_tensor_concatenate(const ctorch_tensor *const *tensors, int32_t count, int64_t dimension,
                                        ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::cat(values(tensors, count), dimension)); });
}

ctorch_status ctorch_tensor_stack(const ctorch_tensor *const *tensors, int32_t count, int64_t dimension,
                                  ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::stack(values(tensors, count), dimension)); });
}

ctorch_status ctorch_tensor_index_select(const ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                         ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.index_select(dimension, index->value)); });
}

ctorch_status ctorch_tensor_gather(const ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                   ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.gather(dimension, index->value)); });
}

ctorch_status ctorch_tensor_scatter_add(const ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                        const ctorch_tensor *source, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.scatter_add(dimension, index->value, source->value)); });
}

}  // extern "C"
