// The log: lines on standard error, through spdlog.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace salamander::actors {

enum class log_level { trace, debug, info, warn, error, off };

/// Errors: errc::bad_config_value for a name that is none of the levels.
log_level parse_log_level(std::string_view name);
void set_log_level(log_level least);
/// `who` appears in each line: "driver", "executor 3".
void set_log_name(std::string who);
/// Called before each line, by the thread that writes it: clears a progress bar. Empty: nothing.
void set_log_preamble(std::function<void()> clear);
/// Threads: any.
void log(log_level level, const std::string& text);

} // namespace salamander::actors
