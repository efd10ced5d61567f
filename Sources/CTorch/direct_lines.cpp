#include "direct_lines.hpp"

#include <arpa/inet.h>
#include <c10/util/Exception.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <sstream>
#include <utility>

namespace ctorch {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Strangers may connect and say nothing: of those who have not yet said who they are, so many are listened to, the latest.
constexpr size_t kMostCallers = 64;

std::string reason() { return std::strerror(errno); }

struct Socket {
  int number;
  explicit Socket(int number) : number(number) {}
  Socket(const Socket &) = delete;
  ~Socket() {
    if (number >= 0) ::close(number);
  }
  int release() { return std::exchange(number, -1); }
};

/// A place as the system takes it.
std::vector<uint8_t> resolved(const std::string &address, const std::string &port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  TORCH_CHECK(::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) == 0, "expected a numeric address, got ",
              address);
  auto *first = reinterpret_cast<const uint8_t *>(found->ai_addr);
  std::vector<uint8_t> result(first, first + found->ai_addrlen);
  ::freeaddrinfo(found);
  return result;
}

sockaddr *as_address(std::vector<uint8_t> &bytes) { return reinterpret_cast<sockaddr *>(bytes.data()); }

std::string drawn_secret(size_t digits) {
  std::string result(digits, '0');
  std::vector<uint8_t> bytes(digits);
  TORCH_CHECK(::getrandom(bytes.data(), digits, 0) == static_cast<ssize_t>(digits), "no random numbers: ", reason());
  for (size_t i = 0; i < digits; ++i) result[i] = "0123456789abcdef"[bytes[i] % 16];
  return result;
}

/// Until something comes of it, or the deadline; poll takes no more than 24 days.
int await_some(std::vector<pollfd> &waiting, steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  const int64_t time = std::clamp<int64_t>(left.count() + 1, 0, 3600 * 1000);
  const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(time));
  TORCH_CHECK(ready >= 0 || errno == EINTR, "cannot wait for another process: ", reason());
  return ready;
}

std::string key(int rank) { return "direct/" + std::to_string(rank); }

}  // namespace

/// A message of an exchange with one other process: its length, then the bytes. What is there goes as far as it goes.
struct DirectLines::Message {
  uint64_t length, their_length = 0;
  size_t sent = 0, received = 0, total;

  explicit Message(size_t bytes) : length(bytes), total(sizeof length + bytes) {}

  bool is_sent() const { return sent == total; }
  bool is_received() const { return received == total; }

  /// The length and the bytes, less what was done.
  static std::array<iovec, 2> rest(uint64_t &length, void *bytes, size_t count, size_t done) {
    const size_t head = std::min(done, sizeof length), body = done - head;
    return {iovec{reinterpret_cast<char *>(&length) + head, sizeof length - head},
            iovec{static_cast<char *>(bytes) + body, count - body}};
  }

