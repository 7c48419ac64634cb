// Settings as users write them.
//
//   config_file    salamander-defaults.conf
//   config_value   key, '=', value
//   master_url     the text
#include "fuzz.hpp"

#include <salamander/rdd/config.hpp>

#include <cstdlib>
#include <fstream>

namespace {

using namespace fuzz;
using salamander::config;
using salamander::core::config_entry;

/// What was set can be had as what it is.
void read_all(const config& settings) {
  static_cast<void>(settings.to_debug_string());
  for (const auto& entry : salamander::core::known_config()) {
    const auto key = std::string(entry.key);
    if (key.ends_with('.') || !settings.contains(key))
      continue;
    switch (entry.kind) {
    case config_entry::type::text:
      settings.get(key);
      break;
    case config_entry::type::integer:
      expect(settings.get_int(key) >= entry.least, "a number is as large as it has to be");
      break;
    case config_entry::type::number:
      settings.get_double(key);
      break;
    case config_entry::type::boolean:
      settings.get_bool(key);
      break;
    case config_entry::type::bytes:
      expect(settings.get_bytes(key) >= static_cast<std::uint64_t>(entry.least), "a size is as large as it has to be");
      break;
    case config_entry::type::time:
      expect(settings.get_time(key).count() >= entry.least, "a time is as long as it has to be");
      break;
    }
  }
}

const auto refusals = {errc::unknown_config_key, errc::bad_config_value};

// -- files ----------------------------------------------------------------------

config from_file(std::string_view content) {
  // Other targets of this process make settings that come from no file.
  struct directory_of_settings {
    directory_of_settings() {
      ::unsetenv("SALAMANDER_MASTER");
      ::setenv("SALAMANDER_CONF_DIR", scratch_directory().c_str(), 1);
    }
    ~directory_of_settings() {
      ::unsetenv("SALAMANDER_CONF_DIR");
    }
  };
  std::ofstream(scratch_directory() + "/salamander-defaults.conf", std::ios::binary) << content;
  const directory_of_settings here;
  return config();
}

bool read_file(input_bytes input) {
  std::optional<config> settings;
  if (!accepts([&] { settings = from_file(text_of(input)); }, refusals))
    return false;
  read_all(*settings);
  std::string again;
  for (const auto& [key, value] : settings->get_all())
    again += key + '=' + value + '\n';
  expect(from_file(again).get_all() == settings->get_all(), "settings that were read are written and read the same");
  return true;
}

std::vector<seed> file_seeds() {
  return {{"settings",
           bytes_of("# comment\n\nsalamander.executor.memory 64m\nsalamander.task.maxFailures=4\n  salamander.locality.wait\t=  3s \r\n"
                    "my.own.key some words = more\nsalamander.executorEnv.PATH /bin\nsalamander.log.level INFO"),
           true},
          {"empty", {}, true},
          {"no-value", bytes_of("salamander.task.maxFailures\n"), false},
          {"no-key", bytes_of("= 4\n"), false},
          {"unknown", bytes_of("salamander.task.maxFailure 4\n"), false},
          {"long-key", bytes_of("salamander." + std::string(3000, 'k') + " 4\n"), false}};
}

// -- values ---------------------------------------------------------------------

bool set_value(input_bytes input) {
  const auto text = text_of(input);
  const auto middle = text.find('=');
  const auto key = text.substr(0, middle);
  const auto value = middle == std::string_view::npos ? std::string_view() : text.substr(middle + 1);
  accepts(
      [&] {
        const auto bytes = salamander::core::parse_bytes(key, value);
        expect(salamander::core::parse_bytes(key, std::to_string(bytes)) == bytes, "a size means the same written in bytes");
      },
      refusals);
  accepts(
      [&] {
        const auto time = salamander::core::parse_time(key, value);
        expect(time.count() >= 0, "no time is negative");
        expect(salamander::core::parse_time(key, std::to_string(time.count()) + "ms") == time, "a time means the same in milliseconds");
        static_cast<void>(std::chrono::nanoseconds(time)); // what clocks count in
      },
      refusals);
  config settings;
  if (!accepts([&] { settings.set(key, value); }, refusals))
    return false;
  read_all(settings);
  return true;
}

std::vector<seed> value_seeds() {
  const auto value = [](const char* name, const char* text, bool valid) { return seed{name, bytes_of(text), valid}; };
  return {value("bytes", "salamander.executor.memory=64m", true),
          value("bytes-kb", "salamander.executor.memory= 2048 KB ", true),
          value("time", "salamander.locality.wait=500us", true),
          value("time-days", "salamander.executor.deadTimeout=100d", true),
          value("integer", "salamander.task.maxFailures=2147483647", true),
          value("flag", "salamander.ui.jobSummary=True", true),
          value("choice", "salamander.log.level=Debug", true),
          value("own", "my.key=anything", true),
          value("too-many-bytes", "salamander.executor.memory=9000p", false),
          value("too-long", "salamander.locality.wait=36501d", false),
          value("negative", "salamander.task.maxFailures=-1", false),
          value("integer-too-large", "salamander.task.maxFailures=2147483648", false),
          value("no-unit", "salamander.executor.memory=64q", false)};
}

// -- masters --------------------------------------------------------------------

bool parse_master(input_bytes input) {
  using namespace salamander::core;
  master_url asked;
  if (!accepts([&] { asked = salamander::core::parse_master(text_of(input)); }, {errc::bad_master_url}))
    return false;
  expect(asked.cores >= 1 && asked.cores <= local_threads_max, "cores are within their limit");
  expect(asked.executors >= 1 && asked.executors <= local_cluster_executors_max, "executors are within their limit");
  expect((asked.memory_bytes != 0) == (asked.how == master_url::kind::local_cluster), "only executors have a memory of their own");
  return true;
}

std::vector<seed> master_seeds() {
  const auto url = [](const char* name, const char* text, bool valid) { return seed{name, bytes_of(text), valid}; };
  return {url("local", "local", true),
          url("local-n", "local[4]", true),
          url("local-all", " local[*, 3] ", true),
          url("cluster", "local-cluster[3,1,512]", true),
          url("zero", "local[0]", false),
          url("many", "local[99999999999999999999]", false),
          url("cluster-short", "local-cluster[3,1]", false),
          url("standalone", "salamander://host:7077", true)};
}

// An error repeats the value and names the nearest key.
const registered files({"config_file", &read_file, &file_seeds, {64U << 10, 64}});
const registered values({"config_value", &set_value, &value_seeds, {32U << 10, 64}});
const registered masters({"master_url", &parse_master, &master_seeds, {8U << 10, 64}});

} // namespace
