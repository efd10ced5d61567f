// Keys of one attempt of a job, for all that c10d itself writes too.
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "process_group.hpp"

using namespace ctorch;

namespace {

/// A store whose keys all begin with a prefix. c10d looks through a PrefixStore for keys that all groups share, such as
/// `exception_dump`, by which watchdogs call each other; through this one it cannot, so that no process finds what one of an
/// earlier attempt left.
struct Namespace : c10d::Store {
  using Bytes = std::vector<uint8_t>;
  using Milliseconds = std::chrono::milliseconds;

  c10::intrusive_ptr<c10d::Store> inner;

  Namespace(const std::string &prefix, c10::intrusive_ptr<c10d::Store> store)
      : inner(c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store))) {}
  explicit Namespace(c10::intrusive_ptr<c10d::Store> inner) : inner(std::move(inner)) {}

  c10::intrusive_ptr<c10d::Store> clone() override { return c10::make_intrusive<Namespace>(inner->clone()); }

  using c10d::Store::compareSet;
  using c10d::Store::set;

  void set(const std::string &key, const Bytes &value) override { inner->set(key, value); }
  Bytes compareSet(const std::string &key, const Bytes &expected, const Bytes &desired) override {
    return inner->compareSet(key, expected, desired);
  }
  Bytes get(const std::string &key) override { return inner->get(key); }
  int64_t add(const std::string &key, int64_t value) override { return inner->add(key, value); }
  bool deleteKey(const std::string &key) override { return inner->deleteKey(key); }
  bool check(const std::vector<std::string> &keys) override { return inner->check(keys); }
  int64_t getNumKeys() override { return inner->getNumKeys(); }
  void wait(const std::vector<std::string> &keys) override { inner->wait(keys); }
  void wait(const std::vector<std::string> &keys, const Milliseconds &timeout) override { inner->wait(keys, timeout); }
  const Milliseconds &getTimeout() const noexcept override { return inner->getTimeout(); }
  void setTimeout(const Milliseconds &timeout) override { inner->setTimeout(timeout); }
  void append(const std::string &key, const Bytes &value) override { inner->append(key, value); }
  std::vector<Bytes> multiGet(const std::vector<std::string> &keys) override { return inner->multiGet(keys); }
  void multiSet(const std::vector<std::string> &keys, const std::vector<Bytes> &values) override {
    inner->multiSet(keys, values);
  }
  bool hasExtendedApi() const override { return inner->hasExtendedApi(); }
  void queuePush(const std::string &key, const Bytes &value) override { inner->queuePush(key, value); }
  Bytes queuePop(const std::string &key, bool block) override { return inner->queuePop(key, block); }
  int64_t queueLen(const std::string &key) override { return inner->queueLen(key); }
  std::vector<std::string> listKeys() override { return inner->listKeys(); }
};

}  // namespace

extern "C" ctorch_status ctorch_store_namespace(const ctorch_store *self, const char *prefix, ctorch_store **out) {
  return guard([&] { *out = new ctorch_store{c10::make_intrusive<Namespace>(prefix, self->value)}; });
}
