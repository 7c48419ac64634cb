// How output is written.
#pragma once

#include <salamander/rdd/output_file.hpp>

namespace salamander::core {

struct output_way {
  bool anew = false; ///< what an earlier start of this driver has left of the same output goes
  bool sync = false; ///< salamander.files.syncOutput: what counts is on the disk, not only in the system's memory
  const disk_calls* disk = &system_disk();
};

} // namespace salamander::core
