#include <salamander/actors/redial_pauses.hpp>

#include <doctest/doctest.h>

#include <map>

using namespace std::chrono_literals;
using salamander::actors::redial_pauses;

TEST_CASE("pauses grow up to their limit, each between half and one and a half of what it would be without chance") {
  redial_pauses pauses({50ms, 500ms}, 7);
  for (const auto nominal : {50ms, 100ms, 200ms, 400ms, 500ms, 500ms}) {
    const auto pause = pauses.next();
    CHECK(pause >= nominal / 2);
    CHECK(pause <= nominal * 3 / 2);
  }
  pauses.restart();
  CHECK(pauses.next() <= 75ms);
}

TEST_CASE("the same seed gives the same pauses, another one others") {
  redial_pauses one({50ms, 500ms}, 7);
  redial_pauses same({50ms, 500ms}, 7);
  redial_pauses other({50ms, 500ms}, 8);
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const auto pause = one.next();
    CHECK(same.next() == pause);
    differs = differs || other.next() != pause;
  }
  CHECK(differs);
}

TEST_CASE("a thousand that lose the same peer at once do not dial at once, and less so each time they fail") {
  std::map<int, std::map<std::chrono::milliseconds, int>> dialling; // by attempt, when
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    redial_pauses pauses({50ms, 500ms}, seed);
    auto at = 0ms;
    for (int attempt = 0; attempt < 5; ++attempt)
      ++dialling[attempt][at += pauses.next()];
  }
  const auto most = [&](int attempt) {
    int found = 0;
    for (const auto& [when, count] : dialling[attempt])
      found = std::max(found, count);
    return found;
  };
  CHECK(most(0) < 50); // without chance all of them
  CHECK(most(4) < 15);
}
