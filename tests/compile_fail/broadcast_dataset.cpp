// expect: salamander: a dataset cannot be broadcast
#include <salamander/salamander.hpp>

void define(const salamander::context& sc, const salamander::rdd<std::int64_t>& numbers) {
  static_cast<void>(sc.broadcast(numbers));
}
