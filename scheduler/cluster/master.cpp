#include <salamander/scheduler/cluster/master_impl.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>

namespace salamander::scheduler::cluster {
namespace {

/// The clock of silence is looked at this often, whatever happens.
constexpr auto look_every = std::chrono::seconds(1);

} // namespace

std::string seconds_text(duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
  return text;
}

std::string plain_text(const std::string& text) {
  auto plain = text.substr(0, master_limits::text);
  for (auto& each : plain)
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7f)
      each = ' ';
  return plain;
}

master::master(const master_settings& settings, std::uint64_t term, std::uint64_t random)
    : impl_(std::make_unique<impl>(settings, term, random)) {}
master::~master() = default;

std::vector<master::action> master::handle(const event& what, time_point now, std::int64_t wall) {
  return impl_->handle(what, now, wall);
}

bool master::recovering() const noexcept {
  return impl_->recovering_;
}

std::size_t master::workers_expected() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(impl_->workers_, [](const auto& each) { return !each.second.dead; }));
}

std::vector<master::action> master::impl::handle(const event& what, time_point now, std::int64_t wall) {
  forgive_own_pause(now);
  now_ = now;
  wall_ = wall;
  std::visit([this](const auto& one) { on(one); }, what);
  check_recovered();
  forget_old_applications();
  forget_old_drivers();
  if (std::exchange(dirty_, false) && !recovering_)
    place();
  tell_all();
  wake(now + look_every);
  actions_.emplace_back(wake_at{std::exchange(next_wake_, time_point::max())});
  return std::exchange(actions_, {});
}

/// A master that was stopped for a while has heard of nobody meanwhile, and that is not the others' silence.
void master::impl::forgive_own_pause(time_point now) {
  if (now_ == time_point{} || now - now_ < settings_.worker_silent_after)
    return;
  const auto pause = now - now_;
  for (auto& [name, worker] : workers_)
    worker.last_heard += pause;
  for (auto& [number, application] : applications_)
    application.last_heard += pause;
  started_ += pause;
}

void master::impl::on(const peer_lost& e) {
  for (auto& [name, worker] : workers_)
    if (worker.peer == e.peer)
      worker.peer = no_peer;
  for (auto& [number, application] : applications_)
    if (application.peer == e.peer) {
      application.peer = no_peer;
      application.peer_lost_at = now_;
      watch_application(application);
    }
}

void master::impl::on(const tick&) {
  check_workers();
  for (auto& [number, application] : applications_) {
    if (application.over)
      continue;
    for (auto& [executor, entry] : application.executors)
      prove(application, entry);
    watch_application(application);
  }
  for (auto& [number, driver] : drivers_)
    if (driver.kill_asked && driver.placed)
      if (auto* const worker = find_worker(driver.worker))
        touch(*worker);
  dirty_ = true; // a wait may be over
}

void master::impl::check_workers() {
  for (auto at = workers_.begin(); at != workers_.end();) {
    auto& worker = at->second;
    const auto silent = now_ - worker.last_heard;
    if (!worker.dead && silent >= settings_.worker_dead_after)
      bury(worker, "it was silent for " + seconds_text(silent));
    else if (!worker.dead && worker.leaving && worker.peer == no_peer && silent >= settings_.worker_silent_after)
      bury(worker, "it went while it was leaving");
    // Shown as dead for a while; then nobody remembers it.
    at = worker.dead && silent >= 16 * settings_.worker_dead_after && worker.executors.empty() ? workers_.erase(at) : std::next(at);
  }
}

void master::impl::tell_all() {
  if (std::exchange(everybody_, false)) {
    for (const auto& [name, worker] : workers_)
      touch(worker);
    for (const auto& [number, application] : applications_)
      touch(application);
  }
  for (const auto& name : std::exchange(told_workers_, {}))
    if (auto* const worker = find_worker(name); worker && worker->peer != no_peer)
      actions_.emplace_back(send_orders{worker->peer, orders_for(*worker)});
  for (const auto number : std::exchange(told_applications_, {}))
    if (const auto at = applications_.find(number); at != applications_.end() && at->second.peer != no_peer)
      actions_.emplace_back(send_grants{at->second.peer, grants_for(at->second)});
}

void master::impl::touch_worker(const std::string& name) {
  if (const auto* const worker = find_worker(name))
    touch(*worker);
}

worker_entry* master::impl::find_worker(const std::string& name) {
  const auto at = workers_.find(name);
  return at == workers_.end() ? nullptr : &at->second;
}

executor_entry* master::impl::find_executor(const executor_key& key) {
  const auto application = applications_.find(key.application);
  if (application == applications_.end())
    return nullptr;
  const auto executor = application->second.executors.find(key.executor);
  return executor == application->second.executors.end() ? nullptr : &executor->second;
}

application_entry* master::impl::find_application(const std::string& id) {
  const auto at = applications_by_id_.find(id);
  return at == applications_by_id_.end() ? nullptr : &applications_.at(at->second);
}

driver_entry* master::impl::find_driver(const std::string& id) {
  const auto at = drivers_by_id_.find(id);
  return at == drivers_by_id_.end() ? nullptr : &drivers_.at(at->second);
}

/// SplitMix64: incarnations must differ, nobody has to be unable to guess them.
std::uint64_t master::impl::draw() noexcept {
  auto mixed = random_ += 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

std::string master::impl::new_id(const char* kind, std::uint64_t number) const {
  const auto when = static_cast<std::time_t>(wall_);
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  char text[64];
  const auto length = std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &parts);
  char counted[32];
  std::snprintf(counted, sizeof counted, "-%04llu", static_cast<unsigned long long>(number));
  return std::string(kind) + "-" + std::string(text, length) + counted;
}

} // namespace salamander::scheduler::cluster
