#include "master_fixture.hpp"

#include <doctest/doctest.h>

using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;

TEST_CASE("an application gets its executors on all workers, and its driver hears where they are") {
  model_cluster it;
  it.add_worker("a");
  it.add_worker("b");
  auto& driver = it.add_driver("x", model_cluster::wish(2, 8));
  CHECK(driver.last.id.starts_with("app-20261121"));
  CHECK(driver.last.id.ends_with("-0000"));
  it.run(2s);
  CHECK(driver.cores() == 8);
  CHECK(it.workers["a"].executors.size() == 2);
  CHECK(it.workers["b"].executors.size() == 2);
  CHECK(driver.living().front().state == process_state::running);
  CHECK(driver.living().front().host == "host-of-worker-a");
  CHECK(driver.last.cores_free == 8);
}

TEST_CASE("packing uses few workers") {
  master_settings settings;
  settings.spread_out = false;
  model_cluster it(settings);
  it.add_worker("a");
  it.add_worker("b");
  it.add_driver("x", model_cluster::wish(2, 8));
  CHECK(it.workers["a"].executors.size() == 4);
  CHECK(it.workers["b"].executors.empty());
}

TEST_CASE("an application that does not say how many cores it wants gets the default") {
  master_settings settings;
  settings.default_cores = 3;
  model_cluster it(settings);
  it.add_worker("a");
  CHECK(it.add_driver("x", model_cluster::wish(1)).cores() == 3);
}

TEST_CASE("the first application gets all it wants, the next one what is left, and more as soon as the first is over") {
  model_cluster it;
  it.add_worker("a", 8);
  auto& first = it.add_driver("x", model_cluster::wish(1, 6));
  auto& second = it.add_driver("y", model_cluster::wish(1));
  CHECK(first.cores() == 6);
  CHECK(second.cores() == 2);
  it.run(1s);
  it.tell(master::application_left{first.peer, {first.token, true, ""}});
  CHECK_FALSE(first.last.ended.empty());
  it.drivers.erase("x");
  it.run(2s);
  CHECK(it.drivers["y"].cores() == 8);
}

TEST_CASE("a fair order gives executors in turn to the applications with the fewest cores") {
  master_settings settings;
  settings.applications = master_settings::order::fair;
  model_cluster it(settings);
  it.add_worker("a", 2);
  it.add_driver("x", model_cluster::wish(1));
  it.add_driver("y", model_cluster::wish(1));
  it.add_driver("z", model_cluster::wish(1, 1));
  CHECK(it.drivers["x"].cores() == 2);
  it.add_worker("b", 6);
  it.report_all();
  CHECK(it.drivers["x"].cores() == 4);
  CHECK(it.drivers["y"].cores() == 3);
  CHECK(it.drivers["z"].cores() == 1);
}

TEST_CASE("an application whose executors fit on no worker says so as long as it has none") {
  model_cluster it;
  const auto id = it.add_driver("x", model_cluster::wish(16, 16)).last.id;
  it.run(2s);
  CHECK(it.application(id).reason == "it waits: no worker is there");
  it.add_worker("a", 8);
  it.run(2s);
  CHECK(it.application(id).state == application_state::waiting);
  CHECK(it.application(id).reason == "it waits: no worker offers 16 cores and 0 MiB for an executor");
  it.add_worker("b", 16);
  it.run(2s);
  CHECK(it.application(id).state == application_state::running);
  CHECK(it.application(id).reason.empty());
}

TEST_CASE("an application that waits for others does not say that workers are too small") {
  model_cluster it;
  it.add_worker("a", 8);
  it.add_driver("x", model_cluster::wish(8));
  it.run(2s);
  const auto second = it.add_driver("y", model_cluster::wish(8)).last.id;
  it.run(2s);
  CHECK(it.application(second).state == application_state::waiting);
  CHECK(it.application(second).reason.empty());
}

TEST_CASE("drivers are placed before executors") {
  model_cluster it;
  it.add_driver("x", model_cluster::wish(1));
  const auto driver = it.submit("d", it.program(false, 2));
  it.add_worker("a", 4);
  it.report_all();
  CHECK(it.workers["a"].drivers.contains(driver));
  CHECK(it.drivers["x"].cores() == 2);
}

TEST_CASE("an application gets no more executors than its driver wants for now") {
  model_cluster it;
  it.add_worker("a");
  auto& driver = it.add_driver("x", model_cluster::wish(1));
  CHECK(driver.cores() == 8);
  driver.executors_max = 3;
  driver.released = {0, 1, 2, 3, 4};
  it.run(2s);
  CHECK(driver.cores() == 3);
  driver.released.clear();
  it.run(2s);
  CHECK(driver.cores() == 3);
  driver.executors_max = 5;
  it.run(2s);
  CHECK(driver.cores() == 5);
}

