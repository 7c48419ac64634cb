#include "commands.hpp"

#include <fmt/format.h>

#include <charconv>

namespace salamander::tool {

CLI::Validator whole_number(std::uint64_t min, std::uint64_t max) {
  return {[=](std::string& text) {
            std::uint64_t value = 0;
            const auto* const end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, value);
            if (parsed.ec == std::errc() && parsed.ptr == end && value >= min && value <= max)
              return std::string();
            return fmt::format("\"{}\" is not possible; write a whole number from {} to {}", text, min, max);
          },
          fmt::format("{} to {}", min, max)};
}

} // namespace salamander::tool
