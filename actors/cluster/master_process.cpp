#include <salamander/actors/cluster/master_process.hpp>

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/cluster/lease_thread.hpp>
#include <salamander/actors/cluster/master_actor.hpp>
#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/cluster/program_file.hpp>
#include <salamander/actors/cluster/readiness.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/rdd/scratch_directory.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/stat.h>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds transport_silence_max{20};
constexpr std::chrono::milliseconds end_grace{1000};
constexpr timespec look_around{0, 200'000'000};

/// The proof of a worker is the same each time; the secret's file is read once for each.
class proof_cache {
public:
  explicit proof_cache(fs::path credentials) : credentials_(std::move(credentials)) {}

  bool operator()(const std::string& worker, const std::string& proof) {
    if (const auto at = known_.find(worker); at != known_.end() && at->second == proof)
      return true;
    if (!check_node_proof(credentials_, worker, proof))
      return false;
    if (known_.size() >= 2 * scheduler::cluster::master_limits::workers)
      known_.clear();
    known_[worker] = proof;
    return true;
  }

private:
  fs::path credentials_;
  std::map<std::string, std::string> known_;
};

void check_recovery_directory(const fs::path& directory) {
  std::error_code failure;
  if (!fs::exists(directory, failure)) {
    fs::create_directories(directory, failure);
    fs::permissions(directory, fs::perms::owner_all, failure);
  }
  struct stat there {};
  if (failure || ::stat(directory.c_str(), &there) != 0 || !S_ISDIR(there.st_mode))
    core::throw_error(errc::io_error, fmt::format("the recovery directory {} cannot be used: {}", directory.string(),
                                                  failure ? failure.message() : "it is no directory"));
  if ((there.st_mode & 077) != 0)
    core::throw_error(errc::io_error, fmt::format("others can look into the recovery directory {}: it holds what submitted drivers are "
                                                  "started with. Run: chmod 700 {}",
                                                  directory.string(), directory.string()));
}

class master_process {
public:
  explicit master_process(const master_options& options)
      : options_(options), host_(network_settings{node_credentials(options.credentials), transport_silence_max, cluster_protocol()}) {
    if (options_.recovery.empty())
      scratch_.emplace(fs::temp_directory_path(), "salamander-master-");
    else
      check_recovery_directory(options_.recovery);
    master_setup setup;
    setup.settings = options_.settings;
    setup.directory = scratch_ ? scratch_->path() : options_.recovery;
    setup.journalled = !scratch_;
    setup.file_bytes_max = options_.file_bytes_max;
    setup.board = board_;
    setup.proves = proof_cache(options_.credentials);
    setup.on_lead = [this](std::uint64_t term) { show(fmt::format("leading (term {})", term)); };
    setup.on_failure = [this](const std::string& why) {
      log(log_level::error, "this master cannot lead: " + why);
      failed_ = true;
    };
    // The port comes first: nobody else is disturbed by a master that cannot be reached.
    actor_ = spawn_master(host_.system(), setup);
    const auto port = host_.publish(caf::actor_cast<master_door>(actor_), options_.here);
    here_ = net::address{options_.here.host, port}.text();
  }
  master_process(const master_process&) = delete;
  master_process& operator=(const master_process&) = delete;

  int run(const sigset_t& ends) {
    begin();
    int signal = -1;
    while (!failed_ && (signal = ::sigtimedwait(&ends, nullptr, &look_around)) < 0) {
    }
    notify_service_manager("STOPPING=1");
    if (signal > 0)
      log(log_level::info, fmt::format("ends: signal {}", signal));
    lease_.reset(); // a master that stands by leads at once
    if (!host_.end({caf::actor_cast<caf::actor>(actor_)}, end_grace))
      host_.abandon();
    return failed_ ? 1 : 0;
  }

private:
  void begin() {
    if (scratch_) { // terms have to grow, and there is nothing else to count them by
      const auto term = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
      board_->lead_until(term, leader_board::clock::time_point::max());
      return post(actor_, begin_term{term, here_});
    }
    lease_thread::events events;
    events.begin = [this](std::uint64_t term) { post(actor_, begin_term{term, here_}); };
    events.end = [this](const std::string& reason) { post(actor_, end_term{reason}); };
    events.other_leads = [this](const std::string& leader) { show("standing by; the leader is " + leader); };
    lease_ = std::make_unique<lease_thread>(
        options_.recovery, scheduler::cluster::leadership::identity{random_token(), here_, boot_identifier()}, board_, std::move(events));
  }

  void show(const std::string& state) {
    const auto text = fmt::format("master at salamander://{}, {}", here_, state);
    log(log_level::info, text);
    notify_service_manager("READY=1\nSTATUS=" + text);
    try {
      ready_.write(text);
    } catch (const error& failure) {
      log(log_level::error, failure.what());
    }
  }

  const master_options options_;
  std::optional<core::scratch_directory> scratch_;
  ready_file ready_{options_.ready_file};
  const std::shared_ptr<leader_board> board_ = std::make_shared<leader_board>();
  std::string here_;
  std::atomic<bool> failed_ = false;
  actor_host host_;
  master_actor actor_;
  std::unique_ptr<lease_thread> lease_;
};

} // namespace

int run_master(const master_options& options) {
  if (options.credentials.empty())
    core::throw_error(errc::invalid_argument,
                      "a master lets nobody in without credentials: make some with \"salamander keygen DIR\", and start "
                      "it with --credentials DIR/node (or SALAMANDER_CREDENTIALS)");
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  set_log_name("master");
  int exit_code = 1;
  on_own_thread([&] {
    static_cast<void>(node_proof(options.credentials, "")); // the secret is there and private
    master_process process(options);
    exit_code = process.run(ends);
  });
  return exit_code;
}

} // namespace salamander::actors