TEST_CASE("numbers of executors are never used twice") {
  model_cluster it;
  it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2));
  for (std::uint32_t number = 0; number < 5; ++number) {
    it.run(5s);
    REQUIRE(driver.living().size() == 1);
    CHECK(driver.living().front().executor == number);
    it.workers["a"].end(driver.last.id, number, process_end::failed, "killed by signal 9");
  }
}

TEST_CASE("the cores of an executor that was released are given again only when its worker reports that it is gone") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& first = it.add_driver("x", model_cluster::wish(2));
  it.run(1s);
  it.add_driver("y", model_cluster::wish(2));
  worker.up = false; // reports are under way
  first.executors_max = 0;
  first.released = {0};
  it.report(first);
  CHECK(first.last.executors.empty());
  it.report(it.drivers["y"]);
  CHECK(it.drivers["y"].last.executors.empty());
  worker.up = true;
  it.report(worker); // still has it, and hears that it shall not
  it.report(it.drivers["y"]);
  CHECK(it.drivers["y"].last.executors.empty());
  it.report(worker);
  it.report(it.drivers["y"]);
  CHECK(it.drivers["y"].cores() == 2);
}

TEST_CASE("what a worker runs and nobody knows is not ordered, and its cores are not given as long as it runs") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  worker.up = false;
  worker.executors[{"app-20200101000000-0001", 7}] = {"app-20200101000000-0001", 7, 1234, 2, 1, process_state::running, {}, {}, {}};
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  CHECK(driver.cores() == 1); // before it was heard of
  driver.what.cores_max = 2;
  worker.up = true;
  it.add_driver("y", model_cluster::wish(1, 1));
  CHECK(it.drivers["y"].cores() == 1);
  it.report(worker);
  CHECK(worker.executors.size() == 2);
  CHECK(worker.killed == 1);
}

TEST_CASE("nothing is placed on a worker that is silent, and again when it speaks") {
  model_cluster it;
  auto& worker = it.add_worker("a");
  worker.up = false;
  it.run(4s);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 4));
  it.run(2s);
  CHECK(driver.last.executors.empty());
  it.heal(worker);
  it.run(1s);
  CHECK(driver.cores() == 4);
}

TEST_CASE("programs that are missing are asked for, and executors wait for them") {
  model_cluster it;
  it.add_worker("a");
  auto what = model_cluster::wish(1, 1);
  model_driver driver;
  driver.token = model_cluster::token_of("x");
  driver.what = what;
  it.tell(master::application_heard{77, driver.report(), what.program});
  CHECK(it.workers["a"].executors.empty());
  it.tell(master::file_arrived{what.program.front().sha256});
  CHECK(it.workers["a"].executors.size() == 1);
}

TEST_CASE("launch bytes are sent until the worker reports the executor, and no more at once than a message holds") {
  model_cluster it;
  auto& worker = it.add_worker("a", 8);
  auto what = model_cluster::wish(1);
  what.launch = std::string(200'000, 'l');
  worker.up = false;
  it.add_driver("x", what);
  worker.up = true;
  std::size_t heard = 0;
  for (int round = 0; round < 6; ++round) {
    const auto actions = it.tell(master::worker_heard{worker.peer, worker.report()});
    std::size_t bytes = 0;
    for (const auto& order : worker.last.executors)
      bytes += order.launch.size();
    CHECK(bytes <= master_limits::launch_bytes_at_once);
    heard = worker.last.executors.size();
  }
  CHECK(heard == 8);
  CHECK(worker.executors.size() == 8);
  it.report(worker);
  CHECK(worker.last.executors.front().launch.empty());
}

TEST_CASE("what is beyond the limits is refused with a reason") {
  model_cluster it;
  auto what = model_cluster::wish(1);
  what.launch = std::string(master_limits::launch_bytes + 1, 'l');
  CHECK(it.add_driver("x", what).last.ended.find("at most") != std::string::npos);
  what = model_cluster::wish(1);
  what.files = {{"../../etc/passwd", std::string(64, 'c'), 1}};
  CHECK(it.add_driver("y", what).last.ended.find("the master does not take this application") != std::string::npos);
  CHECK(it.it->summary(it.now).applications.empty());
  model_worker odd;
  odd.name = "worker-odd";
  odd.peer = 55;
  odd.cores = 0;
  const auto actions = it.tell(master::worker_heard{55, odd.report()});
  const auto at = std::ranges::find_if(actions, [](const auto& each) { return std::holds_alternative<master::send_orders>(each); });
  REQUIRE(at != actions.end());
  CHECK(std::get<master::send_orders>(*at).what.refused.find("0 cores") != std::string::npos);
  auto old = odd.report();
  old.protocol = 99;
  old.cores = 1;
  it.tell(master::worker_heard{55, old});
  CHECK(it.it->summary(it.now).workers.empty());
}
