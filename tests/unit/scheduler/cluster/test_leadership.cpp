#include <salamander/scheduler/cluster/leadership.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace std::chrono_literals;
using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;

namespace {

/// Real time, which no master sees: each has a clock that begins anywhere and runs at its own speed.
struct masters {
  struct one {
    one(std::string id, double clock_speed, duration clock_start, const leadership::settings& times)
        : it({id, id + ":7077", "boot of " + id}, times), speed(clock_speed), start(clock_start) {}
    leadership it;
    double speed;
    duration start;
    duration next_visit{};    ///< in real time
    duration stopped_until{}; ///< SIGSTOP: it does nothing
    bool dead = false;
  };

  time_point clock(const one& of) const {
    return time_point(of.start + std::chrono::duration_cast<duration>(real * of.speed));
  }
  one& add(double speed = 1, duration start = 100s) {
    all.push_back(std::make_unique<one>("m" + std::to_string(all.size()), speed, start, times));
    return *all.back();
  }
  void visit(one& who, duration lock_wait = 0ms, bool fails_before = false, bool fails_after = false) {
    const auto began = clock(who);
    if (fails_before)
      return;
    real += lock_wait;
    const auto next = who.it.visit({record, false, 0}, began, clock(who));
    check();
    if (next) {
      record = *next;
      who.it.stored(!fails_after);
    }
    check();
  }
  /// A renewal whose write takes so long; the shell looks at the clock when it is done.
  void renew_slowly(one& who, duration write) {
    const auto began = clock(who);
    const auto until = who.it.leads_until();
    if (const auto next = who.it.visit({record, false, 0}, began, began)) {
      record = *next;
      real += write;
      who.it.stored(true);
      if (clock(who) >= until)
        who.it.lapse();
    }
    check();
  }
  std::vector<one*> leaders() {
    std::vector<one*> found;
    for (auto& who : all)
      if (!who->dead && who->it.leads(clock(*who)))
        found.push_back(who.get());
    return found;
  }
  void check() {
    std::uint64_t greatest = 0;
    for (auto* who : leaders())
      greatest = std::max(greatest, who->it.term());
    REQUIRE(leaders().size() <= 1);
    if (greatest > 0) {
      REQUIRE(greatest >= last_term);
      last_term = greatest;
    }
  }
  void run(duration time, duration step = 50ms) {
    for (const auto end = real + time; real < end; real += step) {
      check();
      for (auto& who : all)
        if (!who->dead && real >= who->next_visit && real >= who->stopped_until) {
          visit(*who);
          who->next_visit = real + 250ms;
        }
    }
  }

  leadership::settings times;
  duration real{};
  lease_record record;
  std::uint64_t last_term = 0;
  std::vector<std::unique_ptr<one>> all;
};

} // namespace

TEST_CASE("a lease that nobody has is taken at the first visit") {
  masters it;
  auto& a = it.add();
  it.visit(a);
  CHECK(a.it.leads(it.clock(a)));
  CHECK(a.it.term() == 1);
}

TEST_CASE("a leader goes on leading, and others wait and know who it is") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  it.run(60s);
  CHECK(a.it.leads(it.clock(a)));
  CHECK(a.it.term() == 1);
  CHECK(b.it.leader() == "m0:7077");
  REQUIRE(it.record.candidates.size() == 1);
  CHECK(it.record.candidates[0].id == "m1");
}

TEST_CASE("when the leader dies another one leads within three seconds, in a later term") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  it.run(10s);
  a.dead = true;
  it.run(3s);
  CHECK(b.it.leads(it.clock(b)));
  CHECK(b.it.term() == 2);
}

TEST_CASE("a leader that is stopped does not lead when it goes on, and hears of the other one") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  it.run(10s);
  a.stopped_until = it.real + 30s;
  it.run(20s);
  CHECK_FALSE(a.it.leads(it.clock(a)));
  CHECK(b.it.leads(it.clock(b)));
  it.run(20s);
  CHECK(b.it.leads(it.clock(b)));
  CHECK(a.it.leader() == "m1:7077");
}

TEST_CASE("a leader that cannot write stops before another one may begin") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  it.run(10s);
  a.stopped_until = it.real + 1000s; // its visits all fail
  const auto until = it.real;
  while (a.it.leads(it.clock(a)))
    it.run(50ms);
  CHECK(it.real - until <= 2s);
  CHECK_FALSE(b.it.leads(it.clock(b)));
  it.run(1s);
  CHECK(b.it.leads(it.clock(b)));
}

TEST_CASE("a renewal counts from before the lock was asked for") {
  masters it;
  auto& a = it.add();
  it.visit(a);
  it.real += 1s;
  it.visit(a, 900ms); // waits for the lock
  it.real += 1050ms;
  CHECK(a.it.leads(it.clock(a)));
  it.real += 100ms;
  CHECK_FALSE(a.it.leads(it.clock(a)));
}

