#include <salamander/rdd/launcher.hpp>

namespace salamander {

const char* to_string(launch_state state) noexcept {
  switch (state) {
  case launch_state::submitted:
    return "SUBMITTED";
  case launch_state::waiting:
    return "WAITING";
  case launch_state::running:
    return "RUNNING";
  case launch_state::finished:
    return "FINISHED";
  case launch_state::failed:
    return "FAILED";
  case launch_state::killed:
    return "KILLED";
  case launch_state::lost:
    return "LOST";
  }
  return "UNKNOWN";
}

bool is_final(launch_state state) noexcept {
  return state == launch_state::finished || state == launch_state::failed || state == launch_state::killed || state == launch_state::lost;
}

} // namespace salamander
