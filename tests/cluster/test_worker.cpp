#include "worker_fixture.hpp"

using namespace worker_test;
using cluster::process_end;
using cluster::process_state;

namespace {

constexpr const char* forever = "echo $$; trap '' TERM; while :; do sleep 1; done";

} // namespace

TEST_CASE("an executor's program is fetched, verified and started; its death and its logs are reported") {
  fixture it;
  it.start_worker();
  it.order({it.executor(3, "echo $$; echo $COLOUR $SHELL_COLOUR; echo oops >&2; cp $SALAMANDER_EXECUTOR_PLACEMENT placed; "
                           "printf 0123456789abcdef > ../../executor-3.positions; while :; do sleep 1; done")});
  const auto running = it.status(3, process_state::running);
  CHECK(running.cores == 1);
  CHECK(running.incarnation == 4003);
  const auto process = it.printed_number(3);
  const auto placed = it.work() / app / "3" / "work" / "placed";
  REQUIRE(comes_true([&] { return read_file(placed).ends_with("\n"); }));
  REQUIRE(comes_true([&] { return read_file(it.work() / app / "executor-3.positions") == "0123456789abcdef"; }));
  const auto where = parse_placement(read_file(placed));
  CHECK(where.application == app);
  CHECK(where.executor == 3);
  CHECK(where.incarnation == 4003);
  CHECK(where.host == "127.0.0.1");
  CHECK(read_file(where.orders) == "orders of the driver");
  CHECK(read_file(fs::path(where.directory) / "executor.key") == "a key");
  CHECK(fs::status(fs::path(where.directory) / "executor.key").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  ::kill(process, SIGKILL);
  const auto ended = it.status(3, process_state::ended);
  CHECK(ended.end == process_end::failed);
  CHECK(ended.reason == "killed by signal 9 (Killed)");
  CHECK(ended.positions == "0123456789abcdef");
  CHECK(it.log_of(app, 3, "stdout").text == std::to_string(process) + "\nyellow blue\n");
  CHECK(it.log_of(app, 3, "stderr").text == "oops\n");
  CHECK(it.log_of(app, 3, "stderr", -3).text == "ps\n");
  CHECK_FALSE(it.log_of(app, 4, "stdout").failure.empty());
  CHECK_FALSE(it.log_of("../..", 4, "stdout").failure.empty());
  CHECK_FALSE(fs::exists(placed)); // where it ran is cleaned up
}

TEST_CASE("programs are fetched once, and a worker's secrets do not reach them") {
  fixture it;
  it.start_worker();
  it.order({it.executor(1, "env; exit 0"), it.executor(2, "exit 5")});
  CHECK(it.status(1, process_state::ended).end == process_end::finished);
  CHECK(it.status(2, process_state::ended).reason == "exited with code 5");
  const auto environment = it.log_of(app, 1, "stdout").text;
  CHECK(environment.find("COLOUR=yellow\n") != std::string::npos);
  CHECK(environment.find("hidden") == std::string::npos);
  CHECK(environment.find("CREDENTIALS") == std::string::npos);
  const std::lock_guard lock(it.shared()->mutex);
  CHECK(it.shared()->pieces_sent == 1);
}

TEST_CASE("a program of several pieces arrives whole, and files are put beside the process") {
  fixture it;
  auto one = it.executor(1, "cksum < words.txt; test -x words.txt");
  std::string words;
  for (int i = 0; words.size() < 3 * piece_bytes_max; ++i)
    words += "word " + std::to_string(i) + "\n";
  one.files = {{"words.txt", it.store(words), words.size()}};
  it.start_worker();
  it.order({one});
  CHECK(it.status(1, process_state::ended).end == process_end::finished);
  CHECK(it.log_of(app, 1, "stdout").text.find(" " + std::to_string(words.size())) != std::string::npos);
}

TEST_CASE("what orders do not list is ended, and an application that is over leaves no secret") {
  fixture it;
  it.start_worker();
  it.order({it.executor(1, forever)});
  it.status(1, process_state::running);
  const auto process = it.printed_number(1);
  CHECK_FALSE(it.left_over().empty());
  it.order([](cluster::worker_orders& all) {
    all.executors.clear();
    all.applications.clear();
  });
  CHECK(comes_true([&] { return is_gone(process); }));
  CHECK(comes_true([&] { return it.left_over().empty(); }));
  CHECK(it.log_of(app, 1, "stdout").text == std::to_string(process) + "\n");
}

TEST_CASE("a worker that is told to end leaves no process and no secret") {
  fixture it;
  it.start_worker(300ms);
  it.order({it.executor(1, forever)});
  it.status(1, process_state::running);
  const auto process = it.printed_number(1);
  CHECK(comes_true([&] { return fs::exists(it.place() / "ready"); }));
  it.signal_worker(SIGTERM);
  it.reported([](const auto& report) { return report.leaving; });
  CHECK(it.wait_for_worker() == 0);
  CHECK(is_gone(process));
  CHECK(it.left_over().empty());
  CHECK_FALSE(fs::exists(it.place() / "ready"));
  const auto last = it.reported([](const auto&) { return true; });
  REQUIRE(last.executors.size() == 1);
  CHECK(last.executors[0].end == process_end::decommissioned);
}

TEST_CASE("a worker whose executors leave ends before its grace is over, and a second signal ends it at once") {
  fixture it;
  it.start_worker(1h);
  it.order({it.executor(1, "echo $$; while ! test -e leave; do sleep 0.05; done")});
  it.status(1, process_state::running);
  it.printed_number(1);
  it.signal_worker(SIGTERM);
  it.reported([](const auto& report) { return report.leaving; });
  std::ofstream(it.work() / app / "1" / "work" / "leave") << "now";
  CHECK(it.wait_for_worker() == 0);

  it.start_worker(1h);
  it.order({it.executor(2, forever)});
  it.status(2, process_state::running);
  it.signal_worker(SIGTERM);
  it.reported([](const auto& report) { return report.leaving; });
  it.signal_worker(SIGTERM);
  CHECK(it.wait_for_worker() == 0);
}

TEST_CASE("a worker that is killed leaves no process, and the next one in its directory no secret") {
  fixture it;
  it.start_worker();
  it.order({it.executor(1, forever)});
  it.status(1, process_state::running);
  const auto process = it.printed_number(1);
  it.kill_worker();
  CHECK(comes_true([&] { return is_gone(process); }));
  it.order(std::vector<cluster::executor_order>());
  const auto before = it.reported([](const auto&) { return true; }).worker;
  it.start_worker();
  it.reported([&](const auto& report) { return report.worker != before; });
  CHECK(it.left_over().empty());
}

TEST_CASE("a program that is not what its name says is refused") {
  fixture it;
  it.start_worker();
  auto one = it.executor(1, "exit 0");
  {
    const std::lock_guard lock(it.shared()->mutex);
    it.shared()->contents.at(one.program[0].sha256)[0] ^= 1;
  }
  it.order({one});
  const auto ended = it.status(1, process_state::ended);
  CHECK(ended.end == process_end::not_started);
  CHECK(ended.reason.find("SHA-256") != std::string::npos);
  CHECK(fs::is_empty(it.work() / "programs"));
}

TEST_CASE("names that would be paths, and launches that are damaged, start nothing and end nothing") {
  fixture it;
  it.start_worker();
  const auto good = it.executor(1, forever);
  auto path = it.executor(2, "exit 0");
  path.application = "../../../tmp/evil";
  auto file = it.executor(3, "exit 0");
  file.files = {{"../../evil", file.program[0].sha256, file.program[0].bytes}};
  auto damaged = it.executor(4, "exit 0");
  damaged.launch.resize(damaged.launch.size() - 3);
  it.order({good, path, file, damaged});
  for (const std::uint32_t number : {2U, 3U, 4U})
    CHECK(it.status(number, process_state::ended).end == process_end::not_started);
  it.status(1, process_state::running);
  CHECK_FALSE(fs::exists("/tmp/evil"));
}

TEST_CASE("a driver runs with its settings, the client's credentials and its identity, and its exit code is reported") {
  fixture it;
  const auto shell = it.store(read_file("/bin/sh"));
  driver_launch launch{{"-c", "echo $SALAMANDER_DRIVER_ID $SALAMANDER_MASTER; cat $SALAMANDER_CONF_DIR/salamander-defaults.conf; "
                              "test -r $SALAMANDER_CREDENTIALS/client.key && exit 7"},
                       {},
                       {{"salamander.app.name", "word count"}}};
  const cluster::driver_order driver{"driver-20261121225500-0001",       1, 1, 1 << 20, encode_launch(launch),
                                     {{"sh", shell, it.size_of(shell)}}, {}};
  it.start_worker();
  it.order([&](cluster::worker_orders& all) { all.drivers = {driver}; });
  const auto report = it.reported([](const auto& all) { return !all.drivers.empty() && all.drivers[0].state == process_state::ended; });
  CHECK(report.drivers[0].exit_code == 7);
  CHECK(report.drivers[0].end == process_end::failed);
  const auto text = it.log_of(driver.driver, cluster::no_limit, "stdout").text;
  CHECK(text.starts_with(driver.driver + " salamander://127.0.0.1:"));
  CHECK(text.ends_with("salamander.app.name=word count\n"));
}

TEST_CASE("executors go on while there is no master, and the worker comes back to one that starts again") {
  fixture it;
  it.start_worker();
  const auto one = it.executor(1, forever);
  it.order({one});
  it.status(1, process_state::running);
  const auto process = it.printed_number(1);
  it.stop_master();
  {
    const std::lock_guard lock(it.shared()->mutex);
    it.shared()->report.reset();
  }
  it.start_master();
  CHECK(it.status(1, process_state::running).incarnation == one.incarnation);
  CHECK_FALSE(is_gone(process));
}

TEST_CASE("a worker listens nowhere, while it is idle and while something runs") {
  fixture it;
  it.start_worker();
  it.reported([](const auto&) { return true; });
  CHECK(it.listening_sockets(::getpid()) == 1); // the master's
  CHECK(it.listening_sockets(it.worker_process()) == 0);
  it.order({it.executor(1, forever)});
  it.status(1, process_state::running);
  CHECK(it.listening_sockets(it.worker_process()) == 0);
}

TEST_CASE("a worker without the secret of the nodes is refused, and says why") {
  fixture it;
  {
    // The master keeps the true secret.
    const auto secret = it.place() / "cluster" / "node" / "cluster.secret";
    fs::copy(it.place() / "cluster" / "node", it.place() / "true");
    std::ofstream(secret, std::ios::trunc) << std::string(64, '0');
    const std::lock_guard lock(it.shared()->mutex);
    it.shared()->credentials = it.place() / "true";
  }
  it.start_worker();
  CHECK(it.wait_for_worker() == 1);
  CHECK(it.said().find("does not know the secret") != std::string::npos);
}
