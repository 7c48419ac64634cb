#include "master_fixture.hpp"

#include <doctest/doctest.h>

using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;

TEST_CASE("a submitted driver runs on a worker, and ends with its exit code") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  const auto id = it.submit("d", it.program());
  CHECK(id.starts_with("driver-20261121"));
  CHECK(it.status(id).state == driver_state::submitted);
  it.run(1s);
  CHECK(it.status(id).state == driver_state::running);
  CHECK(it.status(id).worker == "worker-a");
  worker.end_driver(id, process_end::finished);
  it.run(1s);
  CHECK(it.status(id).state == driver_state::finished);
  CHECK(worker.drivers.empty());
  CHECK(it.launches.empty());
}

TEST_CASE("a token that comes again means the same driver") {
  model_cluster it;
  const auto id = it.submit("d", it.program());
  CHECK(it.submit("d", it.program()) == id);
  CHECK(it.submit("e", it.program()) != id);
  CHECK(it.it->summary(it.now).drivers.size() == 2);
}

TEST_CASE("a driver whose program is missing is not accepted before it has come") {
  model_cluster it;
  const auto what = it.program();
  it.tell(master::driver_asked{9, 1, model_cluster::token_of("d"), what, what.program});
  CHECK(it.submitted.driver.empty());
  CHECK(it.submitted.missing.size() == 1);
  CHECK(it.it->summary(it.now).drivers.empty());
}

TEST_CASE("a driver that fails is FAILED, and one that could not be started an ERROR") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  const auto failed = it.submit("d", it.program());
  const auto broken = it.submit("e", it.program());
  it.run(1s);
  worker.end_driver(failed, process_end::failed, 3);
  worker.end_driver(broken, process_end::not_started);
  it.run(1s);
  CHECK(it.status(failed).state == driver_state::failed);
  CHECK(it.status(failed).exit_code == 3);
  CHECK(it.status(broken).state == driver_state::error);
}

TEST_CASE("a driver that a worker cannot start is tried on another one, and never twice on the same") {
  model_cluster it;
  auto& first = it.add_worker("a", 8);
  auto& second = it.add_worker("b", 4);
  auto& leaving = it.add_worker("c", 2);
  leaving.leaving = true;
  it.report(leaving);
  const auto id = it.submit("d", it.program());
  REQUIRE(it.status(id).worker == "worker-a");
  first.end_driver(id, process_end::not_started);
  it.report(first);
  CHECK(it.status(id).worker == "worker-b");
  CHECK(it.status(id).attempts == 2);
  CHECK(first.drivers.empty());
  SUBCASE("where it runs, and ends") {
    it.run(1s);
    second.end_driver(id, process_end::finished);
    it.run(1s);
    CHECK(it.status(id).state == driver_state::finished);
  }
  SUBCASE("which fails, too: it is an ERROR with the last reason") {
    second.end_driver(id, process_end::not_started, 2);
    it.run(2s);
    CHECK(it.status(id).state == driver_state::error);
    CHECK(it.status(id).reason == "exited with code 2");
    CHECK(it.status(id).attempts == 2);
  }
  SUBCASE("what ran and failed is not tried again") {
    it.run(1s);
    second.end_driver(id, process_end::failed, 3);
    it.run(2s);
    CHECK(it.status(id).state == driver_state::failed);
    CHECK(it.status(id).attempts == 2);
  }
}

TEST_CASE("a driver that cannot be started anywhere is tried on so many workers, and no more") {
  master_settings settings;
  settings.driver_workers_max = 3;
  model_cluster it(settings);
  for (const auto* name : {"a", "b", "c", "d", "e"})
    it.add_worker(name);
  const auto id = it.submit("d", it.program());
  std::set<std::string> tried;
  while (it.status(id).state != driver_state::error) {
    auto& worker = it.worker_with(id);
    REQUIRE(tried.insert(worker.name).second);
    worker.end_driver(id, process_end::not_started);
    it.report(worker);
  }
  CHECK(it.status(id).attempts == 3);
  CHECK(tried.size() == 3);
}

TEST_CASE("a driver waits for a worker that has not failed to start it, as long as there is one, for the next master too") {
  model_cluster it;
  auto& full = it.add_worker("b", 4);
  const auto other = it.submit("e", it.program(false, 4));
  it.run(1s);
  REQUIRE(it.status(other).worker == "worker-b");
  auto& failing = it.add_worker("a", 4);
  const auto id = it.submit("d", it.program(false, 4));
  failing.end_driver(id, process_end::not_started);
  it.run(2s);
  CHECK(it.status(id).state == driver_state::relaunching);
  CHECK(failing.drivers.empty());
  SUBCASE("until that has room") {
    full.end_driver(other, process_end::finished);
    it.run(2s);
    CHECK(it.status(id).worker == "worker-b");
  }
  SUBCASE("until that leaves") {
    full.leaving = true;
    it.run(2s);
    CHECK(it.status(id).state == driver_state::error);
    CHECK(it.status(id).reason == "exited with code 0");
  }
  SUBCASE("until that has room, as the next master knows") {
    for (int masters = 0; masters < 2; ++masters) { // the second one from what the first one has kept
      it.lead();
      it.journal = it.it->snapshot();
    }
    it.run(4s);
    CHECK(it.status(id).state == driver_state::relaunching);
    CHECK(failing.drivers.empty());
    full.end_driver(other, process_end::finished);
    it.run(2s);
    CHECK(it.status(id).worker == "worker-b");
    CHECK(it.status(id).attempts == 2);
  }
}

