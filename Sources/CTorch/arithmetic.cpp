// Element-wise operations, reductions and products.
#include <ATen/ATen.h>

#include "guard.hpp"

using namespace ctorch;

namespace {

at::OptionalIntArrayRef dimensions_or_all(const int64_t *dimensions, int32_t count) {
  return count == 0 ? at::OptionalIntArrayRef() : at::OptionalIntArrayRef(sizes(dimensions, count));
}

// A number for a change in place: whole numbers stay whole where the tensor's are, since libtorch refuses to write a
// floating-point result into integers.
at::Scalar fitting(double number, const at::Tensor &tensor) {
  const bool whole = number == static_cast<double>(static_cast<int64_t>(number));
  return whole && at::isIntegralType(tensor.scalar_type(), false) ? at::Scalar(static_cast<int64_t>(number))
                                                                  : at::Scalar(number);
}

}  // namespace

// The one-operand functions differ in nothing but their name.
#define CTORCH_UNARY(name)                                                              \
  ctorch_status ctorch_tensor_##name(const ctorch_tensor *self, ctorch_tensor **out) { \
    return guard([&] { *out = wrap(at::name(self->value)); });                          \
  }
#define CTORCH_BINARY(name)                                                                        \
  ctorch_status ctorch_tensor_##name(const ctorch_tensor *self, const ctorch_tensor *other,       \
                                     ctorch_tensor **out) {                                        \
    return guard([&] { *out = wrap(at::name(self->value, other->value)); });                       \
  }
#define CTORCH_BINARY_IN_PLACE(name)                                                     \
  ctorch_status ctorch_tensor_##name(ctorch_tensor *self, const ctorch_tensor *other) { \
    return guard([&] { self->value.name(other->value); });                               \
  }

extern "C" {

CTORCH_UNARY(neg)
CTORCH_UNARY(abs)
CTORCH_UNARY(exp)
CTORCH_UNARY(log)
CTORCH_UNARY(log1p)
CTORCH_UNARY(sqrt)
CTORCH_UNARY(relu)
CTORCH_UNARY(isfinite)
CTORCH_UNARY(max)
CTORCH_UNARY(min)
CTORCH_UNARY(all)

CTORCH_BINARY(sub)
CTORCH_BINARY(mul)
CTORCH_BINARY(div)
CTORCH_BINARY(maximum)
CTORCH_BINARY(minimum)
CTORCH_BINARY(matmul)

CTORCH_BINARY_IN_PLACE(copy_)
CTORCH_BINARY_IN_PLACE(mul_)
CTORCH_BINARY_IN_PLACE(sub_)
CTORCH_BINARY_IN_PLACE(div_)

ctorch_status ctorch_tensor_add(const ctorch_tensor *self, const ctorch_tensor *other, double alpha,
                                ctorch_tensor **out) {
  return guard([&] { *out = wrap(alpha == 1 ? at::add(self->value, other->value)
                                            : at::add(self->value, other->value, alpha)); });
}

ctorch_status ctorch_tensor_add_scalar(const ctorch_tensor *self, double other, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value + other); });
}

ctorch_status ctorch_tensor_mul_scalar(const ctorch_tensor *self, double other, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value * other); });
}

ctorch_status ctorch_tensor_pow(const ctorch_tensor *self, double exponent, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.pow(exponent)); });
}

ctorch_status ctorch_tensor_equal(const ctorch_tensor *self, const ctorch_tensor *other, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.eq(other->value)); });
}

ctorch_status ctorch_tensor_greater(const ctorch_tensor *self, double other, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.gt(other)); });
}

ctorch_status ctorch_tensor_clamp(const ctorch_tensor *self, double low, double high, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.clamp(low, high)); });
}

ctorch_status ctorch_tensor_masked_fill(const ctorch_tensor *self, const ctorch_tensor *mask, double value,
                                        ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.masked_fill(mask->value, value)); });
}

ctorch_status ctorch_tensor_where(const ctorch_tensor *condition, const ctorch_tensor *self,
                                  const ctorch_tensor *other, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::where(condition->value, self->value, other->value)); });
}

ctorch_status ctorch_tensor_fill_(ctorch_tensor *self, double value) {
  return guard([&] { self->value.fill_(value); });
}

ctorch_status ctorch_tensor_add_(ctorch_tensor *self, const ctorch_tensor *other, double alpha) {
  return guard([&] { self->value.add_(other->value, fitting(alpha, self->value)); });
}

