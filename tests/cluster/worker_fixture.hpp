// A worker's process on loopback, and a master that says what a test wants it to say.
#pragma once

#include "../support/scratch.hpp"

#include <salamander/actors/child_process.hpp>
#include <salamander/actors/cluster/launch.hpp>
#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/cluster/worker_files.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>

namespace worker_test {

using namespace salamander;
using namespace salamander::actors;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline constexpr const char* app = "app-20261121225500-0001";
inline constexpr auto patience = 30s;

inline std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Looks again and again; false after a long time.
inline bool comes_true(const std::function<bool()>& what) {
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end; ::usleep(10'000))
    if (what())
      return true;
  return false;
}

inline bool is_gone(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/stat");
  std::string id;
  std::string name;
  std::string state;
  return !(status >> id >> name >> state) || state == "Z";
}

/// What the master and the test share.
struct board {
  std::mutex mutex;
  std::condition_variable changed;
  cluster::worker_orders orders;
  std::map<std::string, std::string> contents; ///< by SHA-256
  std::optional<cluster::worker_report> report;
  std::optional<log_read> log;
  worker_line worker;
  std::size_t pieces_sent = 0;
  fs::path credentials;

  cluster::worker_orders answer(const cluster::worker_report& to) {
    auto made = orders;
    made.sequence = to.sequence;
    if (!check_node_proof(credentials, to.worker, to.proof))
      made.refused = "it does not know the secret of the cluster's nodes";
    return made;
  }
};

inline master_door::behavior_type run_fake_master(master_door::pointer self, const std::shared_ptr<board>& shared) {
  return {
      [=](const cluster::worker_report& what) {
        const std::lock_guard lock(shared->mutex);
        shared->worker = caf::actor_cast<worker_line>(self->current_sender());
        shared->report = what;
        tell(self, shared->worker, shared->answer(what));
        shared->changed.notify_all();
      },
      [](const cluster::application_report&) {},
      [](const cluster::application_ended&) {},
      [=](const fetch_piece& what) {
        const std::lock_guard lock(shared->mutex);
        const auto at = shared->contents.find(what.sha256);
        piece made{what.sha256, what.offset, 0, ""};
        if (at != shared->contents.end()) {
          made.total = at->second.size();
          made.bytes = at->second.substr(what.offset, piece_bytes_max);
        }
        ++shared->pieces_sent;
        tell(self, caf::actor_cast<worker_line>(self->current_sender()), made);
      },
      [](const piece&) {},
      [](const submit_driver&) {},
      [](const kill_on_cluster&) {},
      [](const ask_status&) {},
      [=](const read_log& what) {
        const std::lock_guard lock(shared->mutex);
        tell(self, shared->worker, what);
      },
      [=](const log_read& what) {
        const std::lock_guard lock(shared->mutex);
        shared->log = what;
        shared->changed.notify_all();
      },
  };
}

/// Everything of one test: credentials, a master, and a worker's process. Verbs wait until the worker has reported.
class fixture {
public:
  fixture() {
    make_cluster_credentials(place_ / "cluster");
    shared_->credentials = place_ / "cluster";
    shared_->orders.term = 1;
    shared_->orders.applications = {app};
    start_master();
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  ~fixture() {
    kill_worker();
    stop_master();
  }

  // -- the master ---------------------------------------------------------------
  void start_master() {
    on_own_thread([&] {
      network_settings network;
      network.keys = node_credentials(place_ / "cluster");
      network.protocol = cluster_protocol();
      host_ = std::make_unique<actor_host>(network);
      master_ = host_->system().spawn(run_fake_master, shared_);
      port_ = host_->publish(master_, {"127.0.0.1", port_});
    });
  }
  void stop_master() {
    on_own_thread([&] {
      if (!host_)
        return;
      {
        const std::lock_guard lock(shared_->mutex);
        shared_->worker = nullptr;
      }
      if (!host_->end({caf::actor_cast<caf::actor>(std::exchange(master_, nullptr))}, 5s))
        host_->abandon();
      host_.reset();
    });
  }
  std::string store(const std::string& bytes) {
    const auto path = place_ / "bytes";
    std::ofstream(path, std::ios::binary) << bytes;
    const auto name = sha256_of_file(path);
    const std::lock_guard lock(shared_->mutex);
    shared_->contents[name] = bytes;
    return name;
  }
  void order(const std::function<void(cluster::worker_orders&)>& change) {
    const std::lock_guard lock(shared_->mutex);
    change(shared_->orders);
    ++shared_->orders.number;
    if (shared_->worker && shared_->report)
      post(shared_->worker, shared_->answer(*shared_->report));
  }
  void order(std::vector<cluster::executor_order> executors) {
    order([&](cluster::worker_orders& all) { all.executors = std::move(executors); });
  }
  /// A shell that runs a script, as an application's program.
  cluster::executor_order executor(std::uint32_t number, const std::string& script) {
    if (shell_.empty())
      shell_ = store(read_file("/bin/sh"));
    executor_launch launch{{"sh", "-c", script}, {"COLOUR=yellow"}, "orders of the driver", "an authority", "a certificate", "a key"};
    return {app, number, 4000 + number, 1, 1 << 20, false, encode_launch(launch), {{"program", shell_, size_of(shell_)}}, {}};
  }
  std::uint64_t size_of(const std::string& sha256) {
    const std::lock_guard lock(shared_->mutex);
    return shared_->contents.at(sha256).size();
  }
  std::shared_ptr<board> shared() {
    return shared_;
  }

  // -- what the worker says -------------------------------------------------------
  /// The first report for which this holds.
  cluster::worker_report reported(const std::function<bool(const cluster::worker_report&)>& good) {
    std::unique_lock lock(shared_->mutex);
    const bool came = shared_->changed.wait_for(lock, patience, [&] { return shared_->report && good(*shared_->report); });
    INFO(said());
    REQUIRE(came);
    return *shared_->report;
  }
  cluster::executor_status status(std::uint32_t number, cluster::process_state state) {
    const auto good = [&](const cluster::executor_status& one) { return one.executor == number && one.state == state; };
    const auto report = reported([&](const auto& all) { return std::ranges::any_of(all.executors, good); });
    return *std::ranges::find_if(report.executors, good);
  }
  log_read log_of(const std::string& id, std::uint32_t executor, const std::string& stream, std::int64_t offset = 0) {
    std::unique_lock lock(shared_->mutex);
    shared_->log.reset();
    post(master_, read_log{1, id, executor, stream, offset, 1U << 16});
    REQUIRE(shared_->changed.wait_for(lock, patience, [&] { return shared_->log.has_value(); }));
    return *shared_->log;
  }
  /// A number that an executor's script has printed.
  pid_t printed_number(std::uint32_t executor) {
    std::string text;
    comes_true([&] {
      text = read_file(work() / app / std::to_string(executor) / "stdout");
      return text.find('\n') != std::string::npos;
    });
    return static_cast<pid_t>(std::stol("0" + text));
  }

  // -- the worker's process -------------------------------------------------------
  void start_worker(std::chrono::milliseconds grace = 20s) {
    child_order order{program().string(), {"worker"}, {"PATH=/usr/bin:/bin", "MY_SECRET=hidden", "SHELL_COLOUR=blue"}, true};
    for (const std::string& one : {"salamander://127.0.0.1:" + std::to_string(port_), place_ / "cluster/node", place_ / "cluster/client",
                                   work().string(), place_ / "ready", std::to_string(grace.count())})
      order.arguments.push_back(one);
    // Its messages are on this program's standard error, unless a test looks into them.
    const int before = ::dup(STDERR_FILENO);
    const descriptor file(::open((place_ / "said").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(file.get(), STDERR_FILENO);
    auto [child, failure] = start_child(order);
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    REQUIRE(failure == 0);
    worker_ = std::move(child);
  }
  pid_t worker_process() const {
    return worker_.process;
  }
  /// Sockets of a process on which others could connect, over TCP or by a path.
  static std::size_t listening_sockets(pid_t process) {
    std::set<std::string> listening;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
      std::ifstream file(table);
      for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        const std::vector<std::string> word{std::istream_iterator<std::string>(words), {}};
        if (word.size() > 9 && word[3] == "0A")
          listening.insert("socket:[" + word[9] + "]");
      }
    }
    std::ifstream file("/proc/net/unix");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      const std::vector<std::string> word{std::istream_iterator<std::string>(words), {}};
      if (word.size() > 6 && word[3] == "00010000") // accepts connections
        listening.insert("socket:[" + word[6] + "]");
    }
    std::size_t count = 0;
    for (const auto& one : fs::directory_iterator("/proc/" + std::to_string(process) + "/fd"))
      count += listening.count(fs::read_symlink(one.path()).string());
    return count;
  }
  void signal_worker(int number) const {
    ::kill(worker_.process, number);
  }
  /// Its exit code, 128 + signal.
  int wait_for_worker() {
    int status = 0;
    REQUIRE(comes_true([&] { return ::waitpid(worker_.process, &status, WNOHANG) == worker_.process; }));
    worker_ = started_child();
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  void kill_worker() {
    if (worker_.process == 0)
      return;
    ::kill(worker_.process, SIGKILL);
    ::waitpid(worker_.process, nullptr, 0);
    worker_ = started_child();
  }
  std::string said() const {
    return read_file(place_ / "said");
  }
  fs::path work() const {
    return place_ / "work";
  }
  const fs::path& place() const {
    return place_.path();
  }
  /// Below the work directory, other than logs, programs and the lock.
  std::vector<std::string> left_over() const {
    std::vector<std::string> all;
    for (const auto& one : fs::recursive_directory_iterator(work())) {
      const auto name = one.path().filename().string();
      if (one.is_regular_file() && name != "lock" && name != "names" && !name.starts_with("stdout") && !name.starts_with("stderr") &&
          one.path().parent_path().filename() != "programs")
        all.push_back(one.path().string());
    }
    return all;
  }

private:
  static fs::path program() {
    return fs::read_symlink("/proc/self/exe").parent_path() / "cluster_worker";
  }

  const test_support::scratch place_{"/tmp"}; // short: sockets are below it
  std::shared_ptr<board> shared_ = std::make_shared<board>();
  std::unique_ptr<actor_host> host_;
  master_door master_;
  std::uint16_t port_ = 0;
  started_child worker_;
  std::string shell_;
};

} // namespace worker_test
