// Processes: stores, groups, sums of gradients.
#pragma once
#include "ctorch_types.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Stores (keys and bytes that processes share over TCP)

/// Serves a store on a socket that already listens, which it takes over.
ctorch_status ctorch_store_host(int32_t listening_socket, int32_t port, const char *host, int64_t timeout_milliseconds,
                                ctorch_store **out);
ctorch_status ctorch_store_connect(const char *host, int32_t port, int64_t timeout_milliseconds, ctorch_store **out);
/// The same store, seen through keys that begin with `prefix`.
ctorch_status ctorch_store_prefix(const ctorch_store *self, const char *prefix, ctorch_store **out);
/// The same, where no group looks past the prefix either, as c10d does for keys that all groups share.
ctorch_status ctorch_store_namespace(const ctorch_store *self, const char *prefix, ctorch_store **out);
void ctorch_store_free(ctorch_store *store);
ctorch_status ctorch_store_set(const ctorch_store *self, const char *key, const void *bytes, size_t byte_count);
/// Sets the key unless it is set already. `*found`, what it holds then, is the caller's to `free`.
ctorch_status ctorch_store_set_if_absent(const ctorch_store *self, const char *key, const void *bytes, size_t byte_count,
                                         void **found, size_t *found_count);
/// The names of all keys, each ended by a zero. `*bytes` is the caller's to `free`.
ctorch_status ctorch_store_keys(const ctorch_store *self, void **bytes, size_t *byte_count);
/// Waits for the key. `*bytes` is the caller's to `free`.
ctorch_status ctorch_store_get(const ctorch_store *self, const char *key, int64_t timeout_milliseconds, void **bytes,
                               size_t *byte_count);
ctorch_status ctorch_store_has(const ctorch_store *self, const char *key, bool *out);
/// Adds to a counter, and gives its new value.
ctorch_status ctorch_store_add(const ctorch_store *self, const char *key, int64_t value, int64_t *out);

// MARK: Process groups. Collectives wait for their result, and after one failed all fail.

enum { CTORCH_SUM = 0, CTORCH_MINIMUM = 1, CTORCH_MAXIMUM = 2 };

/// Connects `size` processes over TCP, each listening on a network interface, or on an address of this machine where
/// `interface` is NULL. `companion` is a group that fails together with this one; it may be NULL.
ctorch_status ctorch_process_group_gloo(const ctorch_store *store, int32_t rank, int32_t size, const char *address,
                                        const char *interface, int64_t timeout_milliseconds,
                                        const ctorch_process_group *companion, ctorch_process_group **out);
/// Loads libCTorchCUDA.so from `path`, once; fails with the reason when it cannot be had.
ctorch_status ctorch_nccl_load(const char *path);
/// Has a group, which exchanges all tensors over TCP so far, exchange those on CUDA devices over NCCL: all of this process
/// lie on `device`. `store` must have keys that no other group uses. Waits for the others, without end.
ctorch_status ctorch_process_group_use_nccl(ctorch_process_group *group, const ctorch_store *store, int32_t device,
                                            int64_t timeout_milliseconds);
/// Ends the exchange over NCCL after the last one; all processes of the group must do so.
void ctorch_process_group_end_nccl(ctorch_process_group *group);
/// Whether an exchange over NCCL, of this group or a companion, failed or took longer than the timeout.
bool ctorch_process_group_nccl_has_error(const ctorch_process_group *self);
/// Has all further collectives of this group and its companions fail, and those over NCCL that wait end at once, with
/// whatever numbers: from any thread, while another one waits for the device.
void ctorch_process_group_abort(ctorch_process_group *self);
void ctorch_process_group_free(ctorch_process_group *group);
bool ctorch_process_group_has_failed(const ctorch_process_group *self);
/// Closes the connections, so that the others notice, and has all further collectives fail.
void ctorch_process_group_fail(ctorch_process_group *self);
/// Waits, without end, until another process says over its connection that it leaves; fails when the connection closes
/// before.
ctorch_status ctorch_process_group_await_farewell(const ctorch_process_group *self, int32_t from);
/// Says to another process that this one leaves.
ctorch_status ctorch_process_group_say_farewell(const ctorch_process_group *self, int32_t to);
/// Bytes of tensors that this process has sent in this group and its companions, by the algorithms' count: small tensors
/// go to each other process, large ones around a ring.
int64_t ctorch_process_group_sent_bytes(const ctorch_process_group *self);
/// Bytes that each process sends for an all-reduce of so many.
int64_t ctorch_all_reduce_sent_bytes(int32_t processes, int64_t bytes, bool on_cpu);
/// In place.
ctorch_status ctorch_all_reduce(ctorch_process_group *group, ctorch_tensor *tensor, int32_t operation);
/// Joins the tensors of all processes, of one shape, along their first dimension.
ctorch_status ctorch_all_gather(ctorch_process_group *group, const ctorch_tensor *tensor, ctorch_tensor **out);
/// In place.
ctorch_status ctorch_broadcast(ctorch_process_group *group, ctorch_tensor *tensor, int32_t root);

// MARK: Reducers

/// Sums the gradients of `parameters` over the processes of a group, in buckets, during `ctorch_reducer_backward`.
/// Gradients become views of the buckets. With `compresses` they travel and are added as bfloat16.
ctorch_status ctorch_reducer_create(const ctorch_process_group *group, const ctorch_tensor *const *parameters,
                                    const char *const *names, int32_t count, int64_t bucket_bytes,
                                    int64_t first_bucket_bytes, bool finds_unused, bool compresses,
                                    ctorch_reducer **out);
void ctorch_reducer_free(ctorch_reducer *reducer);
/// Backward from `output`, then waits for the sums; `*waited_seconds` says how long it had nothing else to do.
ctorch_status ctorch_reducer_backward(ctorch_reducer *self, const ctorch_tensor *output,
                                      const ctorch_tensor *gradient, double *waited_seconds);

#ifdef __cplusplus
}
#endif