ctorch_status ctorch_tensor_add_scalar_(ctorch_tensor *self, double other) {
  return guard([&] { self->value.add_(fitting(other, self->value)); });
}

ctorch_status ctorch_tensor_mul_scalar_(ctorch_tensor *self, double other) {
  return guard([&] { self->value.mul_(fitting(other, self->value)); });
}

ctorch_status ctorch_tensor_exp_(ctorch_tensor *self) {
  return guard([&] { self->value.exp_(); });
}

ctorch_status ctorch_tensor_relu_(ctorch_tensor *self) {
  return guard([&] { self->value.relu_(); });
}

ctorch_status ctorch_tensor_clamp_(ctorch_tensor *self, double low, double high) {
  return guard([&] { self->value.clamp_(fitting(low, self->value), fitting(high, self->value)); });
}

ctorch_status ctorch_tensor_floor_(ctorch_tensor *self) {
  return guard([&] { self->value.floor_(); });
}

ctorch_status ctorch_tensor_round_(ctorch_tensor *self) {
  return guard([&] { self->value.round_(); });
}

ctorch_status ctorch_tensor_remainder_(ctorch_tensor *self, double divisor) {
  return guard([&] { self->value.remainder_(fitting(divisor, self->value)); });
}

ctorch_status ctorch_tensor_index_copy_(ctorch_tensor *self, int64_t dimension, const ctorch_tensor *index,
                                        const ctorch_tensor *source) {
  return guard([&] { self->value.index_copy_(dimension, index->value, source->value); });
}

ctorch_status ctorch_tensor_lerp_(ctorch_tensor *self, const ctorch_tensor *end, double weight) {
  return guard([&] { self->value.lerp_(end->value, weight); });
}

ctorch_status ctorch_tensor_addcmul_(ctorch_tensor *self, const ctorch_tensor *first, const ctorch_tensor *second,
                                     double value) {
  return guard([&] { self->value.addcmul_(first->value, second->value, value); });
}

ctorch_status ctorch_tensor_addcdiv_(ctorch_tensor *self, const ctorch_tensor *first, const ctorch_tensor *second,
                                     double value) {
  return guard([&] { self->value.addcdiv_(first->value, second->value, value); });
}

ctorch_status ctorch_tensor_addmm_(ctorch_tensor *self, const ctorch_tensor *first, const ctorch_tensor *second,
                                   double beta, double alpha) {
  return guard([&] { self->value.addmm_(first->value, second->value, beta, alpha); });
}

ctorch_status ctorch_tensor_sum(const ctorch_tensor *self, const int64_t *dimensions, int32_t count, bool keep,
                                ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.sum(dimensions_or_all(dimensions, count), keep)); });
}

ctorch_status ctorch_tensor_mean(const ctorch_tensor *self, const int64_t *dimensions, int32_t count, bool keep,
                                 ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.mean(dimensions_or_all(dimensions, count), keep)); });
}

ctorch_status ctorch_tensor_var(const ctorch_tensor *self, const int64_t *dimensions, int32_t count, int64_t correction,
                                bool keep, ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(self->value.var(dimensions_or_all(dimensions, count), std::optional<at::Scalar>(correction), keep));
  });
}

ctorch_status ctorch_tensor_argmax(const ctorch_tensor *self, int64_t dimension, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.argmax(dimension)); });
}

ctorch_status ctorch_tensor_amax(const ctorch_tensor *self, int64_t dimension, bool keep, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.amax(dimension, keep)); });
}

ctorch_status ctorch_tensor_amin(const ctorch_tensor *self, int64_t dimension, bool keep, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.amin(dimension, keep)); });
}

ctorch_status ctorch_tensor_logsumexp(const ctorch_tensor *self, int64_t dimension, bool keep, ctorch_tensor **out) {
  return guard([&] { *out = wrap(self->value.logsumexp(dimension, keep)); });
}

ctorch_status ctorch_tensor_topk(const ctorch_tensor *self, int64_t count, int64_t dimension, ctorch_tensor **values,
                                 ctorch_tensor **indices) {
  return guard([&] {
    auto [largest, positions] = self->value.topk(count, dimension);
    *values = wrap(std::move(largest));
    *indices = wrap(std::move(positions));
  });
}

ctorch_status ctorch_tensor_symmetric_eigenvalues(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::linalg_eigvalsh(self->value)); });
}

ctorch_status ctorch_tensor_norm(const ctorch_tensor *self, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::linalg_vector_norm(self->value)); });
}

}  // extern "C"
