#include "master_fixture.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <functional>
#include <random>

using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;

namespace {

/// What can go wrong in a run.
struct trouble {
  double lost = 0;
  double repeated = 0;
  std::chrono::milliseconds delay_max{20};
  bool fail_overs = false;
  bool workers_fail = false;
};

/// A cluster with a network between its parts: messages take time, are lost and come twice.
struct random_cluster {
  struct party {
    model_worker worker;
    bool connected = true;
    std::uint64_t term = 0;
    std::uint64_t orders = 0;
    time_point next_report{};
  };
  struct client {
    model_driver driver;
    std::uint64_t term = 0;
    time_point next_report{};
    std::uint32_t lost = 0; ///< how often it was told that an executor has ended
  };

  random_cluster(std::uint64_t seed, std::size_t workers, std::size_t applications, const trouble& what) : random(seed), faults(what) {
    settings.executor_retries = no_limit;
    for (std::size_t at = 0; at < workers; ++at)
      parties.push_back(new_worker());
    for (std::size_t at = 0; at < applications; ++at) {
      auto& one = clients.emplace_back();
      one.driver.token = model_cluster::token_of("app" + std::to_string(at));
      one.driver.peer = ++peers;
      one.driver.what = model_cluster::wish(static_cast<std::uint32_t>(1 + at % 2), static_cast<std::uint32_t>(any(4, 12)), 10);
    }
    lead();
  }

  int any(int low, int high) {
    return std::uniform_int_distribution<>(low, high)(random);
  }
  bool chance(double p) {
    return p > 0 && std::uniform_real_distribution<>(0, 1)(random) < p;
  }

