// A link, a real executor's actor whose runtime has no threads, and a bad network between them: in one thread and virtual time.
#pragma once

#include "../../support/actor_simulation.hpp"
#include "../../support/scripted_actor.hpp"

#include <salamander/actors/executor_actor.hpp>
#include <salamander/actors/executor_link.hpp>

namespace simulation {

/// The executor answers each task with "cancelled" at once. Both ends see each other as they would from other processes: as proxies, which
/// go when their connection breaks.
struct lossy : actor_simulation {
  explicit lossy(message_filter filter) : filter_(std::move(filter)) {
    spawn_scheduler();
    spawn_supervisor();
    connect();
    executor_setup setup;
    setup.executor = 7;
    setup.incarnation = 99;
    setup.driver = caf::actor_cast<driver_door>(caf::actor_cast<caf::strong_actor_ptr>(proxies_.at(door)));
    setup.contact = contact;
    executor_options options;
    options.cores = 0;
    executor = spawn_executor(system(), setup, [&](std::function<void()> on_reports) {
                 return std::make_shared<executor_runtime>(options, std::move(on_reports));
               }).first;
    run();
  }
  ~lossy() {
    for (auto& one : proxies_)
      end(one);
    end(executor);
    end(link);
    end(supervisor);
    end(scheduler);
    link = nullptr;
  }

  /// The connection ends as it does when the network resets it: what is on the way is lost, and all that was behind it is gone.
  void break_connection() {
    for (auto& one : std::exchange(proxies_, {}))
      caf::anon_send_exit(one, caf::exit_reason::remote_link_unreachable);
    run();
  }
  /// What the executor's process does when it has connected to the driver's door again.
  void connect_again() {
    connect();
    tell(executor, driver_found{caf::actor_cast<caf::strong_actor_ptr>(proxies_.at(door))});
  }

  struct results {
    std::vector<std::uint64_t> tasks;
    std::vector<std::uint64_t> tokens;
    std::vector<std::string> lost;
    std::vector<bool> connection_ended; ///< of each that was lost
  };
  const std::shared_ptr<results> seen = std::make_shared<results>();
  const std::shared_ptr<executor_board> board = std::make_shared<executor_board>();
  const std::shared_ptr<std::atomic<std::uint64_t>> refused = std::make_shared<std::atomic<std::uint64_t>>(0);
  const std::shared_ptr<driver_contact> contact = std::make_shared<driver_contact>();
  std::vector<std::function<void(bool)>> looks; ///< that the link wants taken at the executor's process
  int registrations = 0;
  scheduler_actor scheduler;
  supervisor_actor supervisor;
  executor_actor executor;
  executor_link link;

private:
  enum side : std::size_t { door, of_link, of_executor };

  void connect() {
    proxies_ = {spawn_proxy(door, of_executor), spawn_proxy(of_link, of_executor), spawn_proxy(of_executor, of_link)};
  }
  /// Passes on what it is told to the actor that it stands for, as if it came from the proxy of the other side.
  caf::actor spawn_proxy(side stands_for, side other_side) {
    return system().spawn([this, stands_for, other_side](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler([this, self, stands_for, other_side](caf::scheduled_actor*, caf::message_view& what) {
        if (const auto to = real(stands_for))
          to->enqueue(caf::actor_cast<caf::strong_actor_ptr>(proxies_.at(other_side)), caf::make_message_id(),
                      what.move_content_to_message(), self->context());
        return caf::result<caf::message>{caf::message{}};
      });
      return {[](const check_time&) {}};
    });
  }
  caf::strong_actor_ptr real(side which) const {
    return which == door      ? caf::actor_cast<caf::strong_actor_ptr>(supervisor)
           : which == of_link ? caf::actor_cast<caf::strong_actor_ptr>(link)
                              : caf::actor_cast<caf::strong_actor_ptr>(executor);
  }

  void spawn_scheduler() {
    scheduler = test_support::spawn_scripted<scheduler_actor>(
        system(),
        [seen = seen](const tasks_reported& message) {
          for (const auto& one : message.reports)
            seen->tasks.push_back(one.task);
        },
        [seen = seen](const dataset_dropped& message) { seen->tokens.push_back(message.token); });
  }
  void spawn_supervisor() {
    supervisor = test_support::spawn_scripted<supervisor_actor>(
        system(), [this](supervisor_actor::pointer self, const register_executor& who) { admit(self, who); },
        [seen = seen](const link_lost& message) {
          seen->lost.push_back(message.reason);
          seen->connection_ended.push_back(message.connection_ended);
        });
  }
  void admit(supervisor_actor::pointer self, const register_executor& who) {
    ++registrations;
    if (link) {
      self->send(link, greet{self->current_sender()});
      return;
    }
    link_setup setup;
    setup.executor = who.executor;
    setup.incarnation = who.incarnation;
    setup.remote = caf::actor_cast<executor_actor>(self->current_sender());
    setup.scheduler = scheduler;
    setup.supervisor = self;
    setup.executors = board;
    setup.refused_messages = refused;
    setup.filter = filter_;
    setup.look_for_process = [this](std::function<void(bool)> say) { looks.push_back(std::move(say)); };
    link = spawn_link(self->system(), setup);
  }

  message_filter filter_;
  std::vector<caf::actor> proxies_; ///< by `side`; of the present connection
};

/// Orders tasks `first` to `last` in messages of one each, and a few datasets to be dropped, over time; `then` happens after each.
inline void order_tasks(
    lossy& it, std::uint64_t first, std::uint64_t last, const std::function<void()>& then = [] {}) {
  if (first == 1)
    it.tell(it.link, run_stage{{1, 0, nullptr, {}, {}}});
  for (auto task = first; task <= last; ++task) {
    it.tell(it.link, run_tasks{{{task, 1, 0, 0, 0, false}}});
    if (task % 10 == 0)
      it.tell(it.link, drop_dataset{3, task});
    then();
    it.pass(std::chrono::milliseconds(20), std::chrono::milliseconds(10));
  }
}

inline std::vector<std::uint64_t> numbers_up_to(std::uint64_t count, std::uint64_t step = 1) {
  std::vector<std::uint64_t> all;
  for (auto i = step; i <= count; i += step)
    all.push_back(i);
  return all;
}

} // namespace simulation
