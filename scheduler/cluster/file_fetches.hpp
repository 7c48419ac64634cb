// Fetches stored files piece by piece over a line that comes and goes. Pure: events in, actions out; the caller brings the time and
// keeps the bytes.
#pragma once

#include <salamander/scheduler/cluster/protocol.hpp>
#include <salamander/scheduler/events.hpp>

#include <map>
#include <variant>

namespace salamander::scheduler::cluster {

/// One piece of each file is under way at a time. Faults: pieces that are lost, late or repeated, masters that change in the middle: it
/// goes on where it was, since the content decides. A master that does not have a file may get it soon: it is asked again.
/// Threads: use from one thread.
class file_fetches {
public:
  struct limits {
    duration piece_timeout = std::chrono::seconds(5); ///< then it is asked for again
    duration absent_pause = std::chrono::milliseconds(500);
    duration absent_max = std::chrono::seconds(60); ///< then no master has it
  };

  // -- events
  struct wanted {
    stored_file file;
  };
  struct piece_came {
    std::string sha256;
    std::uint64_t offset = 0;
    std::uint64_t total = 0; ///< 0: there is no such file
    std::uint64_t size = 0;
  };
  /// What came could not be kept.
  struct dropped {
    std::string sha256;
  };
  struct line_found {};
  struct line_lost {};
  struct tick {};
  using event = std::variant<wanted, piece_came, dropped, line_found, line_lost, tick>;

  // -- actions
  struct ask_piece {
    std::string sha256;
    std::uint64_t offset = 0;
  };
  /// The piece that just came is the next one. `last`: the file is complete.
  struct keep_piece {
    std::string sha256;
    bool last = false;
  };
  struct failed {
    std::string sha256;
    std::string reason;
  };
  using action = std::variant<ask_piece, keep_piece, failed, wake_at>;

  file_fetches() = default;
  explicit file_fetches(limits bounds) : limits_(bounds) {}

  std::vector<action> handle(const event& what, time_point now);

private:
  struct fetch {
    stored_file file;
    std::uint64_t offset = 0;
    time_point ask_again;
    time_point absent_since = time_point::max();
  };

  void on(const wanted& what);
  void on(const piece_came& what);
  void on(const dropped& what);
  void on(const line_found& what);
  void on(const line_lost& what);
  void on(const tick& what);

  void ask(fetch& one);
  void give_up(const std::string& sha256, std::string reason);

  limits limits_;
  std::map<std::string, fetch> fetches_;
  bool connected_ = false;
  time_point now_;
  std::vector<action> actions_;
};

} // namespace salamander::scheduler::cluster