  party new_worker() {
    party one;
    one.worker.name = "worker-" + std::to_string(++workers_started);
    one.worker.peer = ++peers;
    one.worker.cores = 4;
    one.worker.memory_bytes = 1000;
    return one;
  }
  void lead() {
    ++term;
    it = std::make_unique<master>(settings, term, term * 77);
    under_way.clear(); // what the former one was told; what it has said may still arrive
    for (auto& one : parties)
      one.worker.peer = ++peers;
    for (auto& one : clients)
      one.driver.peer = ++peers;
    deliver_actions(it->handle(master::start{journal, {}}, now, 1'795'300'000));
  }

  void say(std::function<void()> arrival, bool to_master) {
    if (chance(faults.lost))
      return;
    const int copies = chance(faults.repeated) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy)
      (to_master ? under_way : from_masters)
          .emplace(now + std::chrono::milliseconds(any(1, static_cast<int>(faults.delay_max.count()))), arrival);
  }
  void tell(master::event what) {
    say([this, what = std::move(what)] { deliver_actions(it->handle(what, now, 1'795'300'000)); }, true);
  }

  void deliver_actions(const std::vector<master::action>& actions) {
    for (const auto& action : actions) {
      if (const auto* record = std::get_if<master::append>(&action))
        journal.push_back(record->what);
      else if (const auto* orders = std::get_if<master::send_orders>(&action)) {
        ++orders_sent;
        for (auto& one : parties)
          if (one.worker.peer == orders->to)
            say([this, name = one.worker.name, what = orders->what] { obey(name, what); }, false);
      } else if (const auto* grants = std::get_if<master::send_grants>(&action)) {
        for (std::size_t at = 0; at < clients.size(); ++at)
          if (clients[at].driver.peer == grants->to)
            say([this, at, what = grants->what] { hear(clients[at], what); }, false);
      }
    }
  }
  void obey(const std::string& name, const worker_orders& orders) {
    for (auto& one : parties) {
      if (one.worker.name != name || !one.connected || orders.term < one.term || (orders.term == one.term && orders.number <= one.orders))
        continue;
      one.term = orders.term;
      one.orders = orders.number;
      one.worker.obey(orders);
      std::uint32_t used = 0;
      for (const auto& [key, process] : one.worker.executors)
        used += process.state == process_state::ended ? 0 : process.cores;
      REQUIRE(used <= one.worker.cores);
    }
  }
  static void hear(client& one, const application_grants& grants) {
    if (grants.term < one.term)
      return;
    one.term = grants.term;
    REQUIRE(grants.ended.empty());
    for (const auto& each : grants.executors)
      one.lost += !grants.recovering && each.state == process_state::ended ? 1 : 0;
    if (grants.recovering) { // the lists mean nothing
      auto known = std::move(one.driver.last.executors);
      one.driver.last = grants;
      one.driver.last.executors = std::move(known);
    } else {
      one.driver.last = grants;
    }
  }

  void step() {
    now += 10ms;
    for (auto* const queue : {&under_way, &from_masters})
      while (!queue->empty() && queue->begin()->first <= now) {
        auto next = queue->extract(queue->begin());
        next.mapped()();
      }
    for (auto& one : parties)
      if (one.connected && now >= one.next_report) {
        one.next_report = now + 1s;
        ++reports;
        tell(master::worker_heard{one.worker.peer, one.worker.report()});
      }
    for (auto& one : clients)
      if (now >= one.next_report) {
        one.next_report = now + 1s;
        tell(master::application_heard{one.driver.peer, one.driver.report(), {}});
      }
    if (now >= next_tick) {
      next_tick = now + 500ms;
      deliver_actions(it->handle(master::tick{}, now, 1'795'300'000));
      if (faults.fail_overs && chance(0.05))
        lead();
      if (faults.workers_fail)
        fail_some_worker();
    }
  }
  void fail_some_worker() {
    auto& one = parties[static_cast<std::size_t>(any(0, static_cast<int>(parties.size()) - 1))];
    if (chance(0.1)) {
      one.connected = !one.connected;
      if (!one.connected)
        deliver_actions(it->handle(master::peer_lost{one.worker.peer}, now, 1'795'300'000));
      one.worker.peer = ++peers;
    } else if (chance(0.05)) { // another process, and what ran is gone
      one = new_worker();
    } else if (chance(0.2) && !one.worker.executors.empty()) {
      auto& process = one.worker.executors.begin()->second;
      process.state = process_state::ended;
      process.end = process_end::failed;
      process.reason = "killed by signal 9";
    }
  }
  void run(std::chrono::seconds time) {
    for (const auto end = now + time; now < end;)
      step();
  }
  void heal() {
    faults = {};
    for (auto& one : parties)
      one.connected = true;
  }
  std::uint32_t cores_running() const {
    std::uint32_t cores = 0;
    for (const auto& one : parties)
      for (const auto& [key, process] : one.worker.executors)
        cores += process.state == process_state::ended ? 0 : process.cores;
    return cores;
  }

  std::mt19937_64 random;
  trouble faults;
  master_settings settings;
  time_point now{1000s};
  time_point next_tick{};
  std::uint64_t term = 0;
  peer_id peers = 0;
  std::uint64_t workers_started = 0;
  std::uint64_t reports = 0;
  std::uint64_t orders_sent = 0;
  std::unique_ptr<master> it;
  std::vector<journal_record> journal;
  std::vector<party> parties;
  std::vector<client> clients;
  std::multimap<time_point, std::function<void()>> under_way;
  std::multimap<time_point, std::function<void()>> from_masters;
};

void check_satisfied(random_cluster& it) {
  std::uint32_t wanted = 0;
  for (auto& one : it.clients) {
    const auto most = one.driver.what.cores_max / one.driver.what.executor_cores * one.driver.what.executor_cores;
    CHECK(one.driver.cores() == most);
    wanted += most;
  }
  CHECK(it.cores_running() == wanted);
}

} // namespace

TEST_CASE("whatever fails and whatever messages do, no core is given twice, and afterwards everybody gets what there is room for") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    random_cluster it(seed, 12, 3, {0.05, 0.05, 1000ms, seed % 2 == 0, true});
    it.run(90s);
    it.heal();
    it.run(60s);
    check_satisfied(it);
  }
}

TEST_CASE("fail-overs alone end no executor of a living application, however messages come") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    random_cluster it(seed, 12, 3, {});
    it.run(10s);
    it.faults = {0, 0.1, 300ms, true, false};
    it.run(60s);
    it.heal();
    it.run(30s);
    for (const auto& one : it.clients)
      CHECK(one.lost == 0);
    for (const auto& one : it.parties)
      CHECK(one.worker.killed == 0);
    check_satisfied(it);
  }
}

TEST_CASE("a thousand executors on a hundred workers cost a master one answer for each report") {
  random_cluster it(1, 0, 0, {});
  for (int at = 0; at < 100; ++at) {
    it.parties.push_back(it.new_worker());
    it.parties.back().worker.cores = 10;
  }
  auto& client = it.clients.emplace_back();
  client.driver.token = model_cluster::token_of("large");
  client.driver.peer = ++it.peers;
  client.driver.what = model_cluster::wish(1, 1000, 10);
  it.run(3s);
  CHECK(client.driver.living().size() == 1000);
  it.run(5s);
  const auto reports = it.reports;
  const auto orders = it.orders_sent;
  const auto journal = it.journal.size();
  const auto began = std::clock();
  it.run(30s);
  const auto used = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  MESSAGE("processor time for a second of the cluster, with its simulation: " << used / 30 << " s");
  CHECK(it.reports - reports == 3000);
  CHECK(it.orders_sent - orders <= 3100);
  CHECK(it.journal.size() == journal); // nothing happens, nothing is written
  it.lead();
  it.run(10s);
  CHECK(client.driver.living().size() == 1000);
  CHECK(client.lost == 0);
}
