#include <salamander/actors/cluster/file_store.hpp>

#include <salamander/actors/child_process.hpp>
#include <salamander/actors/cluster/sha256.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/cluster/names.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t expected_max = 4096;
constexpr std::string_view unfinished = ".part-";

std::string system_reason(const char* what) {
  return fmt::format("{}: {}", what, errno == ENOSPC ? "the disk is full" : std::strerror(errno));
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

} // namespace

struct file_store::partial {
  cluster::stored_file what;
  descriptor file;
  std::optional<sha256> sum;
  std::uint64_t received = 0;
  std::uint64_t used = 0; ///< order of the last use
  bool begun = false;
};

file_store::file_store(fs::path directory, std::uint64_t bytes_max) : directory_(std::move(directory)), bytes_max_(bytes_max) {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    core::throw_error(errc::io_error, fmt::format("cannot make {}: {}", directory_.string(), std::strerror(errno)));
  std::error_code failure;
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  for (const auto& one : fs::directory_iterator(directory_, failure)) {
    const auto name = one.path().filename().string();
    std::error_code ignored;
    if (name.starts_with(unfinished))
      fs::remove(one.path(), ignored);
    else if (cluster::is_sha256(name) && one.is_regular_file(ignored))
      found.emplace_back(one.last_write_time(ignored), name);
  }
  if (failure)
    core::throw_error(errc::io_error, fmt::format("cannot read {}: {}", directory_.string(), failure.message()));
  std::ranges::sort(found);
  for (const auto& [when, name] : found) {
    std::error_code ignored;
    const auto size = fs::file_size(directory_ / name, ignored);
    files_[name] = {size, ++uses_};
    bytes_ += size;
  }
}

file_store::~file_store() = default;

fs::path file_store::path_of(const std::string& sha256) const {
  return directory_ / sha256;
}

bool file_store::has(const std::string& sha256) const {
  return files_.contains(sha256);
}

std::vector<cluster::stored_file> file_store::missing(const std::vector<cluster::stored_file>& wanted) {
  std::vector<cluster::stored_file> absent;
  for (const auto& one : wanted) {
    if (const auto at = files_.find(one.sha256); at != files_.end()) {
      at->second.used = ++uses_;
      continue;
    }
    absent.push_back(one);
    if (const auto at = expected_.find(one.sha256); at != expected_.end())
      at->second->used = ++uses_;
    else if (cluster::what_is_wrong_with(one).empty())
      expect(one);
  }
  return absent;
}

void file_store::expect(const cluster::stored_file& what) {
  if (expected_.size() >= expected_max) // whoever announced the oldest has had its time
    forget(std::ranges::min_element(expected_, {}, [](const auto& each) { return each.second->used; })->first);
  auto& fresh = expected_[what.sha256] = std::make_unique<partial>();
  fresh->what = what;
  fresh->used = ++uses_;
}

piece_stored file_store::take(const piece& one) {
  if (const auto at = files_.find(one.sha256); at != files_.end())
    return {one.sha256, at->second.bytes, {}};
  const auto at = expected_.find(one.sha256);
  if (at == expected_.end())
    return {one.sha256, 0, "nobody has asked for this file"};
  auto& file = *at->second;
  file.used = ++uses_;
  if (one.total != file.what.bytes)
    return {one.sha256, file.received, "it has another length than was said"};
  if (one.offset != file.received)
    return {one.sha256, file.received, {}}; // repeated, or after trouble: go on from there
  auto failure = one.bytes.size() > piece_bytes_max || one.bytes.empty() || one.bytes.size() > file.what.bytes - file.received
                     ? std::string("a piece has a wrong length")
                     : begin(file);
  if (failure.empty())
    failure = add(file, one.bytes);
  if (failure.empty() && file.received == file.what.bytes)
    failure = finish(file);
  const piece_stored answer{one.sha256, failure.empty() ? file.received : 0, failure};
  if (!failure.empty() || has(one.sha256)) {
    const auto what = file.what;
    forget(one.sha256);
    if (!failure.empty())
      expect(what); // there may be room when it is sent again
  }
  return answer;
}

std::string file_store::begin(partial& one) {
  if (one.begun)
    return {};
  if (!make_room(one.what.bytes, in_use_))
    return fmt::format("there is no room for its {} bytes: the master keeps {} bytes of files at most", one.what.bytes, bytes_max_);
  const auto path = directory_ / (std::string(unfinished) + one.what.sha256);
  one.file = descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (one.file.get() < 0)
    return system_reason("it cannot be stored");
  one.sum.emplace();
  one.begun = true;
  bytes_ += one.what.bytes;
  return {};
}

std::string file_store::add(partial& one, const std::string& bytes) {
  if (!write_all(one.file.get(), bytes))
    return system_reason("it cannot be stored");
  one.sum->add(bytes);
  one.received += bytes.size();
  return {};
}

std::string file_store::finish(partial& one) {
  if (const auto sum = one.sum->hex(); sum != one.what.sha256)
    return "what came is not what was said: its SHA-256 is " + sum;
  if (::fsync(one.file.get()) != 0)
    return system_reason("it cannot be stored");
  const auto path = directory_ / (std::string(unfinished) + one.what.sha256);
  if (::rename(path.c_str(), path_of(one.what.sha256).c_str()) != 0)
    return system_reason("it cannot be stored");
  const descriptor folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0)
    ::fsync(folder.get());
  files_[one.what.sha256] = {one.what.bytes, ++uses_};
  return {};
}

void file_store::forget(const std::string& sha256) {
  const auto at = expected_.find(sha256);
  if (at->second->begun && !has(sha256)) {
    bytes_ -= at->second->what.bytes;
    std::error_code ignored;
    fs::remove(directory_ / (std::string(unfinished) + sha256), ignored);
  }
  expected_.erase(at);
}

piece file_store::give(const fetch_piece& asked) {
  piece answer{asked.sha256, asked.offset, 0, {}};
  const auto at = files_.find(asked.sha256);
  if (at == files_.end())
    return answer;
  at->second.used = ++uses_;
  const descriptor file(::open(path_of(at->first).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0)
    return answer;
  answer.total = at->second.bytes;
  answer.bytes.resize(
      static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes_max, answer.total - std::min(answer.total, asked.offset))));
  const auto got = ::pread(file.get(), answer.bytes.data(), answer.bytes.size(), static_cast<off_t>(asked.offset));
  answer.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  return answer;
}

bool file_store::make_room(std::uint64_t bytes, const std::set<std::string>& in_use) {
  if (bytes > bytes_max_)
    return false;
  while (bytes_ > bytes_max_ - bytes) {
    auto oldest = files_.end();
    for (auto at = files_.begin(); at != files_.end(); ++at)
      if (!in_use.contains(at->first) && (oldest == files_.end() || at->second.used < oldest->second.used))
        oldest = at;
    if (oldest == files_.end())
      return false;
    std::error_code ignored;
    fs::remove(path_of(oldest->first), ignored);
    bytes_ -= oldest->second.bytes;
    files_.erase(oldest);
  }
  return true;
}

} // namespace salamander::actors
