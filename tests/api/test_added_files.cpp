// Files that a program gives to its tasks.
#include "fixture.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace {

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What tasks read under a name, each text once.
std::set<std::string> read_in_tasks(const sal::context& sc, const std::string& name, std::uint32_t tasks = 8) {
  const auto all = sc.range(0, tasks, 1, tasks)
                       .map(sal::bind_front([](const std::string& which, std::int64_t) { return read_all(sal::files::get(which)); }, name))
                       .collect();
  return {all.begin(), all.end()};
}

} // namespace

TEST_CASE_FIXTURE(api, "every task finds an added file with its contents, and so does the driver") {
  const scratch here;
  sc.add_file(here.file("words.txt", "one\ntwo\n"));
  CHECK(read_in_tasks(sc, "words.txt") == std::set<std::string>{"one\ntwo\n"});
  CHECK(read_all(sal::files::get("words.txt")) == "one\ntwo\n");
  CHECK(sc.added_files() == std::vector<std::string>{"words.txt"});
  CHECK(std::filesystem::exists(std::filesystem::path(sal::files::root_directory()) / "words.txt"));
}

TEST_CASE_FIXTURE(api, "a file is as it was when it was added, and of any bytes") {
  const scratch here;
  std::string bytes(9 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  const auto path = here.file("large.bin", bytes);
  sc.add_file(path);
  here.file("large.bin", "changed");
  CHECK((read_in_tasks(sc, "large.bin", 4) == std::set<std::string>{bytes}));
}

TEST_CASE_FIXTURE(api, "files that are added between jobs are found by the later ones") {
  const scratch here;
  sc.add_file(here.file("first", "1"));
  CHECK(read_in_tasks(sc, "first") == std::set<std::string>{"1"});
  sc.add_file(here.file("second", "2"));
  CHECK(read_in_tasks(sc, "second") == std::set<std::string>{"2"});
  CHECK(read_in_tasks(sc, "first") == std::set<std::string>{"1"});
}

TEST_CASE_FIXTURE(api, "a program that is added can be run by tasks") {
  const scratch here;
  const auto path = here.file("shout", "#!/bin/sh\ntr a-z A-Z\n");
  ::chmod(path.c_str(), 0700);
  sc.add_file(path);
  const auto can =
      sc.range(0, 2, 1, 2).map([](std::int64_t) { return ::access(sal::files::get("shout").c_str(), X_OK) == 0 ? 1 : 0; }).sum();
  CHECK(can == 2);
}

TEST_CASE_FIXTURE(api, "the same contents may be added again, others under the same name may not") {
  const scratch here;
  sc.add_file(here.file("a.txt", "one"));
  sc.add_file(here / "a.txt");
  here.file("a.txt", "two");
  std::string text;
  CHECK(code_of([&] { sc.add_file(here / "a.txt"); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("other contents than the file of the same name") != std::string::npos);
  CHECK(text.find("test_added_files.cpp") != std::string::npos);
  CHECK(read_in_tasks(sc, "a.txt") == std::set<std::string>{"one"});
}

TEST_CASE_FIXTURE(api, "what cannot be added is refused at once, and a name that was not added is an error of its task") {
  const scratch here;
  CHECK(code_of([&] { sc.add_file(here / "missing"); }) == sal::errc::input_not_found);
  CHECK(code_of([&] { sc.add_file(here.path().string()); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sal::files::get("missing"); }) == sal::errc::input_not_found);
  std::string text;
  CHECK(code_of([&] { read_in_tasks(sc, "missing"); }, &text) != sal::errc::internal);
  CHECK(text.find("no file \"missing\" was added") != std::string::npos);
  CHECK(code_of([&] { read_in_tasks(sc, "../../etc/passwd"); }) != sal::errc::internal);
  sc.stop();
  CHECK(code_of([&] { sc.add_file(here.file("late", "x")); }) == sal::errc::context_stopped);
}

TEST_CASE("copies go with their context, and another one begins without them") {
  const scratch here;
  std::string copy;
  {
    api one;
    one.sc.add_file(here.file("a.txt", "one"));
    copy = sal::files::get("a.txt");
    CHECK(std::filesystem::exists(copy));
  }
  CHECK_FALSE(std::filesystem::exists(copy));
  CHECK(code_of([] { sal::files::get("a.txt"); }) == sal::errc::input_not_found);
  api other;
  CHECK(other.sc.added_files().empty());
  other.sc.add_file(here.file("a.txt", "two"));
  CHECK(read_in_tasks(other.sc, "a.txt") == std::set<std::string>{"two"});
}

TEST_CASE("the setting salamander.files gives files to tasks in every master") {
  const scratch here;
  const auto both = here.file("x.txt", "x") + "," + here.file("y.txt", "y");
  const sal::context sc(sal::config{}.set("salamander.files", both));
  CHECK(read_in_tasks(sc, "x.txt") == std::set<std::string>{"x"});
  CHECK(read_in_tasks(sc, "y.txt") == std::set<std::string>{"y"});
}

TEST_CASE_FIXTURE(api, "an executor that replaces another one fetches the file again") {
  if (sc.executors().front().process == ::getpid())
    return; // one process only
  const scratch here;
  sc.add_file(here.file("kept.txt", "kept"));
  CHECK(read_in_tasks(sc, "kept.txt") == std::set<std::string>{"kept"});
  std::set<std::int64_t> before;
  for (const auto& one : sc.executors())
    if (one.alive && before.insert(one.process).second)
      ::kill(static_cast<pid_t>(one.process), SIGKILL);
  CHECK(read_in_tasks(sc, "kept.txt") == std::set<std::string>{"kept"});
  for (const auto& one : sc.executors())
    if (one.alive)
      CHECK_FALSE(before.contains(one.process));
}
