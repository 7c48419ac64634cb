#include <salamander/actors/cluster/process_logs.hpp>

#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

struct part {
  fs::path path;
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};

fs::path older_part(const fs::path& directory, const std::string& stream, std::uint64_t begin) {
  return directory / fmt::format("{}.{:020}", stream, begin);
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  return failed ? 0 : size;
}

/// Oldest first; the newest part comes last, if it is there.
std::vector<part> parts_of(const fs::path& directory, const std::string& stream) {
  std::vector<part> all;
  std::error_code failed;
  const auto prefix = stream + ".";
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    part one{at->path(), 0, 0};
    const auto parsed = name.starts_with(prefix) ? std::from_chars(name.data() + prefix.size(), name.data() + name.size(), one.begin)
                                                 : std::from_chars_result{name.data(), std::errc::invalid_argument};
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size())
      continue;
    one.size = size_of(one.path);
    all.push_back(std::move(one));
  }
  std::ranges::sort(all, {}, &part::begin);
  const auto newest = directory / stream;
  if (fs::exists(fs::symlink_status(newest, failed)))
    all.push_back({newest, all.empty() ? 0 : all.back().begin + all.back().size, size_of(newest)});
  return all;
}

} // namespace

log_writer::log_writer(fs::path directory, std::string stream, log_limits limits, std::function<void(const std::string&)> on_trouble)
    : directory_(std::move(directory)), stream_(std::move(stream)), limits_(limits), on_trouble_(std::move(on_trouble)) {
  if (const auto parts = parts_of(directory_, stream_); !parts.empty()) {
    const auto& last = parts.back();
    begin_ = last.path.filename() == stream_ ? last.begin : last.begin + last.size;
    size_ = last.path.filename() == stream_ ? last.size : 0;
  }
  open();
}

void log_writer::open() {
  file_ = descriptor(::open((directory_ / stream_).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
}

void log_writer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = limits_.part_bytes_max - std::min(size_, limits_.part_bytes_max);
    auto fitting = bytes.substr(0, room);
    if (fitting.size() < bytes.size()) {
      const auto line_end = fitting.rfind('\n');
      if (line_end != std::string_view::npos)
        fitting = fitting.substr(0, line_end + 1);
      else if (size_ > 0)
        fitting = {}; // the line goes to the next part, whole if it fits there
    }
    put(fitting);
    bytes.remove_prefix(fitting.size());
    if (!bytes.empty())
      roll();
  }
}

void log_writer::roll() {
  if (size_ == 0)
    return; // nothing could be written
  std::error_code failed;
  fs::rename(directory_ / stream_, older_part(directory_, stream_, begin_), failed);
  begin_ += size_;
  size_ = 0;
  open();
  auto parts = parts_of(directory_, stream_);
  for (std::size_t i = 0; i + limits_.parts_max < parts.size(); ++i)
    fs::remove(parts[i].path, failed);
}

void log_writer::put(std::string_view bytes) {
  if (dropped_ > dropped_said_ && !bytes.empty()) {
    const auto note = fmt::format("\n[{} bytes of output were lost here: they could not be written]\n", dropped_ - dropped_said_);
    if (::write(file_.get(), note.data(), note.size()) != static_cast<ssize_t>(note.size()))
      return fail(bytes.size(), errno);
    size_ += note.size();
    dropped_said_ = dropped_;
    failing_ = false;
  }
  while (!bytes.empty()) {
    const auto written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail(bytes.size(), errno);
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void log_writer::fail(std::size_t bytes, int code) {
  dropped_ += bytes;
  if (file_.get() < 0)
    open();
  if (!std::exchange(failing_, true) && on_trouble_)
    on_trouble_(fmt::format("output is lost: {} cannot be written: {}", (directory_ / stream_).string(), std::strerror(code)));
}

log_extract read_log_part(const fs::path& directory, const std::string& stream, std::int64_t offset, std::uint32_t bytes_max) {
  if (stream != "stdout" && stream != "stderr")
    core::throw_error(errc::invalid_argument, "there are logs of stdout and stderr, and of nothing else");
  constexpr int tries = 5; // a writer may begin a new part between two looks
  for (int i = 0; i < tries; ++i) {
    const auto parts = parts_of(directory, stream);
    if (parts.empty())
      core::throw_error(errc::input_not_found, "there is no " + stream + " of it here (any more)");
    log_extract found;
    const auto first = parts.front().begin;
    found.end = parts.back().begin + parts.back().size;
    const auto back = static_cast<std::uint64_t>(-(offset + 1)) + 1; // of the smallest number, too
    const auto wanted = offset >= 0 ? static_cast<std::uint64_t>(offset) : found.end - std::min(found.end, back);
    found.offset = std::clamp(wanted, first, found.end);
    bool complete = true;
    for (const auto& one : parts) {
      const auto at = found.offset + found.text.size();
      if (at < one.begin || at >= one.begin + one.size || found.text.size() >= bytes_max)
        continue;
      const descriptor file(::open(one.path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      const auto size = std::min<std::uint64_t>(one.begin + one.size - at, bytes_max - found.text.size());
      std::string bytes(size, '\0');
      const auto got = file.get() < 0 ? -1 : ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at - one.begin));
      complete = complete && got == static_cast<ssize_t>(size);
      if (got > 0)
        found.text.append(bytes, 0, static_cast<std::size_t>(got));
    }
    if (complete && parts_of(directory, stream).size() == parts.size() && size_of(parts.back().path) >= parts.back().size)
      return found;
  }
  core::throw_error(errc::io_error, "the log is written faster than it can be read; try again");
}

} // namespace salamander::actors
