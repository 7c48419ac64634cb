// Unix sockets that only processes of one user can talk over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

namespace salamander::actors::net {

/// The number of the driver among peers.
inline constexpr std::uint32_t driver_number = 0xfffffffe;

/// The socket of a peer: the directory and a name that follows from its number.
std::filesystem::path socket_path(const std::filesystem::path& directory, std::uint32_t peer);

/// Creates the directory if need be and makes sure that it is a real directory of this user with mode 0700, and that the path of any
/// peer's socket fits a socket address. Errors: errc::io_error saying what is wrong.
void check_socket_directory(const std::filesystem::path& directory);

/// Whether the process at the other end runs as this user.
bool peer_is_same_user(int socket) noexcept;

/// A file descriptor that is closed with its owner.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() {
    reset();
  }
  void reset() noexcept;
  int release() noexcept {
    return std::exchange(fd_, -1);
  }
  int get() const noexcept {
    return fd_;
  }
  explicit operator bool() const noexcept {
    return fd_ >= 0;
  }

private:
  int fd_ = -1;
};

enum class connect_outcome : std::uint8_t { connected, busy, absent, stranger };

/// Connects without blocking and checks the peer's user. `busy`: its queue of connections is full, try again soon.
connect_outcome connect_to(const std::filesystem::path& path, unique_fd& out);

} // namespace salamander::actors::net
