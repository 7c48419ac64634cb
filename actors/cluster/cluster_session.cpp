#include <salamander/actors/cluster/cluster_session.hpp>

#include <salamander/actors/cluster/launch.hpp>
#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/cluster/submission.hpp>
#include <salamander/actors/engine_settings.hpp>
#include <salamander/actors/executor_process.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/actors/scheduling.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <fstream>

namespace salamander::actors {
namespace {

constexpr std::chrono::milliseconds farewell_max{2000};
constexpr std::chrono::milliseconds farewell_repeat{300};
constexpr std::chrono::seconds joining_margin{5}; ///< over the roster's own limit, which has the better text

std::filesystem::path credentials_of(const config& settings) {
  if (const auto directory = settings.find("salamander.credentials"); directory && !directory->empty())
    return *directory;
  core::throw_error(errc::bad_config_value, "a cluster lets nobody in without credentials: set salamander.credentials, or "
                                            "SALAMANDER_CREDENTIALS, to the folder \"client\" that \"salamander keygen\" made");
}

/// The one towards the first master that there is a way to.
std::string own_host(const config& settings, const std::vector<net::address>& masters) {
  if (const auto host = settings.find("salamander.driver.host"); host && !host->empty())
    return net::numeric_host(*host);
  for (const auto& one : masters)
    try {
      return net::local_address_toward(one);
    } catch (const error&) {
      if (one == masters.back())
        throw;
    }
  return {};
}

std::string text_in(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || text.empty())
    core::throw_error(errc::io_error, "cannot read " + file.string());
  return text;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    if (end > begin)
      all.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

std::uint32_t executors_at_first(const config& settings, const core::master_url& master) {
  const auto dynamic = allocation_of(settings, master);
  return dynamic ? dynamic->executors_initial : cluster::no_limit;
}

} // namespace

cluster_session::cluster_session(const config& settings, const core::master_url& master, const std::string& application_name)
    : settings_(settings), name_(application_name), masters_(masters_of(master.masters)), credentials_(credentials_of(settings)),
      host_(own_host(settings, masters_)), executors_at_first_(executors_at_first(settings, master)), token_(random_token()),
      sender_([this](piece what) { contact_->say(std::move(what)); }) {
  static_cast<void>(client_credentials(credentials_)); // before anything is started
  const auto bind = settings.find("salamander.driver.bindAddress").value_or("");
  bind_host_ = bind.empty() ? host_ : net::numeric_host(bind);
  port_ = static_cast<std::uint16_t>(settings.get_int("salamander.driver.port"));
}

void cluster_session::prepare(application_setup& setup) {
  setup.limits.protocol = protocol_version;
  setup.limits.join_max = settings_.get_time("salamander.cluster.registerTimeout");
  setup.limits.executors_wanted = executors_at_first_;
  setup.token = token_;
  setup.description = description_;
  progress_ = setup.progress;
  setup.report = [this](cluster::application_report what) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_)
        return; // its last words were said
      last_report_ = what;
      last_report_.described.clear();
    }
    contact_->say(std::move(what));
  };
  setup.seek_master = [this] {
    sender_.forget();
    contact_->seek();
  };
  setup.send_files = [this](const std::vector<cluster::stored_file>& missing) { send_files(missing); };
  setup.cores = cores_;
  setup.id = id_;
  setup.joined = joined_;
  setup.manned = manned_;
}