TEST_CASE("a write of which nobody knows whether it succeeded does not make a leader, and the next visit does in a later term") {
  masters it;
  auto& a = it.add();
  it.visit(a, 0ms, false, true);
  CHECK_FALSE(a.it.leads(it.clock(a)));
  CHECK(it.record.holder == "m0");
  it.visit(a);
  CHECK(a.it.leads(it.clock(a)));
  CHECK(a.it.term() == 2);
}

TEST_CASE("a lease that is given away is taken at once") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  it.run(5s);
  a.it.resign();
  it.visit(a);
  CHECK_FALSE(a.it.leads(it.clock(a)));
  it.visit(b);
  CHECK(b.it.leads(it.clock(b)));
}

TEST_CASE("a holder that is dead for certain is not waited for") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  it.run(5s);
  a.dead = true;
  const auto next = b.it.visit({it.record, true, 0}, it.clock(b), it.clock(b));
  REQUIRE(next.has_value());
  b.it.stored(true);
  CHECK(b.it.leads(it.clock(b)));
}

TEST_CASE("a leader that hears of no worker gives way to one that waits, and rests") {
  masters it;
  auto& a = it.add();
  auto& b = it.add();
  for (int second = 0; second < 8; ++second) {
    a.it.workers(true, second < 2, it.clock(a));
    it.run(1s);
  }
  CHECK_FALSE(a.it.leads(it.clock(a)));
  it.run(1s);
  CHECK(b.it.leads(it.clock(b)));
}

TEST_CASE("a leader that hears of no worker goes on when nobody waits, or when there are none") {
  masters it;
  auto& a = it.add();
  for (int second = 0; second < 20; ++second) {
    a.it.workers(true, false, it.clock(a));
    it.run(1s);
  }
  CHECK(a.it.term() == 1);
  it.add();
  masters two;
  auto& c = two.add();
  two.add();
  for (int second = 0; second < 20; ++second) {
    c.it.workers(false, false, two.clock(c));
    two.run(1s);
  }
  CHECK(c.it.leads(two.clock(c)));
  CHECK(c.it.term() == 1);
}

TEST_CASE("terms grow even when the lease file is lost") {
  masters it;
  auto& a = it.add();
  const auto next = a.it.visit({{}, false, 41}, it.clock(a), it.clock(a));
  REQUIRE(next.has_value());
  CHECK(next->term == 42);
}

TEST_CASE("a renewal that is stored when the lease had run out ends the term, and the next visit takes another one") {
  masters it;
  auto& who = it.add();
  it.visit(who);
  const auto term = who.it.term();
  it.real += 1500ms;
  it.renew_slowly(who, 300ms);
  CHECK(who.it.leads(it.clock(who)));
  it.real += 1500ms;
  it.renew_slowly(who, 700ms);
  CHECK_FALSE(who.it.leads(it.clock(who)));
  it.visit(who);
  CHECK(who.it.leads(it.clock(who)));
  CHECK(who.it.term() == term + 1);
}

TEST_CASE("whatever is stopped, fails or dies, and however clocks run, there are never two leaders, and soon there is one") {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto chance = [&](double p) { return std::uniform_real_distribution<>(0, 1)(random) < p; };
    const auto any = [&](int low, int high) { return std::uniform_int_distribution<>(low, high)(random); };
    masters it;
    for (int count = any(2, 3); count > 0; --count)
      it.add(1 + any(-50, 50) / 1000.0, std::chrono::seconds(any(1, 100000)));
    for (int step = 0; step < 2000; ++step) {
      it.real += std::chrono::milliseconds(any(1, 120));
      it.check();
      auto& who = *it.all[static_cast<std::size_t>(any(0, static_cast<int>(it.all.size()) - 1))];
      if (who.dead || it.real < who.stopped_until || it.real < who.next_visit)
        continue;
      if (chance(0.01))
        who.stopped_until = it.real + std::chrono::milliseconds(any(1, 6000));
      else
        it.visit(who, chance(0.1) ? std::chrono::milliseconds(any(1, 2500)) : 0ms, chance(0.05), chance(0.05));
      if (chance(0.02))
        who.it.workers(true, chance(0.5), it.clock(who));
      if (chance(0.002))
        it.record = {}; // the file is lost: only then may terms begin anew, which the journal prevents
      who.next_visit = it.real + 250ms;
      if (it.record.term == 0)
        break;
    }
    if (it.record.term == 0)
      continue;
    it.run(20s);
    REQUIRE(it.leaders().size() == 1);
  }
}
