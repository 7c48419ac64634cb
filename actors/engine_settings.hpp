// What an application's settings mean for its processes.
#pragma once

#include <salamander/actors/executor_runtime.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/rdd/config.hpp>

namespace salamander::actors {

/// Bytes of the first of these settings that is there; else half of what this machine has to give.
std::uint64_t memory_of(const config& settings, std::initializer_list<const char*> keys);

/// How blocks are fetched; everything else as it is by default.
executor_options fetch_options(const config& settings);

watch_limits watch_of(const config& settings);

/// What all executors of an application have in common. Cores, memory, directory and address are for the caller.
executor_spec common_spec(const config& settings);

/// Environment variables that executors get beside their machine's own: for stores, and salamander.executorEnv.*.
std::vector<std::pair<std::string, std::string>> wanted_environment(const config& settings);

/// This process's environment with the wanted variables, for executors on this machine.
std::vector<std::string> executor_environment(const config& settings);

} // namespace salamander::actors
