#include <salamander/actors/cluster/submission.hpp>

#include <salamander/actors/cluster/launch.hpp>
#include <salamander/rdd/config.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

std::string file_name(const std::string& path) {
  return fs::path(path).filename().string();
}

std::string run_name() {
  std::random_device source;
  return fmt::format("run-{:08x}{:08x}", source(), source());
}

} // namespace

std::string user_name() {
  const auto* const entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : std::to_string(::geteuid());
}

cluster_access cluster_of(const std::vector<std::pair<std::string, std::string>>& settings) {
  config all;
  all.set_all(settings);
  cluster_access found{all.get("salamander.master", ""), all.find("salamander.credentials").value_or("")};
  if (!found.masters.starts_with("salamander://"))
    core::throw_error(errc::bad_master_url, "the deploy mode cluster needs a master salamander://host:port, " +
                                                (found.masters.empty() ? "and none is set" : "not \"" + found.masters + '"'));
  if (found.credentials.empty())
    core::throw_error(errc::bad_config_value, "a cluster lets nobody in without credentials: set salamander.credentials, or "
                                              "SALAMANDER_CREDENTIALS, to the folder \"client\" that \"salamander keygen\" made");
  return found;
}

void check(const submission& what) {
  std::error_code failed;
  if (!fs::is_regular_file(what.program, failed))
    core::throw_error(errc::input_not_found,
                      "the program " + what.program + " is no file: " + (failed ? failed.message() : "it is something else"));
  if (::access(what.program.c_str(), X_OK) != 0)
    core::throw_error(errc::invalid_argument, "the program " + what.program + " cannot be executed: " + std::strerror(errno));
  const auto one_line = [](const std::string& text, const char* of) {
    if (text.find_first_of("\n\r") != std::string::npos)
      core::throw_error(errc::invalid_argument, std::string("the ") + of + " \"" + text + "\" has a line end in it");
  };
  one_line(what.name, "name");
  std::vector<std::string> names;
  for (const auto& path : what.files) {
    one_line(path, "path of the file");
    if (path.find(',') != std::string::npos)
      core::throw_error(errc::invalid_argument, "the path of the file " + path + " has a comma in it, which separates files");
    if (!fs::is_regular_file(path, failed))
      core::throw_error(errc::input_not_found, "the file " + path + " is not there, or no regular file");
    names.push_back(file_name(path));
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    core::throw_error(errc::invalid_argument, "two files are named " + *twice + "; all lie in one directory where programs run");
  config all;
  for (const auto& [key, value] : what.settings) {
    if (key.find_first_of("\n= \t") != std::string::npos || value.find('\n') != std::string::npos)
      core::throw_error(errc::invalid_argument,
                        "the setting \"" + key + "\" cannot be passed on: no blanks, line ends or = in keys, no line ends in values");
    all.set(key, value); // its own words for what it does not know
  }
}

cluster::driver_description describe(const submission& what, std::vector<program_file>& files) {
  check(what);
  cluster::driver_description made;
  made.name = what.name.empty() ? file_name(what.program) : what.name;
  made.user = user_name();
  made.cores = what.driver_cores;
  made.memory_bytes = what.driver_memory_bytes;
  made.supervise = what.supervise;
  files.push_back(describe_file(what.program, file_name(what.program)));
  made.program.push_back(files.back().what);
  driver_launch launch;
  launch.arguments = what.arguments;
  launch.environment = what.environment;
  // Neither is for the driver: its worker tells it both.
  for (const auto& one : what.settings)
    if (one.first != "salamander.credentials" && one.first != "salamander.master")
      launch.settings.push_back(one);
  std::string names;
  for (const auto& path : what.files) {
    files.push_back(describe_file(path, file_name(path)));
    made.files.push_back(files.back().what);
    names += (names.empty() ? "" : ",") + file_name(path);
  }
  // The driver finds them where it runs, and passes them on to its executors.
  if (!names.empty())
    launch.settings.emplace_back("salamander.files", names);
  if (!what.name.empty())
    launch.settings.emplace_back("salamander.app.name", what.name);
  // Each start of the driver is given the same name, and so finds what the ones before have kept.
  const auto is_named = [](const auto& setting) { return setting.first == "salamander.recovery.id"; };
  if (what.supervise && std::ranges::none_of(launch.settings, is_named))
    launch.settings.emplace_back("salamander.recovery.id", run_name());
  made.launch = encode_launch(launch);
  return made;
}

std::string settings_lines(const submission& what) {
  std::string lines;
  const auto add = [&](const std::string& key, const std::string& value) {
    if (!value.empty())
      lines += key + '=' + value + '\n';
  };
  for (const auto& [key, value] : what.settings) // it may run elsewhere
    add(key, key == "salamander.credentials" && !value.empty() ? fs::absolute(value).string() : value);
  std::string paths;
  for (const auto& path : what.files)
    paths += (paths.empty() ? "" : ",") + fs::absolute(path).string();
  add("salamander.files", paths);
  add("salamander.app.name", what.name);
  return lines;
}

} // namespace salamander::actors
