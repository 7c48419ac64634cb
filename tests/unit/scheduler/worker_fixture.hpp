// A worker's state machine with orders made in a line, and its decisions by kind.
#pragma once

#include <salamander/scheduler/cluster/worker.hpp>

#include <doctest/doctest.h>

namespace worker_test {

using namespace std::chrono_literals;
using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;
using machine = worker_machine;
using actions = std::vector<machine::action>;

inline constexpr const char* app = "app-20261121225500-0001";

inline stored_file program(char digit = '1') {
  return {"program", std::string(64, digit), 1000};
}

inline executor_order executor(std::uint32_t number, std::uint32_t cores = 1, const char* of = app) {
  return {of, number, 7000 + number, cores, 1 << 20, false, "launch", {program()}, {}};
}

inline driver_order driver(std::uint32_t attempt = 1, const char* id = "driver-20261121225500-0001") {
  return {id, attempt, 1, 1 << 20, "launch", {program('2')}, {}};
}

inline process_key key_of(const executor_order& one) {
  return {false, one.application, one.executor, one.incarnation};
}
inline process_key key_of(const driver_order& one) {
  return {true, one.driver, one.attempt, 0};
}

template <class Action>
std::vector<Action> of(const actions& all) {
  std::vector<Action> found;
  for (const auto& one : all)
    if (const auto* match = std::get_if<Action>(&one))
      found.push_back(*match);
  return found;
}

struct worker {
  worker() : it(limits()) {
    tell(machine::master_found{});
  }

  static machine::limits limits() {
    machine::limits made;
    made.worker = "worker-a-0000000000000001";
    made.host = "a";
    made.cores = 4;
    made.memory_bytes = 1 << 30;
    return made;
  }

  actions tell(const machine::event& what) {
    auto all = it.handle(what, now);
    for (const auto& one : of<machine::send_report>(all))
      report = one.report;
    return all;
  }
  /// Orders that considered the newest report.
  worker_orders orders(std::vector<executor_order> executors, std::vector<driver_order> drivers = {}) {
    return {term, report.sequence, false, "", std::move(executors), std::move(drivers), applications, ++number};
  }
  actions order(std::vector<executor_order> executors, std::vector<driver_order> drivers = {}) {
    return tell(machine::orders_came{orders(std::move(executors), std::move(drivers))});
  }
  actions fetched(char digit = '1') {
    return tell(machine::file_ready{std::string(64, digit)});
  }
  actions started(const process_key& key) {
    return tell(machine::process_started{key});
  }
  actions ended(const process_key& key, process_end how = process_end::failed, std::int32_t code = 137) {
    return tell(machine::process_ended{key, how, code, "killed by signal 9 (Killed)", "where it was"});
  }
  actions pass(duration time) {
    now += time;
    return tell(machine::tick{});
  }
  /// Until it runs.
  void run(const executor_order& one) {
    order({one});
    fetched();
    started(key_of(one));
    pass(1s);
  }

  machine it;
  time_point now{1000s};
  std::uint64_t term = 1;
  std::uint64_t number = 0;
  std::vector<std::string> applications{app};
  worker_report report;
};

} // namespace worker_test
