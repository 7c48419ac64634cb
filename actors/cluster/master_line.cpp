#include <salamander/actors/cluster/master_line.hpp>

#include <salamander/actors/redial_pauses.hpp>
#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <utility>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds attempt_max{2000};
constexpr std::chrono::minutes trouble_every{1};
constexpr std::chrono::seconds trouble_first{3};
constexpr std::string_view scheme = "salamander://";

} // namespace

std::string cluster_protocol() {
  return "salamander-cluster/" + std::to_string(cluster::cluster_protocol_version);
}

std::vector<net::address> masters_of(const std::string& url) {
  std::vector<net::address> all;
  try {
    if (!url.starts_with(scheme))
      core::throw_error(errc::invalid_argument, "it does not begin with " + std::string(scheme));
    for (std::size_t begin = scheme.size(); begin <= url.size();) {
      const auto end = std::min(url.find(',', begin), url.size());
      all.push_back(net::parse_address(std::string_view(url).substr(begin, end - begin)));
      begin = end + 1;
    }
  } catch (const error& failure) {
    core::throw_error(errc::bad_master_url, "the master \"" + url + "\" cannot be understood: " + failure.what() +
                                                "; write salamander://host:port, and further masters after commas");
  }
  return all;
}

master_line::master_line(actor_host& host, std::vector<net::address> masters, std::function<void(const master_door&)> on_found,
                         std::function<void(const std::string&)> on_trouble, std::function<void(const std::string&, bool)> on_failure)
    : host_(host), named_(masters.size()), masters_(std::move(masters)), on_found_(std::move(on_found)), on_trouble_(std::move(on_trouble)),
      on_failure_(std::move(on_failure)), thread_([this] { run(); }) {}

master_line::~master_line() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void master_line::seek(const std::string& hint) {
  const std::lock_guard lock(mutex_);
  if (looking_)
    return;
  masters_.erase(masters_.begin() + static_cast<std::ptrdiff_t>(named_), masters_.end());
  if (const auto at = std::ranges::find(masters_, hint, &net::address::text); at != masters_.end())
    next_ = static_cast<std::size_t>(at - masters_.begin());
  else if (hint.empty())
    next_ = (next_ + 1) % named_;
  else
    follow(hint);
  looking_ = true;
  changed_.notify_all();
}

void master_line::follow(const std::string& hint) {
  next_ = (next_ + 1) % named_;
  try {
    masters_.push_back(net::parse_address(hint));
    next_ = named_;
  } catch (const error&) { // it said nothing that could be followed
  }
}

void master_line::run() {
  redial_pauses pauses({}, redial_seed());
  bool first = true;
  auto told = clock::now() - trouble_every + trouble_first; // a cluster that is just starting is no trouble
  std::size_t distrusted = 0;                               // one after the other
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || looking_; });
    // All masters may stand by for a moment: they are not asked without a break, nor by everybody at once when one goes.
    if (!std::exchange(first, false))
      changed_.wait_for(lock, pauses.next(), [&] { return stopping_; });
    if (stopping_)
      return;
    const auto there = masters_[next_];
    const auto known = masters_.size();
    lock.unlock();
    try {
      const auto door = host_.try_connect<master_door>(there, clock::now() + attempt_max);
      lock.lock();
      looking_ = false;
      lock.unlock();
      pauses.restart();
      distrusted = 0;
      on_found_(door);
    } catch (const std::exception& failure) {
      const auto* const reason = dynamic_cast<const error*>(&failure);
      distrusted = reason && reason->code() == errc::io_error ? distrusted + 1 : 0;
      if (on_failure_)
        on_failure_(failure.what(), distrusted >= known);
      lock.lock();
      next_ = (next_ + 1) % masters_.size();
      lock.unlock();
      if (clock::now() - told >= trouble_every) {
        told = clock::now();
        on_trouble_(failure.what());
      }
    }
  }
}

} // namespace salamander::actors
