#include <salamander/scheduler/cluster/file_fetches.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;
using machine = file_fetches;

namespace {

const std::string name(64, 'a');

struct fetched {
  explicit fetched(bool connected = true) {
    if (connected)
      tell(machine::line_found{});
  }
  std::vector<machine::action> tell(const machine::event& what) {
    return it.handle(what, now);
  }
  std::vector<machine::action> want(std::uint64_t bytes = 100) {
    return tell(machine::wanted{{"words.txt", name, bytes}});
  }
  std::vector<machine::action> come(std::uint64_t offset, std::uint64_t size = 40, std::uint64_t total = 100) {
    return tell(machine::piece_came{name, offset, total, size});
  }
  std::vector<machine::action> pass(duration time) {
    now += time;
    return tell(machine::tick{});
  }

  machine it;
  time_point now{1000s};
};

template <class Action>
std::vector<Action> of(const std::vector<machine::action>& all) {
  std::vector<Action> found;
  for (const auto& one : all)
    if (const auto* match = std::get_if<Action>(&one))
      found.push_back(*match);
  return found;
}

} // namespace

TEST_CASE("a file is asked for piece by piece until it is complete") {
  fetched it;
  auto all = it.want();
  REQUIRE(of<machine::ask_piece>(all).size() == 1);
  CHECK(of<machine::ask_piece>(all)[0].offset == 0);
  all = it.come(0);
  CHECK_FALSE(of<machine::keep_piece>(all).at(0).last);
  CHECK(of<machine::ask_piece>(all).at(0).offset == 40);
  it.come(40);
  all = it.come(80, 20);
  CHECK(of<machine::keep_piece>(all).at(0).last);
  CHECK(of<machine::ask_piece>(all).empty());
  CHECK(it.come(80, 20).empty());
}

TEST_CASE("a file that is being fetched is not begun again, and one that was fetched may be") {
  fetched it;
  it.want();
  CHECK(of<machine::ask_piece>(it.want()).empty());
  it.come(0, 100);
  CHECK(of<machine::ask_piece>(it.want()).size() == 1);
}

TEST_CASE("a piece that was lost is asked for again, and one that comes twice is kept once") {
  fetched it;
  it.want();
  CHECK(of<machine::ask_piece>(it.pass(4900ms)).empty());
  CHECK(of<machine::ask_piece>(it.pass(100ms)).at(0).offset == 0);
  CHECK(of<machine::keep_piece>(it.come(0)).size() == 1);
  CHECK(of<machine::keep_piece>(it.come(0)).empty());
}

TEST_CASE("another master is asked for what is missing") {
  fetched it;
  it.want();
  it.come(0);
  it.tell(machine::line_lost{});
  CHECK(of<machine::ask_piece>(it.pass(60s)).empty());
  CHECK(of<machine::ask_piece>(it.tell(machine::line_found{})).at(0).offset == 40);
}

TEST_CASE("what is wanted while there is no line is asked for when there is one") {
  fetched it(false);
  CHECK(it.want().empty());
  CHECK(of<machine::ask_piece>(it.tell(machine::line_found{})).size() == 1);
}

TEST_CASE("a master that does not have a file is asked again for a minute") {
  fetched it;
  it.want();
  for (int i = 0; i < 120; ++i) {
    CHECK(of<machine::failed>(it.come(0, 0, 0)).empty());
    CHECK(of<machine::ask_piece>(it.pass(500ms)).size() == 1);
  }
  CHECK(of<machine::failed>(it.come(0, 0, 0)).at(0).reason == "no master has words.txt");
  CHECK(it.come(0).empty());
}

TEST_CASE("a file of another length than was said is refused") {
  for (const auto& [size, total] : {std::pair{40U, 99U}, {0U, 100U}, {101U, 100U}}) {
    fetched it;
    it.want();
    CHECK(of<machine::failed>(it.come(0, size, total)).size() == 1);
  }
}

TEST_CASE("a file that could not be kept is not asked for any more") {
  fetched it;
  it.want();
  it.tell(machine::dropped{name});
  CHECK(it.come(0).empty());
  CHECK(it.pass(60s).empty());
}
