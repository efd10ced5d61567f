// Connections of our own for the small exchanges of a few processes.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace ctorch {

/// Connects each of a few processes with every other, for messages that the calling threads send and take themselves.
///
/// A step makes a hundred exchanges of a few hundred bytes. Gloo passes each through a thread that waits for connections;
/// on a worker's only core that thread displaces the one that computes, which holds the lock that it then spins for until
/// the system takes the core from it: milliseconds.
class DirectLines {
 public:
  /// Connects with all others, who do the same at the same time. Whoever connects shows a secret from the store.
  ///
  /// - Parameter address: this machine's numeric address to listen on.
  DirectLines(c10d::Store &store, int rank, int size, const std::string &address, std::chrono::milliseconds timeout);
  ~DirectLines();

  /// Sends `bytes` from `own` to every other process, and takes as many from each, which come to stand at `all` by rank.
  /// All processes must give the same number.
  void exchange(const void *own, void *all, size_t bytes);

  /// Has exchanges that wait, here and in the other processes, fail at once.
  void close();

 private:
  /// Hexadecimal digits.
  using Secret = std::array<char, 32>;
  /// What a process that connects says first.
  struct Greeting {
    Secret secret;
    int32_t rank;
  };
  struct Message;
  struct Caller;

  int rank_, size_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  /// By rank; -1 where there is none.
  std::vector<int> sockets_;

  void call(int other, const std::string &place);
  void answer(int listener, const Secret &secret);
  static void accept_caller(int listener, std::list<Caller> &callers);
  void end();
};

/// The first numeric address of a network interface; throws where it has none.
std::string address_of_interface(const std::string &name);

}  // namespace ctorch
