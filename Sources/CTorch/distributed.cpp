// Stores, process groups and collectives: c10d.
#include <ATen/ATen.h>
#include <c10/util/Flags.h>
#include <c10/util/Logging.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <gloo/context.h>

#include <cstdlib>
#include <cstring>

#include "process_group.hpp"

C10_DECLARE_int(caffe2_log_level);

using namespace ctorch;

namespace {

/// What goes wrong is reported once, by whoever asked; c10d would tell every attempt to connect besides. Its messages are off,
/// unless TORCH_CPP_LOG_LEVEL asks for them, from before the first store, hence before the threads that write them.
void choose_log_level() {
  [[maybe_unused]] static const bool has_chosen = [] {
    if (std::getenv("TORCH_CPP_LOG_LEVEL")) c10::initLogging();
    else FLAGS_caffe2_log_level = static_cast<int>(c10::GLOG_ERROR) + 1;
    return true;
  }();
}

std::chrono::milliseconds milliseconds(int64_t count) { return std::chrono::milliseconds(count); }

ctorch_status store_over_tcp(const char *host, const c10d::TCPStoreOptions &options, ctorch_store **out) {
  return guard([&] {
    choose_log_level();
    *out = new ctorch_store{c10::make_intrusive<c10d::TCPStore>(host, options)};
  });
}

/// For the caller to free.
void hand_out(const std::vector<uint8_t> &value, void **bytes, size_t *byte_count) {
  *bytes = std::malloc(std::max<size_t>(value.size(), 1));
  if (!*bytes) throw std::bad_alloc();
  std::memcpy(*bytes, value.data(), value.size());
  *byte_count = value.size();
}

/// Gloo whose connections can be closed while an exchange waits: peers notice at once, and need no timeout for it.
struct ClosableGloo : c10d::ProcessGroupGloo {
  using c10d::ProcessGroupGloo::ProcessGroupGloo;

  void close() {
    for (const auto &context : contexts_) context->closeConnections();
  }
};

/// What the message that says that a process leaves is told apart from others by.
constexpr int kFarewell = 1;

/// Longer than any training.
constexpr std::chrono::milliseconds kEndless = std::chrono::hours(24 * 365);

/// Collectives take no gradient: what they mean for gradients is said where they are used.
at::Tensor exchangeable(const ctorch_tensor *tensor) { return tensor->value.detach().contiguous(); }

bool travels_directly(const ctorch_process_group &group, const at::Tensor &tensor) {
  return group.lines &&
         ctorch_process_group::sends_directly(group.size(), static_cast<int64_t>(tensor.nbytes()), tensor.is_cpu());
}

/// The tensors of all processes, by rank, each sent to every other process: `[size, …]`.
at::Tensor sent_to_all(ctorch_process_group &group, const at::Tensor &tensor) {
  auto shape = tensor.sizes().vec();
  shape.insert(shape.begin(), group.size());
  at::Tensor all = at::empty(shape, tensor.options());
  group.lines->exchange(tensor.const_data_ptr(), all.mutable_data_ptr(), tensor.nbytes());
  all[group.value->getRank()].copy_(tensor);
  group.state->sent_bytes += (group.size() - 1) * static_cast<int64_t>(tensor.nbytes());
  return all;
}

/// Puts what an exchange made of `exchangeable(tensor)` into the tensor itself, unless it is there already.
void give_back(ctorch_tensor *tensor, const at::Tensor &result) {
  if (result.is_alias_of(tensor->value)) return;
  at::NoGradGuard no_gradients;
  tensor->value.copy_(result);
}

/// In the order of ranks, so that every process has the same bits.
at::Tensor reduced(const at::Tensor &all, int32_t operation) {
  switch (operation) {
    case CTORCH_MINIMUM: return all.amin(0);
    case CTORCH_MAXIMUM: return all.amax(0);
    default: return all.sum(0, /*keepdim=*/false, all.scalar_type());
  }
}

}  // namespace

