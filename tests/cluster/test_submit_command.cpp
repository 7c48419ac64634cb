#include "launch_fixture.hpp"

using namespace launch_test;

namespace {

struct submission_test {
  scratch here;
  int runs = 0;

  /// What the tool prints, and its exit code.
  std::pair<int, std::string> submit(std::vector<std::string> words, std::vector<std::string> environment = {}) {
    const auto log = here.path() / ("log-" + std::to_string(++runs));
    words.insert(words.begin(), "submit");
    const int code = tool_process(std::move(words), log, std::move(environment)).end(0);
    return {code, read_file(log)};
  }
  /// What the application is called when these say so.
  std::string name_of(std::vector<std::string> options, std::vector<std::string> environment = {}) {
    options.insert(options.end(), {launched_program(), "surroundings"});
    const auto text = submit(std::move(options), std::move(environment)).second;
    const auto at = text.rfind(" as ");
    return at == std::string::npos ? text : text.substr(at + 4, text.size() - at - 5);
  }
};

constexpr int usage = 2;

} // namespace

TEST_CASE_FIXTURE(submission_test, "flags win over --conf, that over the properties file, that over the defaults file") {
  here.file("salamander-defaults.conf", "salamander.app.name from-defaults\n");
  const std::vector<std::string> defaults{"SALAMANDER_CONF_DIR=" + here.path().string()};
  const auto properties = here.file("own.conf", "salamander.app.name=from-properties\n");
  CHECK(name_of({}) == "nobody");
  CHECK(name_of({}, defaults) == "from-defaults");
  CHECK(name_of({"--properties-file", properties}, defaults) == "from-properties");
  CHECK(name_of({"--properties-file", properties, "--conf", "salamander.app.name=from-conf"}, defaults) == "from-conf");
  CHECK(name_of({"--name", "from-flag", "-c", "salamander.app.name=from-conf", "--properties-file", properties}, defaults) == "from-flag");
}

