#include <salamander/storage/journal.hpp>

#include <salamander/storage/crc32c.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace salamander::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "SALJRNL1";
constexpr std::string_view prefix = "journal-";
constexpr std::size_t term_digits = 20;
constexpr std::size_t head_bytes = 8;

[[noreturn]] void fail(const char* what, const fs::path& path, int code = errno) {
  throw std::system_error(code, std::generic_category(), std::string(what) + " " + path.string());
}

class open_file {
public:
  open_file(const fs::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (value_ < 0)
      fail("cannot open", path);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (value_ >= 0)
      ::close(value_);
  }
  int get() const noexcept {
    return value_;
  }
  int release() noexcept {
    return std::exchange(value_, -1);
  }

private:
  int value_;
};

void write_at(int file, std::string_view bytes, std::uint64_t offset, const fs::path& path) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      fail("cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void flush(int file, const fs::path& path) {
  if (::fsync(file) != 0)
    fail("cannot flush", path);
}

std::string read_all(const fs::path& path) {
  const open_file file(path, O_RDONLY);
  std::string bytes;
  char piece[64 << 10];
  for (;;) {
    const auto got = ::read(file.get(), piece, sizeof piece);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      fail("cannot read", path);
    if (got == 0)
      return bytes;
    bytes.append(piece, static_cast<std::size_t>(got));
  }
}

void put32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>(value >> shift));
}

std::uint32_t get32(std::string_view from) {
  std::uint32_t value = 0;
  for (int at = 3; at >= 0; --at)
    value = (value << 8) | static_cast<unsigned char>(from[static_cast<std::size_t>(at)]);
  return value;
}

std::uint32_t checksum_of(std::string_view length, std::string_view bytes) {
  return crc32c(std::as_bytes(std::span(bytes)), crc32c(std::as_bytes(std::span(length))));
}

std::string framed(const std::vector<std::string>& records) {
  std::string out;
  for (const auto& one : records) {
    if (one.size() > journal::record_bytes_max)
      throw std::length_error("a record of a journal is longer than " + std::to_string(journal::record_bytes_max) + " bytes");
    std::string length;
    put32(length, static_cast<std::uint32_t>(one.size()));
    out += length;
    put32(out, checksum_of(length, one));
    out += one;
  }
  return out;
}

fs::path file_of(const fs::path& directory, std::uint64_t term) {
  char name[64];
  std::snprintf(name, sizeof name, "%s%020llu", prefix.data(), static_cast<unsigned long long>(term));
  return directory / name;
}

std::optional<std::uint64_t> term_of(const std::string& name) {
  std::uint64_t term = 0;
  if (!name.starts_with(prefix) || name.size() != prefix.size() + term_digits)
    return std::nullopt;
  const auto* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + prefix.size(), end, term);
  return error == std::errc() && at == end ? std::optional(term) : std::nullopt;
}

/// Newest first.
std::vector<std::uint64_t> terms_in(const fs::path& directory) {
  std::vector<std::uint64_t> terms;
  for (const auto& entry : fs::directory_iterator(directory))
    if (const auto term = term_of(entry.path().filename().string()))
      terms.push_back(*term);
  std::ranges::sort(terms, std::greater());
  return terms;
}

/// The records at the head of `bytes`; `left`: how many bytes behind them are none.
std::vector<std::string> parse(std::string_view bytes, std::size_t& left) {
  std::vector<std::string> records;
  bytes.remove_prefix(magic.size());
  while (bytes.size() >= head_bytes) {
    const auto size = get32(bytes);
    if (size > journal::record_bytes_max || size > bytes.size() - head_bytes)
      break;
    const auto body = bytes.substr(head_bytes, size);
    if (checksum_of(bytes.substr(0, 4), body) != get32(bytes.substr(4)))
      break;
    records.emplace_back(body);
    bytes.remove_prefix(head_bytes + size);
  }
  left = bytes.size();
  return records;
}

void flush_directory(const fs::path& directory) {
  const open_file file(directory, O_RDONLY | O_DIRECTORY);
  flush(file.get(), directory);
}

} // namespace

std::uint64_t newest_journal_term(const fs::path& directory) {
  const auto terms = terms_in(directory);
  return terms.empty() ? 0 : terms.front();
}

journal_contents read_newest_journal(const fs::path& directory) {
  journal_contents found;
  for (const auto term : terms_in(directory)) {
    const auto path = file_of(directory, term);
    const auto bytes = read_all(path);
    if (!std::string_view(bytes).starts_with(magic)) {
      found.notices.push_back(path.string() + " is no journal: it is passed over");
      continue;
    }
    std::size_t left = 0;
    found.records = parse(bytes, left);
    found.term = term;
    if (left > 0)
      found.notices.push_back(path.string() + ": the last " + std::to_string(left) + " bytes, from byte " +
                              std::to_string(bytes.size() - left) + " on, are incomplete or damaged, and are left out");
    break;
  }
  return found;
}

journal::journal(fs::path directory, std::uint64_t term, const std::vector<std::string>& records)
    : directory_(std::move(directory)), file_(file_of(directory_, term)) {
  open_new(records);
  const auto terms = terms_in(directory_);
  bool kept = false;
  for (const auto one : terms)
    if (one < term && std::exchange(kept, true)) {
      std::error_code ignored;
      fs::remove(file_of(directory_, one), ignored);
    }
}

journal::~journal() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

void journal::open_new(const std::vector<std::string>& records) {
  const auto beside = directory_ / ("." + file_.filename().string() + ".new");
  const auto bytes = std::string(magic) + framed(records);
  open_file fresh(beside, O_RDWR | O_CREAT | O_TRUNC);
  try {
    write_at(fresh.get(), bytes, 0, beside);
    flush(fresh.get(), beside);
    if (::rename(beside.c_str(), file_.c_str()) != 0)
      fail("cannot rename to", file_);
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
  if (descriptor_ >= 0)
    ::close(descriptor_);
  descriptor_ = fresh.release();
  size_ = begun_ = bytes.size();
  damaged_ = false;
  flush_directory(directory_);
}

void journal::append(const std::vector<std::string>& records) {
  if (damaged_)
    fail("an earlier write failed in", file_, EIO);
  const auto bytes = framed(records);
  try {
    write_at(descriptor_, bytes, size_, file_);
    if (::fdatasync(descriptor_) != 0)
      fail("cannot flush", file_);
  } catch (const std::system_error&) {
    damaged_ = ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0;
    throw;
  }
  size_ += bytes.size();
}

void journal::replace(const std::vector<std::string>& records) {
  open_new(records);
}

} // namespace salamander::storage
