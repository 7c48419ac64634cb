#include "asking.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <thread>

namespace salamander::tool {
namespace {

constexpr std::chrono::milliseconds follow_pause{500};

struct options {
  asked_cluster where;
  std::string id;
  std::uint32_t executor = scheduler::cluster::no_limit;
  bool standard_error = false;
  bool follow = false;
  std::uint32_t bytes = 64U << 10;
};

int run(const options& asked) {
  if (asked.id.starts_with("driver-") && asked.executor != scheduler::cluster::no_limit)
    throw CLI::ValidationError("executor", "executors are numbered in their application: name that (app-...), or only the driver");
  const auto line = line_to(asked.where);
  actors::read_log what;
  what.id = asked.id;
  what.executor = asked.executor;
  what.stream = asked.standard_error ? "stderr" : "stdout";
  what.offset = -static_cast<std::int64_t>(asked.bytes);
  std::uint64_t wanted = 0; // where the text that was asked for ends
  for (;;) {
    const auto part = line->read(what);
    wanted = std::max(wanted, part.end);
    std::fwrite(part.text.data(), 1, part.text.size(), stdout);
    std::fflush(stdout);
    const auto next = part.offset + part.text.size();
    if (next >= wanted || part.text.empty()) {
      if (!asked.follow)
        return exit_done;
      std::this_thread::sleep_for(follow_pause);
    }
    what.offset = static_cast<std::int64_t>(next);
  }
}

} // namespace

void add_logs(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<options>();
  auto* const command = tool.add_subcommand("logs", "Print what an executor or driver on a cluster has written");
  add_cluster_options(*command, asked->where);
  command->add_option("id", asked->id, "of a driver (driver-...) or an application (app-...)")->required();
  command->add_option("executor", asked->executor,
                      "number of an executor of the application; without: its driver, if that runs on the cluster");
  command->add_flag("--stderr", asked->standard_error, "its standard error instead of its standard output");
  command->add_flag("-f,--follow", asked->follow, "go on as more is written, until interrupted");
  command->add_option("--bytes", asked->bytes, "how much of the end")->capture_default_str();
  command->callback([asked, &exit_code] { exit_code = run(*asked); });
}

} // namespace salamander::tool
