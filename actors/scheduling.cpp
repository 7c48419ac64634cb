#include <salamander/actors/scheduling.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/pools.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace salamander::actors {
namespace {

std::uint32_t count_of(const config& settings, const char* key) {
  return static_cast<std::uint32_t>(settings.get_int(key));
}

double number_above(const config& settings, const char* key, double least, double most) {
  const auto value = settings.get_double(key);
  if (!(value > least && value <= most))
    core::throw_error(errc::bad_config_value,
                      fmt::format("bad value {} for {}: expected more than {} and at most {}", settings.get(key), key, least, most));
  return value;
}

scheduler::speculation_options speculation(const config& settings) {
  scheduler::speculation_options options;
  options.enabled = settings.get_bool("salamander.speculation");
  options.interval = settings.get_time("salamander.speculation.interval");
  options.multiplier = number_above(settings, "salamander.speculation.multiplier", 0, 1e6);
  options.quantile = number_above(settings, "salamander.speculation.quantile", 0, 1);
  options.task_run_time_min = settings.get_time("salamander.speculation.minTaskRuntime");
  options.tasks_min = count_of(settings, "salamander.speculation.minTasks");
  return options;
}

scheduler::exclusion_options exclusion(const config& settings) {
  const auto on = [&](const char* key) { return settings.get_bool(settings.contains(key) ? key : "salamander.excludeOnFailure.enabled"); };
  scheduler::exclusion_options options;
  options.tasks_and_stages = on("salamander.excludeOnFailure.taskAndStage.enabled");
  options.application = on("salamander.excludeOnFailure.application.enabled");
  options.task_attempts_per_executor_max = count_of(settings, "salamander.excludeOnFailure.task.maxTaskAttemptsPerExecutor");
  options.task_attempts_per_node_max = count_of(settings, "salamander.excludeOnFailure.task.maxTaskAttemptsPerNode");
  options.stage_failed_tasks_per_executor_max = count_of(settings, "salamander.excludeOnFailure.stage.maxFailedTasksPerExecutor");
  options.stage_failed_executors_per_node_max = count_of(settings, "salamander.excludeOnFailure.stage.maxFailedExecutorsPerNode");
  options.application_failed_tasks_per_executor_max =
      count_of(settings, "salamander.excludeOnFailure.application.maxFailedTasksPerExecutor");
  options.application_failed_executors_per_node_max =
      count_of(settings, "salamander.excludeOnFailure.application.maxFailedExecutorsPerNode");
  options.timeout = settings.get_time("salamander.excludeOnFailure.timeout");
  options.kill_excluded = settings.get_bool("salamander.excludeOnFailure.killExcludedExecutors");
  options.fetch_failures = settings.get_bool("salamander.excludeOnFailure.application.fetchFailure.enabled");
  options.unschedulable_timeout = settings.get_time("salamander.scheduler.excludeOnFailure.unschedulableTaskSetTimeout");
  return options;
}

scheduler::handover_options handover(const config& settings) {
  scheduler::handover_options options;
  options.enabled = settings.get_bool("salamander.storage.decommission.enabled");
  options.cached = settings.get_bool("salamander.storage.decommission.rddBlocks.enabled");
  options.map_outputs = settings.get_bool("salamander.storage.decommission.shuffleBlocks.enabled");
  options.at_once_max = count_of(settings, "salamander.storage.decommission.shuffleBlocks.maxThreads");
  options.failures_max = count_of(settings, "salamander.storage.decommission.maxReplicationFailuresPerBlock");
  options.retry_wait = settings.get_time("salamander.storage.decommission.replicationReattemptInterval");
  return options;
}

scheduler::barrier_options barriers(const config& settings, const core::master_url& master, std::uint32_t task_cpus) {
  scheduler::barrier_options options;
  options.slots_check_interval = settings.get_time("salamander.scheduler.barrier.maxConcurrentTasksCheck.interval");
  options.slots_check_failures_max = count_of(settings, "salamander.scheduler.barrier.maxConcurrentTasksCheck.maxFailures");
  const bool local = master.how == core::master_url::kind::local;
  options.slots_max = (local ? 1 : master.executors) * (master.cores / task_cpus); // executors are replaced, and never more
  return options;
}

std::vector<scheduler::pool_options> declared_pools(const config& settings) {
  const auto path = settings.find("salamander.scheduler.allocation.file");
  if (!path)
    return {};
  std::ifstream file(*path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || std::filesystem::is_directory(*path))
    core::throw_error(errc::input_not_found,
                      fmt::format("cannot read {} (salamander.scheduler.allocation.file): {}", *path, std::strerror(errno)));
  return scheduler::parse_pools(text, *path);
}

} // namespace

