#include <salamander/actors/cluster/lease_thread.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds visit_every{200};
/// Shorter than a lease: a leader that waits for the lock any longer has lost it anyway.
constexpr std::chrono::milliseconds lock_patience{1000};

} // namespace

lease_thread::lease_thread(const std::filesystem::path& directory, scheduler::cluster::leadership::identity self,
                           std::shared_ptr<leader_board> board, events tell)
    : file_(directory, self.id, self.boot), decisions_(self, {}), address_(self.address), board_(std::move(board)), tell_(std::move(tell)),
      thread_([this] { run(); }) {}

lease_thread::~lease_thread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void lease_thread::run() {
  for (;;) {
    visit();
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, visit_every, [&] { return stopping_; }))
      break;
  }
  decisions_.resign();
  visit();
}

void lease_thread::visit() {
  const auto began = clock::now();
  decisions_.workers(board_->workers_expected() > 0, board_->take_heard(), began);
  bool written = false;
  try {
    written = file_.update(
        [&](const lease_file::sight& seen) {
          auto next = decisions_.visit(seen, began, clock::now());
          if (!decisions_.leads(clock::now()))
            board_->lead_until(0, {}); // before anybody can read that the lease was given away
          return next;
        },
        lock_patience);
    if (std::exchange(storage_fails_, false))
      log(log_level::info, "the lease can be read and written again");
  } catch (const error& failure) {
    if (!std::exchange(storage_fails_, true))
      log(log_level::error, failure.what());
  }
  decisions_.stored(written);

  bool leads = decisions_.leads(clock::now());
  const bool another_term = led_ && led_term_ != decisions_.term();
  board_->follow(decisions_.leader());
  if (!leads || another_term)
    board_->lead_until(0, {}); // before the next term is there: the actor may look at any moment
  if (leads && !board_->lead_until(decisions_.term(), decisions_.leads_until())) {
    decisions_.lapse();
    leads = false;
  }
  if (led_ && (!leads || another_term))
    tell_.end("it has lost the lease");
  if (leads && (!led_ || another_term))
    tell_.begin(decisions_.term());
  led_ = leads;
  led_term_ = decisions_.term();
  if (auto other = leads || decisions_.leader() == address_ ? std::string() : decisions_.leader(); other != other_) {
    other_ = std::move(other);
    if (!other_.empty())
      tell_.other_leads(other_);
  }
}

} // namespace salamander::actors
