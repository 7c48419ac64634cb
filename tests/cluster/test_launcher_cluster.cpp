#include "launch_fixture.hpp"

using namespace launch_test;
using sal::deploy_mode;
using sal::launch_output;
using sal::launch_state;

TEST_CASE("applications are launched on a cluster, in both deploy modes") {
  const small_cluster cluster;
  SUBCASE("client mode: the driver is a child of the launching program") {
    const auto app = cluster.launcher_here({"count", "0", "words.txt"}, deploy_mode::client)
                         .add_file(cluster.here.file("words.txt", "of a file"))
                         .start();
    CHECK(app.wait() == launch_state::finished);
    CHECK(app.output() == "counted 1000\nof a file\n");
    CHECK(app.application_id().starts_with("app-"));
    CHECK(cluster.ask({"logs", app.application_id()}).find("name one of its executors") != std::string::npos);
  }
  SUBCASE("cluster mode: a worker runs it, and keeps what it prints") {
    const auto app = cluster.launcher_here({"count", "0", "words.txt"}, deploy_mode::cluster)
                         .add_file(cluster.here.file("words.txt", "of a file"))
                         .start();
    CHECK(app.driver_id().starts_with("driver-"));
    CHECK(app.wait() == launch_state::finished);
    CHECK(app.exit_code() == 0);
    CHECK(app.output() == "counted 1000\nof a file\n");
    CHECK(app.errors().find("to errors\n") != std::string::npos);
    CHECK(app.application_id().starts_with("app-"));
    CHECK(cluster.ask({"logs", app.application_id()}) == "counted 1000\nof a file\n");
    CHECK(cluster.ask({"logs", app.application_id(), "77"}).find(app.application_id() + " has had no executor 77") != std::string::npos);
    CHECK(cluster.ask({"logs", "app-none"}).find("knows no driver or application app-none") != std::string::npos);
    CHECK(app.progress().jobs_done == 2); // also what was done just before the end
    CHECK(app.progress().tasks_done == 5);
    CHECK(app.progress().tasks_total == 5);
  }
  SUBCASE("cluster mode: an exit code passes on, and the application counts as failed") {
    const auto app = cluster.launcher_here({"count", "3"}, deploy_mode::cluster).start();
    CHECK(app.wait() == launch_state::failed);
    CHECK(app.exit_code() == 3);
    CHECK(app.reason() == "exited with code 3");
    const auto log = cluster.log("status");
    REQUIRE(
        tool_process(
            {"status", "--master", cluster.url, "--credentials", (cluster.keys() / "client").string(), app.application_id(), "--json"}, log)
            .end(0) == 0);
    CHECK(read_file(log).find("\"FAILED\"") != std::string::npos);
  }
  SUBCASE("cluster mode: progress is told, and cancel ends it") {
    const auto app = cluster.launcher_here({"work_on"}, deploy_mode::cluster).start();
    REQUIRE(comes_true([&] { return app.progress().tasks_done > 0; }));
    CHECK(app.state() == launch_state::running);
    CHECK(app.progress().jobs_active == 1);
    CHECK(app.progress().tasks_total == 10'000);
    CHECK(app.progress().cores == 2);
    CHECK(app.output() == "began\n");
    app.cancel();
    CHECK(app.wait() == launch_state::killed);
    CHECK(app.reason() == "it was cancelled by the program that launched it");
    CHECK_FALSE(app.exit_code().has_value()); // nobody waited for it
  }
  SUBCASE("cluster mode: a program that has launched another ends as any other") {
    const auto app = launcher_of({"launch", cluster.url, (cluster.keys() / "client").string()}).start();
    CHECK(app.wait() == launch_state::finished);
    CHECK_MESSAGE(app.exit_code() == 0, app.reason(), ": ", app.errors());
  }
  SUBCASE("client mode: an exception that leaves the context's scope makes the application fail") {
    const auto app = cluster.launcher_here({"throw"}, deploy_mode::client).start();
    CHECK(app.wait() == launch_state::failed);
    CHECK(app.exit_code() == 9);
    const auto log = cluster.log("status");
    REQUIRE(
        tool_process(
            {"status", "--master", cluster.url, "--credentials", (cluster.keys() / "client").string(), app.application_id(), "--json"}, log)
            .end(0) == 0);
    CHECK(read_file(log).find("an exception left the scope of its context") != std::string::npos);
  }
  SUBCASE("cluster mode: what only a child process can do is refused") {
    const auto base = cluster.launcher_here({"count"}, deploy_mode::cluster);
    CHECK(code_of([&] { sal::launcher(base).set_working_directory("/").start(); }) == sal::errc::invalid_argument);
    CHECK(code_of([&] { sal::launcher(base).redirect_output(launch_output::inherited()).start(); }) == sal::errc::invalid_argument);
  }
}

TEST_CASE("who follows a log reads all of it, and is done when its process is over for good") {
  const small_cluster cluster;
  int runs = 0;
  const auto follow = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"logs", "--follow", "--master", cluster.url, "--credentials", (cluster.keys() / "client").string()});
    const auto log = cluster.log("followed-" + std::to_string(++runs));
    auto made = std::make_unique<tool_process>(std::move(words), log);
    return std::pair{std::move(made), log};
  };
  SUBCASE("a driver and its executor that run, and end") {
    const auto app = cluster.launcher_here({"work_on"}, deploy_mode::cluster).start();
    REQUIRE(comes_true([&] { return app.progress().tasks_done > 0; }));
    const auto [driver, printed] = follow({app.driver_id()});
    const auto [executor, nothing] = follow({app.application_id(), "0"});
    REQUIRE(comes_true([&, log = printed] { return read_file(log) == "began\n"; }));
    std::this_thread::sleep_for(1s); // longer than between two looks
    CHECK_FALSE(driver->ended());
    CHECK_FALSE(executor->ended());
    app.cancel();
    CHECK(app.wait() == launch_state::killed);
    CHECK(comes_true([&, one = driver.get()] { return one->ended(); }));
    CHECK(comes_true([&, one = executor.get()] { return one->ended(); }));
    CHECK(driver->end(0) == 0);
    CHECK(executor->end(0) == 0);
    CHECK(read_file(printed).starts_with("began\n"));
    CHECK(read_file(nothing).empty());
  }
  SUBCASE("an application that is over") {
    const auto app = cluster.launcher_here({"count"}, deploy_mode::cluster).start();
    CHECK(app.wait() == launch_state::finished);
    const auto [tool, printed] = follow({app.application_id()});
    CHECK(comes_true([&, one = tool.get()] { return one->ended(); }));
    CHECK(tool->end(0) == 0);
    CHECK(read_file(printed) == "counted 1000\n");
  }
  SUBCASE("a supervised driver that fails: every attempt's log, one after the other") {
    const auto attempts = (cluster.here.path() / "attempts").string();
    const auto app = cluster.launcher_here({"third_time", attempts}, deploy_mode::cluster).set_supervise(true).start();
    const auto [tool, printed] = follow({app.driver_id()});
    REQUIRE(comes_true([&, log = printed] { return read_file(log) == "attempt 1\n"; }));
    std::ofstream(attempts + ".read") << "yes";
    CHECK(app.wait() == launch_state::finished);
    CHECK(comes_true([&, one = tool.get()] { return one->ended(); }));
    CHECK(tool->end(0) == 0);
    CHECK(read_file(printed) == "attempt 1\nend of 1\nattempt 2\nend of 2\nattempt 3\nend of 3\n");
  }
}

