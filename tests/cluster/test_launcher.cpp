#include "launch_fixture.hpp"

#include <mutex>
#include <set>

using namespace launch_test;
using sal::deploy_mode;
using sal::launch_output;
using sal::launch_state;

TEST_CASE("a launched application's states, output and exit code are told") {
  const auto app = launcher_of({"count"}).start();
  CHECK(app.wait() == launch_state::finished);
  CHECK(app.state() == launch_state::finished);
  CHECK(app.exit_code() == 0);
  CHECK(app.reason() == "exited with code 0");
  CHECK(app.output() == "counted 1000\n");
  CHECK(app.errors() == "to errors\n");
  CHECK(app.application_id().starts_with("local-"));
  CHECK(app.driver_id().empty());
  CHECK(app.progress().jobs_done == 1);
  CHECK(app.progress().tasks_done == 4);
  CHECK(app.progress().jobs_active == 0);
}

TEST_CASE("an application may have executors in processes of their own") {
  const auto app = launcher_of({"count"}).set_master("local-cluster[2,1,256]").start();
  CHECK(app.wait() == launch_state::finished);
  CHECK(app.output() == "counted 1000\n");
}

TEST_CASE("another exit code than 0 is a failure") {
  const auto app = launcher_of({"count", "3"}).start();
  CHECK(app.wait() == launch_state::failed);
  CHECK(app.exit_code() == 3);
  CHECK(app.reason() == "exited with code 3");
}

TEST_CASE("what cannot be launched is refused at once") {
  const scratch here;
  std::string text;
  CHECK(code_of([] { sal::launcher{}.start(); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sal::launcher{}.set_application((here.path() / "none").string()).start(); }) == sal::errc::input_not_found);
  CHECK(code_of([&] { sal::launcher{}.set_application(here.file("plain", "x")).start(); }) == sal::errc::invalid_argument);
  const auto garbage = here.file("garbage", "neither a program nor a script");
  fs::permissions(garbage, fs::perms::owner_all);
  CHECK(code_of([&] { sal::launcher{}.set_application(garbage).start(); }) == sal::errc::invalid_argument);
  CHECK(code_of([] { launcher_of({"count"}).set_conf("salamander.cores.maximum", "1").start(); }, &text) == sal::errc::unknown_config_key);
  CHECK(text.find("salamander.cores.max'") != std::string::npos);
  CHECK(code_of([] { launcher_of({"count"}).set_conf("salamander.cores.max", "-1").start(); }) == sal::errc::bad_config_value);
  CHECK(code_of([&] { launcher_of({"count"}).add_file((here.path() / "none").string()).start(); }) == sal::errc::input_not_found);
  CHECK(code_of([&] { launcher_of({"count"}).set_working_directory((here.path() / "none").string()).start(); }) ==
        sal::errc::input_not_found);
  CHECK(code_of([&] { launcher_of({"count"}).redirect_output(launch_output::file("/none/there")).start(); }) == sal::errc::io_error);
  CHECK(code_of([] { launcher_of({"count"}).set_environment("A=B", "c").start(); }) == sal::errc::invalid_argument);
  CHECK(code_of([] { launcher_of({"count"}).set_supervise().start(); }) == sal::errc::invalid_argument);
  CHECK(code_of([] { launcher_of({"count"}).set_deploy_mode(deploy_mode::cluster).start(); }) == sal::errc::bad_master_url);
}

TEST_CASE("a program that ends lets go of what it launched before OpenSSL is gone") {
  const auto app = launcher_of({"watch"}).start();
  CHECK(app.wait() == launch_state::finished);
  CHECK(app.output() == "in time\n");
}

TEST_CASE("an application runs where, as what and with what it was told to") {
  const scratch here;
  const auto made = launcher_of({"surroundings"}).set_environment("COLOUR", "blue").set_environment("COLOUR", "green");
  auto app = sal::launcher(made).set_name("painter").set_working_directory(fs::canonical(here.path()).string()).start();
  CHECK(app.wait() == launch_state::finished);
  CHECK(app.output() == "green in " + fs::canonical(here.path()).string() + " as painter\n");
  app = sal::launcher(made).redirect_output(launch_output::file((here.path() / "out").string())).start();
  app.wait();
  CHECK(read_file(here.path() / "out").starts_with("green in "));
  CHECK(app.output().empty());
}

