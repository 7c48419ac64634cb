#include <salamander/storage/kept_file.hpp>

#include <salamander/storage/crc32c.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace salamander::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "SALKEPT1";
constexpr std::size_t fixed_bytes = 32;
constexpr std::size_t entry_bytes = 12;
constexpr std::size_t checksum_bytes = 4;

[[noreturn]] void fail(const char* what, const fs::path& path) {
  throw std::system_error(errno, std::generic_category(), std::string(what) + " " + path.string());
}

template <class Integer>
void put(std::vector<std::byte>& out, Integer value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

template <class Integer>
Integer get(std::span<const std::byte> from) {
  Integer value = 0;
  for (std::size_t i = sizeof value; i-- > 0;)
    value = static_cast<Integer>((value << 8) | static_cast<Integer>(from[i]));
  return value;
}

std::size_t head_bytes(std::size_t blocks, std::size_t notes) {
  return fixed_bytes + blocks * entry_bytes + notes + checksum_bytes;
}

} // namespace

kept_writer::kept_writer(fs::path path, std::size_t blocks, std::size_t notes_bytes)
    : path_(std::move(path)), blocks_(blocks), notes_bytes_(notes_bytes), end_(head_bytes(blocks, notes_bytes)) {
  auto pattern = path_.string() + ".XXXXXX";
  descriptor_ = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (descriptor_ < 0)
    fail("cannot make a file beside", path_);
  temporary_ = std::move(pattern);
  entries_.reserve(blocks);
}

kept_writer::~kept_writer() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
  if (!temporary_.empty())
    ::unlink(temporary_.c_str());
}

void kept_writer::write(std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      fail("cannot write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void kept_writer::add(std::span<const std::byte> bytes) {
  write(bytes, end_);
  end_ += bytes.size();
  entries_.push_back({bytes.size(), crc32c(bytes)});
}

void kept_writer::add_empty() {
  entries_.push_back({kept_reader::no_records, 0});
}

bool kept_writer::commit(std::uint64_t fingerprint, std::span<const std::byte> notes) {
  if (entries_.size() != blocks_ || notes.size() != notes_bytes_)
    throw std::logic_error("a file of kept blocks is committed with other contents than it was begun for");
  std::vector<std::byte> head;
  head.reserve(head_bytes(blocks_, notes_bytes_));
  for (const char letter : magic)
    head.push_back(static_cast<std::byte>(letter));
  put<std::uint64_t>(head, blocks_);
  put<std::uint64_t>(head, notes_bytes_);
  put<std::uint64_t>(head, fingerprint);
  for (const auto& one : entries_) {
    put(head, one.length);
    put(head, one.checksum);
  }
  head.insert(head.end(), notes.begin(), notes.end());
  put(head, crc32c(head));
  write(head, 0);
  if (::close(std::exchange(descriptor_, -1)) != 0)
    fail("cannot write", path_);
  // A second name, not another one: a rename would replace what is there. The destructor takes the first one away.
  if (::link(temporary_.c_str(), path_.c_str()) == 0)
    return true;
  if (errno != EEXIST)
    fail("cannot name", path_);
  return false;
}

kept_reader::kept_reader(const fs::path& path) : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
  if (descriptor_ < 0)
    fail("cannot open", path_);
  try {
    read_head();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

kept_reader::~kept_reader() {
  ::close(descriptor_);
}

void kept_reader::read_head() {
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0)
    fail("cannot read", path_);
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  std::vector<std::byte> head(fixed_bytes);
  read(head, 0);
  if (std::memcmp(head.data(), magic.data(), magic.size()) != 0)
    damaged("it does not begin as such files do");
  const std::span<const std::byte> fixed(head);
  const auto blocks = get<std::uint64_t>(fixed.subspan(8));
  const auto notes = get<std::uint64_t>(fixed.subspan(16));
  fingerprint_ = get<std::uint64_t>(fixed.subspan(24));
  if (blocks > blocks_max || notes > notes_bytes_max || head_bytes(blocks, notes) > size)
    damaged("it is shorter than it says");
  head.resize(head_bytes(blocks, notes));
  read(std::span(head).subspan(fixed_bytes), fixed_bytes);
  const auto checked = head.size() - checksum_bytes;
  const std::span<const std::byte> all(head);
  if (crc32c(all.first(checked)) != get<std::uint32_t>(all.subspan(checked)))
    damaged("its beginning has changed since it was written");
  entries_.reserve(blocks);
  auto offset = static_cast<std::uint64_t>(head.size());
  for (std::size_t i = 0; i < blocks; ++i) {
    const auto at = all.subspan(fixed_bytes + i * entry_bytes);
    entries_.push_back({get<std::uint64_t>(at), get<std::uint32_t>(at.subspan(8)), offset});
    if (bytes_of(i) > size - offset)
      damaged("it is shorter than its blocks");
    offset += bytes_of(i);
  }
  const auto begin = all.subspan(checked - notes, notes);
  notes_.assign(begin.begin(), begin.end());
}

std::optional<std::vector<std::byte>> kept_reader::block(std::size_t index) const {
  const auto& one = entries_[index];
  if (one.length == no_records)
    return std::nullopt;
  std::vector<std::byte> bytes(one.length);
  read(bytes, one.offset);
  if (crc32c(bytes) != one.checksum)
    damaged("a block has changed since it was written");
  return bytes;
}

void kept_reader::read(std::span<std::byte> into, std::uint64_t offset) const {
  while (!into.empty()) {
    const auto got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      fail("cannot read", path_);
    if (got == 0)
      damaged("it ends too early");
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

void kept_reader::damaged(const char* how) const {
  throw std::runtime_error(path_.string() + " is damaged: " + how);
}

} // namespace salamander::storage
