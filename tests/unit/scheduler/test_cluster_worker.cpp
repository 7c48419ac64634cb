#include "worker_fixture.hpp"

using namespace worker_test;

TEST_CASE("a worker reports what it offers as soon as a master is found, and every second") {
  worker it;
  CHECK(it.report.sequence == 1);
  CHECK(it.report.worker == "worker-a-0000000000000001");
  CHECK(it.report.cores == 4);
  CHECK(it.report.executors.empty());
  CHECK(of<machine::send_report>(it.pass(900ms)).empty());
  CHECK(of<machine::send_report>(it.pass(100ms)).size() == 1);
}

TEST_CASE("what is ordered is fetched, started once its program is there, and reported") {
  worker it;
  const auto one = executor(3, 2);
  auto all = it.order({one});
  REQUIRE(of<machine::fetch_file>(all).size() == 1);
  CHECK(of<machine::fetch_file>(all)[0].file.sha256 == program().sha256);
  CHECK(of<machine::start_process>(all).empty());
  it.pass(1s);
  REQUIRE(it.report.executors.size() == 1);
  CHECK(it.report.executors[0].state == process_state::starting);
  all = it.fetched();
  REQUIRE(of<machine::start_process>(all).size() == 1);
  CHECK(of<machine::start_process>(all)[0].process == key_of(one));
  CHECK(of<machine::start_process>(all)[0].launch == "launch");
  it.now += 1s;
  it.started(key_of(one));
  CHECK(it.report.executors[0].state == process_state::running);
  CHECK(it.report.executors[0].cores == 2);
  CHECK(it.it.cores_used() == 2);
}

TEST_CASE("the program and the files of several processes are fetched once") {
  worker it;
  auto one = executor(1);
  one.files = {{"words.txt", std::string(64, 'a'), 5}};
  auto other = executor(2);
  other.files = one.files;
  CHECK(of<machine::fetch_file>(it.order({one, other})).size() == 2);
  CHECK(of<machine::start_process>(it.fetched()).empty());
  CHECK(of<machine::start_process>(it.fetched('a')).size() == 2);
}

TEST_CASE("orders that are repeated start nothing again, with and without the way to start it") {
  worker it;
  auto one = executor(1);
  it.run(one);
  CHECK(of<machine::start_process>(it.order({one})).empty());
  one.launch.clear();
  one.program.clear();
  CHECK(of<machine::start_process>(it.order({one})).empty());
  CHECK(of<machine::kill_process>(it.order({one})).empty());
}

TEST_CASE("what orders do not list is asked to end, and forgotten when it is dead") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  auto all = it.order({});
  REQUIRE(of<machine::kill_process>(all).size() == 1);
  CHECK(of<machine::kill_process>(all)[0].grace == 2s);
  CHECK(of<machine::kill_process>(it.order({})).empty()); // asked once
  it.pass(1s);
  CHECK(it.report.executors.size() == 1);
  it.now += 1s;
  it.ended(key_of(one));
  CHECK(it.report.executors.empty());
}

TEST_CASE("a process that ended stays in the report until orders do not list it") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.now += 1s;
  it.ended(key_of(one));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(it.report.executors.size() == 1);
    CHECK(it.report.executors[0].state == process_state::ended);
    CHECK(it.report.executors[0].end == process_end::failed);
    CHECK(it.report.executors[0].reason == "killed by signal 9 (Killed)");
    CHECK(it.report.executors[0].positions == "where it was");
    CHECK(of<machine::start_process>(it.order({one})).empty());
    it.pass(1s);
  }
  it.order({});
  it.pass(1s);
  CHECK(it.report.executors.empty());
}

TEST_CASE("late orders do not start again what was forgotten") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  const auto late = it.orders({one});
  it.ended(key_of(one));
  it.order({});
  CHECK(of<machine::fetch_file>(it.tell(machine::orders_came{late})).empty());
  it.pass(1s);
  CHECK(it.report.executors.empty());
  CHECK(of<machine::fetch_file>(it.tell(machine::orders_came{late})).empty()); // older than what was followed
  it.order({});
  CHECK(of<machine::fetch_file>(it.tell(machine::orders_came{late})).empty());
}

TEST_CASE("of two orders that considered the same report the later one counts, in whatever order they come") {
  worker it;
  const auto one = executor(1);
  const auto before = it.orders({});
  it.order({one});
  CHECK(of<machine::start_process>(it.fetched()).size() == 1);
  CHECK(of<machine::kill_process>(it.tell(machine::orders_came{before})).empty());
  CHECK(of<machine::kill_process>(it.order({})).size() == 1);
}

TEST_CASE("orders of an earlier term are ignored") {
  worker it;
  const auto one = executor(1);
  it.term = 5;
  it.run(one);
  it.term = 4;
  CHECK(of<machine::kill_process>(it.order({})).empty());
  it.term = 6;
  CHECK(of<machine::kill_process>(it.order({})).size() == 1);
}

