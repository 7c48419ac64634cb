// How the faults of a plan happen.
#include "driver_model.hpp"
#include "executor_model.hpp"
#include "world.hpp"

#include <algorithm>

namespace salamander::sim {

void world::arm_faults() {
  for (const auto& one : plan.faults) {
    healed_ = std::max(healed_, beginning + one.at + one.lasts);
    queue.at(beginning + one.at, event_queue::world, [this, one] { inject(one); });
  }
}

void world::inject(const planned_fault& fault) {
  ++injected[static_cast<std::size_t>(fault.kind)];
  log.add(now(), name_of(fault.kind), fault.slot, fault.amount);
  switch (fault.kind) {
  case fault_kind::user_error:
  case fault_kind::poison:
  case fault_kind::disk:
  case fault_kind::start_failure:
  case fault_kind::hung_start:
    disturb(fault.lasts);
    return faults.arm(fault, now() + fault.lasts);
  case fault_kind::driver_pause:
    disturb(fault.lasts + settings.dead_after);
    if (driver_) {
      const auto self = driver_->self();
      queue.stop(self);
      queue.after(fault.lasts, event_queue::world, [this, self] { queue.resume(self); });
    }
    return;
  case fault_kind::driver_restart:
    return kill_driver(true);
  case fault_kind::broken_lineage:
    if (driver_)
      queue.after(duration::zero(), driver_->self(), [this] { driver_->submit_broken_lineage(); });
    return;
  case fault_kind::old_report:
    if (driver_)
      queue.after(duration::zero(), driver_->self(), [this, salt = fault.salt] { driver_->replay_old_report(salt); });
    return;
  default:
    on_executor(fault);
  }
}

void world::on_executor(const planned_fault& fault) {
  auto* const one = executor_in(fault.slot);
  if (!one)
    return;
  const auto self = one->who().self;
  const auto until = now() + fault.lasts;
  disturb(fault.lasts + settings.dead_after);
  switch (fault.kind) {
  case fault_kind::kill:
    return end_executor(self, "killed by signal 9");
  case fault_kind::pause:
    queue.stop(self);
    queue.after(fault.lasts, event_queue::world, [this, self] {
      if (executor(self))
        queue.resume(self);
    });
    return;
  case fault_kind::reset:
    blocks.reset(self);
    return reset_connection(self);
  case fault_kind::departure:
    queue.after(duration::zero(), one->who().driver,
                [this, id = one->who().executor, stays = fault.salt % 3 == 0 && fault.lasts > duration::zero()] {
                  driver_->ask_to_leave(id, stays);
                });
    if (fault.lasts > duration::zero())
      queue.after(fault.lasts, event_queue::world, [this, self] {
        if (executor(self))
          end_executor(self, "killed by signal 15");
      });
    return;
  case fault_kind::allocation:
    return one->fail_allocations(fault.amount);
  case fault_kind::corrupt_stored:
    return one->corrupt_stored(fault.salt);
  case fault_kind::old_order:
    one->replay_old_order(fault.salt);
    return one->replay_order_of_others(orders_of_the_dead_[one->who().driver], fault.salt);
  case fault_kind::delete_block:
    return one->delete_blocks(fault.amount, fault.salt);
  case fault_kind::pressure:
    one->press(fault.amount);
    queue.after(fault.lasts, self, [this, self] { executor(self)->relax(); });
    return;
  case fault_kind::slow:
    one->slow_down(fault.amount);
    queue.after(fault.lasts, self, [this, self] { executor(self)->slow_down(1); });
    return;
  case fault_kind::cut:
  case fault_kind::one_way_cut:
    if (fault.kind == fault_kind::cut || fault.amount == 0)
      net.add({fault_kind::cut, self, link_fault::any, 0, until});
    if (fault.kind == fault_kind::cut || fault.amount != 0)
      net.add({fault_kind::cut, link_fault::any, self, 0, until});
    return;
  default: // delay, drop, duplicate, reorder, corrupt_block: both ways
    net.add({fault.kind, self, link_fault::any, fault.amount, until});
    net.add({fault.kind, link_fault::any, self, fault.amount, until});
  }
}

} // namespace salamander::sim
