#include <salamander/actors/executor_runtime.hpp>

#include <salamander/actors/block_service.hpp>
#include <salamander/actors/net/block_socket.hpp>
#include <salamander/actors/task_runner.hpp>
#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
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
      : options_(std::move(options)), on_reports_(std::move(on_reports)), blocks_(options_), workers_(options_.cores) {
    if (!options_.positions) {
      own_positions_ = std::make_unique<core::task_position[]>(options_.cores);
      options_.positions = own_positions_.get();
    }
    live_ = options_.cores;
    threads_.reserve(options_.cores);
    for (std::uint32_t i = 0; i < options_.cores; ++i)
      threads_.emplace_back([this, i] { work(workers_[i], options_.positions[i]); });
  }

  ~impl() {
    stop(std::chrono::milliseconds::max());
  }

  void add_stage(stage_order order) {
    const std::pair key(order.stage, order.stage_attempt);
    auto made = std::make_shared<stage_state>(std::move(order));
    std::shared_ptr<stage_state> old;
    const std::lock_guard lock(mutex_);
    old = std::exchange(stages_[key], made);
    if (old)
      made->program.take_from(old->program);
  }

  void forget_stage(std::uint32_t stage) {
    std::vector<std::shared_ptr<stage_state>> dropped;
    {
      const std::lock_guard lock(mutex_);
      const auto first = stages_.lower_bound({stage, 0});
      auto last = first;
      for (; last != stages_.end() && last->first.first == stage; ++last)
        dropped.push_back(std::move(last->second));
      stages_.erase(first, last);
    }
    blocks_.store().drop_all(block_kind::plan, stage);
  }

  void launch(std::vector<task_order> tasks) {
    bool wake = false;
    std::size_t sleeping = 0;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& task : tasks) {
        const auto stage = stages_.find({task.stage, task.stage_attempt});
        if (stopping_ || options_.cores == 0)
          wake |= add_report(ended(task.task, task_report::cancelled{}));
        else if (stage == stages_.end())
          wake |= add_report(ended(task.task, unknown_stage(task)));
        else
          queue_.push_back({task, stage->second});
      }
      sleeping = std::min<std::size_t>(sleeping_, queue_.size());
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

  bool stop(std::chrono::milliseconds grace) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
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
    return true;
  }

  std::uint32_t running_tasks() const {
    const std::lock_guard lock(mutex_);
    return running_;
  }
  std::uint64_t finished_tasks() const {
    const std::lock_guard lock(mutex_);
    return finished_;
  }
  block_service& blocks() noexcept {
    return blocks_;
  }

private:
  struct queued_task {
    task_order order;
    std::shared_ptr<stage_state> stage;
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
    std::vector<std::shared_ptr<stage_state>> dropped;
    {
      const std::lock_guard lock(mutex_);
      const auto rest = std::stable_partition(queue_.begin(), queue_.end(), [&](const auto& one) { return !wanted(one.order.task); });
      for (auto one = rest; one != queue_.end(); ++one) {
        wake |= add_report(ended(one->order.task, task_report::cancelled{}));
        dropped.push_back(std::move(one->stage));
      }
      queue_.erase(rest, queue_.end());
      for (auto& worker : workers_)
        worker.cancel_where(wanted);
    }
    announce(wake);
  }

  void work(running_task& worker, core::task_position& position) {
    std::optional<task_report> report;
    queued_task next;
    for (;;) {
      bool wake = false;
      bool more = false;
      {
        std::unique_lock lock(mutex_);
        if (report) {
          --running_;
          wake = add_report(std::move(*report));
          report.reset();
        }
        // The report must not wait until there is new work for this thread.
        if (!wake && queue_.empty() && !stopping_) {
          ++sleeping_;
          work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
          --sleeping_;
        }
        if (!queue_.empty()) {
          next = std::move(queue_.front());
          queue_.pop_front();
          worker.expect(next.order.task);
          ++running_;
          more = true;
        }
      }
      announce(wake);
      if (more) {
        report.emplace(run_task(blocks_, options_, next.order, *next.stage, worker, position));
        next.stage.reset();
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
  std::unique_ptr<core::task_position[]> own_positions_;
  block_service blocks_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::shared_ptr<stage_state>> stages_; ///< by (stage, attempt)
  std::deque<queued_task> queue_;
  std::vector<task_report> reports_;
  std::deque<running_task> workers_;
  std::size_t sleeping_ = 0;
  std::uint32_t live_ = 0;
  std::uint32_t running_ = 0;
  std::uint64_t finished_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
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

void executor_runtime::launch(std::vector<task_order> tasks) {
  impl_->launch(std::move(tasks));
}

void executor_runtime::cancel(const std::vector<std::uint64_t>& tasks) {
  impl_->cancel(tasks);
}

std::vector<task_report> executor_runtime::take_reports() {
  return impl_->take_reports();
}

void executor_runtime::put_source(std::uint32_t dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) {
  impl_->blocks().store().put(block_id::source(dataset, partition), to_stored(std::move(records)));
}

void executor_runtime::put_plan(std::uint32_t stage, std::uint32_t stage_attempt, std::shared_ptr<const core::byte_buffer> plan) {
  impl_->blocks().store().put(block_id::plan(stage, stage_attempt), to_stored(std::move(plan)));
}

void executor_runtime::drop_source(std::uint32_t dataset) {
  impl_->blocks().store().drop_all(block_kind::source, dataset);
}

void executor_runtime::drop_result(std::uint64_t task) {
  impl_->blocks().store().drop(block_id::result(task));
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
  try {
    return blocks.fetch(executor, id, nullptr);
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
