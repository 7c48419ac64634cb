// Network, mounts and processes of its own for this process and all that it starts.
#pragma once

#include <cstdint>
#include <filesystem>

namespace chaos {

/// Goes on in namespaces of its own, if it may: nothing else talks over the loopback, mounts end with the process, and so does every
/// other process in there, stopped ones too, however it ends. Needs root; false without. When true, this is another process: the
/// one that called waits for it and ends as it does. Call it before the first thread.
/// Errors: std::system_error when something fails that root should be able to do.
bool isolate();

/// A file system in memory. Requires: isolate() was true. Errors: std::system_error.
void mount_memory(const std::filesystem::path& at, std::uint64_t bytes);

/// Takes all room that is left on a file system, in the file `filler`; give it back by removing the file.
/// Returns how many bytes were taken.
std::uint64_t fill_up(const std::filesystem::path& filler);

} // namespace chaos
