// Stands in for a CUDA device where there is none: tensors on it lie in the memory of the CPU, copies happen at once, and
// what was asked of its streams is written down. Linking this library makes it known to libtorch.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// What was asked since the last call, one line each; valid until the next call. Stream 0 is the one that computes.
const char *fake_cuda_take_log(void);

#ifdef __cplusplus
}
#endif
