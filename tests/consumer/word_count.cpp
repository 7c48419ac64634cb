// A program of somebody else: uses what an application may use and nothing more.
#include <salamander/salamander.hpp>
#include <salamander/testing.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

namespace sal = salamander;

int main(int argc, char** argv) {
  sal::init(argc, argv);
  sal::context sc{sal::config{}.set_app_name("consumer")};
  const auto counts = sc.text_file(argv[1])
                          .flat_map([](const std::string& line) { return sal::words(line); })
                          .map([](std::string word) {
                            return std::pair{std::move(word), std::int64_t{1}};
                          })
                          .reduce_by_key(std::plus<>{});
  for (const auto& [word, n] : counts.top(2, sal::by_value))
    std::cout << word << ' ' << n << '\n';
  return sal::testing::report(sc).injected_total == 0 ? 0 : 1;
}
