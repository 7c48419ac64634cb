#include <salamander/rdd/text_output.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_tolerance.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace salamander::core {
namespace fs = std::filesystem;
namespace {

std::string part_name(std::uint32_t partition) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%05u", partition);
  return name;
}

[[noreturn]] void io_failure(const std::string& what, const std::string& path, int code) {
  throw_error(errc::io_error, what + " " + path + ": " + std::strerror(code));
}

std::string plain_path(const std::string& path) {
  constexpr std::string_view scheme = "file:";
  if (!path.starts_with(scheme))
    return path;
  const auto rest = path.substr(scheme.size());
  return rest.starts_with("///") ? rest.substr(2) : rest;
}

} // namespace

text_part_writer::text_part_writer(const std::string& directory, std::uint32_t partition, std::uint64_t attempt) {
  part_.partition = partition;
  part_.file = part_name(partition);
  if constexpr (fault_tolerance)
    part_.file += "-" + std::to_string(attempt);
  path_ = directory + "/" + part_.file;
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file_ < 0)
    io_failure("cannot create the output file", path_, errno);
  buffer_.reserve(buffer_bytes);
}

text_part_writer::~text_part_writer() {
  if (file_ < 0)
    return;
  ::close(file_);
  ::unlink(path_.c_str());
}

void text_part_writer::fail(const char* doing) {
  const int code = errno;
  io_failure(std::string("cannot ") + doing + " the output file", path_, code);
}

void text_part_writer::flush() {
  for (std::string_view left = buffer_; !left.empty();) {
    const auto written = ::write(file_, left.data(), left.size());
    if (written < 0) {
      if (errno == EINTR)
        continue;
      fail("write");
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  part_.bytes += buffer_.size();
  buffer_.clear();
}

written_part text_part_writer::close() {
  flush();
  const int file = file_;
  if (::close(file) != 0) {
    file_ = -1;
    const int code = errno;
    ::unlink(path_.c_str());
    io_failure("cannot finish the output file", path_, code);
  }
  file_ = -1;
  return part_;
}

text_output::text_output(const std::string& path, const call_site& site) : path_(plain_path(path)) {
  if (path_.empty())
    throw_error(errc::invalid_argument, "save_as_text_file at " + site.text() + ": the path is empty");
  std::error_code failed;
  if (fs::exists(fs::symlink_status(path_, failed)))
    throw_error(errc::output_exists,
                "save_as_text_file at " + site.text() + ": output directory " + path_ + " already exists; remove it or choose another");
  // Executors of other processes may have another working directory.
  path_ = fs::absolute(path_).lexically_normal().string();
  while (path_.size() > 1 && path_.back() == '/')
    path_.pop_back();
  attempts_ = fault_tolerance ? path_ + "/_temporary" : path_;
  fs::create_directories(attempts_, failed);
  if (!failed)
    return;
  std::error_code ignored;
  fs::remove(path_, ignored); // it may be there without its attempts
  throw_error(errc::io_error, "save_as_text_file at " + site.text() + ": cannot create " + attempts_ + ": " + failed.message());
}

text_output::~text_output() {
  std::error_code ignored;
  if (!committed_)
    fs::remove_all(path_, ignored);
}

void text_output::commit(const std::vector<written_part>& parts) {
  for (const auto& part : parts) {
    const auto from = attempts_ + "/" + part.file;
    const auto to = path_ + "/" + part_name(part.partition);
    if (fault_tolerance && ::rename(from.c_str(), to.c_str()) != 0)
      io_failure("cannot give the output file its final name", to, errno);
  }
  const auto mark = path_ + "/_SUCCESS";
  const int file = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0 || ::close(file) != 0)
    io_failure("cannot create", mark, errno);
  committed_ = true;
  std::error_code ignored;
  if constexpr (fault_tolerance)
    fs::remove_all(attempts_, ignored); // what lost attempts left
}

} // namespace salamander::core