TEST_CASE("of what an application prints the last bytes are kept") {
  const auto app = launcher_of({"print", "200000"}).redirect_output(launch_output::captured(100)).start();
  CHECK(app.wait() == launch_state::finished);
  CHECK(app.output().size() == 100);
  CHECK(app.output().ends_with("line 199998\nline 199999\n"));
}

TEST_CASE("files reach the tasks of a launched application") {
  const scratch here;
  const auto app = launcher_of({"count", "0", "words.txt"}).add_file(here.file("words.txt", "of a file")).start();
  CHECK(app.wait() == launch_state::finished);
  CHECK(app.output() == "counted 1000\nof a file\n");
}

TEST_CASE("a cancelled application's jobs are cancelled, and it ends by itself") {
  const auto app = launcher_of({"work_on"}).start();
  REQUIRE(comes_true([&] { return app.progress().tasks_done > 0; }));
  CHECK(app.state() == launch_state::running);
  CHECK(app.progress().jobs_active == 1);
  CHECK(app.progress().tasks_total == 10'000);
  CHECK(app.progress().cores == 2);
  CHECK_FALSE(app.exit_code().has_value());
  app.cancel(60s);
  CHECK(app.wait() == launch_state::killed);
  CHECK(app.exit_code() == 7);
  CHECK(app.output() == "began\nended: cancelled\n");
  app.cancel(); // no effect
  app.kill();
  CHECK(app.state() == launch_state::killed);
}

TEST_CASE("an application that does not end when it is asked to is killed after the grace") {
  const auto app = launcher_of({"never_end"}).start();
  REQUIRE(comes_true([&] { return app.output() == "deaf\n"; }));
  CHECK_FALSE(app.wait_for(10ms));
  app.cancel(200ms);
  CHECK(app.wait() == launch_state::killed);
  CHECK(app.exit_code() == 128 + SIGKILL);
  CHECK(app.reason() == "killed by signal 9 (Killed)");
}

TEST_CASE("kill ends an application without asking") {
  const auto app = launcher_of({"work_on"}).start();
  REQUIRE(comes_true([&] { return app.output() == "began\n"; }));
  app.kill();
  CHECK(app.wait() == launch_state::killed);
  CHECK(app.exit_code() == 128 + SIGKILL);
}

TEST_CASE("an application goes on without its handle") {
  const scratch here;
  const auto mark = (here.path() / "mark").string();
  SUBCASE("which is gone") {
    launcher_of({"mark", mark}).start();
    CHECK(comes_true([&] { return read_file(mark) == "done"; }));
  }
  SUBCASE("which is disconnected") {
    const auto app = launcher_of({"mark", mark}).start();
    app.disconnect();
    CHECK(app.wait() == launch_state::lost);
    CHECK(app.reason() == "disconnected");
    app.kill();
    CHECK(comes_true([&] { return read_file(mark) == "done"; }));
    CHECK(app.state() == launch_state::lost);
  }
}

TEST_CASE("listeners hear of states and progress, whatever they throw") {
  std::mutex mutex;
  std::vector<launch_state> heard;
  std::uint64_t tasks = 0;
  const auto app = launcher_of({"work_on"}).start();
  app.on_change([](launch_state, const sal::launch_progress&) { throw std::runtime_error("of no interest"); });
  app.on_change([&](launch_state state, const sal::launch_progress& progress) {
    const std::lock_guard lock(mutex);
    if (heard.empty() || heard.back() != state)
      heard.push_back(state);
    tasks = std::max(tasks, progress.tasks_done);
  });
  REQUIRE(comes_true([&] {
    const std::lock_guard lock(mutex);
    return tasks > 0;
  }));
  app.cancel();
  app.wait();
  CHECK(comes_true([&] {
    const std::lock_guard lock(mutex);
    return heard.back() == launch_state::killed;
  }));
  CHECK(heard.size() <= 3);
}

TEST_CASE("a handle may be used by several threads, and several applications run at once") {
  const auto app = launcher_of({"work_on"}).start();
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i)
    users.emplace_back([app] {
      while (!app.wait_for(1ms))
        static_cast<void>(app.output() + app.reason() + app.application_id());
    });
  std::vector<sal::launched_application> others;
  for (int i = 0; i < 3; ++i)
    others.push_back(launcher_of({"print", std::to_string(i)}).start());
  for (const auto& one : others)
    CHECK(one.wait() == launch_state::finished);
  CHECK(others[2].output() == "line 0\nline 1\n");
  app.kill();
  for (auto& one : users)
    one.join();
  CHECK(app.state() == launch_state::killed);
}
