#include <salamander/rdd/output_file.hpp>

#include <salamander/rdd/error.hpp>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace salamander::core {
namespace {

/// "1048576 of 4194304 bytes are free", or nothing if the system does not tell.
std::string free_room(const std::string& path) {
  struct statvfs facts {};
  const auto directory = std::filesystem::path(path).parent_path().string();
  if (::statvfs(directory.c_str(), &facts) != 0)
    return {};
  const auto bytes = [&](auto blocks) { return std::to_string(static_cast<unsigned long long>(blocks) * facts.f_frsize); };
  return "; " + bytes(facts.f_bavail) + " of " + bytes(facts.f_blocks) + " bytes are free in " + directory;
}

} // namespace

const disk_calls& system_disk() noexcept {
  static constexpr disk_calls calls{&::write, &::fsync, &::close, &std::rename};
  return calls;
}

void throw_disk_error(const std::string& doing, const std::string& path, int code, std::size_t wanted) {
  const auto what = "cannot " + doing + " " + path + ": " + std::strerror(code);
  if (code != ENOSPC && code != EDQUOT)
    throw_error(errc::io_error, what + (code == EIO ? "; the disk or its file system fails: use another one" : ""));
  throw_error(errc::out_of_disk, what + (wanted != 0 ? "; " + std::to_string(wanted) + " more bytes were to be written" : "") +
                                     free_room(path) + (code == EDQUOT ? ", and this user has used up its quota" : "") +
                                     "; make room there, or use another file system");
}

output_file::output_file(std::string path, const disk_calls& disk, ::mode_t mode) : path_(std::move(path)), disk_(disk) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file_ < 0)
    throw_disk_error("create the file", path_, errno);
}

output_file::~output_file() {
  if (file_ < 0)
    return;
  ::close(file_);
  ::unlink(path_.c_str());
}

void output_file::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = disk_.write(file_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR)
        continue;
      throw_disk_error("write the file", path_, errno, bytes.size());
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void output_file::finish(bool sync) {
  if (sync && disk_.sync(file_) != 0)
    throw_disk_error("force to the disk the file", path_, errno);
  const int file = file_;
  file_ = -1; // closed, whatever close says
  if (disk_.close(file) == 0)
    return;
  const int code = errno;
  ::unlink(path_.c_str());
  throw_disk_error("finish the file", path_, code);
}

void rename_file(const std::string& from, const std::string& to, const disk_calls& disk) {
  if (disk.rename(from.c_str(), to.c_str()) != 0)
    throw_disk_error("give its final name to the file", to, errno);
}

void sync_directory(const std::string& path, const disk_calls& disk) {
  const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0)
    throw_disk_error("open the directory", path, errno);
  const int failed = disk.sync(file) != 0 ? errno : 0;
  disk.close(file);
  if (failed != 0)
    throw_disk_error("force to the disk the directory", path, failed);
}

} // namespace salamander::core
