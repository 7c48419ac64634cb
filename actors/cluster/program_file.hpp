// Files that an application sends to its cluster, named by what is in them.
#pragma once

#include <salamander/actors/cluster/messages.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

namespace salamander::actors {

struct program_file {
  cluster::stored_file what;
  std::filesystem::path path;
};

/// Reads a file once for its digest. Errors: errc::input_not_found, errc::io_error.
program_file describe_file(const std::filesystem::path& path, const std::string& name);

/// Errors: errc::io_error when it cannot be read any more, or has become shorter.
piece read_piece(const program_file& from, std::uint64_t offset);

/// 32 hex digits at random: the same application or submission when it is said again.
std::string random_token();

/// Sends files piece by piece, each when the one before was stored. Threads: any.
class file_sender {
public:
  explicit file_sender(std::function<void(piece)> send) : send_(std::move(send)) {}

  /// Begins with those that are not under way yet.
  void send(const std::vector<program_file>& files, const std::vector<cluster::stored_file>& missing);
  /// Goes on. Returns why it cannot; empty: all is well.
  std::string stored(const piece_stored& answer);
  /// The receiver is another one now: whatever was under way begins again when it is missed.
  void forget();

private:
  std::string send_piece(const std::string& sha256, std::uint64_t offset);

  const std::function<void(piece)> send_;
  std::mutex mutex_;
  std::map<std::string, program_file> under_way_;
};

} // namespace salamander::actors
