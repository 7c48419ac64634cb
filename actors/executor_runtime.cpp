#include <salamander/actors/executor_runtime.hpp>

#include <salamander/actors/barrier_hall.hpp>
#include <salamander/actors/block_mover.hpp>
#include <salamander/actors/fault_injector.hpp>
#include <salamander/actors/net/block_socket.hpp>
#include <salamander/actors/task_runner.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/executor_queue.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

namespace salamander::actors {

static_assert(driver_peer == net::driver_number);

using storage::block_id;
using storage::block_kind;

std::filesystem::path block_socket_of(const std::filesystem::path& directory, std::uint32_t peer) {
  return net::socket_path(directory, peer);
}

class executor_runtime::impl {
public:
  impl(executor_options options, std::function<void()> on_reports)
      : options_(std::move(options)), on_reports_(std::move(on_reports)), blocks_(options_), barriers_([this] { announce(true); }),
        mover_(blocks_, [this] { announce(true); }) {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < options_.cores; ++i)
      add_worker(options_.positions ? options_.positions + i : nullptr);
    if (options_.watch.wanted() && options_.cores != 0)
      watcher_ = std::thread([this] { watch(); });
  }

  ~impl() {
    stop(std::chrono::milliseconds::max());
  }

  void add_stage(stage_order order) {
    const auto stage = order.stage;
    const auto attempt = order.stage_attempt;
    auto made = std::make_shared<stage_state>(std::move(order), blocks_.store().drops());
    std::optional<std::shared_ptr<stage_state>> old;
    const std::lock_guard lock(mutex_);
    old = queue_.add_stage(stage, attempt, made);
    if (old)
      made->program.take_from((*old)->program);
  }

  void forget_stage(std::uint32_t stage) {
    std::vector<std::shared_ptr<stage_state>> dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped = queue_.forget_stage(stage);
    }
    blocks_.store().drop_all(block_kind::plan, stage);
  }

  void launch(std::vector<task_order> tasks, std::vector<core::armed_fault> faults) {
    bool wake = false;
    std::size_t sleeping = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!faults.empty())
        arm(std::move(faults));
      for (const auto& task : tasks) {
        if (stopping_ || options_.cores == 0)
          wake |= add_report(ended(task.task, task_report::cancelled{}));
        else if (queue_.add(task) == task_queue::answer::unknown_stage)
          wake |= add_report(ended(task.task, unknown_stage(task)));
      }
      sleeping = std::min<std::size_t>(sleeping_, queue_.waiting());
    }
    if (sleeping > 1)
      work_.notify_all();
    else if (sleeping == 1)
      work_.notify_one();
    announce(wake);
  }

  void cancel(const std::vector<std::uint64_t>& tasks) {
    const std::unordered_set<std::uint64_t> wanted(tasks.begin(), tasks.end());
    cancel_where([&](std::uint64_t task) { return wanted.contains(task); });
  }

  std::vector<task_report> take_reports() {
    std::vector<task_report> taken;
    const std::lock_guard lock(mutex_);
    taken.swap(reports_);
    return taken;
  }

  std::vector<core::fault_note> take_fault_notes() {
    const std::lock_guard lock(mutex_);
    return injector_ ? injector_->take_notes(fault_notes_max) : std::vector<core::fault_note>{};
  }

  bool stop(std::chrono::milliseconds grace) {
    std::thread watcher;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      watcher = std::move(watcher_);
    }
    watch_.notify_all();
    if (watcher.joinable())
      watcher.join();
    mover_.stop();
    cancel_where([](std::uint64_t) { return true; });
    work_.notify_all();
    std::unique_lock lock(mutex_);
    const auto gone = [this] { return live_ == 0; };
    if (grace == std::chrono::milliseconds::max())
      ended_.wait(lock, gone);
    else if (!ended_.wait_for(lock, grace, gone))
      return false;
    auto threads = std::move(threads_);
    threads_.clear();
    lock.unlock();
    for (auto& thread : threads)
      thread.join();
    blocks_.broadcasts().clear();
    return true;
  }

  std::uint32_t running_tasks() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::uint32_t>(queue_.running());
  }
  std::uint64_t finished_tasks() const {
    const std::lock_guard lock(mutex_);
    return finished_;
  }
  block_service& blocks() noexcept {
    return blocks_;
  }
  block_mover& mover() noexcept {
    return mover_;
  }
  barrier_hall& barriers() noexcept {
    return barriers_;
  }
  const executor_options& options() const noexcept {
    return options_;
  }

