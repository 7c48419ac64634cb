#include "trace.hpp"

namespace salamander::sim {

void trace::print(time_point now, std::string_view what, std::initializer_list<std::int64_t> numbers) {
  const auto since = now - beginning;
  std::string line = std::string(what);
  for (const auto number : numbers)
    line += " " + std::to_string(number);
  std::printf("%11.6f  %s\n", std::chrono::duration<double>(since).count(), line.c_str());
}

} // namespace salamander::sim
