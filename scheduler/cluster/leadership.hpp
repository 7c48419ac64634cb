// Who of several masters leads: a lease in storage that they share. Pure: what was seen there and the time in, what to write out.
//
// Each master visits the lease again and again, under a lock that makes reading and writing one step. Only lengths of time on a master's
// own steady clock are compared, never clocks of two machines:
//
//   leader      renews at r: leads until r + lease (r: before it asked for the lock), then stops by itself
//   others      saw that renewal first at s >= r (after they read it): may take over at s + takeover, takeover > lease
//
// so nobody begins before the former one has stopped, as long as clocks differ in speed by less than takeover / lease.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <map>

namespace salamander::scheduler::cluster {

struct lease_candidate {
  std::string id;
  std::string address;
  std::uint64_t counter = 0; ///< grows while it waits
  friend bool operator==(const lease_candidate&, const lease_candidate&) = default;
};

/// What is in the shared file.
struct lease_record {
  std::uint64_t term = 0;
  std::string holder;        ///< a master's identifier, another one each time it starts; empty: given away
  std::string address;       ///< "host:port" of the holder
  std::string boot;          ///< of the holder's machine; empty: its death cannot be seen
  std::uint64_t counter = 0; ///< of renewals
  std::vector<lease_candidate> candidates;
  friend bool operator==(const lease_record&, const lease_record&) = default;
};

/// Faults: storage that fails, hangs or loses the file; processes that stop for any time, anywhere; clocks of different speeds.
/// Threads: use from one thread.
class leadership {
public:
  struct settings {
    duration lease = std::chrono::milliseconds(2000);
    duration takeover = std::chrono::milliseconds(2500);
    duration renew_every = std::chrono::milliseconds(500);
    duration announce_every = std::chrono::milliseconds(750);
    /// A leader that has heard of no worker for so long gives the lease away, if there should be some and another master waits.
    duration deaf_after = std::chrono::seconds(5);
    duration rest_after_abdication = std::chrono::seconds(10);
    std::size_t candidates_max = 16;
  };
  struct identity {
    std::string id;
    std::string address;
    std::string boot;
  };
  struct sight {
    lease_record record;
    bool holder_is_dead = false;  ///< for certain: its process was on this machine and is gone
    std::uint64_t terms_used = 0; ///< the newest term of which anything else is left, should the record be lost
  };

  leadership(identity self, const settings& times) : self_(std::move(self)), settings_(times) {}

  /// Under the lock. `began`: before it was asked for; `now`: after the record was read. Returns what to write, if anything; `stored` has
  /// to follow then, before the next visit.
  std::optional<lease_record> visit(const sight& seen, time_point began, time_point now);
  /// Whether it is known to be on the disk.
  void stored(bool known);
  /// A renewal was stored, but only after the lease before had run out, and somebody has seen that: the term is over. The next visit
  /// takes the lease under another one.
  void lapse() noexcept {
    leading_ = false;
  }

  /// Whether this master may act as the leader at this moment.
  bool leads(time_point now) const noexcept {
    return leading_ && now < leads_until_;
  }
  time_point leads_until() const noexcept {
    return leading_ ? leads_until_ : time_point::min();
  }
  std::uint64_t term() const noexcept {
    return term_;
  }
  /// "host:port" of the leader as the last visit saw it; empty: nobody, or unknown.
  const std::string& leader() const noexcept {
    return leader_;
  }
  /// Said by the leader: whether there should be workers, and whether any was heard of since the last time.
  void workers(bool expected, bool heard, time_point now);
  /// The master ends: the next visit gives the lease away.
  void resign() noexcept {
    resigning_ = true;
  }

private:
  enum class step : std::uint8_t { none, announce, take, renew };

  void look(const lease_record& record, time_point now);
  bool others_wait(time_point now) const;
  std::optional<lease_record> lead_on(const lease_record& record, time_point began, time_point now);
  std::optional<lease_record> give_away(lease_record record);
  std::optional<lease_record> wait_or_take(const sight& seen, time_point began, time_point now);

  const identity self_;
  const settings settings_;
  bool leading_ = false;
  bool resigning_ = false;
  std::uint64_t term_ = 0;
  time_point leads_until_{};
  time_point renewed_at_{};
  time_point heard_at_{};
  bool workers_expected_ = false;
  std::string leader_;

  step pending_ = step::none;
  std::uint64_t pending_term_ = 0;
  time_point pending_began_{};

  bool looked_ = false;
  lease_record seen_; ///< the holder's part, as it was when it last changed
  time_point seen_at_{};
  std::map<std::string, std::pair<std::uint64_t, time_point>> others_; ///< counters of candidates, and when they last moved
  std::uint64_t own_counter_ = 0;
  time_point announced_at_{};
  std::optional<time_point> rest_until_;
};

} // namespace salamander::scheduler::cluster
