#include <salamander/scheduler/cluster/protocol.hpp>

namespace salamander::scheduler::cluster {

const char* text_of(driver_state state) noexcept {
  switch (state) {
  case driver_state::submitted:
    return "SUBMITTED";
  case driver_state::running:
    return "RUNNING";
  case driver_state::relaunching:
    return "RELAUNCHING";
  case driver_state::finished:
    return "FINISHED";
  case driver_state::failed:
    return "FAILED";
  case driver_state::killed:
    return "KILLED";
  case driver_state::error:
    return "ERROR";
  }
  return "UNKNOWN";
}

const char* text_of(application_state state) noexcept {
  switch (state) {
  case application_state::waiting:
    return "WAITING";
  case application_state::running:
    return "RUNNING";
  case application_state::finished:
    return "FINISHED";
  case application_state::failed:
    return "FAILED";
  case application_state::killed:
    return "KILLED";
  }
  return "UNKNOWN";
}

const char* text_of(worker_state state) noexcept {
  switch (state) {
  case worker_state::alive:
    return "ALIVE";
  case worker_state::silent:
    return "SILENT";
  case worker_state::leaving:
    return "DECOMMISSIONED";
  case worker_state::left:
    return "LEFT";
  case worker_state::dead:
    return "DEAD";
  }
  return "UNKNOWN";
}

const char* text_of(master_state state) noexcept {
  switch (state) {
  case master_state::standby:
    return "STANDBY";
  case master_state::recovering:
    return "RECOVERING";
  case master_state::leading:
    return "ALIVE";
  }
  return "UNKNOWN";
}

} // namespace salamander::scheduler::cluster
