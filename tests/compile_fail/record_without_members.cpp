// expect: MSGPACK_DEFINE(members...)
#include <salamander/salamander.hpp>

class account {
public:
  account() = default;
  explicit account(std::string owner) : owner_(std::move(owner)) {}

private:
  std::string owner_;
};

void define(const salamander::rdd<std::int64_t>& numbers) {
  numbers.map([](std::int64_t n) { return account(std::to_string(n)); }).collect();
}
