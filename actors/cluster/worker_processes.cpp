#include <salamander/actors/cluster/worker_processes.hpp>

#include <salamander/actors/cluster/launch.hpp>
#include <salamander/actors/executor_actor.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/task_context.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
using machine = scheduler::cluster::worker_machine;
using scheduler::cluster::process_key;

/// Of tables that no executor makes.
constexpr std::size_t positions_bytes_max = 4096 * sizeof(core::task_position);

std::string own_file(const process_key& key, const char* what) {
  return fmt::format("executor-{}.{}", key.number, what);
}

/// Later ones replace earlier ones of the same name: getenv would find the first.
class environment {
public:
  void add(const std::string& name, const std::string& value) {
    values_[name] = value;
  }
  void add(const std::vector<std::string>& entries) {
    for (const auto& one : entries)
      add(one.substr(0, one.find('=')), one.substr(one.find('=') + 1));
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> all;
    for (const auto& [name, value] : values_)
      all.push_back(name + "=" + value);
    return all;
  }

private:
  std::map<std::string, std::string> values_;
};

std::string read_some(const fs::path& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes_max, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

/// An executor's own exit codes, and the rest.
std::pair<scheduler::cluster::process_end, std::string> meaning_of(const run_end& end) {
  using scheduler::cluster::process_end;
  if (!end.started)
    return {process_end::not_started, end.reason};
  if (end.exit_code == 0)
    return {process_end::finished, end.reason};
  if (end.process.driver)
    return {process_end::failed, end.reason};
  switch (end.exit_code) {
  case exit_driver_gone:
    return {process_end::driver_gone, end.reason + " (it had lost its driver)"};
  case exit_bad_spec:
    return {process_end::failed, end.reason + " (it could not read its orders)"};
  case exit_no_connection:
    return {process_end::failed, end.reason + " (it could not connect to its driver)"};
  case exit_task_stuck:
    return {process_end::failed, end.reason + " (it ended itself: a task did not stop within salamander.task.killGrace)"};
  default:
    return {process_end::failed, end.reason};
  }
}

} // namespace

std::vector<std::pair<std::string, std::string>> environment_without_secrets() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** one = ::environ; *one; ++one) {
    const std::string_view entry(*one);
    const auto mark = entry.find('=');
    if (mark == 0 || mark == std::string_view::npos)
      continue;
    const auto name = entry.substr(0, mark);
    const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
    const bool secret = has("SECRET") || has("PASS") || has("TOKEN") || has("CREDENTIAL") || has("KEY");
    const bool for_worker = name.starts_with("SALAMANDER_") || name == "NOTIFY_SOCKET" || name.starts_with("LISTEN_") || name == "PWD";
    if (!secret && !for_worker)
      all.emplace_back(name, entry.substr(mark + 1));
  }
  return all;
}

run_order worker_processes::prepare(const machine::start_process& what) {
  auto made = what.process.driver ? driver(what) : executor(what);
  made.process = what.process;
  made.logs = files_.process(what.process.owner, what.process.number);
  made.what.program = files_.content(what.program.sha256).string();
  return made;
}

run_order worker_processes::executor(const machine::start_process& what) {
  const auto& key = what.process;
  auto launch = decode_executor_launch(what.launch);
  const auto work = files_.make_process(key.owner, key.number, what.files);
  files_.remove(key.owner, own_file(key, "positions")); // of an earlier incarnation
  files_.write_private(key.owner, "ca.crt", launch.authority);
  files_.write_private(key.owner, "executor.crt", launch.certificate);
  files_.write_private(key.owner, "executor.key", launch.key);
  executor_placement where;
  where.orders = files_.write_private(key.owner, own_file(key, "orders"), launch.orders).string();
  where.application = key.owner;
  where.executor = key.number;
  where.incarnation = key.incarnation;
  where.cores = what.cores;
  where.memory_bytes = what.memory_bytes;
  where.directory = files_.owner(key.owner).string();
  where.work = work.string();
  where.host = around_.host;
  where.parent = ::getpid();
  environment all;
  for (const auto& [name, value] : around_.environment)
    all.add(name, value);
  all.add(launch.environment);
  all.add(placement_variable, files_.write_private(key.owner, own_file(key, "placement"), placement_text(where)).string());
  run_order made;
  made.what = {"", std::move(launch.arguments), all.entries(), work.string()};
  return made;
}

run_order worker_processes::driver(const machine::start_process& what) {
  const auto& key = what.process;
  if (around_.client_credentials.empty())
    core::throw_error(errc::io_error, "this worker has no credentials for drivers; start it with --client-credentials");
  auto launch = decode_driver_launch(what.launch);
  const auto work = files_.make_process(key.owner, key.number, what.files);
  std::string settings;
  for (const auto& [name, value] : launch.settings)
    if (!value.empty())
      settings += name + "=" + value + "\n";
  files_.write_private(key.owner, "salamander-defaults.conf", settings);
  environment all;
  for (const auto& [name, value] : around_.environment)
    all.add(name, value);
  all.add(launch.environment);
  all.add("SALAMANDER_MASTER", around_.masters);
  all.add("SALAMANDER_CONF_DIR", files_.owner(key.owner).string());
  all.add("SALAMANDER_CREDENTIALS", around_.client_credentials.string());
  all.add("SALAMANDER_DRIVER_ID", key.owner);
  launch.arguments.insert(launch.arguments.begin(), what.program.name);
  run_order made;
  made.what = {"", std::move(launch.arguments), all.entries(), work.string()};
  return made;
}

machine::process_ended worker_processes::finish(const run_end& end) {
  const auto& key = end.process;
  machine::process_ended made{key, {}, end.exit_code, {}, {}};
  std::tie(made.how, made.reason) = meaning_of(end);
  if (!key.driver) {
    made.positions = read_some(files_.owner(key.owner) / own_file(key, "positions"), positions_bytes_max);
    for (const char* one : {"positions", "orders", "placement"})
      files_.remove(key.owner, own_file(key, one));
    files_.remove(key.owner, block_socket_of("", key.number).filename().string()); // one that was killed leaves it
  }
  if (around_.clean_after_exit)
    files_.remove_work(key.owner, key.number);
  return made;
}

} // namespace salamander::actors