private:
  using task_queue = scheduler::executor_queue<task_order, std::shared_ptr<stage_state>>;

  /// A thread for tasks, and what it works on.
  struct worker {
    explicit worker(core::task_position* where) : position(where ? where : &own_position) {}
    running_task task;
    core::task_position own_position;
    core::task_position* const position;
    bool left_behind = false; ///< its task was reported as failed and never ended; another worker took over
  };

  static task_report::user_error unknown_stage(const task_order& task) {
    return {"task " + std::to_string(task.task) + " belongs to stage " + std::to_string(task.stage) + " (attempt " +
                std::to_string(task.stage_attempt) + "), which this executor was not told about",
            static_cast<std::uint8_t>(errc::internal)};
  }

  static task_report ended(std::uint64_t task, decltype(task_report::outcome) outcome) {
    task_report report;
    report.task = task;
    report.outcome = std::move(outcome);
    return report;
  }

  /// Requires: mutex_ held.
  void arm(std::vector<core::armed_fault> faults) {
    if (!injector_)
      injector_ = std::make_unique<fault_injector>();
    injector_->add(std::move(faults));
  }

  /// Requires: mutex_ held. True: somebody has to be told.
  bool add_report(task_report report) {
    reports_.push_back(std::move(report));
    ++finished_;
    return reports_.size() == 1;
  }

  void announce(bool wake) const {
    if (wake && on_reports_)
      on_reports_();
  }

  template <class Predicate>
  void cancel_where(Predicate wanted) {
    bool wake = false;
    task_queue::cancelled dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped = queue_.cancel(wanted);
      for (const auto& one : dropped.waiting)
        wake |= add_report(ended(one.task.task, task_report::cancelled{}));
      for (auto& one : workers_)
        one.task.cancel_where(wanted);
    }
    announce(wake);
  }

  /// Requires: mutex_ held. `position`: where its tasks are to be seen; null: nowhere.
  void add_worker(core::task_position* position) {
    auto& made = workers_.emplace_back(position);
    ++live_;
    threads_.emplace_back([this, &made] { work(made); });
  }

  watched_task::time_point now() const {
    return options_.now ? options_.now() : std::chrono::steady_clock::now();
  }

  /// Looks at running tasks from time to time; sleeps while there are none.
  void watch() {
    task_watch eyes(options_.watch);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      watch_sleeps_ = queue_.running() == 0;
      if (watch_sleeps_)
        watch_.wait(lock, [this] { return stopping_ || queue_.running() != 0; });
      else if (!watch_.wait_for(lock, options_.watch.look_interval(), [this] { return stopping_; }))
        look(eyes, lock);
    }
  }

  void look(task_watch& eyes, std::unique_lock<std::mutex>& lock) {
    std::vector<watched_task> tasks;
    for (const auto& one : workers_)
      tasks.push_back(one.left_behind ? watched_task{} : one.task.where(*one.position));
    std::vector<std::string> warnings;
    std::vector<std::string> stuck;
    bool wake = false;
    for (const auto& found : eyes.look(tasks, now())) {
      auto& one = workers_[found.slot];
      auto text = describe(found, options_.watch, one.task.title_of(found.where.dataset));
      if (found.what == task_watch::kind::no_progress) {
        warnings.push_back(std::move(text));
      } else if (found.what == task_watch::kind::timed_out) {
        one.task.time_out(found.where.task, text);
      } else {
        wake |= leave_behind(one, found.where.task, text);
        stuck.push_back(std::move(text));
      }
    }
    lock.unlock();
    announce(wake);
    for (const auto& text : warnings)
      if (options_.on_warning)
        options_.on_warning(text);
    for (const auto& text : stuck)
      if (options_.on_stuck)
        options_.on_stuck(text);
    lock.lock();
  }

  /// Requires: mutex_ held. True: somebody has to be told.
  bool leave_behind(worker& one, std::uint64_t task, const std::string& text) {
    one.left_behind = true;
    queue_.ended(task);
    if (!options_.on_stuck && ++left_behind_ <= left_behind_max)
      add_worker(nullptr);
    return add_report(ended(task, task_report::user_error{text, static_cast<std::uint8_t>(errc::task_timeout)}));
  }

  void work(worker& self) {
    std::optional<task_report> report;
    std::unique_ptr<core::task_faults> faults;
    std::optional<task_queue::work> next;
    for (;;) {
      bool wake = false;
      bool more = false;
      {
        std::unique_lock lock(mutex_);
        if (report) {
          if (faults)
            injector_->done(*faults);
          if (self.left_behind)
            break;
          queue_.ended(report->task);
          wake = add_report(std::move(*report));
          report.reset();
          faults.reset();
        }
        // The report must not wait until there is new work for this thread.
        if (!wake && queue_.empty() && !stopping_) {
          ++sleeping_;
          work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
          --sleeping_;
        }
        if (!queue_.empty()) {
          next = queue_.take();
          self.task.expect(next->task, *next->stage, options_.watch.wanted() ? now() : watched_task::time_point{});
          if (injector_)
            faults = injector_->take(next->task.task);
          if (watch_sleeps_)
            watch_.notify_one();
          more = true;
        }
      }
      announce(wake);
      if (more) {
        report.emplace(run_task(blocks_, barriers_, options_, next->task, *next->stage, self.task, *self.position, faults.get()));
        next.reset();
      } else if (!wake) {
        break;
      }
    }
    const std::lock_guard lock(mutex_);
    if (--live_ == 0)
      ended_.notify_all();
  }

  executor_options options_;
  const std::function<void()> on_reports_;
  block_service blocks_;
  barrier_hall barriers_;
  block_mover mover_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  std::condition_variable watch_;
  task_queue queue_;
  std::vector<task_report> reports_;
  std::unique_ptr<fault_injector> injector_; ///< null until faults are ordered
  std::deque<worker> workers_;
  std::size_t left_behind_ = 0;
  bool watch_sleeps_ = false;
  std::size_t sleeping_ = 0;
  std::uint32_t live_ = 0;
  std::uint64_t finished_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  std::thread watcher_;
};

