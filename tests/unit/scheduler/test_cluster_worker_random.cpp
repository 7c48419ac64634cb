// A worker against a model of a master over a line that loses, repeats and delays messages, with processes that take their time.
#include "worker_fixture.hpp"

#include <cstdlib>
#include <deque>
#include <random>
#include <utility>

using namespace worker_test;

namespace {

/// What the master wants, under one term; a successor begins with what the worker reports.
struct model_master {
  std::uint64_t term = 1;
  std::map<process_key, executor_order> wanted;
  std::map<process_key, process_state> reported;
  std::uint64_t considered = 0;
  std::uint64_t number = 0;

  void consider(const worker_report& report) {
    if (report.sequence <= considered)
      return;
    considered = report.sequence;
    auto before = std::exchange(reported, {});
    for (const auto& one : report.executors)
      reported[{false, one.application, one.executor, one.incarnation}] = one.state;
    for (const auto& [key, state] : reported)
      if (state == process_state::ended)
        wanted.erase(key);
  }
  worker_orders orders() {
    worker_orders made{term, considered, false, "", {}, {}, {app}, ++number};
    for (const auto& [key, order] : wanted) {
      made.executors.push_back(order);
      if (reported.contains(key)) {
        made.executors.back().launch.clear();
        made.executors.back().program.clear();
      }
    }
    return made;
  }
};

class disorder {
public:
  explicit disorder(std::uint64_t seed) : random_(seed), it_(worker::limits()) {
    tell(machine::master_found{});
  }

  void run() {
    for (int step = 0; step < 1500; ++step) {
      now_ += std::chrono::milliseconds(below(60));
      any_step();
      check();
    }
    settle();
  }

private:
  std::uint64_t below(std::uint64_t bound) {
    return random_() % bound;
  }
  bool chance(std::uint64_t percent) {
    return below(100) < percent;
  }

  void any_step() {
    switch (below(8)) {
    case 0:
      return want_more();
    case 1:
      return want_less();
    case 2:
      return some_process_does_something();
    case 3:
      return tell(chance(50) ? machine::event(machine::master_lost{}) : machine::event(machine::master_found{}));
    case 4:
      if (chance(5))
        succeed();
      return;
    default:
      deliver();
      tell(machine::tick{});
    }
  }

  void want_more() {
    std::uint32_t used = 0;
    for (const auto& [key, order] : master_.wanted)
      used += order.cores;
    auto one = executor(next_++, static_cast<std::uint32_t>(1 + below(3)));
    one.incarnation = random_();
    if (used + one.cores <= 4)
      master_.wanted[key_of(one)] = one;
    say();
  }
  void want_less() {
    if (master_.wanted.empty())
      return;
    master_.wanted.erase(std::next(master_.wanted.begin(), static_cast<long>(below(master_.wanted.size()))));
    say();
  }
  /// Another master leads; what the worker does not report it does not know.
  void succeed() {
    master_ = {};
    master_.term = ++term_;
    master_.considered = newest_.sequence;
    for (const auto& one : newest_.executors)
      if (one.state != process_state::ended) {
        auto order = executor(one.executor, one.cores);
        order.incarnation = one.incarnation;
        order.launch.clear();
        order.program.clear();
        master_.wanted[key_of(order)] = order;
        master_.reported[key_of(order)] = one.state;
      }
    say();
  }
  void say() {
    to_worker_.push_back(master_.orders());
  }

  void deliver() {
    if (!to_worker_.empty()) {
      const auto at = std::next(to_worker_.begin(), static_cast<long>(chance(70) ? 0 : below(to_worker_.size())));
      const auto orders = *at;
      if (!chance(20)) // it comes again
        to_worker_.erase(at);
      if (!chance(20)) // it is lost
        tell(machine::orders_came{orders});
    }
    if (!to_master_.empty()) {
      const auto at = std::next(to_master_.begin(), static_cast<long>(chance(70) ? 0 : below(to_master_.size())));
      const auto report = *at;
      if (!chance(20))
        to_master_.erase(at);
      if (!chance(20)) {
        master_.consider(report);
        say();
      }
    }
    while (to_worker_.size() > 20)
      to_worker_.pop_front();
    while (to_master_.size() > 20)
      to_master_.pop_front();
  }

