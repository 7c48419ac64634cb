#include <salamander/rdd/local_files.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_tolerance.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace salamander::core {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_read(const std::string& path, int reason) {
  throw_error(errc::io_error, "cannot read " + path + ": " + std::strerror(reason));
}

class file_source final : public byte_source {
public:
  file_source(const std::string& path, std::uint64_t offset, std::uint64_t must_reach)
      : path_(path), start_(offset), next_(offset), must_reach_(must_reach), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0)
      fail(errno);
    // Only a hint: the kernel reads further ahead.
    ::posix_fadvise(file_, static_cast<off_t>(offset), 0, POSIX_FADV_SEQUENTIAL);
  }
  ~file_source() override {
    if (file_ >= 0)
      ::close(file_);
  }

  std::size_t read(char* to, std::size_t size) override {
    for (;;) {
      const auto got = ::pread(file_, to, size, static_cast<off_t>(next_));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        fail(errno);
      if (got == 0 && next_ < must_reach_)
        throw_error(errc::io_error, path_ + " became shorter while it was read: it ends at byte " + std::to_string(next_) +
                                        ", and had at least " + std::to_string(must_reach_) + " when it was listed");
      next_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }

  std::uint64_t bytes_read() const noexcept override {
    return next_ - start_;
  }

private:
  [[noreturn]] void fail(int reason) const {
    throw_error(errc::io_error, "cannot read " + path_ + " at byte " + std::to_string(next_) + ": " + std::strerror(reason));
  }

  std::string path_;
  std::uint64_t start_;
  std::uint64_t next_;
  std::uint64_t must_reach_;
  int file_;
};

/// An attempt is a file of its own until it is renamed.
class local_staged_file final : public staged_file {
public:
  local_staged_file(const std::string& attempts, std::string name, const output_way& how)
      : name_(std::move(name)), file_(attempts + "/" + name_, *how.disk), sync_(how.sync) {}

  void write(std::string_view bytes) override {
    file_.write(bytes);
  }
  std::string finish() override {
    file_.finish(sync_);
    return name_;
  }

private:
  std::string name_;
  output_file file_;
  bool sync_;
};

} // namespace

std::optional<file_status> local_files::status(const std::string& path) const {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return std::nullopt;
    cannot_read(path, errno);
  }
  if (S_ISDIR(facts.st_mode))
    return file_status{file_status::kind::directory, 0, true};
  if (!S_ISREG(facts.st_mode))
    return file_status{file_status::kind::other, 0, false};
  if (::access(path.c_str(), R_OK) != 0)
    cannot_read(path, errno);
  return file_status{file_status::kind::file, static_cast<std::uint64_t>(facts.st_size), true};
}

std::vector<directory_entry> local_files::list(const std::string& directory) const {
  std::error_code failure;
  std::vector<directory_entry> entries;
  fs::directory_iterator found(directory.empty() ? "." : directory, failure);
  for (; !failure && found != fs::directory_iterator(); found.increment(failure))
    entries.push_back({found->path().filename().string(), std::nullopt});
  if (failure && failure != std::errc::no_such_file_or_directory && failure != std::errc::not_a_directory)
    cannot_read(directory.empty() ? "." : directory, failure.value());
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

std::string local_files::absolute(const std::string& path) const {
  return fs::absolute(path).string();
}

std::unique_ptr<byte_source> local_files::open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const {
  return std::make_unique<file_source>(path, offset, must_reach);
}

std::string local_files::begin_output(const std::string& directory, const output_way& how) const {
  std::error_code failed;
  if (fs::exists(fs::symlink_status(directory, failed)))
    throw_error(errc::output_exists, "output directory " + directory + " already exists; remove it or choose another");
  auto attempts = fault_tolerance ? directory + "/" + (how.attempts.empty() ? "_temporary" : how.attempts) : directory;
  fs::create_directories(attempts, failed);
  if (!failed)
    return attempts;
  std::error_code ignored;
  fs::remove(directory, ignored); // it may be there without its attempts
  throw_disk_error("create the directory", attempts, failed.value());
}

std::unique_ptr<staged_file> local_files::stage(const std::string& attempts, const std::string& name, std::uint64_t attempt,
                                                const output_way& how) const {
  return std::make_unique<local_staged_file>(attempts, fault_tolerance ? name + "-" + std::to_string(attempt) : name, how);
}

void local_files::publish(const std::string& attempts, const std::string& staged, const std::string& directory, const std::string& name,
                          const output_way& how) const {
  if (fault_tolerance)
    rename_file(attempts + "/" + staged, directory + "/" + name, *how.disk);
}

void local_files::seal_output(const std::string& directory, const std::string& mark, const output_way& how) const {
  if (how.sync)
    sync_directory(directory, *how.disk);
  output_file file(directory + "/" + mark, *how.disk);
  file.write(how.seal);
  file.finish(how.sync);
  if (how.sync)
    sync_directory(directory, *how.disk);
}

void local_files::end_output(const std::string& directory, const std::string& attempts, bool all) const noexcept {
  std::error_code ignored;
  if (attempts != directory) {
    // Attempts that nobody waits for may still run. Under another name they do not find the directory, and it does not fill while it is
    // being emptied.
    const auto discarded = directory + "/_discarded";
    fs::rename(attempts, discarded, ignored);
    fs::remove_all(discarded, ignored);
  }
  if (all)
    fs::remove_all(directory, ignored);
}

} // namespace salamander::core
