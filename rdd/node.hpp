// The typed side of a dataset: how a partition is computed, and how that knowledge travels.
#pragma once

#include <salamander/rdd/batch.hpp>
#include <salamander/rdd/closure.hpp>
#include <salamander/rdd/code.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_tolerance.hpp>
#include <salamander/rdd/lineage.hpp>
#include <salamander/rdd/task_context.hpp>

#include <functional>

namespace salamander::core {

/// What every node is made of; filled by the driver when an operation is defined and by the plan reader on an executor.
struct node_header {
  rdd_id id;
  std::string operation;
  call_site site;
  std::uint32_t partitions = 0;
  std::vector<dependency> dependencies;
  std::optional<salamander::partitioner> partitioning;
  std::shared_ptr<const void> assigner; ///< driver only
};

/// A dataset's lineage with the code that computes it. Nodes are built twice from the same class: on the driver from the user's
/// arguments and in each executor from the plan, by a constructor N(node_header, byte_reader&).
class node : public lineage {
public:
  explicit node(node_header&& header);
  ~node() override;

  /// Names the class in other processes.
  virtual code_token token() const = 0;
  /// Writes what the reading constructor takes.
  virtual void encode(byte_writer& out) const = 0;
  /// Computes the map side of wide dependency `which`: reads partition `partition` of that parent and commits one block per
  /// partition of this dataset. Only nodes with wide dependencies have one.
  virtual void write_map_output(std::size_t which, std::uint32_t partition, task_context& context) const;

  /// Set on the driver when somebody calls cache(): the token of the function that reads through the cache.
  std::optional<code_token> cache_token() const;
  void set_cache_reader(code_address reader);
  code_address cache_reader() const noexcept {
    return cache_reader_.load(std::memory_order_acquire);
  }

  /// Runs when the last handle on the driver goes; never set on executors.
  std::function<void(const node&)> on_release;

private:
  std::atomic<code_address> cache_reader_{nullptr};
};

using node_ptr = std::shared_ptr<const node>;

/// A node whose records are T.
template <class T>
class typed_node : public node {
public:
  using value_type = T;
  using node::node;

  /// Computes partition `p` from its parents.
  virtual std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const = 0;

  /// Reads partition `p`: from the cache if the dataset is cached, else computed.
  std::unique_ptr<stream<T>> read(std::uint32_t p, task_context& context) const {
    if (const auto reader = cache_reader())
      return reinterpret_cast<std::unique_ptr<stream<T>> (*)(const typed_node<T>&, std::uint32_t, task_context&)>(reader)(*this, p,
                                                                                                                          context);
    return open(p, context);
  }

  /// The parent of narrow or wide dependency `i`, as the type it is known to have.
  template <class P>
  const typed_node<P>& parent(std::size_t i) const {
    return static_cast<const typed_node<P>&>(*dependencies[i].parent);
  }
};

using node_factory = std::shared_ptr<node> (*)(node_header&&, byte_reader&);

template <class N>
std::shared_ptr<node> make_node(node_header&& header, byte_reader& in) {
  return std::make_shared<N>(std::move(header), in);
}

template <class N>
code_token node_token() {
  return token_for<&make_node<N>, code_kind::node>();
}

/// What to say about memory that could not be had from the system.
std::string no_memory_text(const std::bad_alloc& failure);

/// Puts operation, call site, partition and record in front of whatever a user function throws: exceptions become user_failure, a
/// salamander::error keeps its code, std::bad_alloc becomes errc::out_of_memory.
/// Passes on what is not the user's: cancellation, fetch failures, and failures already described. Call inside a catch block.
[[noreturn]] void rethrow_described(const lineage& dataset, const task_context& context, std::uint64_t record);

/// Calls f(), whose failures are described as by rethrow_described.
template <class F>
decltype(auto) described(const lineage& dataset, const task_context& context, std::uint64_t record, F&& f) {
  try {
    return f();
  } catch (...) {
    rethrow_described(dataset, context, record);
  }
}

/// The same for a user function that runs on the driver: salamander::error with operation, call site and `doing`.
/// Call inside a catch block.
[[noreturn]] void rethrow_on_driver(const char* operation, const source_location& where, const char* doing);

/// Calls f() on the driver, where f calls functions of the user. Errors: as rethrow_on_driver.
template <class F>
decltype(auto) on_driver(const char* operation, const source_location& where, const char* doing, F&& f) {
  try {
    return f();
  } catch (...) {
    rethrow_on_driver(operation, where, doing);
  }
}

/// Notes that `dataset`'s function is about to see records from ordinal `record` on.
inline void enter(task_context& context, const lineage& dataset, std::uint64_t record) noexcept {
  if constexpr (fault_tolerance) {
    context.position.dataset.store(dataset.id.value, std::memory_order_relaxed);
    context.position.record.store(record, std::memory_order_relaxed);
  }
}

} // namespace salamander::core
