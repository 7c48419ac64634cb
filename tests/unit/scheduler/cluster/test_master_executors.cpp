#include "master_fixture.hpp"

#include <salamander/scheduler/cluster/names.hpp>

#include <doctest/doctest.h>

using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;

TEST_CASE("an executor that ends is shown to its driver with the reason until it is buried, and replaced at once if it had worked") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2));
  driver.buries = false;
  it.run(5s);
  worker.end(driver.last.id, 0, process_end::failed, "killed by signal 11 (Segmentation fault)");
  it.report(worker);
  REQUIRE(driver.last.executors.size() == 2);
  CHECK(driver.last.executors[0].state == process_state::ended);
  CHECK(driver.last.executors[0].reason == "killed by signal 11 (Segmentation fault)");
  CHECK(driver.last.executors[1].state == process_state::starting);
  it.run(3s);
  CHECK(worker.executors.size() == 2); // not forgotten: another master would have to be told
  driver.buries = true;
  it.run(2s);
  CHECK(driver.last.executors.size() == 1);
  CHECK(worker.executors.size() == 1);
}

TEST_CASE("executors that fail to start are started again after waits that double, on each worker by itself") {
  model_cluster it;
  auto& worker = it.add_worker("a", 1);
  auto& driver = it.add_driver("x", model_cluster::wish(1));
  std::vector<std::chrono::milliseconds> waits;
  for (std::uint32_t number = 0; number < 5; ++number) {
    REQUIRE(worker.executors.contains({driver.last.id, number}));
    worker.end(driver.last.id, number, process_end::failed, "exited with code 1");
    it.report(worker);
    it.report(driver);
    const auto failed_at = it.now;
    while (!worker.executors.contains({driver.last.id, number + 1})) {
      it.now += 50ms;
      it.tell(master::tick{});
      it.report_all();
      REQUIRE(it.now - failed_at < 20s);
    }
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(it.now - failed_at));
  }
  CHECK(waits == std::vector<std::chrono::milliseconds>{250ms, 500ms, 1000ms, 2000ms, 4000ms});
}

TEST_CASE("an application whose executors only fail is ended with the reason of the last one") {
  master_settings settings;
  settings.executor_retries = 3;
  model_cluster it(settings);
  auto& worker = it.add_worker("a", 1);
  auto& driver = it.add_driver("x", model_cluster::wish(1));
  for (int left = 60; left > 0 && driver.last.ended.empty(); --left) {
    for (auto& [key, one] : worker.executors)
      if (one.state != process_state::ended)
        worker.end(key.first, key.second, process_end::failed, "exited with code 77");
    it.run(1s);
  }
  CHECK(driver.last.ended.find("failed 3 times in a row; the last one: exited with code 77") != std::string::npos);
  CHECK(it.application(driver.last.id).state == application_state::failed);
  it.run(2s);
  CHECK(worker.executors.empty());
}

TEST_CASE("an application with a working executor is not ended, however often others fail") {
  master_settings settings;
  settings.executor_retries = 3;
  model_cluster it(settings);
  it.add_worker("good", 1);
  auto& bad = it.add_worker("bad", 1);
  auto& driver = it.add_driver("x", model_cluster::wish(1));
  it.run(5s);
  for (int left = 60; left > 0; --left) {
    for (auto& [key, one] : bad.executors)
      if (one.state != process_state::ended)
        bad.end(key.first, key.second, process_end::not_started, "no such file");
    it.run(1s);
  }
  CHECK(driver.last.ended.empty());
  CHECK(driver.cores() >= 1);
}

TEST_CASE("a dead worker's executors are lost and replaced elsewhere, and killed when it comes back") {
  model_cluster it;
  auto& first = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2, 2));
  it.run(4s);
  auto& second = it.add_worker("b", 2);
  it.cut(first);
  it.run(14s);
  CHECK(driver.living().front().worker == "worker-a"); // only silent so far
  it.run(3s);
  REQUIRE(driver.living().size() == 1);
  CHECK(driver.living().front().worker == "worker-b");
  CHECK(second.executors.size() == 1);
  CHECK(first.executors.size() == 1);
  it.heal(first);
  CHECK(first.executors.empty());
  it.run(2s);
  CHECK(driver.cores() == 2);
}

TEST_CASE("the driver hears that an executor was lost with its worker") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2));
  driver.buries = false;
  it.run(4s);
  it.cut(worker);
  it.run(17s);
  REQUIRE(driver.last.executors.size() == 1);
  CHECK(driver.last.executors[0].end == process_end::worker_lost);
  CHECK(driver.last.workers == 0);
}

TEST_CASE("an executor that its worker does not report any more is lost, but not before it was reported for the first time") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2));
  driver.buries = false;
  auto empty = worker.report();
  empty.executors.clear(); // made before the order came
  it.tell(master::worker_heard{worker.peer, empty});
  it.report(driver);
  CHECK(driver.last.executors.front().state == process_state::starting);
  it.report(worker);
  empty = worker.report();
  empty.executors.clear();
  it.tell(master::worker_heard{worker.peer, empty});
  it.report(driver);
  CHECK(driver.last.executors.front().end == process_end::worker_lost);
}

