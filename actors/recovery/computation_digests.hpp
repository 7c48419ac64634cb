// Names for computations that mean the same in every process of one build: what a shuffle, a cached dataset or a job is computed from, down
// to functions, captured values, data given by the driver and files read, as one SHA-256. (Data given by the driver enters by a 64-bit fingerprint where its records may lie in memory with gaps.)
#pragma once

#include <salamander/rdd/engine.hpp>

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace salamander::actors {

/// Two computations with the same digest give the same records, as far as functions depend on nothing but their arguments and captures;
/// that is what lineage requires of them anyway. What has no digest is not to be taken for anything else's: datasets that declare
/// themselves indeterminate, all that is made from them, and functions and data that cannot be encoded.
/// Threads: one at a time.
class computation_digests {
public:
  using digest = std::optional<std::string>; ///< 64 hexadecimal digits

  /// Data that the driver holds.
  void add_source(core::rdd_id dataset, std::uint32_t partition, const core::block_object& records);
  void forget_source(core::rdd_id dataset);
  /// All that is digested afterwards depends on it: closures name broadcast values by number only.
  void add_broadcast(std::uint32_t number, const core::block_object& value);

  // `properties`: those of the user's own of the job that asks first; functions may read them.
  using properties = std::map<std::string, std::string>;
  /// A shuffle's map outputs. Remembered: a shuffle's digest is that of the first time it was asked for.
  digest of_shuffle(const std::shared_ptr<const core::lineage>& child, std::size_t dependency, const properties& of);
  digest of_dataset(const std::shared_ptr<const core::lineage>& dataset, const properties& of);
  /// The results of a job. Errors: none; without digest if the action cannot be encoded.
  digest of_job(const core::job_spec& job);
  static std::string of_text(const std::string& text);
  /// Of a shuffle that was asked for.
  digest known(core::shuffle_id shuffle) const;

private:
  template <class Encode>
  digest of_stage(const core::lineage& root, const properties& of, Encode&& encode);

  std::map<std::uint32_t, std::string> broadcasts_;
  bool untold_ = false; ///< one of them cannot be told from others
  std::unordered_map<std::uint32_t, std::map<std::uint32_t, std::string>> sources_;
  std::unordered_map<std::uint32_t, digest> shuffles_;
};

} // namespace salamander::actors
