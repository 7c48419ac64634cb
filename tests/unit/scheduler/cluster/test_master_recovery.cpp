#include "master_fixture.hpp"

#include <doctest/doctest.h>

using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;

namespace {

/// Two workers, an application with four executors, a supervised driver; running.
struct running_cluster : model_cluster {
  running_cluster() {
    add_worker("a", 4);
    add_worker("b", 4);
    driver_id = submit("d", program(true));
    add_driver("x", wish(1, 4));
    run(5s);
    before = application_driver().last;
  }
  model_driver& application_driver() {
    return drivers["x"];
  }
  std::uint64_t killed() {
    return workers["a"].killed + workers["b"].killed;
  }

  std::string driver_id;
  application_grants before;
};

std::set<std::uint32_t> numbers(const std::vector<granted_executor>& all) {
  std::set<std::uint32_t> found;
  for (const auto& one : all)
    found.insert(one.executor);
  return found;
}

} // namespace

TEST_CASE("the first master of all has nothing to wait for") {
  model_cluster it;
  CHECK_FALSE(it.it->recovering());
}

TEST_CASE("a new master learns from reports what runs: nothing is killed, nothing started, nobody renamed") {
  running_cluster it;
  it.lead();
  CHECK(it.it->recovering());
  it.run(1s);
  CHECK_FALSE(it.it->recovering());
  it.run(4s);
  CHECK(it.killed() == 0);
  CHECK(it.application_driver().last.id == it.before.id);
  CHECK(numbers(it.application_driver().living()) == numbers(it.before.executors));
  CHECK(it.application_driver().cores() == 4);
  CHECK(it.status(it.driver_id).state == driver_state::running);
  CHECK(it.status(it.driver_id).attempts == 1);
  CHECK(it.application_driver().last.term == 2);
}

TEST_CASE("while a master recovers, its orders and grants say that their lists mean nothing") {
  running_cluster it;
  it.lead();
  it.report(it.workers["a"]);
  CHECK(it.workers["a"].last.recovering);
  CHECK(it.workers["a"].last.executors.empty());
  it.report(it.application_driver());
  CHECK(it.application_driver().last.recovering);
  CHECK(it.application_driver().last.introduce);
}

TEST_CASE("a master takes submissions while it recovers") {
  running_cluster it;
  it.lead();
  CHECK(it.it->recovering());
  const auto submitted = it.submit("e", it.program());
  CHECK_FALSE(submitted.empty());
  CHECK(it.status(submitted).reason == "it waits: the master has just begun, and hears first who is there");
  const auto& fresh = it.add_driver("y", model_cluster::wish(1, 1));
  CHECK(fresh.last.id.ends_with("-0001"));
}

TEST_CASE("a new master does not wait for ever, and a worker that comes late keeps what runs there") {
  running_cluster it;
  it.workers["b"].up = false;
  it.lead();
  it.run(3s);
  CHECK_FALSE(it.it->recovering());
  it.run(2s);
  it.heal(it.workers["b"]);
  it.run(3s);
  CHECK(it.workers["b"].killed == 0); // what was started instead ends, if it is too much
  CHECK(it.application_driver().cores() == 4);
  CHECK(it.status(it.driver_id).attempts == 1);
}

TEST_CASE("a worker that never comes back is dead after its time, and what ran there is lost") {
  running_cluster it;
  it.worker_with(it.driver_id).up = false;
  it.add_worker("c", 4);
  it.lead();
  it.run(20s);
  CHECK(it.status(it.driver_id).attempts == 2);
  CHECK(it.status(it.driver_id).state == driver_state::running);
}

TEST_CASE("executors of an application that has not come back are kept and counted as used until its time is over") {
  running_cluster it;
  it.drivers["x"].connected = false;
  it.lead();
  it.run(5s);
  it.add_driver("y", model_cluster::wish(1));
  it.run(2s);
  CHECK(it.drivers["y"].cores() == 3); // 8 less 4 executors and the driver
  CHECK(it.killed() == 0);
  it.run(40s);
  CHECK(it.killed() == 0);
  it.run(20s);
  CHECK(it.killed() == 4);
  CHECK(it.drivers["y"].cores() == 7);
}

