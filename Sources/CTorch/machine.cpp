// Errors, versions, threads, and random numbers.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <c10/util/env.h>
#include <caffe2/core/common.h>
#include <malloc.h>
#include <torch/version.h>

#include "guard.hpp"

using namespace ctorch;

struct ctorch_generator {
  at::Generator value;
};

namespace ctorch {

std::string &last_error() {
  thread_local std::string error;
  return error;
}

std::atomic<int64_t> &live_tensors() {
  static std::atomic<int64_t> count{0};
  return count;
}

std::string first_line(const std::string &text) {
  size_t end = text.find('\n');
  return end == std::string::npos ? text : text.substr(0, end);
}

bool is_out_of_memory(std::string &text) {
  if (text.find("can't allocate memory") == std::string::npos) return false;
  const std::string opening = "tried to allocate ";
  size_t start = text.find(opening);
  std::string amount = start == std::string::npos ? "" : " for " + text.substr(start + opening.size());
  text = "not enough memory" + amount.substr(0, amount.find('.'));
  return true;
}

}  // namespace ctorch

extern "C" {

const char *ctorch_error_message(void) { return last_error().c_str(); }

const char *ctorch_version_compiled(void) { return TORCH_VERSION; }

const char *ctorch_version_loaded(void) {
  static const std::string version = [] {
    // at::show_config() has it too, but asks about CUDA, and libtorch keeps the first answer.
    const auto &options = caffe2::GetBuildOptions();
    auto found = options.find("TORCH_VERSION");
    return found == options.end() ? std::string() : found->second;
  }();
  return version.c_str();
}

const char *ctorch_build_description(void) {
  load_cuda();
  static const std::string description = at::show_config();
  return description.c_str();
}

int64_t ctorch_live_tensor_count(void) { return live_tensors(); }

int32_t ctorch_thread_count(void) { return at::get_num_threads(); }
ctorch_status ctorch_set_thread_count(int32_t count) {
  return guard([&] { at::set_num_threads(count); });
}

bool ctorch_cpu_has(const char *instruction_set) {
  static const auto capabilities = at::cpu::get_cpu_capabilities();
  auto found = capabilities.find(instruction_set);
  return found != capabilities.end() && found->second.isBool() && found->second.toBool();
}

void ctorch_set_deterministic(bool deterministic) {
  // Without it every matrix product on CUDA would be refused; it is read at the first of them.
  if (deterministic) c10::utils::set_env("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/false);
  at::globalContext().setDeterministicAlgorithms(deterministic, /*warn_only=*/false);
  at::globalContext().setDeterministicCuDNN(deterministic);
  at::globalContext().setBenchmarkCuDNN(!deterministic);
}

bool ctorch_benchmarks_convolutions(void) { return at::globalContext().benchmarkCuDNN(); }

void ctorch_keep_freed_memory(void) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
}

void ctorch_return_freed_memory(void) { mallopt(M_MMAP_THRESHOLD, 1 << 20); }

ctorch_status ctorch_generator_create(int32_t device_number, uint64_t seed, ctorch_generator **out) {
  return guard([&] {
    at::Generator generator = device_number < 0
                                  ? at::detail::createCPUGenerator()
                                  : at::globalContext().defaultGenerator(device(device_number)).clone();
    generator.set_current_seed(seed);
    *out = new ctorch_generator{std::move(generator)};
  });
}

void ctorch_generator_free(ctorch_generator *generator) { delete generator; }

ctorch_status ctorch_tensor_randn(const int64_t *shape, int32_t rank, ctorch_generator *generator, int32_t dtype,
                                  int32_t device, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::randn(sizes(shape, rank), generator->value, options(dtype, device))); });
}

ctorch_status ctorch_tensor_uniform(const int64_t *shape, int32_t rank, double low, double high,
                                    ctorch_generator *generator, int32_t dtype, int32_t device, ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(at::empty(sizes(shape, rank), options(dtype, device)).uniform_(low, high, generator->value));
  });
}

ctorch_status ctorch_tensor_randperm(int64_t count, ctorch_generator *generator, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::randperm(count, generator->value, options(CTORCH_INT64, CTORCH_CPU))); });
}

}  // extern "C"
