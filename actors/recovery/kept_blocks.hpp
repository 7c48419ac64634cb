// An executor's side of what a run keeps for a driver that is started again: map outputs and cached partitions as files that all machines
// can read.
#pragma once

#include <salamander/actors/executor_runtime.hpp>
#include <salamander/storage/kept_file.hpp>

#include <atomic>
#include <list>
#include <mutex>

namespace salamander::actors {

/// Names of files in the directory of one computation.
std::string kept_output_name(std::uint32_t map_partition);
std::string kept_cached_name(std::uint32_t partition);
std::string kept_added_name(std::uint32_t partition);
/// The partition that the name of such a file says; nothing for files of another kind, which is what `name_of` makes names for.
std::optional<std::uint32_t> kept_partition(const std::string& name, std::string (*name_of)(std::uint32_t));

/// What was added to accumulators, as the notes of a file, and back. Errors: errc::corrupt_data.
core::byte_buffer notes_of(const contributed_values& added);
contributed_values read_notes(const core::byte_buffer& notes);

/// Work goes on when a disk fails: what could not be kept is computed again, and the first such failure is told. A file that was found
/// damaged is removed, so that it is written again.
/// Threads: any. `place`: the directory of a computation; it is made when it is first written to.
class kept_blocks {
public:
  explicit kept_blocks(std::function<void(const std::string&)> warn) : warn_(std::move(warn)) {}

  /// True: it lies in a file now, and whoever asks for it will find it. False also when another attempt was first: its contents need not be
  /// the same. Errors: none.
  bool write_output(const std::string& place, std::uint32_t map_partition,
                    const std::vector<std::shared_ptr<const core::block_object>>& blocks, std::uint64_t fingerprint,
                    const contributed_values& added) noexcept;
  bool write_cached(const std::string& place, std::uint32_t partition, const core::block_object& records) noexcept;
  bool write_added(const std::string& place, std::uint32_t partition, const contributed_values& added) noexcept;

  /// Nothing for a block without records. Errors: std::exception saying why it cannot be had.
  std::optional<core::byte_buffer> output_block(const std::string& place, std::uint32_t map_partition, std::uint32_t reduce_partition);
  std::optional<core::byte_buffer> cached_block(const std::string& place, std::uint32_t partition);

private:
  /// Of files read lately: a shuffle's reader would open each of them once for each of its tasks.
  struct open_file {
    std::string path;
    std::uint64_t inode = 0;
    std::shared_ptr<const storage::kept_reader> reader;
  };
  static constexpr std::size_t open_files_max = 128;

  std::shared_ptr<const storage::kept_reader> open(const std::string& path);
  void warn(const std::string& place, const char* why) noexcept;
  template <class Read>
  std::optional<core::byte_buffer> read(const std::string& path, Read&& read);
  template <class Write>
  bool attempt(const std::string& place, Write&& write) noexcept;

  const std::function<void(const std::string&)> warn_;
  std::atomic<bool> warned_{false};
  std::mutex mutex_;
  std::list<open_file> open_; ///< most recently used first
};

} // namespace salamander::actors
