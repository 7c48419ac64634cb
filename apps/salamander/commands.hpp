// The subcommands of the command line tool. Each adds itself to the tool and runs, when it was chosen, before parsing returns.
#pragma once

#include <salamander/scheduler/cluster/protocol.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

namespace salamander::tool {

/// Exit codes of all subcommands; `submit` in client mode passes on the one of the program.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// Null while there is none: it has not ended, or never ran.
nlohmann::json exit_code_of(const scheduler::cluster::driver_summary& driver);

/// A check of an option: a whole number in these limits. Else the error says the option, the value and the limits.
CLI::Validator whole_number(std::uint64_t min, std::uint64_t max);

void add_master(CLI::App& tool, int& exit_code);
void add_worker(CLI::App& tool, int& exit_code);
void add_submit(CLI::App& tool, int& exit_code);
void add_status(CLI::App& tool, int& exit_code);
void add_kill(CLI::App& tool, int& exit_code);
void add_logs(CLI::App& tool, int& exit_code);
void add_keygen(CLI::App& tool, int& exit_code);
void add_version(CLI::App& tool, int& exit_code);

} // namespace salamander::tool