TEST_CASE_FIXTURE(submission_test, "files may be lists and patterns, and reach tasks") {
  here.file("a1.txt", "first");
  here.file("a2.txt", "second");
  const auto other = here.file("b.csv", "third");
  const std::vector<std::pair<std::string, std::string>> all{{"a1.txt", "first"}, {"a2.txt", "second"}, {"b.csv", "third"}};
  for (const auto& [name, text] : all) {
    const auto [code, printed] = submit(
        {"--master", "local[2]", "--files", (here.path() / "a*.txt").string() + "," + other, launched_program(), "count", "0", name});
    CHECK(code == 0);
    CHECK(printed.find(text) != std::string::npos);
  }
  const auto [code, printed] = submit({"--files", (here.path() / "c*").string(), launched_program(), "count"});
  CHECK(code == 1);
  CHECK(printed.find("no file matches") != std::string::npos);
  CHECK(submit({"--files", other + "," + other, launched_program(), "count"}).second.find("two files are named b.csv") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(submission_test, "what makes no sense on the command line is told, and nothing runs") {
  const auto refused = [&](std::vector<std::string> options, const std::string& text) {
    options.insert(options.end(), {launched_program(), "print", "1"});
    const auto [code, printed] = submit(std::move(options));
    CHECK_MESSAGE(code == usage, printed);
    CHECK_MESSAGE(printed.find(text) != std::string::npos, printed);
    CHECK(printed.find("line 0") == std::string::npos);
  };
  refused({"--driver-memory", "0"}, "driver memory must be a positive number");
  refused({"--driver-memory=-1g"}, "driver memory must be a positive number");
  refused({"--driver-cores", "0"}, "driver cores must be a positive number");
  refused({"--executor-memory=-512m"}, "executor memory must be a positive number");
  refused({"--executor-cores=-2"}, "executor cores must be a positive number");
  refused({"--total-executor-cores", "0"}, "total executor cores must be a positive number");
  refused({"--deploy-mode", "yarn"}, "--deploy-mode must be either \"client\" or \"cluster\"");
  refused({"--unknown"}, "unrecognized option: --unknown");
  refused({"--supervise"}, "--deploy-mode cluster");
  refused({"--json"}, "--deploy-mode cluster");
  refused({"--files", ""}, "a file without a name");
  refused({"--deploy-mode", "cluster", "--master", "local[2]"}, "salamander://host:port");
  const auto [code, printed] = submit({});
  CHECK(code == usage);
  CHECK(printed.find("name the program") != std::string::npos);
}

TEST_CASE_FIXTURE(submission_test, "a program's exit code is passed on, and a mistyped key is named") {
  CHECK(submit({"--master", "local[2]", launched_program(), "count", "3"}).first == 3);
  const auto [code, printed] = submit({"--conf", "salamander.core.max=2", launched_program(), "count"});
  CHECK(code == 1);
  CHECK(printed.find("salamander.cores.max") != std::string::npos);
}

TEST_CASE_FIXTURE(submission_test, "a properties file is written as the defaults file, and what is wrong in it is told with its line") {
  const auto good = here.file("good.conf", "# a comment\n\n  salamander.app.name =  two words \r\nmine\tyours\n");
  CHECK(name_of({"--properties-file", good}) == "two words");
  const auto wrong_in = [&](const std::string& line) {
    const auto path = here.file("wrong.conf", "salamander.app.name fine\n" + line + "\n");
    const auto [code, printed] = submit({"--properties-file", path, launched_program(), "surroundings"});
    CHECK(code != 0);
    CHECK_MESSAGE(printed.find(path + ":2: ") != std::string::npos, printed);
  };
  wrong_in("salamander.executor.memry 1g");
  wrong_in("salamander.executor.memory much");
  wrong_in("lonely");
}

TEST_CASE_FIXTURE(submission_test, "a word that is no command is told, with those that there are") {
  const auto log = here.path() / "unknown";
  CHECK(tool_process({"statsu"}, log).end(0) == usage);
  CHECK(read_file(log).find("there is no command \"statsu\"; there are master, worker, submit, status, kill, logs") != std::string::npos);
}

TEST_CASE_FIXTURE(submission_test, "a worker refuses to offer nothing, and logs in crumbs") {
  const auto refused = [&](const std::string& option, const std::string& value) {
    const auto log = here.path() / option;
    CHECK(tool_process({"worker", "salamander://127.0.0.1:1", "--credentials", here.path().string(), option, value}, log).end(0) == usage);
    CHECK_MESSAGE(read_file(log).find(option) != std::string::npos, read_file(log));
  };
  refused("--cores", "0");
  refused("--cores", "70000");
  refused("--log-size", "1");
  refused("--log-parts", "0");
}

TEST_CASE_FIXTURE(submission_test, "a number that is out of range is told with its option and what is allowed") {
  int runs = 0;
  const auto refused = [&](std::vector<std::string> words, const std::string& text) {
    const auto log = here.path() / ("number-" + std::to_string(++runs));
    CHECK(tool_process(std::move(words), log).end(0) == usage);
    CHECK_MESSAGE(read_file(log).find(text) != std::string::npos, read_file(log));
  };
  refused({"master", "--port", "70000"}, "--port: \"70000\" is not possible; write a whole number from 0 to 65535");
  refused({"master", "--port", "http"}, "--port: \"http\" is not possible; write a whole number from 0 to 65535");
  refused({"master", "--port=-1"}, "--port: \"-1\" is not possible");
  refused({"master", "--default-cores", "0"}, "--default-cores: \"0\" is not possible; write a whole number from 1 to");
  refused({"master", "--max-drivers", "99999999999"}, "--max-drivers: \"99999999999\" is not possible");
  refused({"master", "--worker-timeout", "3"}, "--worker-timeout: \"3\" is not possible; write a whole number from 4 to 3600");
  refused({"logs", "app-1", "first"}, "executor: \"first\" is not possible");
  refused({"logs", "app-1", "--bytes", "0"}, "--bytes: \"0\" is not possible");
  refused({"submit", "--driver-cores", "70000", launched_program()},
          "--driver-cores: driver cores must be a positive number of at most 65536, not \"70000\"");
}

TEST_CASE_FIXTURE(submission_test, "client mode says that it does not size the driver, once") {
  const auto said = [&](std::vector<std::string> options) {
    options.insert(options.end(), {launched_program(), "print", "1"});
    const auto [code, printed] = submit(std::move(options));
    CHECK(code == 0);
    CHECK(printed.ends_with("line 0\n"));
    return printed.substr(0, printed.size() - 7);
  };
  const std::string note =
      "salamander: --driver-memory and --driver-cores have no effect in client mode: they are for --deploy-mode cluster\n";
  CHECK(said({"--driver-memory", "2g", "--driver-cores", "2"}) == note);
  CHECK(said({"--driver-cores", "1"}) == note);
  CHECK(said({}).empty());
}

TEST_CASE_FIXTURE(submission_test, "kill needs to be told what") {
  const auto log = here.path() / "kill";
  CHECK(tool_process({"kill"}, log).end(0) == usage);
  CHECK(read_file(log).find("specify a submission to kill") != std::string::npos);
}
