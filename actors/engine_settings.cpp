#include <salamander/actors/engine_settings.hpp>

#include <salamander/actors/memory_budget.hpp>
#include <salamander/actors/messages.hpp>
#include <salamander/actors/stores/store_settings.hpp>

#include <unistd.h>

#include <algorithm>

namespace salamander::actors {
namespace {

constexpr std::string_view environment_prefix = "salamander.executorEnv.";

} // namespace

std::uint64_t memory_of(const config& settings, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (settings.contains(key))
      return settings.get_bytes(key);
  return available_memory_bytes() / 2;
}

executor_options fetch_options(const config& settings) {
  executor_options options;
  options.fetch_bytes_in_flight_max = settings.get_bytes("salamander.reducer.maxSizeInFlight");
  options.fetch_attempts_max = 1 + static_cast<std::uint32_t>(settings.get_int("salamander.shuffle.io.maxRetries"));
  options.fetch_retry_wait = settings.get_time("salamander.shuffle.io.retryWait");
  return options;
}

watch_limits watch_of(const config& settings) {
  watch_limits limits;
  if (settings.contains("salamander.task.timeout"))
    limits.timeout = settings.get_time("salamander.task.timeout");
  limits.kill_grace = settings.get_time("salamander.task.killGrace");
  limits.progress_warning = settings.get_time("salamander.task.progressWarning");
  return limits;
}

executor_spec common_spec(const config& settings) {
  const auto fetch = fetch_options(settings);
  executor_spec spec;
  spec.protocol = protocol_version;
  spec.fetch_bytes_in_flight_max = fetch.fetch_bytes_in_flight_max;
  spec.fetch_attempts_max = fetch.fetch_attempts_max;
  spec.fetch_retry_wait_ms = static_cast<std::uint64_t>(fetch.fetch_retry_wait.count());
  spec.heartbeat_interval_ms = static_cast<std::uint64_t>(settings.get_time("salamander.executor.heartbeatInterval").count());
  spec.dead_timeout_ms = static_cast<std::uint64_t>(settings.get_time("salamander.executor.deadTimeout").count());
  spec.register_timeout_ms = static_cast<std::uint64_t>(settings.get_time("salamander.cluster.registerTimeout").count());
  const auto watch = watch_of(settings);
  spec.task_timeout_ms = static_cast<std::uint64_t>(watch.timeout.count());
  spec.task_kill_grace_ms = static_cast<std::uint64_t>(watch.kill_grace.count());
  spec.task_progress_warning_ms = static_cast<std::uint64_t>(watch.progress_warning.count());
  spec.log_level = settings.get("salamander.log.level");
  return spec;
}

std::vector<std::pair<std::string, std::string>> wanted_environment(const config& settings) {
  auto wanted = environment_of(store_settings_of(settings));
  for (const auto& [key, value] : settings.get_all())
    if (key.starts_with(environment_prefix))
      wanted.emplace_back(key.substr(environment_prefix.size()), value);
  return wanted;
}

std::vector<std::string> executor_environment(const config& settings) {
  const auto wanted = wanted_environment(settings);
  std::vector<std::string> all;
  for (char** one = ::environ; *one; ++one) {
    const std::string_view entry(*one);
    const auto name = entry.substr(0, entry.find('='));
    if (name != spec_variable && std::ranges::none_of(wanted, [&](const auto& setting) { return setting.first == name; }))
      all.emplace_back(entry);
  }
  for (const auto& [name, value] : wanted)
    all.push_back(name + '=' + value);
  return all;
}

} // namespace salamander::actors
