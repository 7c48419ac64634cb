// What a saved dataset must look like; used by the job and by the harness, which looks at what killed drivers left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace chaos {

inline constexpr std::uint32_t saved_partitions = 6;

/// The line of record x.
std::string saved_line(std::int64_t seed, std::int64_t x);

std::filesystem::path saved_path(const std::filesystem::path& output, std::uint32_t job);

/// What is wrong with a directory that should hold the whole dataset; "" if nothing is.
std::string check_saved(const std::filesystem::path& directory, std::int64_t seed);

/// What is wrong with a directory whose job failed: it should be gone. "" if it is.
std::string check_not_saved(const std::filesystem::path& directory);

/// What is wrong with a directory whose driver died, perhaps just then: _SUCCESS only with all parts, and every part whole.
std::string check_abandoned(const std::filesystem::path& directory, std::int64_t seed);

} // namespace chaos
