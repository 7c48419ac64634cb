// A fire drill for a word count: first through faults of our own choice, then through one fault of every kind.
// The guide docs/testing_faults.md explains it line by line.
#include <salamander/salamander.hpp>
#include <salamander/testing.hpp>

#include <iostream>
#include <map>
#include <string>

namespace sal = salamander;
namespace faults = salamander::testing;

namespace {

// The job under test: takes a context, returns its answer.
std::map<std::string, std::int64_t> count_words(sal::context& sc) {
  const auto counts = sc.parallelize({"fire", "water", "fire", "air", "earth", "water", "fire", "ash"}, 6)
                          .map([](const std::string& word) {
                            return std::pair{word, std::int64_t{1}};
                          })
                          .reduce_by_key(std::plus<>{}, 4)
                          .collect_as_map();
  return {counts.begin(), counts.end()};
}

void chosen_faults() {
  faults::fault_plan plan(42); // the seed
  plan.with(faults::kill_executor().at_stage(1))
      .with(faults::throw_task().stage(0).partition(3))
      .with(faults::corrupt_block(faults::blocks::shuffle).probability(0.5));

  auto settings = sal::config{}.set_app_name("fault drill").set_master("local-cluster[3,1,256]").set("salamander.log.level", "off");
  sal::context sc{faults::with_faults(settings, plan)};
  for (const auto& [word, count] : count_words(sc))
    std::cout << word << ' ' << count << '\n';
  std::cout << faults::report(sc);
}

bool any_one_fault() {
  const auto verdict = faults::survives_any_one_fault(count_words);
  std::cout << verdict;
  return static_cast<bool>(verdict);
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv); // first line: the executors are this same program
  chosen_faults();
  return any_one_fault() ? 0 : 1;
}
