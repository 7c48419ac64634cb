// One actor system in one thread with virtual time: the same messages in the same order, every time.
#pragma once

#include <salamander/actors/interfaces.hpp>

#include <caf/scheduler/test_coordinator.hpp>

#include <memory>

namespace simulation {

using namespace salamander;
using namespace salamander::actors;

class actor_simulation {
public:
  void run() {
    while (coordinator().try_run_once()) {
    }
  }
  template <class Rep, class Period>
  void advance(std::chrono::duration<Rep, Period> time) {
    coordinator().advance_time(std::chrono::duration_cast<caf::timespan>(time));
    run();
  }
  /// In steps, so that actors that remind themselves keep their rhythm.
  template <class Rep, class Period>
  void pass(std::chrono::duration<Rep, Period> time, std::chrono::milliseconds step = std::chrono::milliseconds(50)) {
    for (auto left = std::chrono::duration_cast<std::chrono::milliseconds>(time); left.count() > 0; left -= step)
      advance(std::min(left, step));
  }
  caf::actor_system& system() {
    return system_;
  }
  template <class Handle, class Message>
  void tell(const Handle& to, Message message) {
    caf::anon_send(to, std::move(message));
    run();
  }
  template <class Handle>
  void end(const Handle& one) {
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    run();
  }

private:
  struct settings : caf::actor_system_config {
    settings() {
      add_message_types<caf::id_block::salamander>();
      set("scheduler.policy", caf::atom("testing"));
    }
  };
  caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  settings settings_;
  caf::actor_system system_{settings_};
};

/// What a scripted executor was told.
struct executor_script {
  void note(const run_stage& message) {
    stages.push_back(message.order);
  }
  void note(const run_tasks& message) {
    tasks.insert(tasks.end(), message.tasks.begin(), message.tasks.end());
  }
  void note(const cancel_attempts& message) {
    cancelled.insert(cancelled.end(), message.tasks.begin(), message.tasks.end());
  }
  void note(const forget_stage& message) {
    forgotten.push_back(message.stage);
  }
  void note(const drop_dataset& message) {
    dropped.emplace_back(message.dataset, message.token);
  }
  void note(const drop_shuffle&) {}
  void note(const drop_result&) {}
  void note(const meet_peers& message) {
    met.insert(met.end(), message.peers.begin(), message.peers.end());
  }
  void note(const drop_broadcast& message) {
    broadcasts_dropped.emplace_back(message.broadcast, message.token);
  }

  void note(const take_blocks& message) {
    taken.insert(taken.end(), message.blocks.begin(), message.blocks.end());
  }
  void note(const barrier_passed& message) {
    answers.push_back(message.answer);
  }

  std::vector<stage_order> stages;
  std::vector<task_order> tasks;
  std::vector<std::uint64_t> cancelled;
  std::vector<std::uint32_t> forgotten;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> dropped;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> broadcasts_dropped;
  std::vector<peer_place> met;
  std::vector<barrier_answer> answers;
  std::vector<decltype(take_blocks::blocks)::value_type> taken;
  std::vector<std::string> left;
  std::vector<std::uint64_t> numbers; ///< of numbered orders, in order of arrival
  std::uint64_t acknowledged = 0;     ///< the last heartbeat that was answered
  std::uint64_t reports_seen = 0;     ///< numbered reports that the driver said it has
  bool welcomed = false;
  link_door link; ///< who welcomed it
};

/// An executor that only writes down what it is told.
inline executor_actor spawn_script(caf::actor_system& system, const std::shared_ptr<executor_script>& seen) {
  return system.spawn([seen](executor_actor::pointer self) -> executor_actor::behavior_type {
    return {
        [seen](const run_stage& message) { seen->note(message); },
        [seen](const run_tasks& message) { seen->note(message); },
        [seen](const cancel_attempts& message) { seen->note(message); },
        [seen](const forget_stage& message) { seen->note(message); },
        [seen](const drop_dataset& message) { seen->note(message); },
        [seen](const drop_shuffle& message) { seen->note(message); },
        [seen](const drop_result& message) { seen->note(message); },
        [seen](const drop_broadcast& message) { seen->note(message); },
        [seen](const meet_peers& message) { seen->note(message); },
        [seen](const take_blocks& message) { seen->note(message); },
        [seen](const barrier_passed& message) { seen->note(message); },
        [seen](const leave& message) { seen->left.push_back(message.reason); },
        [seen](const numbered_order& message) {
          seen->numbers.push_back(message.what.number);
          seen->reports_seen = std::max(seen->reports_seen, message.what.state.received);
          std::visit([&](const auto& one) { seen->note(one); }, *message.what.message);
        },
        [seen](const messages_seen& message) { seen->reports_seen = std::max(seen->reports_seen, message.line.received); },
        [self, seen](const welcome&) {
          seen->welcomed = true;
          seen->link = caf::actor_cast<link_door>(self->current_sender());
        },
        [](const refused&) {},
        [seen](const heartbeat_seen& message) {
          seen->acknowledged = message.sequence;
          seen->reports_seen = std::max(seen->reports_seen, message.line.received);
        },
        [](const driver_found&) {},
        [](reports_waiting) {},
        [](beat) {},
    };
  });
}

} // namespace simulation
