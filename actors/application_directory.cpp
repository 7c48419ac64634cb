#include <salamander/actors/application_directory.hpp>

#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <random>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

std::string prefix() {
  return fmt::format("salamander-{}-", ::getuid());
}

bool process_exists(long process) {
  return process > 0 && (::kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH);
}

/// True if the directory is ours and its application is dead: the process is gone (as seen from this container), and nobody
/// holds the lock (seen from any).
bool abandoned(const fs::path& directory, std::string_view name) {
  const auto digits = name.substr(prefix().size());
  long process = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), process);
  if (parsed.ec != std::errc() || process_exists(process))
    return false;
  struct stat facts {};
  if (::lstat(directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != ::getuid())
    return false;
  const int lock = ::open((directory / "lock").c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0)
    return true;
  const bool free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
  ::close(lock);
  return free;
}

void remove_abandoned(const fs::path& parent) {
  std::error_code ignored;
  for (fs::directory_iterator at(parent, fs::directory_options::skip_permission_denied, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    const auto name = at->path().filename().string();
    if (name.starts_with(prefix()) && abandoned(at->path(), name)) {
      std::error_code failed; // somebody else may remove it at the same time
      fs::remove_all(at->path(), failed);
    }
  }
}

/// Sockets, certificates, orders and positions of executors: what does not fit here would fail in the middle of a start.
void check_room(const fs::path& parent) {
  constexpr std::uint64_t bytes_least = 1U << 20;
  constexpr std::uint64_t files_least = 64;
  struct statvfs facts {};
  if (::statvfs(parent.c_str(), &facts) != 0)
    return; // making the directory will tell why
  const auto bytes = static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
  const bool few_files = facts.f_files != 0 && facts.f_favail < files_least;
  if (bytes < bytes_least || few_files)
    core::throw_error(errc::out_of_disk,
                      fmt::format("{} has room for {} bytes in {} files; an application needs {} bytes in {} files there for sockets, "
                                  "certificates and the like: make room, or set salamander.local.dir to another file system",
                                  parent.string(), bytes, facts.f_files != 0 ? fmt::to_string(facts.f_favail) : "any number of",
                                  bytes_least, files_least));
}

} // namespace

bool is_application_directory_name(const fs::path& path) {
  return path.is_absolute() && path.filename().string().starts_with(prefix());
}

application_directory::application_directory(const fs::path& wanted, care how) {
  const char* const temporary = std::getenv("TMPDIR");
  const fs::path parent = !wanted.empty() ? wanted : temporary && *temporary ? fs::path(temporary) : fs::path("/tmp");
  remove_abandoned(parent);
  check_room(parent);
  make(fs::absolute(parent), how);
}

void application_directory::make(const fs::path& parent, care how) {
  std::random_device random;
  for (int i = 0; i < 10; ++i) {
    path_ = parent / fmt::format("{}{}-{:08x}", prefix(), ::getpid(), random());
    // The keeper comes first: there is no moment in which a killed driver would leave the directory behind.
    if (how == care::kept)
      keeper_.emplace(path_);
    if (::mkdir(path_.c_str(), 0700) == 0)
      break;
    const int failure = errno;
    keeper_.reset();
    if (failure != EEXIST)
      core::throw_error(errc::io_error, fmt::format("cannot create the directory {}: {}; set salamander.local.dir to one that exists and "
                                                    "is writable",
                                                    path_.string(), std::strerror(failure)));
  }
  lock_ = ::open((path_ / "lock").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const int failure = errno;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    core::throw_error(errc::io_error, fmt::format("cannot lock the directory {}: {}", path_.string(), std::strerror(failure)));
  }
}

application_directory::~application_directory() {
  remove();
}

void application_directory::remove() noexcept {
  if (path_.empty() || lock_ < 0)
    return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ::close(lock_);
  lock_ = -1;
  keeper_.reset();
}

} // namespace salamander::actors
