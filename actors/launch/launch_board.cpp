#include <salamander/actors/launch/launch_board.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/actors/quiet_threads.hpp>

#include <openssl/ssl.h>

#include <algorithm>

namespace salamander::actors {

launch_view launch_board::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void launch_board::update(const std::function<void(launch_view&)>& change) {
  std::vector<std::shared_ptr<const core::launched::listener>> told;
  launch_view now;
  {
    const std::lock_guard lock(mutex_);
    if (is_final(view_.state))
      return;
    const auto before = view_;
    change(view_);
    if (view_ == before)
      return;
    if (view_.state != before.state || view_.progress != before.progress)
      told = listeners_;
    now = view_;
  }
  changed_.notify_all();
  for (const auto& call : told)
    try {
      (*call)(now.state, now.progress);
    } catch (const std::exception& failure) {
      log(log_level::warn, std::string("a listener to a launched application threw: ") + failure.what());
    } catch (...) {
      log(log_level::warn, "a listener to a launched application threw something that is no exception");
    }
}

launch_state launch_board::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return is_final(view_.state); });
  return view_.state;
}

bool launch_board::wait_for(std::chrono::milliseconds time) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [&] { return is_final(view_.state); });
}

void launch_board::listen(core::launched::listener call) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::make_shared<const core::launched::listener>(std::move(call)));
}

void launch_board::deafen() {
  std::vector<std::shared_ptr<const core::launched::listener>> gone; // die outside the lock
  const std::lock_guard lock(mutex_);
  gone.swap(listeners_);
}

launch_threads& launch_threads::instance() {
  // What begins later ends earlier: watchers have connections, and their threads use OpenSSL until they are joined.
  ::OPENSSL_init_ssl(0, nullptr);
  static launch_threads all;
  return all;
}

launch_threads::~launch_threads() {
  for (const auto& one : all_)
    one.watcher->leave();
  for (auto& one : all_)
    one.thread.join();
}

void launch_threads::run(std::shared_ptr<launch_watcher> one) {
  const std::lock_guard lock(mutex_);
  std::erase_if(all_, [](entry& each) {
    if (!each.over->load())
      return false;
    each.thread.join();
    return true;
  });
  auto over = std::make_shared<std::atomic<bool>>(false);
  const quiet_threads takes_no_signals;
  std::thread thread([one, over] {
    one->run();
    over->store(true);
  });
  all_.push_back({std::move(one), std::move(over), std::move(thread)});
}

} // namespace salamander::actors
