#include "asking.hpp"

#include <salamander/rdd/error.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace salamander::tool {
namespace {

namespace cluster = scheduler::cluster;
using nlohmann::json;

const char* text_of(cluster::process_state state) {
  switch (state) {
  case cluster::process_state::starting:
    return "STARTING";
  case cluster::process_state::running:
    return "RUNNING";
  case cluster::process_state::ended:
    return "ENDED";
  }
  return "?";
}

json json_of(const cluster::cluster_summary& all) {
  json made{{"state", text_of(all.state)},   {"master", all.master},       {"term", all.term},        {"workers", json::array()},
            {"applications", json::array()}, {"executors", json::array()}, {"drivers", json::array()}};
  for (const auto& one : all.workers)
    made["workers"].push_back({{"worker", one.worker},
                               {"host", one.host},
                               {"state", text_of(one.state)},
                               {"cores", one.cores},
                               {"cores_used", one.cores_used},
                               {"memory_bytes", one.memory_bytes},
                               {"memory_used_bytes", one.memory_used_bytes},
                               {"silent_ms", one.silent_ms}});
  for (const auto& one : all.applications)
    made["applications"].push_back({{"id", one.id},
                                    {"name", one.name},
                                    {"user", one.user},
                                    {"state", text_of(one.state)},
                                    {"executors", one.executors},
                                    {"cores", one.cores},
                                    {"executor_memory_bytes", one.executor_memory_bytes},
                                    {"submitted_at", one.submitted_at},
                                    {"ended_at", one.ended_at},
                                    {"reason", one.reason},
                                    {"driver", one.submitted_as},
                                    {"jobs_active", one.progress.jobs_active},
                                    {"jobs_done", one.progress.jobs_done},
                                    {"jobs_failed", one.progress.jobs_failed},
                                    {"stages_active", one.progress.stages_active},
                                    {"tasks_active", one.progress.tasks_active},
                                    {"tasks_done", one.progress.tasks_done},
                                    {"tasks_total", one.progress.tasks_total}});
  for (const auto& one : all.executors)
    made["executors"].push_back({{"application", one.application},
                                 {"executor", one.executor},
                                 {"worker", one.worker},
                                 {"host", one.host},
                                 {"cores", one.cores},
                                 {"state", text_of(one.state)}});
  for (const auto& one : all.drivers)
    made["drivers"].push_back({{"driver", one.driver},
                               {"name", one.name},
                               {"user", one.user},
                               {"state", text_of(one.state)},
                               {"worker", one.worker},
                               {"attempts", one.attempts},
                               {"exit_code", exit_code_of(one)},
                               {"supervise", one.supervise},
                               {"submitted_at", one.submitted_at},
                               {"ended_at", one.ended_at},
                               {"reason", one.reason}});
  return made;
}

/// Columns as wide as what is in them.
class table {
public:
  explicit table(std::vector<std::string> titles) {
    rows_.push_back(std::move(titles));
  }
  void add(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
  }
  void print(const char* heading) const {
    if (rows_.size() == 1)
      return;
    fmt::print("\n{}\n", heading);
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], row[i].size());
    for (const auto& row : rows_) {
      std::string line = " ";
      for (std::size_t i = 0; i < row.size(); ++i)
        line += fmt::format(" {:<{}}", row[i], widths[i]);
      line.erase(line.find_last_not_of(' ') + 1);
      fmt::print("{}\n", line);
    }
  }

private:
  std::vector<std::vector<std::string>> rows_;
};

std::string time_text(std::int64_t seconds) {
  return seconds == 0 ? "" : fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(seconds)));
}

/// What others chose may hold anything; a terminal shall not obey it.
std::string printable(const std::string& text) {
  std::string made;
  for (const char c : text)
    made += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  return made.substr(0, 120);
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

/// "1 running, 3 done, 1 failed"
std::string jobs_text(const cluster::application_progress& all) {
  std::string text;
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(all.jobs_active, "running");
  add(all.jobs_done - std::min(all.jobs_done, all.jobs_failed), "done");
  add(all.jobs_failed, "failed");
  return text;
}

void print(const cluster::cluster_summary& all) {
  fmt::print("master at {}: {}, term {}\n", all.master, text_of(all.state), all.term);
  table workers({"worker", "host", "state", "cores", "memory"});
  for (const auto& one : all.workers)
    workers.add({printable(one.worker), printable(one.host), text_of(one.state), fmt::format("{}/{}", one.cores_used, one.cores),
                 fmt::format("{}/{}", one.memory_used_bytes >> 20, mebibytes(one.memory_bytes))});
  workers.print("Workers (used/offered)");
  table applications({"application", "name", "user", "state", "executors", "cores", "jobs", "tasks", "submitted", "ended", ""});
  for (const auto& one : all.applications)
    applications.add({one.id, printable(one.name), printable(one.user), text_of(one.state), std::to_string(one.executors),
                      std::to_string(one.cores), jobs_text(one.progress),
                      fmt::format("{}/{}", one.progress.tasks_done, one.progress.tasks_total), time_text(one.submitted_at),
                      time_text(one.ended_at), printable(one.reason)});
  applications.print("Applications (tasks: done/begun)");
  table executors({"application", "executor", "worker", "cores", "state"});
  for (const auto& one : all.executors)
    executors.add({one.application, std::to_string(one.executor), printable(one.worker), std::to_string(one.cores), text_of(one.state)});
  executors.print("Executors");
  table drivers({"driver", "name", "user", "state", "worker", "attempts", "exit code", "submitted", ""});
  for (const auto& one : all.drivers)
    drivers.add({one.driver, printable(one.name), printable(one.user), text_of(one.state), printable(one.worker),
                 std::to_string(one.attempts), exit_code_of(one).is_null() ? "" : std::to_string(one.exit_code),
                 time_text(one.submitted_at), printable(one.reason)});
  drivers.print("Drivers");
}

struct options {
  asked_cluster where;
  std::string id;
  bool json = false;
};

int run(const options& asked) {
  const auto all = line_to(asked.where)->status(asked.id);
  if (!asked.id.empty() && all.drivers.empty() && all.applications.empty())
    core::throw_error(errc::invalid_argument, "the cluster knows no driver or application " + asked.id);
  if (asked.json)
    fmt::print("{}\n", json_of(all).dump(-1, ' ', false, json::error_handler_t::replace));
  else
    print(all);
  return exit_done;
}

} // namespace

void add_status(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<options>();
  auto* const command = tool.add_subcommand("status", "Show a cluster, or one driver or application");
  add_cluster_options(*command, asked->where);
  command->add_option("id", asked->id, "of a driver (driver-...) or application (app-...)");
  command->add_flag("--json", asked->json, "for scripts");
  command->callback([asked, &exit_code] { exit_code = run(*asked); });
}

} // namespace salamander::tool