extern "C" {

// MARK: Stores

ctorch_status ctorch_store_host(int32_t listening_socket, int32_t port, const char *host, int64_t timeout_milliseconds,
                                ctorch_store **out) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.isServer = true;
  options.waitWorkers = false;
  options.timeout = milliseconds(timeout_milliseconds);
  options.masterListenFd = listening_socket;
  return store_over_tcp(host, options, out);
}

ctorch_status ctorch_store_connect(const char *host, int32_t port, int64_t timeout_milliseconds, ctorch_store **out) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.waitWorkers = false;
  options.timeout = milliseconds(timeout_milliseconds);
  return store_over_tcp(host, options, out);
}

ctorch_status ctorch_store_prefix(const ctorch_store *self, const char *prefix, ctorch_store **out) {
  return guard([&] { *out = new ctorch_store{c10::make_intrusive<c10d::PrefixStore>(prefix, self->value)}; });
}

void ctorch_store_free(ctorch_store *store) { delete store; }

ctorch_status ctorch_store_set(const ctorch_store *self, const char *key, const void *bytes, size_t byte_count) {
  return guard([&] {
    auto first = static_cast<const uint8_t *>(bytes);
    self->value->set(key, std::vector<uint8_t>(first, first + byte_count));
  });
}

ctorch_status ctorch_store_set_if_absent(const ctorch_store *self, const char *key, const void *bytes, size_t byte_count,
                                         void **found, size_t *found_count) {
  return guard([&] {
    auto first = static_cast<const uint8_t *>(bytes);
    hand_out(self->value->compareSet(key, {}, std::vector<uint8_t>(first, first + byte_count)), found, found_count);
  });
}

ctorch_status ctorch_store_get(const ctorch_store *self, const char *key, int64_t timeout_milliseconds, void **bytes,
                               size_t *byte_count) {
  return guard([&] {
    self->value->wait({key}, milliseconds(timeout_milliseconds));
    hand_out(self->value->get(key), bytes, byte_count);
  });
}

ctorch_status ctorch_store_keys(const ctorch_store *self, void **bytes, size_t *byte_count) {
  return guard([&] {
    std::vector<uint8_t> names;
    for (const std::string &key : self->value->listKeys()) {
      names.insert(names.end(), key.begin(), key.end());
      names.push_back(0);
    }
    hand_out(names, bytes, byte_count);
  });
}

ctorch_status ctorch_store_has(const ctorch_store *self, const char *key, bool *out) {
  return guard([&] { *out = self->value->check({key}); });
}

ctorch_status ctorch_store_add(const ctorch_store *self, const char *key, int64_t value, int64_t *out) {
  return guard([&] { *out = self->value->add(key, value); });
}

// MARK: Process groups

ctorch_status ctorch_process_group_gloo(const ctorch_store *store, int32_t rank, int32_t size, const char *address,
                                        const char *interface, int64_t timeout_milliseconds,
                                        const ctorch_process_group *companion, ctorch_process_group **out) {
  return guard([&] {
    std::shared_ptr<DirectLines> lines;
    if (size > 1 && size <= ctorch_process_group::most_direct_processes) {
      lines = std::make_shared<DirectLines>(*store->value, rank, size, interface ? address_of_interface(interface) : address,
                                            milliseconds(timeout_milliseconds));
    }
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout_milliseconds));
    options->devices.push_back(interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                         : c10d::ProcessGroupGloo::createDeviceForHostname(address));
    auto backend = c10::make_intrusive<ClosableGloo>(store->value, rank, size, options);
    auto group = c10::make_intrusive<c10d::ProcessGroup>(store->value, rank, size);
    constexpr auto gloo = c10d::ProcessGroup::BackendType::GLOO;
    group->setDefaultBackend(gloo);
    group->setBackend(c10::kCPU, gloo, backend);
    group->setBackend(c10::kCUDA, gloo, backend);
    const auto state = companion ? companion->state : std::make_shared<GroupState>();
    *out = new ctorch_process_group{group, state, /*nccl=*/{}, lines};
  });
}

