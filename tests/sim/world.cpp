#include "world.hpp"

#include "driver_model.hpp"
#include "executor_model.hpp"

namespace salamander::sim {

namespace {

/// From the order to start a process to its first instruction.
constexpr std::chrono::milliseconds process_start_time{60};
/// From the end of a process to the moment when whoever waits for it knows.
constexpr std::chrono::milliseconds wait_time{1};
constexpr std::chrono::milliseconds program_start_time{500};
/// A program that ends waits this long for executors that leave, and kills those that have not.
constexpr std::chrono::seconds leave_grace{5};

} // namespace

world::world(const scenario& what, bool printing)
    : plan(what), settings(what.settings), log(printing), net(queue, settings.latency_max, random_stream(what.seed, 101)),
      blocks(queue, net, {settings.fetch_attempts_max, settings.fetch_retry_wait, settings.fetch_silence_max},
             [this](process which) -> storage::block_store* {
               if (driver_ && driver_->self() == which)
                 return &driver_->store();
               auto* const one = executor(which);
               return one ? &one->store() : nullptr;
             }),
      random(what.seed, 102) {}

world::~world() = default;

void world::start_driver() {
  const auto self = queue.start();
  log.add(now(), "driver", generation_);
  driver_ = std::make_unique<driver_model>(*this, self, generation_++);
  driver_->begin();
}

void world::kill_driver(bool start_again) {
  if (!driver_)
    return;
  const auto self = driver_->self();
  log.add(now(), "driver ends");
  queue.end(self);
  dead_drivers_seen_.insert(self);
  dead_drivers_.push_back(std::move(driver_));
  std::vector<process> children;
  for (const auto& [which, one] : executors_)
    if (one->who().driver == self)
      children.push_back(which);
  for (const auto which : children) {
    // Who hangs cannot notice anything: the signal is all there is.
    if (settings.parent_death_signal || executors_.at(which)->who().hangs)
      queue.after(wait_time, event_queue::world, [this, which] { end_executor(which, "killed by signal 9"); });
    queue.after(std::chrono::seconds(30), event_queue::world, [this, which] {
      check(!executor(which) || queue.stopped(which), "L4 orphans",
            [] { return std::string("an executor lives 30 s after its driver died"); });
    });
  }
  disturb(std::chrono::seconds(2) + settings.dead_after);
  if (start_again)
    queue.after(program_start_time, event_queue::world, [this] { start_driver(); });
}

void world::stop_program() {
  driver_->stop();
  const auto self = driver_->self();
  queue.after(leave_grace, event_queue::world, [this, self] {
    std::vector<process> left;
    for (const auto& [which, one] : executors_)
      if (one->who().driver == self)
        left.push_back(which);
    for (const auto which : left)
      end_executor(which, "killed by signal 9");
  });
}

event_queue::process world::start_executor(std::uint32_t slot, executor_id executor, std::uint64_t incarnation, process driver) {
  const auto self = queue.start();
  ++counts.executors_started;
  const auto how = faults.starting(slot);
  executors_[self] = std::make_unique<executor_model>(
      *this, executor_model::identity{self, driver, slot, executor, incarnation, how == sabotage::start::hangs});
  if (how != sabotage::start::works)
    disturb(settings.register_timeout + settings.dead_after);
  queue.after(process_start_time + std::chrono::microseconds(random.below(40'000)), self, [this, self, how] {
    if (how == sabotage::start::fails)
      end_executor(self, "exited with code 1");
    else
      this->executor(self)->begin();
  });
  return self;
}

void world::end_executor(process which, const std::string& reason) {
  const auto at = executors_.find(which);
  if (at == executors_.end())
    return;
  const auto who = at->second->who();
  log.add(now(), "process ends", which, who.executor.value);
  log.say(now(), [&] { return "  executor " + std::to_string(who.executor.value) + " " + reason; });
  queue.end(which);
  auto positions = at->second->positions();
  auto& orders = orders_of_the_dead_[who.driver];
  orders.insert(orders.end(), at->second->old_orders().begin(), at->second->old_orders().end());
  dead_executors_.push_back(std::move(at->second));
  executors_.erase(at);
  blocks.reset(which);
  disturb(settings.dead_after);
  if (!queue.ended(who.driver))
    queue.after(wait_time, who.driver,
                [this, who, reason, positions = std::move(positions)] { driver_->process_ended(who.executor, reason, positions); });
}

executor_model* world::executor(process which) {
  const auto at = executors_.find(which);
  return at == executors_.end() ? nullptr : at->second.get();
}

executor_model* world::executor_in(std::uint32_t slot) {
  for (const auto& [which, one] : executors_)
    if (one->who().slot == slot && driver_ && one->who().driver == driver_->self())
      return one.get();
  return nullptr;
}

void world::bury() {
  dead_drivers_.clear();
  dead_executors_.clear();
}

void world::send(process from, process to, control what) {
  // In some runs the program that is started again listens where the one before did.
  if (driver_ && dead_drivers_seen_.contains(to) && plan.seed % 2 == 0)
    to = driver_->self();
  const bool to_executor = executor(to) != nullptr;
  const auto line = lines_.find(to_executor ? to : from);
  const auto used = line == lines_.end() ? 0 : to_executor ? line->second.of_driver : line->second.of_executor;
  net.send(from, to, [this, from, to, to_executor, used, what = std::move(what)] {
    if (const auto now = lines_.find(to_executor ? to : from); now != lines_.end()) {
      if (now->second.connection != used)
        return; // the connection that carried it is none any more
      if (!to_executor)
        now->second.of_driver = used;
    }
    if (driver_ && driver_->self() == to)
      driver_->receive(from, what);
    else if (auto* const one = executor(to))
      one->receive(what);
  });
}

void world::reset_connection(process which) {
  auto& line = lines_[which];
  ++line.connection;
  const auto salt = random.below(50'000);
  queue.after(std::chrono::microseconds(salt), which, [this, which, made = line.connection] {
    lines_[which].of_executor = made;
    executor(which)->connection_lost();
  });
  queue.after(std::chrono::microseconds(random.below(50'000)), executor(which)->who().driver, [this, which] {
    if (!driver_has_connection(which))
      driver_->connection_lost(which);
  });
}

bool world::driver_has_connection(process which) const {
  const auto at = lines_.find(which);
  return at == lines_.end() || at->second.of_driver == at->second.connection;
}

void world::disturb(duration time) {
  calm_from_ = std::max(calm_from_, now() + time);
}

} // namespace salamander::sim
