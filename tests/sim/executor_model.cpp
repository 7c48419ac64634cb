#include "executor_model.hpp"

#include "driver_model.hpp"

#include <algorithm>

namespace salamander::sim {

namespace {

driver_session::limits session_limits(const cluster_settings& settings) {
  driver_session::limits made;
  made.silence_max = 2 * settings.dead_after;
  made.watcher_gap_max = 2 * settings.heartbeat;
  made.channel = settings.channel;
  return made;
}

} // namespace

executor_model::executor_model(world& around, const identity& who)
    : world_(around), who_(who), memory_(around.settings.memory_bytes), store_(memory_),
      session_(who.incarnation, session_limits(around.settings), around.now()) {}

executor_model::~executor_model() = default;

void executor_model::begin() {
  if (!who_.hangs)
    beat();
}

void executor_model::register_at_driver() {
  world_.send(who_.self, who_.driver, register_executor{who_.executor, who_.incarnation, who_.self, world_.settings.cores});
}

void executor_model::beat() {
  ended_.clear();
  if (!session_.is_welcomed())
    register_at_driver();
  perform(session_.handle(driver_session::beat_due{}, world_.now()));
  send_reports(); // evictions do not wait for a task
  world_.queue.after(world_.settings.heartbeat, who_.self, [this] { beat(); });
}

void executor_model::receive(const control& what) {
  ended_.clear();
  const auto now = world_.now();
  if (std::holds_alternative<welcome>(what))
    perform(session_.handle(driver_session::welcomed{}, now));
  else if (std::holds_alternative<refused>(what))
    exit("refused by its driver");
  else if (std::holds_alternative<leave_now>(what))
    exit("the driver had given it up");
  else if (const auto* state = std::get_if<session_state>(&what))
    perform(session_.handle(driver_session::state_arrived{state->incarnation, state->state}, now));
  else if (const auto* one = std::get_if<order_parcel>(&what))
    perform(session_.handle(driver_session::parcel_arrived{one->what, one->what.message.bytes()}, now));
}

void executor_model::connection_lost() {
  if (!session_.is_welcomed())
    return; // it registers with its next beat
  perform(session_.handle(driver_session::connection_lost{}, world_.now()));
  register_at_driver(); // over another one; if this is lost, too, with the next beat
}

void executor_model::exit(const std::string& reason) {
  leaves_ = true;
  world_.end_executor(who_.self, reason);
}

void executor_model::crash(const std::string& reason) {
  world_.end_executor(who_.self, reason);
}

world::process executor_model::process_of(executor_id executor) const {
  for (const auto& [process, other] : world_.executors())
    if (other->who().executor == executor && other->who().driver == who_.driver)
      return process;
  return event_queue::world; // nobody serves blocks there
}

void executor_model::perform(std::vector<driver_session::action> actions) {
  for (auto& one : actions) {
    if (auto* parcel = std::get_if<driver_session::send_parcel>(&one))
      world_.send(who_.self, who_.driver, report_parcel{who_.executor, std::move(parcel->what)});
    else if (const auto* state = std::get_if<driver_session::send_state>(&one))
      world_.send(who_.self, who_.driver, state_from_executor{who_.executor, {state->incarnation, state->state}});
    else if (const auto* alive = std::get_if<driver_session::send_beat>(&one))
      world_.send(who_.self, who_.driver, beat_message{who_.executor, who_.incarnation, alive->sequence, alive->state});
    else if (const auto* delivered = std::get_if<driver_session::deliver>(&one))
      obey(delivered->message);
    else if (const auto* over = std::get_if<driver_session::leave>(&one))
      exit("exited with code 3 (" + over->reason + ")");
  }
  schedule_reports(); // there may be room for them now
}

void executor_model::obey(const order& what) {
  check(what.number == next_order_, "S4 line", [&] {
    return "executor " + std::to_string(who_.executor.value) + " was given order " + std::to_string(what.number) + " instead of " +
           std::to_string(next_order_);
  });
  ++next_order_;
  if (const auto* stage = std::get_if<run_stage>(&what.what)) {
    add_stage(stage->order);
  } else if (const auto* launch = std::get_if<run_tasks>(&what.what)) {
    for (const auto& task : launch->tasks)
      add_task(task);
    fill_cores();
  } else if (const auto* cancelled = std::get_if<cancel_attempts>(&what.what)) {
    cancel(cancelled->tasks);
  } else if (const auto* forgotten = std::get_if<forget_stage>(&what.what)) {
    queue_.forget_stage(forgotten->stage);
    std::erase_if(stages_, [&](const auto& one) { return one.first == forgotten->stage; });
  } else if (const auto* dataset = std::get_if<drop_dataset>(&what.what)) {
    store_.drop_all(storage::block_kind::cached, dataset->dataset);
  } else if (const auto* shuffle = std::get_if<drop_shuffle>(&what.what)) {
    store_.drop_shuffle(shuffle->shuffle);
  } else if (const auto* output = std::get_if<drop_map_output>(&what.what)) {
    store_.drop_map_output(output->shuffle, output->map);
  } else if (const auto* result = std::get_if<drop_result>(&what.what)) {
    store_.drop(storage::block_id::result(result->task));
  } else if (const auto* taken = std::get_if<take_blocks>(&what.what)) {
    for (const auto& block : taken->blocks)
      take_over(taken->from, block);
  } else {
    exit("exited with code 0");
  }
}

void executor_model::add_stage(const std::shared_ptr<const stage_order>& order) {
  auto made = std::make_shared<stage_state>(order);
  if (const auto old = queue_.add_stage(order->stage.value, order->stage_attempt, made))
    made->plan_is_here = (*old)->plan_is_here;
  stages_.insert({order->stage.value, order->stage_attempt});
}

void executor_model::add_task(task_order task) {
  using answer = queue_of_work::answer;
  task.ordered_at = store_.drops();
  const auto taken = queue_.add(task);
  old_orders_.push_back(task);
  check(taken != answer::duplicate, "S4 line", [&] { return "task " + std::to_string(task.task) + " was sent twice"; });
  if (taken == answer::unknown_stage)
    refuse(task);
}

void executor_model::refuse(const task_order& task) {
  report({task.task,
          scheduler::failure(
              scheduler::user_error{"a stage that this executor was not told about", static_cast<std::uint8_t>(errc::internal)}),
          {},
          {}});
}

void executor_model::cancel(const std::vector<std::uint64_t>& tasks) {
  const std::set<std::uint64_t> wanted(tasks.begin(), tasks.end());
  const auto ends = queue_.cancel([&](std::uint64_t task) { return wanted.contains(task); });
  for (const auto& one : ends.waiting)
    report({one.task.task, scheduler::failure(scheduler::task_was_cancelled{}), {}, {}});
  for (const auto task : ends.running)
    if (const auto at = running_.find(task); at != running_.end())
      at->second->cancel();
}

void executor_model::fill_cores() {
  while (running_.size() < world_.settings.slots_of_each() && !queue_.empty()) {
    auto next = queue_.take();
    const auto task = next->task.task;
    world_.log.add(world_.now(), "task begins", task, who_.executor.value);
    auto& made = running_[task];
    check(made == nullptr, "S5 once", [&] { return "task " + std::to_string(task) + " runs twice"; });
    made = std::make_unique<task_run>(*this, next->task, next->stage);
    made->start();
  }
}

void executor_model::task_ended(std::uint64_t task, task_report what) {
  world_.log.add(world_.now(), "task ends", task, who_.executor.value, what.outcome.index());
  const auto at = running_.find(task);
  ended_.push_back(std::move(at->second));
  running_.erase(at);
  check(queue_.ended(task), "S5 once", [&] { return "task " + std::to_string(task) + " ended without having run"; });
  report(std::move(what));
  fill_cores();
}

void executor_model::report(task_report what) {
  reports_.push_back(std::move(what));
  schedule_reports();
}

void executor_model::schedule_reports() {
  if (reports_scheduled_ || (reports_.empty() && moved_.empty()))
    return;
  reports_scheduled_ = true;
  world_.queue.after(duration::zero(), who_.self, [this] {
    reports_scheduled_ = false;
    send_reports();
  });
}

void executor_model::send_reports() {
  if (session_.over() || !session_.takes_reports())
    return;
  sim::report made;
  made.tasks = std::exchange(reports_, {});
  made.moved = std::exchange(moved_, {});
  for (const auto& id : store_.take_evictions())
    made.evicted.push_back({{id.a}, id.b});
  if (made.tasks.empty() && made.evicted.empty() && made.moved.empty())
    return;
  made.number = next_report_++;
  const auto bytes = made.bytes();
  perform(session_.handle(driver_session::report_given{std::move(made), bytes}, world_.now()));
}

bool executor_model::take_allocation_failure() noexcept {
  if (allocation_failures_ == 0)
    return false;
  --allocation_failures_;
  return true;
}

void executor_model::press(std::uint32_t percent) {
  if (world_.settings.memory_bytes == 0)
    return;
  const auto bytes = world_.settings.memory_bytes * percent / 100;
  if (!store_.reserve(bytes))
    return;
  pressed_ += bytes;
}

void executor_model::relax() {
  store_.release(std::exchange(pressed_, 0));
}

void executor_model::delete_blocks(std::uint32_t count, std::uint64_t salt) {
  random_stream random(salt);
  for (; count > 0; --count) {
    const auto& from = random.chance(50) ? map_outputs_ : cached_;
    if (from.empty())
      continue;
    const auto [a, b] = *std::next(from.begin(), random.below(from.size()));
    if (&from == &map_outputs_)
      store_.drop_map_output(a, b);
    else
      store_.drop(storage::block_id::cached(a, b));
  }
}

void executor_model::corrupt_stored(std::uint64_t salt) {
  for (const auto task : results_) {
    const auto found = store_.find(storage::block_id::result(task));
    if (!found)
      continue;
    // It is this model that made the bytes, and nobody else holds them: as if memory had failed.
    auto& bytes = *const_cast<byte_buffer*>(static_cast<const byte_buffer*>(found->object.get()));
    bytes[salt % bytes.size()] ^= static_cast<std::byte>(1U << (salt >> 32) % 8);
    return;
  }
}

/// The queue's own defence: what the session let through once comes again.
void executor_model::replay_old_order(std::uint64_t salt) {
  if (old_orders_.empty() || session_.over())
    return;
  const auto& task = old_orders_[salt % old_orders_.size()];
  check(queue_.add(task) != queue_of_work::answer::queued, "S5 once",
        [&] { return "task " + std::to_string(task.task) + " is taken a second time"; });
}

void executor_model::replay_order_of_others(const std::vector<task_order>& others, std::uint64_t salt) {
  if (others.empty() || session_.over() || !session_.is_welcomed())
    return;
  const auto& task = others[salt % others.size()];
  if (stages_.contains({task.stage, task.stage_attempt}))
    return;
  const auto taken = queue_.add(task);
  check(taken != queue_of_work::answer::queued, "S5 once",
        [&] { return "task " + std::to_string(task.task) + " of a stage that is not known is taken"; });
  if (taken == queue_of_work::answer::unknown_stage)
    refuse(task);
}

std::vector<std::uint64_t> executor_model::positions() const {
  std::vector<std::uint64_t> tasks;
  if (leaves_)
    return tasks;
  for (const auto& [task, run] : running_)
    tasks.push_back(task);
  return tasks;
}

std::uint64_t executor_model::reserved_by_tasks() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& [task, run] : running_)
    bytes += run->reserved();
  return bytes;
}

} // namespace salamander::sim
