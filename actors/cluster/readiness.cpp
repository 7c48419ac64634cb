#include <salamander/actors/cluster/readiness.hpp>

#include <salamander/actors/child_process.hpp>
#include <salamander/rdd/output_file.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace salamander::actors {

void notify_service_manager(const std::string& state) noexcept {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (!name || (*name != '/' && *name != '@') || std::strlen(name) >= sizeof address.sun_path)
    return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name, std::strlen(name));
  if (*name == '@')
    address.sun_path[0] = '\0';
  const descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(name));
  static_cast<void>(::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size));
}

ready_file::ready_file(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (!path_.empty())
    std::filesystem::remove(path_, ignored); // of an earlier process
}

ready_file::~ready_file() {
  std::error_code ignored;
  if (!path_.empty())
    std::filesystem::remove(path_, ignored);
}

void ready_file::write(const std::string& text) {
  if (path_.empty())
    return;
  const auto temporary = path_.string() + ".part";
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  core::output_file file(temporary, core::system_disk(), 0644);
  file.write(text + "\n");
  file.finish(false);
  core::rename_file(temporary, path_.string());
}

} // namespace salamander::actors