executor_runtime::executor_runtime(executor_options options, std::function<void()> on_reports)
    : impl_(std::make_unique<impl>(std::move(options), std::move(on_reports))) {}

executor_runtime::~executor_runtime() = default;

void executor_runtime::add_stage(stage_order order) {
  impl_->add_stage(std::move(order));
}

void executor_runtime::forget_stage(std::uint32_t stage) {
  impl_->forget_stage(stage);
}

void executor_runtime::launch(std::vector<task_order> tasks, std::vector<core::armed_fault> faults) {
  impl_->launch(std::move(tasks), std::move(faults));
}

void executor_runtime::cancel(const std::vector<std::uint64_t>& tasks) {
  impl_->cancel(tasks);
}

std::vector<task_report> executor_runtime::take_reports() {
  return impl_->take_reports();
}

std::vector<barrier_arrival> executor_runtime::take_barrier_arrivals() {
  return impl_->barriers().take_arrivals();
}

void executor_runtime::pass_barrier(barrier_answer answer) {
  impl_->barriers().answer(std::move(answer));
}

std::vector<cached_contribution> executor_runtime::take_cached_contributions() {
  return impl_->blocks().contributions().take();
}

std::vector<core::fault_note> executor_runtime::take_fault_notes() {
  return impl_->take_fault_notes();
}

