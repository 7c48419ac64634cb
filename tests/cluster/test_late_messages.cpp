// An executor that is given up but cannot be killed, as across a network: here by a driver made by hand that does not even try.
#include "../support/scripted_actor.hpp"
#include "cluster_fixture.hpp"

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/application_directory.hpp>
#include <salamander/actors/certificates.hpp>
#include <salamander/actors/executor_link.hpp>
#include <salamander/actors/executor_process.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/launcher.hpp>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>

namespace {

using namespace salamander::actors;

/// What was seen, by any thread.
struct seen_by_driver {
  template <class F>
  auto locked(F&& f) {
    const std::lock_guard lock(mutex);
    return f(*this);
  }

  std::mutex mutex;
  std::map<std::uint32_t, executor_link> links; ///< of registered executors
  std::map<std::uint32_t, std::string> lost;
  std::map<std::uint32_t, std::string> ended;
  std::map<std::uint32_t, std::vector<std::uint64_t>> reports; ///< tasks, by executor
};

scheduler_actor spawn_listener(caf::actor_system& system, const std::shared_ptr<seen_by_driver>& seen) {
  return test_support::spawn_scripted<scheduler_actor>(system, [seen](const tasks_reported& message) {
    seen->locked([&](auto& it) {
      for (const auto& one : message.reports)
        it.reports[message.executor].push_back(one.task);
    });
  });
}

struct link_parts {
  scheduler_actor scheduler;
  std::shared_ptr<executor_board> board = std::make_shared<executor_board>();
  std::shared_ptr<std::atomic<std::uint64_t>> refused = std::make_shared<std::atomic<std::uint64_t>>(0);
};

/// Admits whoever registers, and kills nobody.
supervisor_actor spawn_patient(caf::actor_system& system, const std::shared_ptr<seen_by_driver>& seen, const link_parts& parts) {
  return test_support::spawn_scripted<supervisor_actor>(
      system,
      [=](supervisor_actor::pointer self, const register_executor& who) {
        link_setup setup;
        setup.executor = who.executor;
        setup.incarnation = who.incarnation;
        setup.remote = caf::actor_cast<executor_actor>(self->current_sender());
        setup.scheduler = parts.scheduler;
        setup.supervisor = self;
        setup.executors = parts.board;
        setup.refused_messages = parts.refused;
        setup.limits.silence = {600ms, 1200ms, 1s};
        auto link = spawn_link(self->system(), setup);
        seen->locked([&](auto& it) { it.links[who.executor] = link; });
      },
      [seen](const link_lost& message) { seen->locked([&](auto& it) { it.lost[message.executor] = message.reason; }); });
}

class patient_driver {
public:
  patient_driver() : directory_(where_.path()) {
    make_credentials(directory_.path());
    on_own_thread([this] {
      host_.emplace(network_settings{driver_credentials(directory_.path()), 20s});
      parts_.scheduler = spawn_listener(host_->system(), seen);
      supervisor_ = spawn_patient(host_->system(), seen, parts_);
      port_ = host_->publish(supervisor_);
    });
  }
  patient_driver(const patient_driver&) = delete;
  patient_driver& operator=(const patient_driver&) = delete;
  ~patient_driver() {
    processes_.stop(0ms);
    on_own_thread([this] { end_actors(); });
  }
  void end_actors() {
    std::vector<caf::actor> all{caf::actor_cast<caf::actor>(supervisor_), caf::actor_cast<caf::actor>(parts_.scheduler)};
    seen->locked([&](auto& it) {
      for (auto& [number, link] : it.links)
        all.push_back(caf::actor_cast<caf::actor>(link));
      it.links.clear();
    });
    host_->end(all, 2s);
    all.clear();
    supervisor_ = nullptr;
    parts_.scheduler = nullptr;
    host_.reset();
  }

  /// Starts an executor and waits until it has registered; returns its process.
  pid_t start(std::uint32_t number) {
    executor_spec spec;
    spec.protocol = protocol_version;
    spec.executor = number;
    spec.incarnation = 1000 + number;
    spec.driver_process = ::getpid();
    spec.directory = directory_.path().string();
    spec.driver_host = "127.0.0.1";
    spec.driver_port = port_;
    spec.memory_bytes = 64U << 20;
    spec.heartbeat_interval_ms = 200;
    spec.dead_timeout_ms = 5000;
    spec.log_level = "off";
    tables_.push_back(position_table::create(spec.positions_file(), spec.cores));
    const auto file = write_spec(spec);
    processes_.start({number, "/proc/self/exe", program_arguments(), {std::string(spec_variable) + "=" + file.string()}});
    REQUIRE(eventually([&] { return seen->locked([&](auto& it) { return it.links.contains(number); }); }));
    return static_cast<pid_t>(processes_.process_of(number));
  }
  /// A task of a stage that the executor was not told about: it reports at once.
  void order(std::uint32_t executor, std::uint64_t task) {
    post(seen->locked([&](auto& it) { return it.links.at(executor); }), run_tasks{{{task, 1, 0, 0, 0, false}}});
  }
  std::vector<std::uint64_t> reports_of(std::uint32_t executor) {
    return seen->locked([&](auto& it) { return it.reports[executor]; });
  }
  std::uint64_t refused() const {
    return *parts_.refused;
  }

  const std::shared_ptr<seen_by_driver> seen = std::make_shared<seen_by_driver>();

private:
  const scratch where_;
  application_directory directory_;
  std::vector<position_table> tables_;
  std::optional<actor_host> host_;
  link_parts parts_;
  supervisor_actor supervisor_;
  std::uint16_t port_ = 0;
  launcher processes_{
      [seen = seen](std::uint32_t executor, const std::string& reason) { seen->locked([&](auto& it) { it.ended[executor] = reason; }); }};
};

bool stands_still(pid_t process) {
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    std::ifstream file(thread.path() / "stat");
    const std::string line(std::istreambuf_iterator<char>(file), {});
    const auto name_end = line.rfind(") ");
    if (name_end == std::string::npos || line[name_end + 2] != 'T')
      return false;
  }
  return true;
}

} // namespace

TEST_CASE("an executor that was stopped, given up and replaced is refused when it wakes, and ends") {
  patient_driver driver;
  const auto stopped = driver.start(0);
  driver.order(0, 1);
  REQUIRE(eventually([&] { return driver.reports_of(0) == std::vector<std::uint64_t>{1}; }));
  ::kill(stopped, SIGSTOP);
  REQUIRE(eventually([&] { return stands_still(stopped); })); // each thread does when it is next looked at, not at once
  driver.order(0, 2);                                         // it will read this when it wakes, and report
  REQUIRE(eventually([&] { return driver.seen->locked([](auto& it) { return it.lost.contains(0); }); }));
  CHECK(driver.seen->lost[0].find("silent for 1.") == 0);
  CHECK(driver.refused() == 0);

  driver.start(1);
  driver.order(1, 3);
  REQUIRE(eventually([&] { return driver.reports_of(1) == std::vector<std::uint64_t>{3}; }));

  ::kill(stopped, SIGCONT);
  REQUIRE(eventually([&] { return driver.seen->locked([](auto& it) { return it.ended.contains(0); }); }));
  CHECK(driver.seen->ended[0] == "exited with code 0"); // it left because it was told to
  CHECK(driver.refused() >= 1);
  CHECK(driver.reports_of(0) == std::vector<std::uint64_t>{1});
  driver.order(1, 4);
  CHECK(eventually([&] { return driver.reports_of(1) == std::vector<std::uint64_t>{3, 4}; }));
}
