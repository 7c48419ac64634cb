#include <salamander/scheduler/executor_supervisor.hpp>

#include <salamander/rdd/probes.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

namespace salamander::scheduler {
namespace {

std::string seconds(duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
  return text;
}

} // namespace

executor_supervisor::executor_supervisor(const limits& bounds) : limits_(bounds) {
  slots_.assign(bounds.slots, slot(bounds.restarts));
}

std::vector<executor_supervisor::action> executor_supervisor::handle(const event& what, time_point now) {
  now_ = now;
  std::visit([this](const auto& one) { on(one); }, what);
  return std::exchange(actions_, {});
}

std::uint32_t executor_supervisor::living() const noexcept {
  return static_cast<std::uint32_t>(std::ranges::count_if(slots_, [](const slot& one) { return one.executor != no_executor; }));
}

executor_supervisor::slot* executor_supervisor::find(executor_id executor) noexcept {
  const auto at = std::ranges::find_if(slots_, [&](const slot& one) { return one.executor == executor; });
  return at == slots_.end() || executor == no_executor ? nullptr : &*at;
}

void executor_supervisor::on(const slot_due& what) {
  if (what.slot >= slots_.size() || stopping_)
    return;
  auto& one = slots_[what.slot];
  if (one.state != slot::phase::empty)
    return;
  if (now_ < one.due) {
    actions_.emplace_back(start_later{what.slot, one.due});
    return;
  }
  one.state = slot::phase::starting;
  one.executor = {next_executor_++};
  one.incarnation = what.incarnation;
  one.process = 0;
  one.started = now_;
  one.was_admitted = false;
  one.refusal.clear();
  actions_.emplace_back(start_process{what.slot, one.executor, one.incarnation});
  ask_for_wake();
}

void executor_supervisor::on(const executor_registered& who) {
  if (stopping_)
    return; // a replacement that came too late; its process is being ended
  if (who.protocol != limits_.protocol)
    return turn_away(who, errc::build_mismatch,
                     "it speaks protocol version " + std::to_string(who.protocol) + ", this driver " + std::to_string(limits_.protocol));
  if (!who.mismatch.empty())
    return turn_away(who, errc::build_mismatch, who.mismatch);
  auto* const known = find(who.executor);
  if (!known || known->incarnation != who.incarnation || known->state == slot::phase::ending) {
    SALAMANDER_PROBE("supervisor refused a stranger or a dead executor");
    return turn_away(who, errc::executor_lost, "this driver does not wait for it");
  }
  if (known->state == slot::phase::starting)
    return admit_into(*known, who);
  if (known->process != who.process)
    return turn_away(who, errc::executor_lost, "it had registered before");
  SALAMANDER_PROBE("supervisor welcomed an executor again");
  actions_.emplace_back(welcome_again{who.executor});
}

void executor_supervisor::admit_into(slot& one, const executor_registered& who) {
  one.state = slot::phase::admitted;
  one.process = who.process;
  one.was_admitted = true;
  one.policy.ready();
  actions_.emplace_back(admit{who.executor, who.incarnation, who.process, who.cores});
  if (complete_ || !std::ranges::all_of(slots_, [](const slot& each) { return each.state == slot::phase::admitted; }))
    return;
  complete_ = true;
  actions_.emplace_back(all_admitted{});
}

void executor_supervisor::turn_away(const executor_registered& who, errc code, std::string text) {
  actions_.emplace_back(notice{notice::level::error, "refused executor " + std::to_string(who.executor.value) + " (process " +
                                                         std::to_string(who.process) + "): " + text});
  if (auto* const known = find(who.executor);
      known && known->incarnation == who.incarnation && known->state == slot::phase::starting && known->refusal.empty()) {
    known->refusal = text;
    actions_.emplace_back(start_failed{code, text});
  }
  actions_.emplace_back(refuse{who.executor, who.process, code, std::move(text)});
}

void executor_supervisor::on(const link_lost& what) {
  auto* const one = find(what.executor);
  if (!one)
    return;
  one->state = slot::phase::ending;
  actions_.emplace_back(kill_process{what.executor, what.reason, what.connection_ended ? limits_.natural_end_grace : duration::zero()});
}

void executor_supervisor::on(const process_ended& what) {
  auto* const one = find(what.executor);
  if (!one)
    return;
  auto reason = one->refusal.empty() ? what.reason : "refused: " + one->refusal;
  actions_.emplace_back(bury{what.executor, reason, one->was_admitted});
  one->state = slot::phase::empty;
  one->executor = no_executor;
  if (!stopping_ || core::planted(core::defect::restart_after_stop))
    replace(*one, reason);
}

void executor_supervisor::replace(slot& one, const std::string& reason) {
  const auto number = static_cast<std::uint32_t>(&one - slots_.data());
  if (!one.was_admitted)
    actions_.emplace_back(notice{notice::level::warning, "an executor ended before it registered: " + reason});
  const auto when = one.policy.ended(now_, one.was_admitted);
  if (!when)
    return give_up(one, reason);
  if (*when > now_) {
    SALAMANDER_PROBE("supervisor delayed a restart");
    const auto why = one.policy.start_failures() > 0 ? "executors cannot be started" : "executors end too often";
    actions_.emplace_back(notice{notice::level::warning, std::string(why) + ": the next one starts in " + seconds(*when - now_)});
  }
  one.due = *when;
  actions_.emplace_back(start_later{number, *when});
}

void executor_supervisor::give_up(slot& one, const std::string& reason) {
  SALAMANDER_PROBE("supervisor gave a slot up");
  one.state = slot::phase::given_up;
  const auto text = one.policy.start_failures() == 0
                        ? reason + ", and salamander.executor.maxRestarts allows no other executor in its place"
                        : "an executor could not be started " + std::to_string(std::max(1U, one.policy.start_failures())) +
                              " times in a row; the last one: " + reason + ". Its messages are on standard error";
  actions_.emplace_back(notice{notice::level::error, text});
  actions_.emplace_back(start_failed{errc::no_executors, text});
  if (std::ranges::all_of(slots_, [](const slot& each) { return each.state == slot::phase::given_up; }))
    actions_.emplace_back(exhausted{text});
}

void executor_supervisor::on(const tick&) {
  for (auto& one : slots_) {
    if (one.state != slot::phase::starting || now_ - one.started < limits_.register_timeout)
      continue;
    SALAMANDER_PROBE("supervisor killed an executor that did not register");
    one.state = slot::phase::ending;
    actions_.emplace_back(
        kill_process{one.executor, "killed: it had not registered after " + seconds(limits_.register_timeout), duration::zero()});
  }
  ask_for_wake();
}

void executor_supervisor::on(const stop&) {
  if (std::exchange(stopping_, true))
    return;
  for (const auto& one : slots_)
    if (one.state == slot::phase::admitted)
      actions_.emplace_back(ask_to_leave{one.executor});
}

void executor_supervisor::ask_for_wake() {
  std::optional<time_point> next;
  for (const auto& one : slots_)
    if (one.state == slot::phase::starting)
      next = std::min(next.value_or(time_point::max()), one.started + limits_.register_timeout);
  if (next && !stopping_)
    actions_.emplace_back(wake_at{*next});
}

} // namespace salamander::scheduler