void ctorch_process_group_free(ctorch_process_group *group) {
  guard([&] { end_nccl(*group); });
  delete group;
}

bool ctorch_process_group_has_failed(const ctorch_process_group *self) { return self->state->failed; }

void ctorch_process_group_fail(ctorch_process_group *self) {
  self->state->failed = true;
  guard([&] {
    auto gloo = dynamic_cast<ClosableGloo *>(self->value->getBackend(at::kCPU).get());
    if (gloo) gloo->close();
    if (self->lines) self->lines->close();
  });
}

ctorch_status ctorch_process_group_await_farewell(const ctorch_process_group *self, int32_t from) {
  return guard([&] {
    std::vector<at::Tensor> message{at::empty({1}, at::kByte)};
    self->value->recv(message, from, kFarewell)->wait(kEndless);
  });
}

ctorch_status ctorch_process_group_say_farewell(const ctorch_process_group *self, int32_t to) {
  return guard([&] {
    std::vector<at::Tensor> message{at::zeros({1}, at::kByte)};
    self->value->send(message, to, kFarewell)->wait();
  });
}

int64_t ctorch_process_group_sent_bytes(const ctorch_process_group *self) { return self->state->sent_bytes; }

int64_t ctorch_all_reduce_sent_bytes(int32_t processes, int64_t bytes, bool on_cpu) {
  if (ctorch_process_group::sends_directly(processes, bytes, on_cpu)) return (processes - 1) * bytes;
  return 2 * (processes - 1) * bytes / processes;
}

ctorch_status ctorch_all_reduce(ctorch_process_group *group, ctorch_tensor *tensor, int32_t operation) {
  return guard([&] {
    group->collective([&] {
      std::vector<at::Tensor> tensors{exchangeable(tensor)};
      if (travels_directly(*group, tensors[0])) {
        give_back(tensor, reduced(sent_to_all(*group, tensors[0]), operation));
        return;
      }
      c10d::AllreduceOptions options;
      options.reduceOp = operation == CTORCH_MINIMUM   ? c10d::ReduceOp::MIN
                         : operation == CTORCH_MAXIMUM ? c10d::ReduceOp::MAX
                                                       : c10d::ReduceOp::SUM;
      group->value->allreduce(tensors, options)->wait();
      group->state->sent_bytes += group->ring_bytes(tensors[0].nbytes());
      give_back(tensor, tensors[0]);
    });
  });
}

ctorch_status ctorch_all_gather(ctorch_process_group *group, const ctorch_tensor *tensor, ctorch_tensor **out) {
  return guard([&] {
    group->collective([&] {
      at::Tensor input = exchangeable(tensor);
      auto shape = input.sizes().vec();
      TORCH_CHECK(!shape.empty(), "expected at least one dimension to gather along");
      shape[0] *= group->size();
      if (travels_directly(*group, input)) {
        *out = wrap(sent_to_all(*group, input).view(shape));
        return;
      }
      at::Tensor output = at::empty(shape, input.options());
      group->value->_allgather_base(output, input, {})->wait();
      group->state->sent_bytes += (group->size() - 1) * static_cast<int64_t>(input.nbytes());
      *out = wrap(output);
    });
  });
}

ctorch_status ctorch_broadcast(ctorch_process_group *group, ctorch_tensor *tensor, int32_t root) {
  return guard([&] {
    group->collective([&] {
      std::vector<at::Tensor> tensors{exchangeable(tensor)};
      c10d::BroadcastOptions options;
      options.rootRank = root;
      group->value->broadcast(tensors, options)->wait();
      group->state->sent_bytes += static_cast<int64_t>(tensors[0].nbytes());
      give_back(tensor, tensors[0]);
    });
  });
}

}  // extern "C"
