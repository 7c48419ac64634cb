#include "asking.hpp"

#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/rdd/config.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace salamander::tool {

void say_trouble(const std::string& why) {
  fmt::print(stderr, "salamander: no master answers yet ({}); asking on for {} s in all\n", why, answer_max.count());
}

void add_cluster_options(CLI::App& command, asked_cluster& into) {
  command.add_option("--master", into.master, "salamander://host:port[,host:port...]; default: SALAMANDER_MASTER");
  command.add_option("--credentials", into.credentials, "the folder \"client\" that keygen made; default: SALAMANDER_CREDENTIALS");
}

nlohmann::json exit_code_of(const scheduler::cluster::driver_summary& driver) {
  using scheduler::cluster::driver_state;
  // Of one that was killed, never ran, or was lost with its worker nobody knows it.
  const bool known = driver.state == driver_state::finished || driver.state == driver_state::failed;
  return known ? nlohmann::json(driver.exit_code) : nlohmann::json();
}

bool is_over(scheduler::cluster::driver_state state) noexcept {
  using scheduler::cluster::driver_state;
  return state == driver_state::finished || state == driver_state::failed || state == driver_state::killed || state == driver_state::error;
}

std::unique_ptr<actors::submitter> line_to(const asked_cluster& where) {
  const config settings;
  const auto master = where.master.empty() ? settings.get("salamander.master", "") : where.master;
  const auto credentials = where.credentials.empty() ? settings.get("salamander.credentials", "") : where.credentials;
  if (!master.starts_with("salamander://"))
    throw CLI::ValidationError("--master", "name the cluster: --master salamander://host:port, or SALAMANDER_MASTER");
  if (credentials.empty())
    throw CLI::ValidationError("--credentials", "name the folder of credentials that keygen made, or set SALAMANDER_CREDENTIALS");
  return std::make_unique<actors::submitter>(credentials, actors::masters_of(master), answer_max, say_trouble);
}

} // namespace salamander::tool