void cluster_session::join(const application_actor& owner, const executor_spec& orders, const std::filesystem::path& directory) {
  owner_ = owner;
  auto& what = *description_;
  what.name = name_;
  what.user = user_name();
  if (settings_.contains("salamander.cores.max"))
    what.cores_max = static_cast<std::uint32_t>(settings_.get_int("salamander.cores.max"));
  if (settings_.contains("salamander.executor.cores"))
    what.executor_cores = static_cast<std::uint32_t>(settings_.get_int("salamander.executor.cores"));
  what.executor_memory_bytes =
      settings_.contains("salamander.executor.memory") ? settings_.get_bytes("salamander.executor.memory") : 1ULL << 30;
  what.driver_host = host_;
  if (const char* submitted = std::getenv("SALAMANDER_DRIVER_ID"))
    what.submitted_as = submitted;
  const auto program = std::filesystem::path(program_arguments().front()).filename().string();
  files_.push_back(describe_file("/proc/self/exe", program));
  what.program.push_back(files_.front().what);
  for (const auto& path : split_at_commas(settings_.get("salamander.files", ""))) {
    files_.push_back(describe_file(path, std::filesystem::path(path).filename().string()));
    what.files.push_back(files_.back().what);
  }
  executor_launch launch;
  launch.arguments = program_arguments();
  for (const auto& [name, value] : wanted_environment(settings_))
    launch.environment.push_back(name + '=' + value);
  launch.orders = encode_spec(orders);
  const auto keys = executor_credentials(directory);
  launch.authority = text_in(keys.authority);
  launch.certificate = text_in(keys.certificate);
  launch.key = text_in(keys.key);
  what.launch = encode_launch(launch);

  contact_events events;
  events.changed = [this](bool connected) {
    sender_.forget();
    post(owner_, master_event{nullptr, connected});
  };
  events.granted = [this](cluster::application_grants grants) { hear(std::move(grants)); };
  events.stored = [this](const piece_stored& answer) {
    if (const auto problem = sender_.stored(answer); !problem.empty())
      log(log_level::error, problem);
  };
  events.refused = [this](const std::string& why) {
    joined_->fail(errc::io_error, why +
                                      "; set salamander.credentials, or SALAMANDER_CREDENTIALS, to the folder \"client\" that \"salamander "
                                      "keygen\" made together with the masters'");
  };
  contact_ = std::make_unique<application_contact>(credentials_, masters_, events);
}

void cluster_session::hear(cluster::application_grants grants) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) {
      confirmed_ = confirmed_ || !grants.ended.empty();
      changed_.notify_all();
      return;
    }
  }
  post(owner_, master_event{std::make_shared<const cluster::application_grants>(std::move(grants)), true});
}

void cluster_session::send_files(const std::vector<cluster::stored_file>& missing) {
  sender_.send(files_, missing);
}

void cluster_session::wait_for_master() {
  const auto join_max = settings_.get_time("salamander.cluster.registerTimeout");
  joined_->wait(join_max + joining_margin, [] { return std::string("no master of the cluster has answered"); });
  log(log_level::info, fmt::format("{} is application {} of its cluster", name_, *id_));
}

void cluster_session::wait_for_executors() {
  if (executors_at_first_ == 0)
    return; // the first job asks for some
  try {
    manned_->wait(settings_.get_time("salamander.scheduler.maxRegisteredResourcesWaitingTime"), [] { return std::string(); });
  } catch (const error& failure) {
    if (failure.code() != errc::no_executors || *failure.what() != '\0')
      throw;
    log(log_level::warn, "the application begins before all of its executors are there; jobs wait for the first one");
  }
}

void cluster_session::end(const std::string& failure) {
  std::unique_lock lock(mutex_);
  if (!contact_ || std::exchange(ended_, true))
    return;
  // What was done since the last report would never be counted.
  if (last_report_.sequence != 0) {
    ++last_report_.sequence;
    last_report_.progress = progress_();
    contact_->say(last_report_);
  }
  for (const auto deadline = std::chrono::steady_clock::now() + farewell_max; !confirmed_ && std::chrono::steady_clock::now() < deadline;) {
    contact_->say(cluster::application_ended{token_, failure.empty(), failure.empty() ? "its context was stopped" : failure});
    changed_.wait_for(lock, farewell_repeat, [&] { return confirmed_; });
  }
  lock.unlock();
  contact_.reset();
}

} // namespace salamander::actors
