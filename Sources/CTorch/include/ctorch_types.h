// Handles, status codes and numbers that all of the C ABI shares.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_tensor ctorch_tensor;
typedef struct ctorch_generator ctorch_generator;
typedef struct ctorch_uploader ctorch_uploader;
typedef struct ctorch_store ctorch_store;
typedef struct ctorch_process_group ctorch_process_group;
typedef struct ctorch_reducer ctorch_reducer;
typedef struct ctorch_batch_norm_kernels ctorch_batch_norm_kernels;
typedef int32_t ctorch_status;

enum { CTORCH_OK = 0, CTORCH_INVALID = 1, CTORCH_OUT_OF_MEMORY = 2 };

// Element types: libtorch's own numbers (c10::ScalarType).
enum {
  CTORCH_UINT8 = 0, CTORCH_INT32 = 3, CTORCH_INT64 = 4, CTORCH_FLOAT16 = 5, CTORCH_FLOAT32 = 6, CTORCH_FLOAT64 = 7,
  CTORCH_BOOL = 11, CTORCH_BFLOAT16 = 15
};

// Devices: -1 is the CPU, n >= 0 is CUDA device n; on -2 (libtorch's meta) tensors have shapes and no elements.
enum { CTORCH_CPU = -1, CTORCH_META = -2 };

#ifdef __cplusplus
}
#endif