TEST_CASE("a recovering master changes nothing, but its predecessor is not listened to any more") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  auto recovering = it.orders({});
  recovering.term = 2;
  recovering.recovering = true;
  recovering.applications.clear();
  const auto all = it.tell(machine::orders_came{recovering});
  CHECK(of<machine::kill_process>(all).empty());
  CHECK(of<machine::owner_over>(all).empty());
  CHECK(of<machine::kill_process>(it.order({})).empty()); // of term 1
}

TEST_CASE("the same number with another incarnation is another executor, and waits for the first one's death") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  auto other = one;
  other.incarnation = 99;
  auto all = it.order({other});
  CHECK(of<machine::kill_process>(all).size() == 1);
  CHECK(of<machine::start_process>(it.fetched()).empty());
  all = it.ended(key_of(one));
  REQUIRE(of<machine::start_process>(all).size() == 1);
  CHECK(of<machine::start_process>(all)[0].process.incarnation == 99);
}

TEST_CASE("never more cores are in use than offered: what does not fit waits until others are dead, oldest first") {
  worker it;
  const auto big = executor(1, 3);
  it.run(big);
  const auto two = executor(2, 2);
  const auto three = executor(3, 3);
  it.order({two, three});
  CHECK(of<machine::start_process>(it.fetched()).empty()); // the first one is being killed, and has its cores
  const auto all = it.ended(key_of(big));
  REQUIRE(of<machine::start_process>(all).size() == 1);
  CHECK(of<machine::start_process>(all)[0].process == key_of(two));
  CHECK(it.it.cores_used() == 2);
}

TEST_CASE("what can never be started is reported with the reason, and other orders are followed") {
  worker it;
  auto large = executor(1, 5);
  auto nameless = executor(2, 1, "../../etc");
  auto bad_hash = executor(3);
  bad_hash.program[0].sha256 = "../secret";
  auto bad_file = executor(4);
  bad_file.files = {{"a/b", std::string(64, 'a'), 1}};
  auto empty = executor(5);
  empty.launch.clear();
  const auto all = it.order({large, nameless, bad_hash, bad_file, empty, executor(6)});
  CHECK(of<machine::fetch_file>(all).size() == 1);
  it.pass(1s);
  REQUIRE(it.report.executors.size() == 6);
  for (const auto& one : it.report.executors) {
    CAPTURE(one.executor);
    CHECK((one.end == process_end::not_started) == (one.executor != 6));
    CHECK(one.reason.empty() == (one.executor == 6));
  }
  CHECK(it.it.owners() == std::set<std::string>{app});
}

TEST_CASE("a program that cannot be had is the end of those that need it, and of no others") {
  worker it;
  it.order({executor(1)}, {driver()});
  it.now += 1s;
  it.tell(machine::file_failed{program().sha256, "it has another SHA-256"});
  REQUIRE(it.report.executors.size() == 1);
  CHECK(it.report.executors[0].end == process_end::not_started);
  CHECK(it.report.executors[0].reason == "it has another SHA-256");
  CHECK(of<machine::start_process>(it.fetched('2')).size() == 1);
  // Another executor tries again.
  CHECK(of<machine::fetch_file>(it.order({executor(1), executor(2)}, {driver()})).size() == 1);
}

TEST_CASE("changes within a moment are one report") {
  worker it;
  it.order({executor(1), executor(2)});
  it.pass(1s);
  CHECK(of<machine::send_report>(it.fetched()).empty());
  CHECK(of<machine::send_report>(it.started(key_of(executor(1)))).empty());
  const auto all = it.started(key_of(executor(2)));
  CHECK(of<machine::send_report>(all).empty());
  CHECK(of<machine::send_report>(it.pass(20ms)).size() == 1);
  CHECK(it.report.executors[0].state == process_state::running);
  CHECK(it.report.executors[1].state == process_state::running);
}

TEST_CASE("a worker that hears nothing looks for a master, says so once a minute, and what it has goes on") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.order({one});
  CHECK(of<machine::seek_master>(it.pass(2900ms)).empty());
  CHECK(of<machine::seek_master>(it.pass(100ms)).size() == 1);
  std::size_t notices = 0;
  for (int second = 0; second < 180; ++second) {
    const auto all = it.pass(1s);
    notices += of<notice>(all).size();
    CHECK(of<machine::send_report>(all).empty());
    CHECK(of<machine::kill_process>(all).empty());
  }
  CHECK(notices == 3);
  it.tell(machine::master_found{});
  CHECK(it.report.executors.size() == 1);
  CHECK(of<machine::kill_process>(it.order({one})).empty());
}

TEST_CASE("a master that does not lead says who does") {
  worker it;
  const auto all = it.tell(machine::master_lost{"b:7077"});
  REQUIRE(of<machine::seek_master>(all).size() == 1);
  CHECK(of<machine::seek_master>(all)[0].hint == "b:7077");
}

TEST_CASE("a worker is ready when a master has accepted it, which is said once") {
  worker it;
  CHECK(of<machine::registered>(it.order({})).size() == 1);
  CHECK(of<machine::registered>(it.order({})).empty());
}

