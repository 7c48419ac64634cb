#include <salamander/rdd/broadcast.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/task_context.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace salamander::core {
namespace {

/// Of destroyed values only texts stay, of so many.
constexpr std::size_t remembered_max = 10000;

struct kept_value {
  std::uint64_t application = 0;
  std::shared_ptr<const block_object> value;
  call_site made_at;
  broadcast_dropper drop;
};

/// Handles are mere numbers: what they stand for on the driver is found here.
struct kept_values {
  std::mutex mutex;
  std::unordered_map<std::uint32_t, kept_value> values;
  std::unordered_map<std::uint32_t, std::string> destroyed;
  std::deque<std::uint32_t> destroyed_order;
};

kept_values& all() {
  static kept_values kept;
  return kept;
}

[[noreturn]] void throw_missing(const kept_values& kept, std::uint32_t id) {
  if (const auto text = kept.destroyed.find(id); text != kept.destroyed.end())
    throw_error(errc::destroyed, text->second);
  throw_error(errc::context_stopped,
              "broadcast value " + std::to_string(id) + " was used after its context was stopped, or by a thread that a task has started");
}

void refuse_in_task(const char* operation, const source_location& where) {
  if (inside_task())
    throw_error(errc::nested_use, std::string(operation) + " of a broadcast value at " + call_site::from(where).text() +
                                      " was called inside a function that runs in a task; only the driver may do that");
}

/// Nobody waits for ever for an executor that is in trouble.
void wait_for(const std::future<void>& dropped, bool blocking) {
  constexpr std::chrono::seconds wait_max{10};
  if (blocking && dropped.valid())
    dropped.wait_for(wait_max);
}

} // namespace

std::string destroyed_text(const call_site& made_at, const call_site& destroyed_at) {
  return "the broadcast value made at " + made_at.text() + " was used after it was destroyed at " + destroyed_at.text() +
         "; destroy it when no job needs it any more, or call unpersist() to free executors' memory only";
}

std::uint32_t next_broadcast() noexcept {
  static std::atomic<std::uint32_t> next{0};
  return next.fetch_add(1);
}

void keep_broadcast(std::uint64_t application, broadcast_handle handle, std::shared_ptr<const block_object> value, call_site made_at,
                    broadcast_dropper drop) {
  auto& kept = all();
  const std::lock_guard lock(kept.mutex);
  kept.values.emplace(handle.number(), kept_value{application, std::move(value), std::move(made_at), std::move(drop)});
}

void release_broadcasts(std::uint64_t application) {
  auto& kept = all();
  std::vector<kept_value> dropped; // values die outside the lock
  const std::lock_guard lock(kept.mutex);
  std::erase_if(kept.values, [&](auto& one) {
    if (one.second.application != application)
      return false;
    dropped.push_back(std::move(one.second));
    return true;
  });
}

const block_object& broadcast_value(const broadcast_handle& handle, broadcast_decoder decode) {
  if (auto* task = current_task())
    return task->services.find_broadcast(handle.number(), handle.size.number(), decode);
  auto& kept = all();
  const std::lock_guard lock(kept.mutex);
  const auto found = kept.values.find(handle.number());
  if (found == kept.values.end())
    throw_missing(kept, handle.number());
  return *found->second.value;
}

void unpersist_broadcast(const broadcast_handle& handle, bool blocking, const source_location& where) {
  refuse_in_task("unpersist", where);
  broadcast_dropper drop;
  {
    auto& kept = all();
    const std::lock_guard lock(kept.mutex);
    const auto found = kept.values.find(handle.number());
    if (found == kept.values.end())
      throw_missing(kept, handle.number());
    drop = found->second.drop;
  }
  wait_for(drop(handle.number(), std::nullopt), blocking);
}

void destroy_broadcast(const broadcast_handle& handle, bool blocking, const source_location& where) {
  refuse_in_task("destroy", where);
  kept_value gone; // the value dies outside the lock
  std::string text;
  {
    auto& kept = all();
    const std::lock_guard lock(kept.mutex);
    const auto found = kept.values.find(handle.number());
    if (found == kept.values.end()) {
      if (kept.destroyed.contains(handle.number()))
        return;
      throw_missing(kept, handle.number());
    }
    gone = std::move(found->second);
    kept.values.erase(found);
    text = destroyed_text(gone.made_at, call_site::from(where));
    kept.destroyed.emplace(handle.number(), text);
    kept.destroyed_order.push_back(handle.number());
    if (kept.destroyed_order.size() > remembered_max) {
      kept.destroyed.erase(kept.destroyed_order.front());
      kept.destroyed_order.pop_front();
    }
  }
  wait_for(gone.drop(handle.number(), text), blocking);
}

} // namespace salamander::core
