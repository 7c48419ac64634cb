// compiles
#include <salamander/salamander.hpp>

namespace sal = salamander;

struct point {
  double x = 0;
  std::string name;
};

void define(const sal::rdd<std::int64_t>& numbers) {
  const std::int64_t factor = 3;
  const std::string prefix = "n";
  numbers.map([factor](std::int64_t n) { return n * factor; });
  numbers.map(sal::bind_front([](const std::string& p, std::int64_t n) { return p + std::to_string(n); }, prefix));
  numbers.map([](std::int64_t n) { return point{static_cast<double>(n), "p"}; }).collect();
}
