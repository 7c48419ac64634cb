// The code and lineage of one stage as bytes: made once on the driver, read once in each executor.
//
//   plan   := modules, nodes, role, [dependency | action]
//   module := build-id text, path text
//   node   := rdd id, token, operation, file, line, partitions, partitioning, cache token?, dependencies, length, parameters
#pragma once

#include <salamander/rdd/node.hpp>

namespace salamander::core {

/// What a result task does with its partition. Like nodes, actions are rebuilt in executors by a constructor A(byte_reader&).
/// `run` may throw anything. Threads: `run` is called for several partitions at once.
class action {
public:
  virtual ~action() = default;
  virtual code_token token() const = 0;
  virtual void encode(byte_writer& out) const = 0;
  /// "count at a.cpp:3"; empty: unknown.
  virtual std::string title() const {
    return {};
  }
  virtual std::shared_ptr<const block_object> run(const node& final, std::uint32_t partition, task_context& context) const = 0;
  /// False for actions with effects of their own: a task of theirs that has succeeded is never run again, and a slow one is not run
  /// twice for speed. One that fails or is lost is run again like all others.
  virtual bool repeatable() const {
    return true;
  }
  /// False for actions whose results mean something only together with what their tasks have left behind (files to be published).
  virtual bool results_stand_alone() const {
    return true;
  }
  /// What results that do not are known by when the driver is started again; see engine::begin_output.
  virtual std::string known_as() const {
    return {};
  }
};

/// The dataset id under which a task reports to be in the action's own function rather than in a dataset's.
inline constexpr rdd_id action_dataset{0xffffffff};

using action_factory = std::shared_ptr<const action> (*)(byte_reader&);

template <class A>
std::shared_ptr<const action> make_action(byte_reader& in) {
  return std::make_shared<const A>(in);
}

template <class A>
code_token action_token() {
  return token_for<&make_action<A>, code_kind::action>();
}

/// The plan of a result stage: `final` and its narrow ancestors down to shuffles, and what to do with a partition.
byte_buffer encode_result_plan(const node& final, const action& act);

/// The plan of a map stage: the narrow ancestors of dependency `which` of `child`, and the map side of `child`.
byte_buffer encode_map_plan(const node& child, std::size_t which);

/// What tells computations of one build from each other: the same plans without their modules, and a dataset's own.
byte_buffer encode_result_side(const node& final, const action& act);
byte_buffer encode_map_side(const node& child, std::size_t which);
byte_buffer encode_dataset(const node& last);

/// A plan that can be run. Threads: `run` may be called from many threads at once.
class stage_program {
public:
  /// Errors: errc::corrupt_data, errc::code_refused, errc::build_mismatch. Nothing of a plan is called before all code that its nodes,
  /// caches and action name was found registered; a node's own parameters (a partitioner) are read by its constructor.
  static std::shared_ptr<const stage_program> decode(const byte_buffer& bytes);

  /// Runs one task: a result task returns its result; a map task commits its blocks and returns null.
  std::shared_ptr<const block_object> run(std::uint32_t partition, task_context& context) const;

  /// The title of a dataset of this plan ("map at a.cpp:3") or, for action_dataset, of its action; or an empty text.
  std::string title_of(rdd_id dataset) const;

private:
  std::vector<std::shared_ptr<node>> nodes_;
  std::shared_ptr<const action> action_; ///< null: a map stage
  std::size_t dependency_ = 0;
};

} // namespace salamander::core