TEST_CASE("a cluster that is gone makes its applications lost, and a launch fails") {
  small_cluster cluster;
  const auto app = cluster.launcher_here({"work_on"}, deploy_mode::cluster).set_answer_timeout(2s).start();
  REQUIRE(comes_true([&] { return app.state() == launch_state::running; }));
  cluster.master->end(SIGKILL);
  CHECK(app.wait() == launch_state::lost);
  CHECK(app.reason().find("the cluster does not answer") != std::string::npos);
  CHECK_FALSE(app.exit_code().has_value());
  CHECK(code_of([&] { cluster.launcher_here({"count"}, deploy_mode::cluster).set_answer_timeout(500ms).start(); }) ==
        sal::errc::no_executors);
}

TEST_CASE("any one of several masters is enough to find the one that leads") {
  const small_cluster cluster;
  const auto ready = cluster.here.path() / "standby";
  const tool_process standby({"master", "--port", "0", "--credentials", (cluster.keys() / "node").string(), "--recovery-dir",
                              (cluster.here.path() / "recovery").string(), "--ready-file", ready.string()},
                             cluster.log("standby.log"));
  REQUIRE(comes_true([&] { return read_file(ready).find("standing by; the leader is ") != std::string::npos; }));
  const auto url = url_in(read_file(ready));
  REQUIRE(url != cluster.url);
  for (const auto mode : {deploy_mode::client, deploy_mode::cluster}) {
    const auto app = cluster.launcher_here({"count", "0"}, mode).set_master(url).start();
    CHECK(app.wait() == launch_state::finished);
    CHECK(app.output() == "counted 1000\n");
  }
}

TEST_CASE("credentials of another cluster are told at once") {
  const small_cluster cluster;
  const auto strange = cluster.here.path() / "strange";
  REQUIRE(tool_process({"keygen", strange.string()}, cluster.log("keygen")).end(0) == 0);
  std::string text;
  const auto made = cluster.launcher_here({"count"}, deploy_mode::cluster).set_answer_timeout(600s);
  CHECK(code_of([&] { sal::launcher(made).set_credentials((strange / "client").string()).start(); }, &text) == sal::errc::io_error);
  CHECK(text.find("credentials") != std::string::npos);
  CHECK(code_of([&] { sal::launcher(made).set_credentials((strange / "nothing").string()).start(); }) == sal::errc::io_error);
}