  void send(int socket, const void *bytes) {
    auto parts = rest(length, const_cast<void *>(bytes), length, sent);
    const msghdr header = whole(parts);
    sent += moved(::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  void receive(int socket, void *bytes) {
    auto parts = rest(their_length, bytes, length, received);
    msghdr header = whole(parts);
    const ssize_t count = ::recvmsg(socket, &header, MSG_DONTWAIT);
    TORCH_CHECK(count != 0, "another process closed the connection");
    received += moved(count);
    TORCH_CHECK(received < sizeof length || their_length == length, "the processes exchange different things: ", length,
                " bytes here, ", their_length, " there");
  }

  static msghdr whole(std::array<iovec, 2> &parts) {
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = parts.size();
    return header;
  }

  static size_t moved(ssize_t count) {
    if (count >= 0) return static_cast<size_t>(count);
    TORCH_CHECK(errno == EAGAIN || errno == EINTR, "an exchange with another process failed: ", reason());
    return 0;
  }
};

DirectLines::DirectLines(c10d::Store &store, int rank, int size, const std::string &address, milliseconds timeout)
    : rank_(rank), size_(size), timeout_(timeout), sockets_(size, -1) {
  std::vector<uint8_t> place = resolved(address, "0");
  Socket listener(::socket(as_address(place)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto length = static_cast<socklen_t>(place.size());
  char port[NI_MAXSERV];
  TORCH_CHECK(listener.number >= 0 && ::bind(listener.number, as_address(place), length) == 0 &&
                  ::listen(listener.number, SOMAXCONN) == 0 &&
                  ::getsockname(listener.number, as_address(place), &length) == 0 &&
                  ::getnameinfo(as_address(place), length, nullptr, 0, port, sizeof port, NI_NUMERICSERV) == 0,
              "cannot listen on ", address, ": ", reason());
  Secret secret;
  const std::string digits = drawn_secret(secret.size());
  std::copy(digits.begin(), digits.end(), secret.begin());
  store.set(key(rank), address + " " + port + " " + digits);
  try {
    for (int other = 0; other < rank; ++other) {
      store.wait({key(other)}, timeout);
      call(other, store.get_to_str(key(other)));
    }
    answer(listener.number, secret);
  } catch (...) {
    end();
    throw;
  }
}

DirectLines::~DirectLines() { end(); }

void DirectLines::end() {
  for (int &socket : sockets_) {
    if (socket >= 0) ::close(std::exchange(socket, -1));
  }
}

void DirectLines::call(int other, const std::string &place) {
  std::istringstream words(place);
  std::string address, port, digits;
  words >> address >> port >> digits;
  Greeting greeting{{}, rank_};
  TORCH_CHECK(digits.size() == greeting.secret.size(), "rank ", other, " left no address");
  std::copy(digits.begin(), digits.end(), greeting.secret.begin());
  std::vector<uint8_t> there = resolved(address, port);
  Socket socket(::socket(as_address(there)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval longest{timeout_.count() / 1000, (timeout_.count() % 1000) * 1000};
  ::setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  TORCH_CHECK(socket.number >= 0 &&
                  ::connect(socket.number, as_address(there), static_cast<socklen_t>(there.size())) == 0 &&
                  ::send(socket.number, &greeting, sizeof greeting, MSG_NOSIGNAL) == sizeof greeting,
              "cannot connect to rank ", other, ": ", reason());
  sockets_[other] = socket.release();
}

/// Somebody who has connected, and has not yet said who it is.
struct DirectLines::Caller {
  Socket socket;
  Greeting greeting{};
  size_t received = 0;
  bool is_gone = false;

  explicit Caller(int socket) : socket(socket) {}

  bool has_spoken() const { return received == sizeof greeting; }

  /// Takes what is there.
  void listen() {
    const ssize_t count = ::recv(socket.number, reinterpret_cast<char *>(&greeting) + received,
                                 sizeof greeting - received, MSG_DONTWAIT);
    if (count > 0) received += count;
    is_gone = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
  }
};

void DirectLines::answer(int listener, const Secret &secret) {
  const auto deadline = steady_clock::now() + timeout_;
  int missing = size_ - 1 - rank_;
  std::list<Caller> callers;
  while (missing > 0) {
    TORCH_CHECK(steady_clock::now() < deadline, "not all processes connected in time");
    std::vector<pollfd> waiting{{listener, POLLIN, 0}};
    for (const Caller &caller : callers) waiting.push_back({caller.socket.number, POLLIN, 0});
    if (await_some(waiting, deadline) <= 0) continue;
    for (Caller &caller : callers) {
      caller.listen();
      const Greeting &greeting = caller.greeting;
      if (!caller.has_spoken() || greeting.secret != secret || greeting.rank <= rank_ || greeting.rank >= size_) continue;
      if (sockets_[greeting.rank] >= 0) continue;
      sockets_[greeting.rank] = caller.socket.release();
      --missing;
    }
    callers.remove_if([](const Caller &caller) { return caller.is_gone || caller.has_spoken(); });
    if (waiting[0].revents) accept_caller(listener, callers);
  }
  const int at_once = 1;
  for (int socket : sockets_) {
    if (socket >= 0) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  }
}

void DirectLines::accept_caller(int listener, std::list<Caller> &callers) {
  const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  // Who has gone meanwhile is nobody's trouble.
  const bool has_room = socket >= 0 || (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM);
  TORCH_CHECK(has_room, "cannot take a connection: ", reason());
  if (socket < 0) return;
  if (callers.size() == kMostCallers) callers.pop_front();
  callers.emplace_back(socket);
}

void DirectLines::exchange(const void *own, void *all, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto deadline = steady_clock::now() + timeout_;
  std::vector<Message> messages(size_, Message(bytes));
  while (true) {
    std::vector<pollfd> waiting;
    for (int other = 0; other < size_; ++other) {
      if (other == rank_) continue;
      Message &message = messages[other];
      const int socket = sockets_[other];
      if (!message.is_sent()) message.send(socket, own);
      if (!message.is_received()) message.receive(socket, static_cast<char *>(all) + other * bytes);
      const int wanted = (message.is_sent() ? 0 : POLLOUT) | (message.is_received() ? 0 : POLLIN);
      if (wanted) waiting.push_back({socket, static_cast<short>(wanted), 0});
    }
    if (waiting.empty()) return;
    TORCH_CHECK(steady_clock::now() < deadline, "another process took longer than ", timeout_.count(), " ms");
    await_some(waiting, deadline);
  }
}

void DirectLines::close() {
  for (int socket : sockets_) {
    if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
  }
}

std::string address_of_interface(const std::string &name) {
  ifaddrs *first = nullptr;
  TORCH_CHECK(::getifaddrs(&first) == 0, "cannot list network interfaces: ", reason());
  std::unique_ptr<ifaddrs, void (*)(ifaddrs *)> all(first, ::freeifaddrs);
  for (const ifaddrs *entry = first; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || name != entry->ifa_name) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char text[NI_MAXHOST];
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(entry->ifa_addr, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) return text;
  }
  TORCH_CHECK(false, "network interface ", name, " has no address");
}

}  // namespace ctorch
