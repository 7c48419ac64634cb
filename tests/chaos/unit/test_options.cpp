// What the command line asks for.
#include <doctest/doctest.h>

#include "harness/options.hpp"

#include <iterator>
#include <sstream>

namespace {

using namespace chaos;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

} // namespace

TEST_CASE("seeds are a list, and each of them is a whole number") {
  CHECK(read_options({}).seeds == std::vector<std::uint64_t>{1});
  CHECK(read_options({"--seed", "7"}).seeds == std::vector<std::uint64_t>{7});
  CHECK(read_options({"--seed", "7,11,0x10"}).seeds == std::vector<std::uint64_t>{7, 11, 16});
  for (const char* const wrong : {"", ",", "7,,8", "7,x", "-1", "1.5"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(read_options({"--seed", wrong}), std::invalid_argument);
  }
}

TEST_CASE("what cannot be understood is refused") {
  CHECK_THROWS_AS(read_options({"--sed", "7"}), std::invalid_argument);
  CHECK_THROWS_AS(read_options({"--seed"}), std::invalid_argument);
  CHECK_THROWS_AS(read_options({"--intensity", "0"}), std::invalid_argument);
}

TEST_CASE("the command printed after a failure begins where the failed episode began") {
  chaos_options failed;
  failed.intensity = 2.5;
  const auto command = words_of(replay_command(failed, 42, {7, 3, 130}));
  const auto again = read_options({command.begin() + 1, command.end()});
  CHECK(again.seeds == std::vector<std::uint64_t>{42});
  CHECK(again.intensity == 2.5);
  CHECK(again.first.episode == 7);
  CHECK(again.first.application == 3);
  CHECK(again.first.job == 130);
  CHECK(again.episodes == 1);
}
