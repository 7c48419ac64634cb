// How output is written.
#pragma once

#include <salamander/rdd/output_file.hpp>

#include <functional>
#include <string>

namespace salamander::core {

struct output_way {
  bool anew = false;                     ///< what an earlier start of this driver has left of the same output goes
  std::string attempts = {};             ///< name of the directory for attempts; empty: _temporary
  std::string seal = {};                 ///< contents of _SUCCESS
  std::function<bool()> still_ours = {}; ///< false: the output has become another's; empty: it cannot
  bool sync = false;                     ///< salamander.files.syncOutput: what counts is on the disk, not only in the system's memory
  const disk_calls* disk = &system_disk();
};

} // namespace salamander::core