scheduler::scheduler_options scheduling_options(const config& settings, const core::master_url& master) {
  const bool local = master.how == core::master_url::kind::local;
  scheduler::scheduler_options options;
  options.task_failures_max = local ? master.task_failures_max : count_of(settings, "salamander.task.maxFailures");
  options.stage_attempts_max = count_of(settings, "salamander.stage.maxConsecutiveAttempts");
  options.locality_wait = settings.get_time("salamander.locality.wait");
  options.result_bytes_max = settings.get_bytes("salamander.driver.maxResultSize");
  options.task_cpus = count_of(settings, "salamander.task.cpus");
  if (options.task_cpus > master.cores)
    core::throw_error(errc::bad_config_value, fmt::format("a task takes {} cores (salamander.task.cpus), and an executor has {}: no task "
                                                          "could ever run; lower the one or raise the other",
                                                          options.task_cpus, master.cores));
  if (options.task_cpus > 1)
    options.lookahead_tasks_max = 0; // executors begin what they get at once, on any core
  options.speculation = speculation(settings);
  options.exclusion = exclusion(settings);
  options.exclusion.kill_possible = !local;
  options.barrier = barriers(settings, master, options.task_cpus);
  options.handover = handover(settings);
  options.fair = settings.get("salamander.scheduler.mode") == "fair";
  options.pools = declared_pools(settings);
  return options;
}

std::optional<scheduler::allocation_options> allocation_of(const config& settings, const core::master_url& master) {
  if (!settings.get_bool("salamander.dynamicAllocation.enabled"))
    return std::nullopt;
  if (master.how != core::master_url::kind::cluster) {
    log(log_level::warn, "salamander.dynamicAllocation.enabled is ignored: a local master has all its executors from the start");
    return std::nullopt;
  }
  scheduler::allocation_options options;
  const auto refuse = [](const std::string& text) { core::throw_error(errc::bad_config_value, text); };
  options.executors_min = count_of(settings, "salamander.dynamicAllocation.minExecutors");
  if (settings.contains("salamander.dynamicAllocation.maxExecutors"))
    options.executors_max = count_of(settings, "salamander.dynamicAllocation.maxExecutors");
  if (options.executors_min > options.executors_max)
    refuse(fmt::format("salamander.dynamicAllocation.minExecutors ({}) must be less than or equal to "
                       "salamander.dynamicAllocation.maxExecutors ({}): lower the one or raise the other",
                       options.executors_min, options.executors_max));
  options.executors_initial = options.executors_min;
  if (settings.contains("salamander.dynamicAllocation.initialExecutors")) {
    options.executors_initial = count_of(settings, "salamander.dynamicAllocation.initialExecutors");
    if (options.executors_initial < options.executors_min || options.executors_initial > options.executors_max)
      refuse(
          fmt::format("salamander.dynamicAllocation.initialExecutors ({}) must lie between salamander.dynamicAllocation.minExecutors ({}) "
                      "and salamander.dynamicAllocation.maxExecutors ({})",
                      options.executors_initial, options.executors_min, options.executors_max));
  }
  options.ratio = number_above(settings, "salamander.dynamicAllocation.executorAllocationRatio", 0, 1);
  options.backlog_timeout = settings.get_time("salamander.dynamicAllocation.schedulerBacklogTimeout");
  options.sustained_timeout = settings.contains("salamander.dynamicAllocation.sustainedSchedulerBacklogTimeout")
                                  ? settings.get_time("salamander.dynamicAllocation.sustainedSchedulerBacklogTimeout")
                                  : options.backlog_timeout;
  options.idle_timeout = settings.get_time("salamander.dynamicAllocation.executorIdleTimeout");
  if (settings.contains("salamander.dynamicAllocation.cachedExecutorIdleTimeout"))
    options.cached_idle_timeout = settings.get_time("salamander.dynamicAllocation.cachedExecutorIdleTimeout");
  const auto hand = handover(settings);
  options.hands_over = hand.enabled && hand.cached && hand.map_outputs;
  if (settings.contains("salamander.executor.cores"))
    options.slots_expected = std::max(1U, count_of(settings, "salamander.executor.cores") / count_of(settings, "salamander.task.cpus"));
  return options;
}

} // namespace salamander::actors
