// Actions in the background: what the *_async actions return.
#pragma once

#include <salamander/rdd/application.hpp>

#include <future>

namespace salamander {

/// An action that runs while the program goes on. Its jobs have the properties that the calling thread had (job group, tags, pool).
/// Dropping the handle does not end the action; stopping the context does. Threads: one at a time, `cancel` any.
template <class R>
class job_future {
public:
  job_future(std::shared_ptr<core::background_action> action, std::future<R> result)
      : action_(std::move(action)), result_(std::move(result)) {}

  /// Waits for the result. May be called once. Errors: what the action throws; errc::job_cancelled with the reason after cancel();
  /// errc::context_stopped; errc::invalid_argument when it is called again.
  R get() {
    if (!result_.valid())
      core::throw_error(errc::invalid_argument, "get() was called twice for the result of one action; keep what the first call returned");
    return result_.get();
  }
  void wait() const {
    if (result_.valid())
      result_.wait();
  }
  /// False when the time is over first.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> time) const {
    return !result_.valid() || result_.wait_for(time) == std::future_status::ready;
  }
  bool ready() const {
    return wait_for(std::chrono::seconds(0));
  }
  /// Asks for the end: running jobs are cancelled, and no other is started. No effect on an action that is over.
  void cancel(const std::string& reason = "the action was cancelled") const {
    action_->cancel(reason);
  }
  /// Counts of its newest job so far; zeros before there is one.
  job_report progress() const {
    return action_->progress();
  }

private:
  std::shared_ptr<core::background_action> action_;
  std::future<R> result_;
};

namespace core {

/// Runs f() in a thread of its own, as this thread's jobs would run. Errors: as application::check_usable.
template <class F>
auto run_in_background(const std::shared_ptr<application>& app, const char* operation, const source_location& where, F f) {
  using result = decltype(f());
  app->check_usable(operation, where);
  auto task = std::make_shared<std::packaged_task<result()>>(std::move(f));
  auto future = task->get_future();
  auto action = app->start_background([task] { (*task)(); });
  return job_future<result>(std::move(action), std::move(future));
}

} // namespace core
} // namespace salamander
