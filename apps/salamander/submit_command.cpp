#include "asking.hpp"
#include "commands.hpp"

#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/cluster/submission.hpp>
#include <salamander/actors/cluster/submitter.hpp>
#include <salamander/rdd/config.hpp>
#include <salamander/rdd/config_lines.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <glob.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

namespace salamander::tool {
namespace {

using actors::submission;
using scheduler::cluster::driver_state;
using scheduler::cluster::driver_summary;

constexpr std::uint64_t counted_max = 65536;

struct submit_options {
  std::string master;
  std::string deploy_mode = "client";
  std::string name;
  std::vector<std::string> settings;
  std::string properties_file;
  std::vector<std::string> files;
  std::string credentials;
  std::string executor_memory;
  std::string executor_cores;
  std::string total_executor_cores;
  std::string driver_memory = "1g";
  std::string driver_cores = "1";
  bool supervise = false;
  bool wait = false;
  bool json = false;
  bool verbose = false;
  bool driver_sized = false; ///< --driver-memory or --driver-cores was given
};

/// As the configuration does it when it is printed.
bool looks_secret(std::string key) {
  for (char& c : key)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key.find("secret") != std::string::npos || key.find("password") != std::string::npos || key.find("token") != std::string::npos ||
         key.find("key") != std::string::npos;
}

[[noreturn]] void usage_error(const std::string& text) {
  throw CLI::ValidationError("submit", text);
}

/// `amount` is a size such as 512m, or else a plain number.
void check_positive(const char* option, const char* what, const std::string& text, bool amount) {
  if (text.empty())
    return;
  std::uint64_t value = 0;
  if (amount && !text.starts_with('-'))
    value = core::parse_bytes(what, text);
  else if (const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
           parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value > counted_max)
    value = 0;
  if (value == 0)
    throw CLI::ValidationError(option, fmt::format("{} must be a positive number{}, not \"{}\"", what,
                                                   amount ? ", such as 512m" : fmt::format(" of at most {}", counted_max), text));
}

/// Patterns become the files that match them.
std::vector<std::string> expanded(const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  for (const auto& path : paths) {
    if (path.empty())
      usage_error("--files has a file without a name");
    if (path.find_first_of("*?[") == std::string::npos) {
      all.push_back(path);
      continue;
    }
    ::glob_t found{};
    const int result = ::glob(path.c_str(), 0, nullptr, &found);
    all.insert(all.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    if (result != 0)
      core::throw_error(errc::input_not_found, "no file matches " + path + " of --files");
  }
  return all;
}

using settings_map = std::map<std::string, std::string>;

/// Lines as in salamander-defaults.conf. Errors: errc::input_not_found; errc::bad_config_value, errc::unknown_config_key with the line.
settings_map properties_in(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    core::throw_error(errc::input_not_found, "cannot read " + path + ": " + std::strerror(errno));
  settings_map all;
  config known;
  core::read_config_lines(file, path, [&](std::string_view key, std::string_view value) {
    known.set(key, value);
    all.insert_or_assign(std::string(key), value);
  });
  return all;
}

/// Weakest first: the properties file, --conf, flags of their own.
std::vector<std::pair<std::string, std::string>> settings_of(const submit_options& asked) {
  auto all = asked.properties_file.empty() ? settings_map{} : properties_in(asked.properties_file);
  for (const auto& one : asked.settings) {
    const auto equals = one.find('=');
    if (equals == std::string::npos || equals == 0)
      usage_error("--conf: expected key=value, found \"" + one + '"');
    all.insert_or_assign(one.substr(0, equals), one.substr(equals + 1));
  }
  const auto flag = [&](const char* key, const std::string& value) {
    if (!value.empty())
      all.insert_or_assign(key, value);
  };
  flag("salamander.executor.memory", asked.executor_memory);
  flag("salamander.executor.cores", asked.executor_cores);
  flag("salamander.cores.max", asked.total_executor_cores);
  flag("salamander.master", asked.master);
  flag("salamander.credentials", asked.credentials);
  return {all.begin(), all.end()};
}

submission submission_of(const submit_options& asked, std::vector<std::string> program) {
  if (program.empty())
    usage_error("name the program to run: salamander submit [options] PROGRAM [arguments]");
  if (program.front().starts_with('-'))
    usage_error("unrecognized option: " + program.front());
  if (asked.deploy_mode != "client" && asked.deploy_mode != "cluster")
    usage_error("--deploy-mode must be either \"client\" or \"cluster\", not \"" + asked.deploy_mode + '"');
  check_positive("--driver-memory", "driver memory", asked.driver_memory, true);
  check_positive("--driver-cores", "driver cores", asked.driver_cores, false);
  check_positive("--executor-memory", "executor memory", asked.executor_memory, true);
  check_positive("--executor-cores", "executor cores", asked.executor_cores, false);
  check_positive("--total-executor-cores", "total executor cores", asked.total_executor_cores, false);
  submission made;
  made.program = program.front();
  made.arguments.assign(program.begin() + 1, program.end());
  made.settings = settings_of(asked);
  made.files = expanded(asked.files);
  made.name = asked.name;
  made.supervise = asked.supervise;
  made.driver_cores = static_cast<std::uint32_t>(std::stoul(asked.driver_cores));
  made.driver_memory_bytes = core::parse_bytes("--driver-memory", asked.driver_memory);
  actors::check(made);
  return made;
}

/// The program takes the place of this process: signals, output and exit code are its own.
[[noreturn]] void run_here(const submission& what) {
  const auto lines = actors::settings_lines(what);
  ::setenv("SALAMANDER_CONF", lines.c_str(), 1);
  std::vector<std::string> words{what.program};
  words.insert(words.end(), what.arguments.begin(), what.arguments.end());
  std::vector<char*> pointers;
  for (auto& one : words)
    pointers.push_back(one.data());
  pointers.push_back(nullptr);
  ::execv(what.program.c_str(), pointers.data());
  core::throw_error(errc::invalid_argument, "the program " + what.program + " cannot be started: " + std::strerror(errno));
}

void print(const driver_summary& one, bool json) {
  if (json)
    fmt::print("{}\n", nlohmann::json{{"driver", one.driver},
                                      {"state", text_of(one.state)},
                                      {"worker", one.worker},
                                      {"attempts", one.attempts},
                                      {"exit_code", exit_code_of(one)},
                                      {"reason", one.reason}}
                           .dump());
  else
    fmt::print("{}: {}{}{}\n", one.driver, text_of(one.state), one.worker.empty() ? "" : " on " + one.worker,
               one.reason.empty() ? "" : " (" + one.reason + ')');
}

/// What is missing on the command line is a mistake in using it.
actors::cluster_access cluster_named(const submission& what) {
  try {
    return actors::cluster_of(what.settings);
  } catch (const error& failure) {
    usage_error(failure.what());
  }
}

int submit_to_cluster(const submission& what, const submit_options& asked) {
  const auto [masters, credentials] = cluster_named(what);
  std::vector<actors::program_file> files;
  const auto description = actors::describe(what, files);
  actors::submitter line(credentials, actors::masters_of(masters), answer_max, say_trouble);
  const auto driver = line.submit(actors::random_token(), description, files);
  for (;;) {
    const auto all = line.status(driver).drivers;
    if (all.empty())
      core::throw_error(errc::internal, "the cluster does not know " + driver + " any more");
    const auto& now = all.front();
    if (!asked.wait || is_over(now.state)) {
      print(now, asked.json);
      if (now.state == driver_state::error)
        return exit_failed;
      return !asked.wait || now.state == driver_state::finished ? exit_done : now.exit_code == 0 ? exit_failed : now.exit_code;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

int submit(const submit_options& asked, const std::vector<std::string>& program) {
  const auto what = submission_of(asked, program);
  if (asked.verbose)
    for (const auto& [key, value] : what.settings)
      fmt::print(stderr, "{}={}\n", key, looks_secret(key) ? "*********(redacted)" : value);
  if (asked.deploy_mode == "cluster")
    return submit_to_cluster(what, asked);
  if (asked.supervise || asked.wait || asked.json)
    usage_error("--supervise, --wait and --json are for --deploy-mode cluster: here the program runs in place of this one");
  if (asked.driver_sized)
    fmt::print(stderr,
               "salamander: --driver-memory and --driver-cores have no effect in client mode: they are for --deploy-mode cluster\n");
  run_here(what);
}

} // namespace

void add_submit(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<submit_options>();
  auto* const command = tool.add_subcommand("submit", "Run a program, here or on a cluster");
  command->footer(
      "The program's own settings win over flags, flags over --conf, --conf over --properties-file, that over salamander-defaults.conf.\n"
      "Example: salamander submit --master salamander://host:7077 --deploy-mode cluster ./word_count book.txt /shared/counts");
  command->prefix_command();
  command->add_option("--master", asked->master,
                      "local[N], local-cluster[n,cores,MiB] or salamander://host:port[,host:port]; default: SALAMANDER_MASTER");
  command->add_option("--deploy-mode", asked->deploy_mode, "client: the program runs in place of this one; cluster: under a worker");
  command->add_option("--name", asked->name, "of the application");
  command->add_option("-c,--conf", asked->settings, "a setting, key=value; may be repeated")->allow_extra_args(false);
  command->add_option("--properties-file", asked->properties_file, "settings, a line each");
  command->add_option("--files", asked->files, "files for driver and tasks (files::get), separated by commas; may be patterns")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--credentials", asked->credentials, "the folder \"client\" that keygen made; default: SALAMANDER_CREDENTIALS");
  command->add_option("--executor-memory", asked->executor_memory, "of each executor (default 1g)");
  command->add_option("--executor-cores", asked->executor_cores, "of each executor (default: all that a worker has free)");
  command->add_option("--total-executor-cores", asked->total_executor_cores, "of all executors together (default: all)");
  command
      ->add_option("--driver-memory", asked->driver_memory,
                   "reserved for the driver on its worker (cluster mode; no effect in client mode)")
      ->capture_default_str();
  command
      ->add_option("--driver-cores", asked->driver_cores, "reserved for the driver on its worker (cluster mode; no effect in client mode)")
      ->capture_default_str();
  command->add_flag("--supervise", asked->supervise, "start the driver again when it does not end well (cluster mode)");
  command->add_flag("--wait", asked->wait, "return when the driver has ended, with its exit code (cluster mode)");
  command->add_flag("--json", asked->json, "tell in JSON what became of it (cluster mode)");
  command->add_flag("-v,--verbose", asked->verbose, "show the settings");
  command->callback([asked, command, &exit_code] {
    asked->driver_sized = command->count("--driver-memory") + command->count("--driver-cores") > 0;
    exit_code = submit(*asked, command->remaining());
  });
}

} // namespace salamander::tool