TEST_CASE("reports that are repeated, late or from a former connection change nothing") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2));
  const auto old = worker.report();
  it.run(4s);
  const auto former = worker.peer;
  it.tell(master::worker_heard{worker.peer, old});
  worker.peer = 500;
  it.report(worker);
  auto late = worker.report();
  late.executors.clear();
  late.sequence = 1;
  const auto actions = it.tell(master::worker_heard{former, late});
  CHECK(std::ranges::none_of(actions, [](const auto& each) { return std::holds_alternative<master::send_orders>(each); }));
  it.tell(master::peer_lost{former});
  it.run(2s);
  CHECK(driver.cores() == 2);
  CHECK(driver.last.executors.size() == 1);
  CHECK(worker.killed == 0);
}

TEST_CASE("executors of a leaving worker are marked, others take their place, and nothing new comes there") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2, 2));
  it.run(4s);
  it.add_worker("b", 4);
  worker.leaving = true;
  it.run(2s);
  REQUIRE(driver.living().size() == 2);
  CHECK(driver.living()[0].leaving);
  CHECK(worker.last.executors.front().leaving);
  CHECK(driver.living()[1].worker == "worker-b");
  worker.end(driver.last.id, 0, process_end::decommissioned, "it has handed over what it had");
  it.run(2s);
  CHECK(driver.cores() == 2);
  CHECK(worker.executors.empty());
  it.add_driver("y", model_cluster::wish(1));
  it.run(2s);
  CHECK(worker.executors.empty());
}

TEST_CASE("a worker that said that it leaves, and runs nothing any more, has left when it is gone; one that is lost is dead") {
  model_cluster it;
  auto& orderly = it.add_worker("a", 1);
  auto& hasty = it.add_worker("b", 1);
  auto& lost = it.add_worker("c", 1);
  auto& driver = it.add_driver("x", model_cluster::wish(1));
  it.run(1s);
  const auto state_of = [&](const std::string& name) {
    const auto all = it.it->summary(it.now).workers;
    return std::ranges::find(all, name, &worker_summary::worker)->state;
  };
  orderly.leaving = hasty.leaving = true;
  it.run(1s);
  CHECK(state_of("worker-a") == worker_state::leaving);
  const auto& there = *std::ranges::find(driver.last.executors, "worker-a", &granted_executor::worker);
  orderly.end(driver.last.id, there.executor, process_end::decommissioned, "it has handed over what it had");
  it.run(1s);
  for (auto* const one : {&orderly, &hasty, &lost})
    it.cut(*one);
  it.run(4s);
  CHECK(state_of("worker-a") == worker_state::left);
  CHECK(state_of("worker-b") == worker_state::dead);
  CHECK(state_of("worker-c") == worker_state::silent);
  it.run(15s);
  CHECK(state_of("worker-a") == worker_state::left);
  CHECK(state_of("worker-c") == worker_state::dead);
  orderly.leaving = false;
  it.heal(orderly);
  CHECK(state_of("worker-a") == worker_state::alive);
}

TEST_CASE("an executor that its driver asks to leave is told so by its worker") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1));
  it.run(1s);
  driver.leaving = {0};
  driver.executors_max = 1;
  it.run(1s);
  CHECK(worker.last.executors[0].leaving);
  CHECK_FALSE(worker.last.executors[1].leaving);
}

TEST_CASE("an application whose driver is silent is ended after a minute, or sooner if it has nothing or its executors lost it, too") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(5s);
  it.cut(driver);
  it.run(55s);
  CHECK(it.application(driver.last.id).state == application_state::running);
  it.run(6s);
  CHECK(it.application(driver.last.id).state == application_state::failed);

  auto& second = it.add_driver("y", model_cluster::wish(1, 1));
  it.run(5s);
  it.cut(second);
  worker.end(second.last.id, 0, process_end::driver_gone, "it had lost its driver");
  it.run(2s);
  CHECK(it.application(second.last.id).state == application_state::waiting);
  CHECK(worker.executors.size() == 1); // no other one is started for a driver that is not there
  it.run(2s);
  CHECK(it.application(second.last.id).state == application_state::failed);

  auto& third = it.add_driver("z", model_cluster::wish(3));
  it.cut(third);
  it.run(9s);
  CHECK(it.application(third.last.id).state == application_state::waiting);
  it.run(2s);
  CHECK(it.application(third.last.id).state == application_state::failed);
}

TEST_CASE("nothing is started for a driver that died without executors, and its application is ended soon") {
  model_cluster it;
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(2s);
  it.cut(driver);
  auto& worker = it.add_worker("a", 2);
  it.run(6s);
  CHECK(worker.executors.empty());
  CHECK(it.application(driver.last.id).state == application_state::waiting);
  it.run(5s);
  CHECK(it.application(driver.last.id).state == application_state::failed);
}

