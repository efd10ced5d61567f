// The types that activations have in memory. Arithmetic is float32.
#pragma once
#include <cstdint>

#include "grid.hpp"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#include <bit>
#endif

namespace kernels {

struct BFloat16 {
  uint16_t bits;
};

struct Float16 {
  uint16_t bits;
};

ON_DEVICE float widened(float value) { return value; }
ON_DEVICE void narrow(float value, float &out) { out = value; }

#ifdef __CUDACC__

ON_DEVICE float widened(BFloat16 value) { return __uint_as_float(static_cast<uint32_t>(value.bits) << 16); }
ON_DEVICE void narrow(float value, BFloat16 &out) { out.bits = __bfloat16_as_ushort(__float2bfloat16_rn(value)); }
ON_DEVICE float widened(Float16 value) { return __half2float(__ushort_as_half(value.bits)); }
ON_DEVICE void narrow(float value, Float16 &out) { out.bits = __half_as_ushort(__float2half_rn(value)); }

#else

ON_DEVICE float widened(BFloat16 value) { return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16); }
ON_DEVICE void narrow(float value, BFloat16 &out) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  // To the nearest, ties to even.
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  out.bits = static_cast<uint16_t>(value == value ? rounded : 0x7FC0);
}
ON_DEVICE float widened(Float16 value) { return static_cast<float>(std::bit_cast<_Float16>(value.bits)); }
ON_DEVICE void narrow(float value, Float16 &out) { out.bits = std::bit_cast<uint16_t>(static_cast<_Float16>(value)); }

#endif

/// Elements side by side that one instruction moves, up to 16 bytes; they begin at a multiple of their size.
template <class Element, int width>
struct alignas(sizeof(Element) * width) Pack {
  Element values[width];
};

template <int width, class Element>
ON_DEVICE Pack<Element, width> load(const Element *from) {
  return *reinterpret_cast<const Pack<Element, width> *>(from);
}

template <int width, class Element>
ON_DEVICE void store(const Pack<Element, width> &pack, Element *to) {
  *reinterpret_cast<Pack<Element, width> *>(to) = pack;
}

}  // namespace kernels
