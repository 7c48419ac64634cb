// Lines of settings: of the defaults file, of SALAMANDER_CONF and of the tool's properties files.
#pragma once

#include <functional>
#include <istream>
#include <string>
#include <string_view>

namespace salamander::core {

/// Calls take(key, value) for each line "key value" or "key=value", in order; empty lines and those that begin with # are none.
/// `source`: what errors call the input. Errors: errc::bad_config_value for another line; those that `take` throws, with the line before
/// their text.
void read_config_lines(std::istream& lines, const std::string& source, const std::function<void(std::string_view, std::string_view)>& take);

} // namespace salamander::core