TEST_CASE("numbers of executors go on where no former master can have been") {
  running_cluster it;
  it.lead();
  it.run(5s);
  it.workers["a"].end(it.before.id, it.workers["a"].executors.begin()->first.second, process_end::failed, "killed by signal 9");
  it.run(3s);
  CHECK(*numbers(it.application_driver().living()).rbegin() >= 100);
  CHECK(it.application_driver().cores() == 4);
}

TEST_CASE("an executor that ended while no master led is reported to its driver") {
  running_cluster it;
  auto& worker = it.workers["a"];
  const auto number = worker.executors.begin()->first.second;
  it.application_driver().buries = false;
  worker.end(it.before.id, number, process_end::failed, "killed by signal 9");
  it.lead();
  it.run(1s);
  const auto& all = it.application_driver().last.executors;
  const auto at = std::ranges::find_if(all, [&](const auto& one) { return one.executor == number; });
  REQUIRE(at != all.end());
  CHECK(at->reason == "killed by signal 9");
}

TEST_CASE("a submitted driver that was written down and not started yet is started by the next master, once") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  worker.up = false; // the order is lost
  const auto id = it.submit("d", it.program());
  worker.up = true;
  it.lead();
  it.run(3s);
  CHECK(it.status(id).state == driver_state::running);
  CHECK(it.status(id).attempts == 1);
}

TEST_CASE("a driver whose kill was asked of a former master is killed by the next one") {
  running_cluster it;
  auto& worker = it.worker_with(it.driver_id);
  worker.up = false;
  it.tell(master::kill_asked{9, 1, it.driver_id, "enough"});
  worker.up = true;
  it.lead();
  it.run(2s);
  CHECK(it.status(it.driver_id).state == driver_state::killed);
  CHECK(worker.drivers.empty());
}

TEST_CASE("what is over stays over for the next master") {
  running_cluster it;
  it.tell(master::kill_asked{9, 1, it.before.id, "enough"});
  it.lead();
  it.run(1s);
  CHECK(it.application_driver().last.ended == "enough");
  CHECK(it.application(it.before.id).state == application_state::killed);
}

TEST_CASE("a snapshot says the same as the journal that it replaces") {
  running_cluster it;
  it.tell(master::kill_asked{9, 1, it.before.id, "enough"});
  it.add_driver("y", model_cluster::wish(1, 2));
  it.submit("e", it.program());
  it.run(3s);
  const auto before = it.it->summary(it.now);
  it.journal = it.it->snapshot();
  it.lead();
  it.run(3s);
  const auto after = it.it->summary(it.now);
  REQUIRE(after.applications.size() == before.applications.size());
  for (std::size_t at = 0; at < before.applications.size(); ++at) {
    CHECK(after.applications[at].id == before.applications[at].id);
    CHECK(after.applications[at].state == before.applications[at].state);
    CHECK(after.applications[at].cores == before.applications[at].cores);
  }
  REQUIRE(after.drivers.size() == before.drivers.size());
  for (std::size_t at = 0; at < before.drivers.size(); ++at) {
    CHECK(after.drivers[at].driver == before.drivers[at].driver);
    CHECK(after.drivers[at].state == before.drivers[at].state);
    CHECK(after.drivers[at].attempts == before.drivers[at].attempts);
  }
  CHECK(it.it->snapshot().size() == it.journal.size());
  CHECK(it.submit("f", it.program()).ends_with("-0002"));
}

TEST_CASE("running applications survive even a journal that is lost") {
  running_cluster it;
  it.journal.clear();
  it.launches.clear();
  it.lead();
  CHECK(it.it->recovering());
  it.run(5s);
  CHECK(it.workers["a"].executors.size() + it.workers["b"].executors.size() == 4);
  CHECK(it.killed() == 0);
  CHECK(it.application_driver().last.id == it.before.id);
  CHECK(it.application_driver().last.ended.empty());
  CHECK(it.application_driver().cores() == 4);
}

TEST_CASE("two fail-overs one after the other do no harm") {
  running_cluster it;
  it.lead();
  it.report(it.workers["a"]);
  it.lead();
  it.run(5s);
  CHECK(it.killed() == 0);
  CHECK(it.application_driver().cores() == 4);
}
