// What tensors take of a device's memory.
#include <ATen/DeviceAccelerator.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <mutex>

#include "guard.hpp"

using namespace ctorch;

namespace {

/// Adds up what libtorch's CPU allocator hands out and takes back on the threads that a watch reaches.
struct AllocationCount : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void *, int64_t size, size_t, size_t, c10::Device) override {
    std::lock_guard<std::mutex> lock(mutex);
    bytes += size;
    peak = std::max(peak, bytes);
  }

  bool memoryProfilingEnabled() const override { return true; }

  int64_t peak_bytes() {
    std::lock_guard<std::mutex> lock(mutex);
    return peak;
  }

 private:
  std::mutex mutex;
  int64_t bytes = 0, peak = 0;
};

constexpr size_t all_pools = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);

int64_t allocated_on(c10::DeviceIndex device) {
  return at::accelerator::getDeviceStats(device).allocated_bytes[all_pools].current;
}

int64_t peak_on(c10::DeviceIndex device) {
  return at::accelerator::getDeviceStats(device).allocated_bytes[all_pools].peak;
}

}  // namespace

struct ctorch_memory_watch {
  int32_t device;
  /// On a CUDA device: what was taken when the watch began.
  int64_t before = 0;
  std::shared_ptr<AllocationCount> count;
  std::unique_ptr<c10::DebugInfoGuard> guard;
};

extern "C" {

ctorch_status ctorch_memory_watch_begin(int32_t device, ctorch_memory_watch **out) {
  return guard([&] {
    auto watch = std::make_unique<ctorch_memory_watch>();
    watch->device = device;
    if (device < 0) {
      watch->count = std::make_shared<AllocationCount>();
      watch->guard = std::make_unique<c10::DebugInfoGuard>(c10::DebugInfoKind::PROFILER_STATE, watch->count);
    } else {
      at::accelerator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
      watch->before = allocated_on(static_cast<c10::DeviceIndex>(device));
    }
    *out = watch.release();
  });
}

ctorch_status ctorch_memory_watch_peak(const ctorch_memory_watch *self, int64_t *out) {
  return guard([&] {
    *out = self->count ? self->count->peak_bytes() : peak_on(static_cast<c10::DeviceIndex>(self->device)) - self->before;
  });
}

void ctorch_memory_watch_end(ctorch_memory_watch *watch) { delete watch; }

ctorch_status ctorch_cuda_peak_bytes(int32_t device, int64_t *out) {
  return guard([&] { *out = peak_on(static_cast<c10::DeviceIndex>(device)); });
}

ctorch_status ctorch_cuda_memory(int32_t device, int64_t *free_bytes, int64_t *total_bytes) {
  return guard([&] {
    auto [unused, all] = at::accelerator::getMemoryInfo(static_cast<c10::DeviceIndex>(device));
    *free_bytes = static_cast<int64_t>(unused);
    *total_bytes = static_cast<int64_t>(all);
  });
}

}  // extern "C"
