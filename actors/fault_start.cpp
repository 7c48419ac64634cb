#include <salamander/actors/fault_start.hpp>

#include <salamander/actors/log.hpp>

#include <fmt/format.h>

#include <fstream>

namespace salamander::actors {

std::shared_ptr<fault_director> start_faults(const config& settings, const core::master_url& master,
                                             std::function<std::int64_t(std::uint32_t, int)> signal,
                                             std::shared_ptr<std::atomic<std::uint64_t>> refused_messages) {
  fault_setup setup;
  setup.plan = testing::plan_of(settings);
  if (setup.plan.empty() && settings.get("salamander.faults.report") == "false")
    return nullptr;
  testing::check_possible(setup.plan, master);
  setup.executors = master.executors;
  setup.refused_messages = std::move(refused_messages);
  setup.log = [](const std::string& text) { log(log_level::warn, text); };
  if (master.how != core::master_url::kind::local)
    setup.signal = std::move(signal);
  return std::make_shared<fault_director>(std::move(setup));
}

void print_faults(const config& settings, const fault_director& director) {
  const auto where = settings.get("salamander.faults.report");
  if (where == "false" || where == "observe")
    return;
  const auto text = director.report().text();
  if (where == "true")
    fmt::print(stderr, "{}", text);
  else if (std::ofstream file(where, std::ios::binary); !(file << text).flush())
    log(log_level::error, fmt::format("the report of injected faults could not be written to {}", where));
}

} // namespace salamander::actors
