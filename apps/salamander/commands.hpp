// The subcommands of the command line tool. Each adds itself to the tool and runs, when it was chosen, before parsing returns.
#pragma once

#include <CLI/CLI.hpp>

namespace salamander::tool {

/// Exit codes of all subcommands; `submit` in client mode passes on the one of the program.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

void add_master(CLI::App& tool, int& exit_code);
void add_worker(CLI::App& tool, int& exit_code);
void add_submit(CLI::App& tool, int& exit_code);
void add_status(CLI::App& tool, int& exit_code);
void add_kill(CLI::App& tool, int& exit_code);
void add_logs(CLI::App& tool, int& exit_code);
void add_keygen(CLI::App& tool, int& exit_code);
void add_version(CLI::App& tool, int& exit_code);

} // namespace salamander::tool
