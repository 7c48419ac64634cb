// An append-only file of records that is whole after any crash.
//
//   file:    "SALJRNL1"  record*
//   record:  u32 length | u32 CRC-32C of length and bytes | bytes          (little endian)
//
// Each writer in a row of them has a file of its own, journal-<term>: what a former one still writes changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace salamander::storage {

/// What a directory's newest journal says.
struct journal_contents {
  std::vector<std::string> records;
  std::uint64_t term = 0;           ///< of the file; 0: there was none
  std::vector<std::string> notices; ///< what was cut off or passed over, for an operator
};

/// Reads the newest journal that is one. A record that was not written completely, or is damaged, ends it: that one and all after it are
/// left out, and a notice says so. Errors: std::system_error when the directory or a file cannot be read.
journal_contents read_newest_journal(const std::filesystem::path& directory);

/// Of all journals in a directory, also of those that cannot be read; 0: there is none. Errors: std::system_error.
std::uint64_t newest_journal_term(const std::filesystem::path& directory);

/// Threads: one at a time. Faults: a write that failed is taken back, so that later records can be read; when even that is impossible
/// nothing more is appended before `replace`.
class journal {
public:
  static constexpr std::size_t record_bytes_max = 4U << 20;

  /// Begins journal-<term> with these records: written beside, flushed, renamed, and the directory flushed; then removes all older ones
  /// but the newest of them. Errors: std::system_error.
  journal(std::filesystem::path directory, std::uint64_t term, const std::vector<std::string>& records);
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;
  ~journal();

  /// On return the records are on the disk. Errors: std::system_error (a full disk: std::errc::no_space_on_device); none of them counts
  /// then. std::length_error for a record that is too long.
  void append(const std::vector<std::string>& records);
  /// Puts these in place of all that was said so far. Errors: as the constructor; what was said so far stays then.
  void replace(const std::vector<std::string>& records);

  std::uint64_t size_bytes() const noexcept {
    return size_;
  }
  /// Of the file as it was begun or replaced: what is beyond may be compacted away.
  std::uint64_t begun_bytes() const noexcept {
    return begun_;
  }

private:
  void open_new(const std::vector<std::string>& records);

  std::filesystem::path directory_;
  std::filesystem::path file_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t begun_ = 0;
  bool damaged_ = false;
};

} // namespace salamander::storage