TEST_CASE("an executor that started when its driver died does not keep the application") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(2s);
  CHECK(worker.executors.size() == 1);
  SUBCASE("and is ended with it") {
    it.cut(driver);
    it.run(11s);
    CHECK(it.application(driver.last.id).state == application_state::failed);
    CHECK(worker.executors.empty());
  }
  SUBCASE("also when the end of the connection is noticed late") {
    driver.connected = false;
    it.run(20s);
    CHECK(it.application(driver.last.id).state == application_state::running);
    it.tell(master::peer_lost{driver.peer});
    it.run(2s);
    CHECK(it.application(driver.last.id).state == application_state::running);
    it.run(2s);
    CHECK(it.application(driver.last.id).state == application_state::failed);
  }
  SUBCASE("nor is it ended when the driver comes back") {
    it.cut(driver);
    it.run(8s);
    it.come_back(driver);
    it.run(40s);
    CHECK(it.application(driver.last.id).state == application_state::running);
    CHECK(worker.killed == 0);
  }
}

TEST_CASE("a driver that comes back over another connection goes on") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(5s);
  it.cut(driver);
  it.run(40s);
  it.come_back(driver);
  it.run(40s);
  CHECK(it.application(driver.last.id).state == application_state::running);
  CHECK(worker.killed == 0);
}

TEST_CASE("a driver that was cut off for longer than executors wait goes on when it comes back at once") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(5s);
  driver.connected = false; // nobody notices the cut yet
  it.run(12s);
  worker.end(driver.last.id, 0, process_end::driver_gone, "it had lost its driver");
  it.run(5s);
  it.tell(master::peer_lost{driver.peer}); // the old connection ends as the driver makes another one
  it.run(1s);
  it.come_back(driver);
  it.run(5s);
  CHECK(it.application(driver.last.id).state == application_state::running);
  CHECK(driver.living().size() == 1);
}

TEST_CASE("a killed application is told so, and so it is later") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(1s);
  it.tell(master::kill_asked{9, 1, driver.last.id, "it is in the way"});
  CHECK(it.kill_answer.done);
  CHECK(driver.last.ended == "it is in the way");
  it.run(2s);
  CHECK(worker.executors.empty());
  CHECK(driver.last.ended == "it is in the way");
  it.tell(master::kill_asked{9, 2, driver.last.id, ""});
  CHECK_FALSE(it.kill_answer.done);
  CHECK(it.kill_answer.text.find("over already: KILLED") != std::string::npos);
  it.tell(master::kill_asked{9, 3, "app-1", ""});
  CHECK(it.kill_answer.text == "there is no application or driver app-1");
}

TEST_CASE("only the newest applications that are over are remembered") {
  master_settings settings;
  settings.retained_applications = 2;
  model_cluster it(settings);
  for (const auto* name : {"a", "b", "c", "d"}) {
    auto& driver = it.add_driver(name, model_cluster::wish(1));
    it.tell(master::application_left{driver.peer, {driver.token, true, ""}});
  }
  const auto all = it.it->summary(it.now).applications;
  REQUIRE(all.size() == 2);
  CHECK(all[0].id.ends_with("-0003"));
}

TEST_CASE("a master that was stopped itself for a while does not take others for silent") {
  model_cluster it;
  it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(1, 1));
  it.run(5s);
  it.now += 300s;
  it.tell(master::tick{});
  CHECK(it.it->summary(it.now).workers.front().state == worker_state::alive);
  it.run(1s);
  CHECK(driver.living().size() == 1);
}

TEST_CASE("logs of a worker that has ended are with the one that has its directory now") {
  model_cluster it;
  auto& first = it.add_worker("a", 2);
  auto& driver = it.add_driver("x", model_cluster::wish(2, 2));
  it.run(2s);
  CHECK(it.it->worker_of(driver.last.id, 0) == first.peer);
  it.cut(first);
  CHECK(it.it->worker_of(driver.last.id, 0) == no_peer);
  it.add_worker("b", 2);
  auto& next = it.add_worker("c", 2);
  next.formerly = {"worker-z", "worker-a"};
  it.run(1s);
  CHECK(it.it->worker_of(driver.last.id, 0) == next.peer);
  it.cut(next);
  CHECK(it.it->worker_of(driver.last.id, 0) == no_peer);
}

TEST_CASE("a worker that says names that are none of workers is refused") {
  model_cluster it;
  auto& worker = it.add_worker("a", 2);
  worker.formerly = {"../worker-b"};
  it.report(worker);
  CHECK(worker.last.refused.find("names of earlier workers") != std::string::npos);
  worker.formerly.assign(worker_names_max + 1, "worker-b");
  it.report(worker);
  CHECK(worker.last.refused.find("names of earlier workers") != std::string::npos);
}
