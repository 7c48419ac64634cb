#include <salamander/actors/recovery/kept_blocks.hpp>

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

std::string numbered(const char* kind, std::uint32_t number) {
  return fmt::format("{}-{:05}", kind, number);
}

/// 0: there is none.
std::uint64_t inode_of(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

} // namespace

std::string kept_output_name(std::uint32_t map_partition) {
  return numbered("map", map_partition);
}

std::string kept_cached_name(std::uint32_t partition) {
  return numbered("rdd", partition);
}

std::string kept_added_name(std::uint32_t partition) {
  return numbered("added", partition);
}

std::optional<std::uint32_t> kept_partition(const std::string& name, std::string (*name_of)(std::uint32_t)) {
  std::uint32_t number = 0;
  const auto digits = name.find('-') + 1; // all of it where there is none
  const auto [at, failed] = std::from_chars(name.data() + digits, name.data() + name.size(), number);
  return failed == std::errc() && name == name_of(number) ? std::optional(number) : std::nullopt;
}

core::byte_buffer notes_of(const contributed_values& added) {
  core::byte_buffer notes;
  core::byte_writer out(notes);
  out.varint(added.size());
  for (const auto& [accumulator, value] : added) {
    core::byte_buffer bytes;
    if (value.object)
      value.object->encode(bytes);
    const auto& encoded = value.object ? bytes : *value.bytes;
    out.varint(accumulator);
    out.varint(encoded.size());
    out.raw(encoded.data(), encoded.size());
  }
  return notes;
}

contributed_values read_notes(const core::byte_buffer& notes) {
  core::byte_reader in(notes);
  contributed_values added(in.count(2));
  for (auto& [accumulator, value] : added) {
    accumulator = in.varint32();
    const auto size = in.count();
    const auto* const from = in.raw(size);
    value.bytes = std::make_shared<const core::byte_buffer>(from, from + size);
  }
  if (in.left() != 0)
    core::byte_reader::corrupt("what was added to accumulators is longer than it says");
  return added;
}

void kept_blocks::warn(const std::string& place, const char* why) noexcept {
  if (warned_.exchange(true) || !warn_)
    return;
  try {
    warn_(fmt::format("some of what tasks compute is not kept in {} for a driver that is started again: {} (told once)", place, why));
  } catch (...) {
    return; // it is only a warning
  }
}

template <class Write>
bool kept_blocks::attempt(const std::string& place, Write&& write) noexcept {
  try {
    fs::create_directories(place);
    return write();
  } catch (const std::exception& failure) {
    warn(place, failure.what());
  } catch (...) { // of a user's packing code
    warn(place, "an exception of unknown type");
  }
  return false;
}

bool kept_blocks::write_output(const std::string& place, std::uint32_t map_partition,
                               const std::vector<std::shared_ptr<const core::block_object>>& blocks, std::uint64_t fingerprint,
                               const contributed_values& added) noexcept {
  return attempt(place, [&] {
    const auto notes = notes_of(added);
    storage::kept_writer file(fs::path(place) / kept_output_name(map_partition), blocks.size(), notes.size());
    core::byte_buffer bytes;
    for (const auto& one : blocks) {
      if (!one) {
        file.add_empty();
        continue;
      }
      bytes.clear();
      one->encode(bytes);
      file.add(bytes);
    }
    return file.commit(fingerprint, notes);
  });
}

bool kept_blocks::write_cached(const std::string& place, std::uint32_t partition, const core::block_object& records) noexcept {
  return attempt(place, [&] {
    storage::kept_writer file(fs::path(place) / kept_cached_name(partition), 1, 0);
    core::byte_buffer bytes;
    records.encode(bytes);
    file.add(bytes);
    return file.commit(0, {});
  });
}

bool kept_blocks::write_added(const std::string& place, std::uint32_t partition, const contributed_values& added) noexcept {
  return attempt(place, [&] {
    const auto notes = notes_of(added);
    storage::kept_writer file(fs::path(place) / kept_added_name(partition), 0, notes.size());
    return file.commit(0, notes);
  });
}

template <class Read>
std::optional<core::byte_buffer> kept_blocks::read(const std::string& path, Read&& read) {
  try {
    return read();
  } catch (const std::system_error&) {
    throw; // it may be there again the next time
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    std::error_code ignored;
    fs::remove(path, ignored);
    throw;
  }
}

std::optional<core::byte_buffer> kept_blocks::output_block(const std::string& place, std::uint32_t map_partition,
                                                           std::uint32_t reduce_partition) {
  const auto path = place + "/" + kept_output_name(map_partition);
  return read(path, [&] {
    const auto file = open(path);
    if (reduce_partition >= file->blocks())
      core::throw_error(errc::corrupt_data, fmt::format("{} has no block {}", path, reduce_partition));
    return file->block(reduce_partition);
  });
}

std::optional<core::byte_buffer> kept_blocks::cached_block(const std::string& place, std::uint32_t partition) {
  const auto path = place + "/" + kept_cached_name(partition);
  return read(path, [&] {
    const storage::kept_reader file(path);
    if (file.blocks() != 1)
      core::throw_error(errc::corrupt_data, path + " is no cached partition");
    return file.block(0);
  });
}

std::shared_ptr<const storage::kept_reader> kept_blocks::open(const std::string& path) {
  const auto inode = inode_of(path); // another one than before: it was written again, with other contents perhaps
  {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find_if(open_, [&](const open_file& one) { return one.path == path && one.inode == inode; });
    if (at != open_.end()) {
      open_.splice(open_.begin(), open_, at);
      return at->reader;
    }
  }
  auto reader = std::make_shared<const storage::kept_reader>(path);
  const std::lock_guard lock(mutex_);
  open_.push_front({path, inode, reader});
  if (open_.size() > open_files_max)
    open_.pop_back();
  return reader;
}

} // namespace salamander::actors
