// A master with workers and drivers that do as they are told, in virtual time.
#pragma once

#include <salamander/scheduler/cluster/master.hpp>

#include <algorithm>
#include <optional>

namespace salamander::scheduler::cluster {

using namespace std::chrono_literals;

/// A worker that obeys its orders at once and reports what runs.
struct model_worker {
  std::string name;
  peer_id peer = no_peer;
  std::uint32_t cores = 8;
  std::uint64_t memory_bytes = 16000;
  bool leaving = false;
  bool up = true; ///< its messages arrive
  std::uint64_t sequence = 0;
  std::map<std::pair<std::string, std::uint32_t>, executor_status> executors;
  std::map<std::string, driver_status> drivers;
  worker_orders last;
  std::uint64_t killed = 0;
  std::vector<std::string> formerly;

  worker_report report() {
    worker_report told;
    told.worker = name;
    told.sequence = ++sequence;
    told.host = "host-of-" + name;
    told.cores = cores;
    told.memory_bytes = memory_bytes;
    told.leaving = leaving;
    told.formerly = formerly;
    for (const auto& [key, one] : executors)
      told.executors.push_back(one);
    for (const auto& [key, one] : drivers)
      told.drivers.push_back(one);
    return told;
  }

  void obey(const worker_orders& orders) {
    last = orders;
    if (orders.recovering)
      return;
    const auto listed = [&](const executor_status& one) {
      return std::ranges::any_of(orders.executors, [&](const executor_order& order) {
        return order.application == one.application && order.executor == one.executor && order.incarnation == one.incarnation;
      });
    };
    std::erase_if(executors, [&](const auto& each) {
      const bool gone = !listed(each.second);
      killed += gone && each.second.state != process_state::ended ? 1 : 0;
      return gone;
    });
    std::erase_if(drivers, [&](const auto& each) {
      return std::ranges::none_of(
          orders.drivers, [&](const driver_order& order) { return order.driver == each.first && order.attempt == each.second.attempt; });
    });
    for (const auto& order : orders.executors)
      if (!executors.contains({order.application, order.executor}) && !order.launch.empty())
        executors[{order.application, order.executor}] = {order.application,
                                                          order.executor,
                                                          order.incarnation,
                                                          order.cores,
                                                          order.memory_bytes,
                                                          process_state::running,
                                                          process_end::none,
                                                          {},
                                                          {}};
    for (const auto& order : orders.drivers)
      if (!drivers.contains(order.driver) && !order.launch.empty())
        drivers[order.driver] = {order.driver,           order.attempt,     order.cores, order.memory_bytes,
                                 process_state::running, process_end::none, 0,           {}};
  }

  void end(const std::string& application, std::uint32_t executor, process_end how, const std::string& reason) {
    auto& one = executors.at({application, executor});
    one.state = process_state::ended;
    one.end = how;
    one.reason = reason;
  }
  void end_driver(const std::string& driver, process_end how, std::int32_t exit_code = 0) {
    auto& one = drivers.at(driver);
    one.state = process_state::ended;
    one.end = how;
    one.exit_code = exit_code;
    one.reason = "exited with code " + std::to_string(exit_code);
  }
};

/// A driver that buries what has ended.
struct model_driver {
  std::string token;
  peer_id peer = no_peer;
  application_description what;
  bool connected = true;
  std::uint64_t sequence = 0;
  std::uint32_t executors_max = no_limit;
  std::vector<std::uint32_t> released;
  std::vector<std::uint32_t> leaving;
  bool buries = true;
  application_grants last;

  application_report report() {
    application_report told;
    told.token = token;
    told.id = last.id;
    told.sequence = ++sequence;
    told.executors_max = executors_max;
    told.released = released;
    told.leaving = leaving;
    if (buries && !last.recovering)
      for (const auto& one : last.executors)
        if (one.state == process_state::ended)
          told.buried.push_back(one.executor);
    if (last.introduce || last.id.empty())
      told.described.push_back(what);
    return told;
  }
  std::vector<granted_executor> living() const {
    std::vector<granted_executor> found;
    for (const auto& one : last.executors)
      if (one.state != process_state::ended)
        found.push_back(one);
    return found;
  }
  std::uint32_t cores() const {
    std::uint32_t sum = 0;
    for (const auto& one : living())
      sum += one.cores;
    return sum;
  }
};

struct model_cluster {
  explicit model_cluster(master_settings with = {}) : settings(with) {
    lead();
  }

  /// A new master takes over from the journal; the former one is gone, and so are all connections.
  void lead() {
    ++term;
    it = std::make_unique<master>(settings, term, 42 + term);
    for (auto& [name, worker] : workers)
      worker.peer = ++peers;
    for (auto& [name, driver] : drivers)
      driver.peer = ++peers;
    tell(master::start{journal, launches});
  }