TEST_CASE("a worker that is refused ends what runs and fails with the master's reason") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  auto refusal = it.orders({one});
  refusal.refused = "it does not know the secret of the nodes";
  auto all = it.tell(machine::orders_came{refusal});
  CHECK(of<machine::kill_process>(all).size() == 1);
  CHECK(of<machine::end>(all).empty());
  all = it.ended(key_of(one));
  REQUIRE(of<machine::end>(all).size() == 1);
  CHECK(of<machine::end>(all)[0].exit_code == 1);
  CHECK(of<machine::end>(all)[0].reason.find("it does not know the secret of the nodes") != std::string::npos);
}

TEST_CASE("what an application has left is cleaned up when it is over and nothing of it lives") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.applications.clear();
  CHECK(of<machine::owner_over>(it.order({})).empty()); // it is being killed
  it.ended(key_of(one));
  auto all = it.order({});
  REQUIRE(of<machine::owner_over>(all).size() == 1);
  CHECK(of<machine::owner_over>(all)[0].owner == app);
  CHECK(of<machine::owner_over>(it.order({})).empty());
}

TEST_CASE("an application that has no executors here for now keeps its directory") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.order({});
  it.ended(key_of(one));
  CHECK(of<machine::owner_over>(it.order({})).empty());
  CHECK(it.it.owners().contains(app));
}

TEST_CASE("a driver's next attempt waits for the end of the one before, and its exit code is reported") {
  worker it;
  it.order({}, {driver(1)});
  CHECK(of<machine::start_process>(it.fetched('2')).size() == 1);
  it.started(key_of(driver(1)));
  it.order({}, {driver(2)});
  CHECK(of<machine::start_process>(it.fetched('2')).empty());
  CHECK(of<machine::start_process>(it.ended(key_of(driver(1)))).size() == 1);
  it.started(key_of(driver(2)));
  it.now += 1s;
  it.ended(key_of(driver(2)), process_end::failed, 3);
  REQUIRE(it.report.drivers.size() == 1);
  CHECK(it.report.drivers[0].attempt == 2);
  CHECK(it.report.drivers[0].exit_code == 3);
  CHECK(it.report.drivers[0].end == process_end::failed);
  it.order({});
  CHECK_FALSE(it.it.owners().contains(driver().driver));
}

TEST_CASE("a worker that is stopped says so, starts nothing, and ends when its executors have left") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  auto all = it.tell(machine::stop{});
  it.pass(20ms);
  CHECK(it.report.leaving);
  CHECK(of<machine::kill_process>(all).empty());
  it.order({one, executor(2)});
  it.pass(20ms);
  CHECK(it.report.executors[1].end == process_end::decommissioned);
  it.now += 1s;
  all = it.ended(key_of(one), process_end::finished, 0);
  CHECK(it.report.executors[0].end == process_end::decommissioned);
  CHECK(of<machine::end>(all).empty()); // the report may not have arrived yet
  all = it.order({});
  REQUIRE(of<machine::end>(all).size() == 1);
  CHECK(of<machine::end>(all)[0].exit_code == 0);
  CHECK(it.tell(machine::tick{}).empty());
}

TEST_CASE("a driver that a worker had not begun when it was stopped has not been started, and may be elsewhere") {
  worker it;
  it.order({executor(1)}, {driver(1)}); // the programs of both are being fetched
  it.tell(machine::stop{});
  it.pass(20ms);
  REQUIRE(it.report.drivers.size() == 1);
  CHECK(it.report.drivers[0].end == process_end::not_started);
  CHECK(it.report.executors[0].end == process_end::decommissioned);
}

TEST_CASE("executors that do not leave within the grace are killed, and the worker ends without a master, too") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.tell(machine::stop{});
  CHECK(of<machine::kill_process>(it.pass(29s)).empty());
  CHECK(of<machine::kill_process>(it.pass(1s)).size() == 1);
  CHECK(of<machine::end>(it.ended(key_of(one))).size() == 1); // it has lost its master by then
}

TEST_CASE("a worker whose last report is not answered ends after a moment") {
  worker it;
  it.order({});
  CHECK(of<machine::end>(it.tell(machine::stop{})).empty());
  CHECK(of<machine::end>(it.pass(900ms)).empty());
  CHECK(of<machine::end>(it.pass(100ms)).size() == 1);
}

TEST_CASE("a worker that is stopped twice ends at once") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.tell(machine::stop{});
  const auto all = it.tell(machine::stop{});
  REQUIRE(of<machine::kill_process>(all).size() == 1);
  CHECK(of<machine::kill_process>(all)[0].grace == 0s);
  it.ended(key_of(one));
  CHECK(of<machine::end>(it.pass(1s)).size() == 1);
}

TEST_CASE("the executors of an application that ended are over at the worker's end, with its secrets") {
  worker it;
  const auto one = executor(1);
  it.run(one);
  it.tell(machine::stop{});
  it.ended(key_of(one));
  CHECK(of<machine::owner_over>(it.pass(1s)).size() == 1);
}