TEST_CASE("a supervised driver that no worker could start is tried on all of them again, after a wait") {
  model_cluster it;
  it.add_worker("a");
  it.add_worker("b");
  const auto id = it.submit("d", it.program(true));
  auto& first = it.worker_with(id);
  first.end_driver(id, process_end::not_started);
  it.report(first);
  auto& second = it.worker_with(id);
  CHECK(second.name != first.name);
  second.end_driver(id, process_end::not_started);
  it.report(second);
  CHECK(it.status(id).state == driver_state::relaunching);
  it.run(2s);
  CHECK(it.status(id).state == driver_state::running);
  CHECK(it.status(id).attempts == 3);
}

TEST_CASE("a supervised driver that fails is started again, later each time, with another attempt") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  const auto id = it.submit("d", it.program(true));
  it.run(1s);
  for (std::uint32_t attempt = 1; attempt < 4; ++attempt) {
    CHECK(it.status(id).attempts == attempt);
    worker.end_driver(id, process_end::failed, 3);
    it.report(worker);
    CHECK(it.status(id).state == driver_state::relaunching);
    it.run(3s);
    CHECK(it.status(id).state == driver_state::running);
  }
  worker.end_driver(id, process_end::finished);
  it.run(1s);
  CHECK(it.status(id).state == driver_state::finished);
}

TEST_CASE("a supervised driver of a dead worker is started elsewhere; another one is an ERROR") {
  model_cluster it;
  it.add_worker("a");
  const auto supervised = it.submit("d", it.program(true));
  const auto other = it.submit("e", it.program());
  it.run(1s);
  auto& first = it.worker_with(supervised);
  it.add_worker("b");
  it.cut(first);
  it.run(17s);
  CHECK(it.status(supervised).state == driver_state::running);
  CHECK(it.status(supervised).worker == "worker-b");
  CHECK(it.status(other).state == driver_state::error);
  it.heal(first);
  CHECK(first.drivers.empty());
}

TEST_CASE("a killed driver is not started again, even if it is supervised, and its application ends with it") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  const auto id = it.submit("d", it.program(true));
  it.run(1s);
  auto what = model_cluster::wish(1, 1);
  what.submitted_as = id;
  auto& driver = it.add_driver("x", what);
  it.run(1s);
  it.tell(master::kill_asked{9, 1, id, "enough"});
  CHECK(it.kill_answer.done);
  it.run(2s);
  CHECK(it.status(id).state == driver_state::killed);
  CHECK(it.status(id).reason == "enough");
  CHECK(worker.drivers.empty());
  CHECK(it.application(driver.last.id).state == application_state::killed);
  CHECK(worker.executors.empty());
}

TEST_CASE("a driver that waits for room is killed at once") {
  model_cluster it;
  const auto id = it.submit("d", it.program());
  it.tell(master::kill_asked{9, 1, id, ""});
  CHECK(it.status(id).state == driver_state::killed);
}

TEST_CASE("the application of a supervised driver ends before another attempt begins") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  const auto id = it.submit("d", it.program(true));
  it.run(1s);
  auto what = model_cluster::wish(1, 1);
  what.submitted_as = id;
  const auto application = it.add_driver("x", what).last.id;
  it.run(1s);
  worker.end_driver(id, process_end::failed, 1);
  it.report(worker);
  CHECK(it.application(application).state == application_state::failed);
}

TEST_CASE("an application that said all is well has failed when its driver's process fails afterwards, for the next master too") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  const auto id = it.submit("d", it.program());
  it.run(1s);
  auto what = model_cluster::wish(1, 1);
  what.submitted_as = id;
  auto& driver = it.add_driver("x", what);
  const auto application = driver.last.id;
  it.tell(master::application_left{driver.peer, {driver.token, true, "its context was stopped"}});
  CHECK(it.application(application).state == application_state::finished);
  worker.end_driver(id, process_end::failed, 3);
  it.report(worker);
  CHECK(it.application(application).state == application_state::failed);
  CHECK(it.application(application).reason == "its driver " + id + " has ended: exited with code 3");
  it.lead();
  CHECK(it.application(application).state == application_state::failed);
}

TEST_CASE("an application's progress is what its driver said last, and is told with its driver's state") {
  model_cluster it;
  it.add_worker("a");
  const auto id = it.submit("d", it.program());
  auto what = model_cluster::wish(1, 1);
  what.submitted_as = id;
  auto& driver = it.add_driver("x", what);
  auto report = driver.report();
  report.progress = {1, 2, 1, 3, 4, 50, 60};
  it.tell(master::application_heard{driver.peer, report, {}});
  auto told = it.it->summary(it.now, id);
  REQUIRE(told.applications.size() == 1);
  CHECK(told.applications.front().submitted_as == id);
  CHECK(told.applications.front().progress.jobs_active == 1);
  CHECK(told.applications.front().progress.tasks_done == 50);
  it.tell(master::application_left{driver.peer, {driver.token, true, ""}});
  told = it.it->summary(it.now, driver.last.id);
  CHECK(told.applications.front().progress.jobs_active == 0);
  CHECK(told.applications.front().progress.jobs_done == 2);
}

TEST_CASE("more drivers than may be are refused") {
  master_settings settings;
  settings.drivers_max = 1;
  model_cluster it(settings);
  it.submit("d", it.program());
  CHECK(it.submit("e", it.program()).empty());
  CHECK(it.submitted.refused.find("--max-drivers") != std::string::npos);
}

TEST_CASE("nothing of a driver's launch bytes is in the journal") {
  model_cluster it;
  auto what = it.program();
  what.launch = "password=secret";
  const auto id = it.submit("d", what);
  CHECK(it.launches.at(id) == "password=secret");
  for (const auto& record : it.journal)
    if (const auto* accepted = std::get_if<driver_accepted>(&record))
      CHECK(accepted->what.launch.empty());
}