  std::vector<master::action> tell(const master::event& what) {
    auto actions = it->handle(what, now, 1'795'300'000);
    for (const auto& action : actions) {
      if (const auto* record = std::get_if<master::append>(&action))
        journal.push_back(record->what);
      if (const auto* keep = std::get_if<master::keep_launch>(&action))
        launches[keep->driver] = keep->bytes;
      if (const auto* drop = std::get_if<master::drop_launch>(&action))
        launches.erase(drop->driver);
      if (const auto* answer = std::get_if<master::answer_driver>(&action))
        submitted = *answer;
      if (const auto* answer = std::get_if<master::answer_kill>(&action))
        kill_answer = *answer;
      if (const auto* orders = std::get_if<master::send_orders>(&action))
        for (auto& [name, worker] : workers)
          if (worker.peer == orders->to && worker.up)
            worker.obey(orders->what);
      if (const auto* grants = std::get_if<master::send_grants>(&action))
        for (auto& [name, driver] : drivers)
          if (driver.peer == grants->to)
            driver.last = grants->what;
    }
    return actions;
  }

  model_worker& add_worker(const std::string& name, std::uint32_t cores = 8, std::uint64_t memory_bytes = 16000) {
    auto& one = workers[name];
    one.name = "worker-" + name;
    one.peer = ++peers;
    one.cores = cores;
    one.memory_bytes = memory_bytes;
    report(one);
    return one;
  }
  static application_description wish(std::uint32_t executor_cores, std::uint32_t cores_max = no_limit, std::uint64_t memory_bytes = 1000) {
    application_description what;
    what.name = "counting";
    what.user = "ada";
    what.cores_max = cores_max;
    what.executor_cores = executor_cores;
    what.executor_memory_bytes = memory_bytes;
    what.program = {{"counting", std::string(64, 'a'), 1000}};
    what.launch = "how to start it";
    return what;
  }
  model_driver& add_driver(const std::string& name, application_description what) {
    auto& one = drivers[name];
    one.token = token_of(name);
    one.peer = ++peers;
    one.what = std::move(what);
    report(one);
    return one;
  }
  static std::string token_of(const std::string& name) {
    std::string token(32, '0');
    for (std::size_t at = 0; at < name.size() && at < 16; ++at) {
      token[2 * at] = "0123456789abcdef"[static_cast<unsigned char>(name[at]) / 16];
      token[2 * at + 1] = "0123456789abcdef"[static_cast<unsigned char>(name[at]) % 16];
    }
    return token;
  }

  void report(model_worker& one) {
    if (one.up)
      tell(master::worker_heard{one.peer, one.report()});
  }
  void report(model_driver& one) {
    if (one.connected)
      tell(master::application_heard{one.peer, one.report(), {}});
  }
  void report_all() {
    for (auto& [name, worker] : workers)
      report(worker);
    for (auto& [name, driver] : drivers)
      report(driver);
  }
  /// Time passes; everybody reports each second.
  void run(std::chrono::seconds time) {
    for (auto left = time; left > 0s; left -= 1s) {
      now += 1s;
      tell(master::tick{});
      report_all();
    }
  }
  void cut(model_worker& one) {
    one.up = false;
    tell(master::peer_lost{one.peer});
  }
  void heal(model_worker& one) {
    one.up = true;
    one.peer = ++peers;
    report(one);
  }
  void cut(model_driver& one) {
    one.connected = false;
    tell(master::peer_lost{one.peer});
  }
  /// Over another connection; what it reports comes with the next reports of all.
  void come_back(model_driver& one) {
    one.connected = true;
    one.peer = ++peers;
  }

  driver_description program(bool supervise = false, std::uint32_t cores = 1) {
    driver_description what;
    what.name = "batch";
    what.user = "ada";
    what.cores = cores;
    what.memory_bytes = 1000;
    what.supervise = supervise;
    what.program = {{"batch", std::string(64, 'b'), 1000}};
    what.launch = "arguments";
    return what;
  }
  std::string submit(const std::string& name, driver_description what) {
    tell(master::driver_asked{999, 1, token_of(name), std::move(what), {}});
    return submitted.driver;
  }
  driver_summary status(const std::string& driver) {
    const auto all = it->summary(now, driver).drivers;
    return all.empty() ? driver_summary{} : all.front();
  }
  application_summary application(const std::string& id) {
    const auto all = it->summary(now, id).applications;
    return all.empty() ? application_summary{} : all.front();
  }
  model_worker& worker_with(const std::string& driver) {
    return std::ranges::find_if(workers, [&](const auto& each) { return each.second.drivers.contains(driver); })->second;
  }
  model_worker& worker_of(const granted_executor& one) {
    return std::ranges::find_if(workers, [&](const auto& each) { return each.second.name == one.worker; })->second;
  }

  master_settings settings;
  time_point now{1000s};
  std::uint64_t term = 0;
  peer_id peers = 0;
  std::unique_ptr<master> it;
  std::vector<journal_record> journal;
  std::map<std::string, std::string> launches;
  std::map<std::string, model_worker> workers;
  std::map<std::string, model_driver> drivers;
  master::answer_driver submitted;
  master::answer_kill kill_answer;
};

} // namespace salamander::scheduler::cluster
