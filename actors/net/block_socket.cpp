#include <salamander/actors/net/block_socket.hpp>

#include <salamander/rdd/error.hpp>

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace salamander::actors::net {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& directory, const std::string& why) {
  core::throw_error(errc::io_error, "the socket directory " + directory.string() + " cannot be used: " + why);
}

} // namespace

std::filesystem::path socket_path(const std::filesystem::path& directory, std::uint32_t peer) {
  return directory / (peer == driver_number ? std::string("driver.sock") : "executor-" + std::to_string(peer) + ".sock");
}

void check_socket_directory(const std::filesystem::path& directory) {
  const auto longest = socket_path(directory, driver_number - 1).native().size();
  if (longest >= sizeof(sockaddr_un::sun_path))
    refuse(directory, "its name is " + std::to_string(longest - sizeof(sockaddr_un::sun_path) + 1) +
                          " characters too long for the address of a Unix socket; choose a shorter directory for temporary files");
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    refuse(directory, std::strerror(errno));
  struct stat found {};
  if (::lstat(directory.c_str(), &found) != 0)
    refuse(directory, std::strerror(errno));
  if (!S_ISDIR(found.st_mode) || found.st_uid != ::geteuid() || (found.st_mode & 0077) != 0)
    refuse(directory, "it must be a directory of this user that nobody else may enter (mode 0700)");
}

bool peer_is_same_user(int socket) noexcept {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof(peer) && peer.uid == ::geteuid();
}

void unique_fd::reset() noexcept {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
}

connect_outcome connect_to(const std::filesystem::path& path, unique_fd& out) {
  unique_fd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made)
    return connect_outcome::busy;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& name = path.native();
  if (name.size() >= sizeof(address.sun_path))
    return connect_outcome::absent;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return errno == EAGAIN || errno == EINTR ? connect_outcome::busy : connect_outcome::absent;
  if (!peer_is_same_user(made.get()))
    return connect_outcome::stranger;
  out = std::move(made);
  return connect_outcome::connected;
}

} // namespace salamander::actors::net
