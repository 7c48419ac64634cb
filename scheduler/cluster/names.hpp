// Names that come from other processes and become names of files here, or keys in tables: what they may look like.
#pragma once

#include <salamander/scheduler/cluster/protocol.hpp>

#include <string_view>

namespace salamander::scheduler::cluster {

/// Identifiers of applications and drivers: 1 to 128 of a-z, 0-9 and '-'; never a path, never hidden.
bool is_cluster_id(std::string_view text) noexcept;

/// 64 lower-case hex digits.
bool is_sha256(std::string_view text) noexcept;

/// A file name without a folder: 1 to 255 bytes, not "." or "..", no '/' and no control characters.
bool is_file_name(std::string_view text) noexcept;

/// So many names of earlier workers a worker reports.
inline constexpr std::size_t worker_names_max = 16;

/// "worker-..." and a file name.
bool is_worker_name(std::string_view text) noexcept;

/// Why such a file cannot be stored; empty: it can.
std::string what_is_wrong_with(const stored_file& file);

} // namespace salamander::scheduler::cluster
