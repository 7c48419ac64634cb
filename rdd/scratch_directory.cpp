#include <salamander/rdd/scratch_directory.hpp>

#include <salamander/rdd/error.hpp>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salamander::core {
namespace {

namespace fs = std::filesystem;

/// A younger one may be about to be locked by who has just made it.
constexpr std::time_t settled_after_seconds = 60;

int open_directory(const fs::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void remove_if_left_over(const fs::path& path) {
  const int file = open_directory(path);
  struct stat there {};
  if (file < 0)
    return;
  const bool ours =
      ::fstat(file, &there) == 0 && there.st_uid == ::geteuid() && there.st_mtime + settled_after_seconds < std::time(nullptr);
  if (ours && ::flock(file, LOCK_EX | LOCK_NB) == 0) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  ::close(file);
}

} // namespace

scratch_directory::scratch_directory(const fs::path& parent, const std::string& prefix) {
  std::error_code unreadable;
  for (fs::directory_iterator at(parent, unreadable), end; !unreadable && at != end; at.increment(unreadable))
    if (at->path().filename().string().starts_with(prefix))
      remove_if_left_over(at->path());
  auto name = (parent / (prefix + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr)
    throw_error(errc::io_error, "cannot make the directory " + name + ": " + std::strerror(errno));
  path_ = name;
  lock_ = open_directory(path_);
  if (lock_ >= 0)
    ::flock(lock_, LOCK_EX | LOCK_NB);
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace salamander::core
