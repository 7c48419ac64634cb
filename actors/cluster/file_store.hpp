// Files by what is in them: programs and what comes with them, between those who submit and those who run.
#pragma once

#include <salamander/actors/cluster/messages.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

namespace salamander::actors {

/// A private directory of files named by their SHA-256. A file gets its name only when all of it has come and its digest is right. No
/// name of a peer's ever becomes a path.
/// Limits: `bytes_max` for all files, complete or on their way; those used last stay. Threads: one at a time.
class file_store {
public:
  using clock = std::chrono::steady_clock;

  /// Makes `directory` (mode 0700) if it is not there, and forgets what did not come completely. Errors: errc::io_error.
  file_store(std::filesystem::path directory, std::uint64_t bytes_max);
  file_store(file_store&&) = delete;
  ~file_store();

  /// Those that are not complete. From now on they may be sent. Errors: none; a file that can never fit is refused when it comes.
  std::vector<cluster::stored_file> missing(const std::vector<cluster::stored_file>& wanted);
  bool has(const std::string& sha256) const;

  /// Takes the next piece of a file that was missing. The answer says how far it has come, so that whoever sends can go on there after
  /// any trouble; `failure`: why it will not come further.
  piece_stored take(const piece& one);
  /// A piece of a complete file; `total` 0: there is none.
  piece give(const fetch_piece& asked);

  /// Removes files that nobody uses, those first that were used longest ago, until there is room for `bytes` more.
  /// False: there is none.
  bool make_room(std::uint64_t bytes, const std::set<std::string>& in_use);
  /// Asked before a file is removed for another one.
  void keep(std::set<std::string> in_use) {
    in_use_ = std::move(in_use);
  }
  std::uint64_t bytes() const noexcept {
    return bytes_;
  }

private:
  struct partial;
  struct entry {
    std::uint64_t bytes = 0;
    std::uint64_t used = 0; ///< order of the last use
  };

  std::filesystem::path path_of(const std::string& sha256) const;
  void expect(const cluster::stored_file& what);
  std::string begin(partial& one);
  std::string add(partial& one, const std::string& bytes);
  std::string finish(partial& one);
  void forget(const std::string& sha256);

  const std::filesystem::path directory_;
  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0; ///< of complete ones and reserved for those on their way
  std::uint64_t uses_ = 0;
  std::map<std::string, entry> files_;
  std::map<std::string, std::unique_ptr<partial>> expected_;
  std::set<std::string> in_use_;
};

} // namespace salamander::actors