void executor_runtime::put_source(std::uint32_t dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) {
  impl_->blocks().store().put(block_id::source(dataset, partition), to_stored(std::move(records)));
}

void executor_runtime::put_plan(std::uint32_t stage, std::uint32_t stage_attempt, std::shared_ptr<const core::byte_buffer> plan) {
  impl_->blocks().store().put(block_id::plan(stage, stage_attempt), to_stored(std::move(plan)));
}

std::uint64_t executor_runtime::put_broadcast(std::uint32_t broadcast, std::shared_ptr<const core::block_object> value) {
  return impl_->blocks().broadcasts().put(broadcast, std::move(value));
}

peer_place executor_runtime::blocks_at() const {
  return impl_->blocks().place();
}

void executor_runtime::meet(const std::vector<peer_place>& peers) {
  impl_->blocks().meet(peers);
}

void executor_runtime::drop_broadcast(std::uint32_t broadcast, const std::optional<std::string>& destroyed) {
  impl_->blocks().broadcasts().drop(broadcast, destroyed);
}

void executor_runtime::drop_source(std::uint32_t dataset) {
  impl_->blocks().store().drop_all(block_kind::source, dataset);
}

void executor_runtime::drop_result(std::uint64_t task) {
  impl_->blocks().store().drop(block_id::result(task));
}

void executor_runtime::drop_map_output(std::uint32_t shuffle, std::uint32_t map_partition, std::uint64_t task) {
  impl_->blocks().store().drop_map_output(shuffle, map_partition, task);
}

void executor_runtime::drop_cached(std::uint32_t dataset) {
  impl_->blocks().store().drop_all(block_kind::cached, dataset);
}

void executor_runtime::drop_shuffle(std::uint32_t shuffle) {
  impl_->blocks().store().drop_shuffle(shuffle);
}

core::block executor_runtime::fetch_result(std::uint32_t executor, std::uint64_t task) {
  const auto id = block_id::result(task);
  auto& blocks = impl_->blocks();
  if (auto here = blocks.find_here(id))
    return here;
  if (!blocks.has_peers() || executor == blocks.self())
    throw core::fetch_failure({}, 0, executor, id.text() + " is not held by its executor any more");
  const auto faults = impl_->options().result_faults ? impl_->options().result_faults(task) : nullptr;
  // What happened is told last, however the fetch ends.
  const auto tell = [&](core::task_faults* what) {
    if (impl_->options().result_faulted)
      impl_->options().result_faulted(executor, *what);
  };
  const std::unique_ptr<core::task_faults, decltype(tell)> told(faults.get(), tell);
  std::optional<block_faults> injected;
  if (faults)
    injected.emplace(*faults, nullptr);
  try {
    return blocks.fetch(executor, id, nullptr, injected ? injected->spoiler(id) : nullptr);
  } catch (const net::fetch_error& failure) {
    if (failure.problem == net::fetch_problem::out_of_memory)
      core::throw_error(errc::out_of_memory, failure.what());
    throw core::fetch_failure({}, 0, executor, failure.what());
  }
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> executor_runtime::take_evictions() {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> evicted;
  for (const auto& id : impl_->blocks().store().take_evictions())
    evicted.emplace_back(id.a, id.b);
  return evicted;
}

void executor_runtime::take_over(std::uint32_t from, std::vector<moving_block> blocks) {
  impl_->mover().take_over(from, std::move(blocks));
}

std::vector<std::pair<std::uint64_t, std::uint8_t>> executor_runtime::take_moved() {
  return impl_->mover().take_outcomes();
}

std::uint32_t executor_runtime::running_tasks() const {
  return impl_->running_tasks();
}

std::uint64_t executor_runtime::cached_bytes() const {
  return impl_->blocks().store().memory().used_bytes(storage::memory_use::cache);
}

std::uint64_t executor_runtime::finished_tasks() const {
  return impl_->finished_tasks();
}

bool executor_runtime::stop(std::chrono::milliseconds grace) {
  return impl_->stop(grace);
}

} // namespace salamander::actors