  void some_process_does_something() {
    if (fetching_ && chance(50)) {
      fetching_ = false;
      if (chance(90))
        return tell(machine::file_ready{program().sha256});
      return tell(machine::file_failed{program().sha256, "lost"});
    }
    if (living_.empty())
      return;
    const auto at = std::next(living_.begin(), static_cast<long>(below(living_.size())));
    const auto key = at->first;
    if (!std::exchange(at->second, true))
      return tell(machine::process_started{key});
    if (!killed_.contains(key) && !chance(20))
      return;
    living_.erase(at);
    tell(machine::process_ended{key, process_end::failed, 1, "exited with code 1", ""});
  }

  void tell(const machine::event& what) {
    for (const auto& one : it_.handle(what, now_)) {
      if (const auto* report = std::get_if<machine::send_report>(&one)) {
        newest_ = report->report;
        to_master_.push_back(report->report);
      } else if (std::get_if<machine::fetch_file>(&one)) {
        CHECK_FALSE(fetching_);
        fetching_ = true;
      } else if (const auto* start = std::get_if<machine::start_process>(&one)) {
        CHECK(started_.insert(start->process).second); // nothing is started twice
        CHECK(start->launch == "launch");
        living_[start->process] = false;
      } else if (const auto* kill = std::get_if<machine::kill_process>(&one)) {
        CHECK(living_.contains(kill->process));
        killed_.insert(kill->process);
      }
    }
  }

  void check() {
    CHECK(it_.cores_used() <= 4);
    std::set<std::uint32_t> numbers;
    for (const auto& [key, running] : living_)
      CHECK(numbers.insert(key.number).second);
  }

  /// With a line that works again, what is ordered runs, and nothing else.
  void settle() {
    to_worker_.clear();
    to_master_.clear();
    tell(machine::master_found{});
    for (int round = 0; round < 400; ++round) {
      now_ += std::chrono::milliseconds(100);
      tell(machine::tick{});
      for (auto& report : std::exchange(to_master_, {}))
        master_.consider(report);
      tell(machine::orders_came{master_.orders()});
      if (std::exchange(fetching_, false))
        tell(machine::file_ready{program().sha256});
      for (const auto& [key, running] : std::map(living_)) {
        if (killed_.contains(key)) {
          living_.erase(key);
          tell(machine::process_ended{key, process_end::failed, 1, "exited with code 1", ""});
        } else if (!std::exchange(living_[key], true)) {
          tell(machine::process_started{key});
        }
      }
    }
    REQUIRE(living_.size() == master_.wanted.size());
    for (const auto& [key, order] : master_.wanted)
      CHECK(living_.contains(key));
    CHECK(newest_.executors.size() == living_.size());
  }

  std::mt19937_64 random_;
  time_point now_{1000s};
  machine it_;
  model_master master_;
  std::uint64_t term_ = 1;
  std::uint32_t next_ = 1;
  worker_report newest_;
  std::deque<worker_orders> to_worker_;
  std::deque<worker_report> to_master_;
  bool fetching_ = false;
  std::map<process_key, bool> living_; ///< whether its start was told
  std::set<process_key> started_;
  std::set<process_key> killed_;
};

} // namespace

TEST_CASE("whatever happens to messages, what is ordered runs, what is not is ended, and nothing is started twice") {
  std::uint64_t first = 1;
  std::uint64_t count = 200;
  if (const auto* one = std::getenv("SALAMANDER_SEED")) {
    first = std::strtoull(one, nullptr, 10);
    count = 1;
  }
  for (auto seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    disorder(seed).run();
  }
}
