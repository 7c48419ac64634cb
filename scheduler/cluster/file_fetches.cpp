#include <salamander/scheduler/cluster/file_fetches.hpp>

#include <algorithm>
#include <utility>

namespace salamander::scheduler::cluster {

std::vector<file_fetches::action> file_fetches::handle(const event& what, time_point now) {
  now_ = now;
  std::visit([this](const auto& one) { on(one); }, what);
  auto next = time_point::max();
  for (const auto& [sha256, one] : fetches_)
    next = std::min(next, one.ask_again);
  if (connected_ && next != time_point::max())
    actions_.emplace_back(wake_at{std::max(next, now_)});
  return std::exchange(actions_, {});
}

void file_fetches::ask(fetch& one) {
  one.ask_again = now_ + limits_.piece_timeout;
  if (connected_)
    actions_.emplace_back(ask_piece{one.file.sha256, one.offset});
}

void file_fetches::give_up(const std::string& sha256, std::string reason) {
  actions_.emplace_back(failed{sha256, std::move(reason)});
  fetches_.erase(sha256);
}

void file_fetches::on(const wanted& what) {
  const auto [at, is_new] = fetches_.emplace(what.file.sha256, fetch{what.file, 0, now_});
  if (is_new)
    ask(at->second);
}

void file_fetches::on(const piece_came& what) {
  const auto at = fetches_.find(what.sha256);
  if (at == fetches_.end())
    return;
  auto& one = at->second;
  if (what.total == 0) {
    one.absent_since = std::min(one.absent_since, now_);
    if (now_ - one.absent_since >= limits_.absent_max)
      return give_up(what.sha256, "no master has " + one.file.name);
    one.ask_again = now_ + limits_.absent_pause;
    return;
  }
  if (what.offset != one.offset)
    return; // repeated or late
  if (what.total != one.file.bytes || what.size == 0 || what.size > what.total - one.offset)
    return give_up(what.sha256, one.file.name + " has another length on the master than its application said");
  one.absent_since = time_point::max();
  one.offset += what.size;
  const bool last = one.offset == one.file.bytes;
  actions_.emplace_back(keep_piece{what.sha256, last});
  if (last)
    fetches_.erase(at);
  else
    ask(one);
}

void file_fetches::on(const dropped& what) {
  fetches_.erase(what.sha256);
}

void file_fetches::on(const line_found&) {
  connected_ = true;
  for (auto& [sha256, one] : fetches_)
    ask(one);
}

void file_fetches::on(const line_lost&) {
  connected_ = false;
}

void file_fetches::on(const tick&) {
  for (auto& [sha256, one] : fetches_)
    if (one.ask_again <= now_)
      ask(one);
}

} // namespace salamander::scheduler::cluster
