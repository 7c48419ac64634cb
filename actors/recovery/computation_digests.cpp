#include <salamander/actors/recovery/computation_digests.hpp>

#include <salamander/rdd/error.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <unordered_set>

namespace salamander::actors {
namespace {

std::string sha256(const void* bytes, std::size_t size) {
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (::EVP_Digest(bytes, size, made, &length, ::EVP_sha256(), nullptr) != 1)
    core::throw_error(errc::internal, "SHA-256 cannot be had");
  std::string text;
  text.reserve(2 * std::size_t{length});
  for (unsigned int at = 0; at < length; ++at)
    fmt::format_to(std::back_inserter(text), "{:02x}", made[at]);
  return text;
}

/// Empty: they cannot be told from others.
std::string digest_of_records(const core::block_object& records) {
  // Records that lie in memory as they are have gaps between their members, with anything in them: fingerprints know better than bytes.
  if (const auto known = records.fingerprint(); known != 0)
    return fmt::format("{:016x}-{}", known, records.record_count());
  core::byte_buffer bytes;
  try {
    records.encode(bytes);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    return {}; // within one process they need no encoding
  }
  return sha256(bytes.data(), bytes.size());
}

/// What a stage that computes `root` reads: datasets without a shuffle between, and the shuffles.
struct stage_reach {
  std::vector<const core::lineage*> datasets;
  std::vector<std::pair<const core::lineage*, std::size_t>> wide;
  bool indeterminate = false;
};

stage_reach reach_of(const core::lineage& root) {
  stage_reach found;
  std::unordered_set<const core::lineage*> seen{&root};
  std::vector<const core::lineage*> stack{&root};
  while (!stack.empty()) {
    const auto* at = stack.back();
    stack.pop_back();
    found.datasets.push_back(at);
    found.indeterminate |= at->indeterminate;
    for (std::size_t i = 0; i < at->dependencies.size(); ++i) {
      const auto& edge = at->dependencies[i];
      if (edge.wide())
        found.wide.emplace_back(at, i);
      else if (seen.insert(edge.parent.get()).second)
        stack.push_back(edge.parent.get());
    }
  }
  return found;
}

} // namespace

void computation_digests::add_source(core::rdd_id dataset, std::uint32_t partition, const core::block_object& records) {
  sources_[dataset.value][partition] = digest_of_records(records);
}

void computation_digests::forget_source(core::rdd_id dataset) {
  sources_.erase(dataset.value);
}

void computation_digests::add_broadcast(std::uint32_t number, const core::block_object& value) {
  auto one = digest_of_records(value);
  untold_ |= one.empty();
  broadcasts_[number] = std::move(one);
}

std::string computation_digests::of_text(const std::string& text) {
  return sha256(text.data(), text.size());
}

computation_digests::digest computation_digests::known(core::shuffle_id shuffle) const {
  const auto found = shuffles_.find(shuffle.value);
  return found == shuffles_.end() ? std::nullopt : found->second;
}

template <class Encode>
computation_digests::digest computation_digests::of_stage(const core::lineage& root, const properties& of, Encode&& encode) {
  const auto reach = reach_of(root);
  if (reach.indeterminate || untold_)
    return std::nullopt;
  std::string all;
  for (const auto& module : core::code_modules())
    all += module.build_id + '\n';
  for (const auto& [number, value] : broadcasts_)
    all += fmt::format("{} {}\n", number, value);
  for (const auto& [key, value] : of)
    if (!key.starts_with("salamander."))
      all += fmt::format("{} {}{} {}\n", key.size(), key, value.size(), value);
  for (const auto& [child, dependency] : reach.wide) {
    const auto known = shuffles_.find(child->dependencies[dependency].shuffle.value);
    if (known == shuffles_.end() || !known->second)
      return std::nullopt;
    all += *known->second + '\n';
  }
  for (const auto* dataset : reach.datasets)
    if (const auto held = sources_.find(dataset->id.value); held != sources_.end())
      for (const auto& [partition, records] : held->second) {
        if (records.empty())
          return std::nullopt;
        all += fmt::format("{} {} {}\n", dataset->id.value, partition, records);
      }
  try {
    const core::byte_buffer code = encode();
    all.append(reinterpret_cast<const char*>(code.data()), code.size());
  } catch (...) {
    return std::nullopt; // whoever runs it will hear of that
  }
  return sha256(all.data(), all.size());
}

// The stages that it is made from come first; a stack of its own, since there may be thousands in a row.
computation_digests::digest computation_digests::of_shuffle(const std::shared_ptr<const core::lineage>& child, std::size_t dependency,
                                                            const properties& of) {
  std::vector<std::pair<const core::lineage*, std::size_t>> stack{{child.get(), dependency}};
  while (!stack.empty()) {
    const auto [at, which] = stack.back();
    const auto& edge = at->dependencies[which];
    if (shuffles_.contains(edge.shuffle.value)) {
      stack.pop_back();
      continue;
    }
    const auto waiting = stack.size();
    for (const auto& [below, index] : reach_of(*edge.parent).wide)
      if (!shuffles_.contains(below->dependencies[index].shuffle.value))
        stack.emplace_back(below, index);
    if (stack.size() != waiting)
      continue;
    shuffles_[edge.shuffle.value] =
        of_stage(*edge.parent, of, [&] { return core::encode_map_side(static_cast<const core::node&>(*at), which); });
    stack.pop_back();
  }
  return shuffles_.at(child->dependencies[dependency].shuffle.value);
}

computation_digests::digest computation_digests::of_dataset(const std::shared_ptr<const core::lineage>& dataset, const properties& of) {
  for (const auto& [child, dependency] : reach_of(*dataset).wide)
    of_shuffle(std::shared_ptr<const core::lineage>(dataset, child), dependency, of);
  return of_stage(*dataset, of, [&] { return core::encode_dataset(static_cast<const core::node&>(*dataset)); });
}

computation_digests::digest computation_digests::of_job(const core::job_spec& job) {
  if (!job.act)
    return std::nullopt;
  for (const auto& [child, dependency] : reach_of(*job.final).wide)
    of_shuffle(std::shared_ptr<const core::lineage>(job.final, child), dependency, job.properties);
  return of_stage(*job.final, job.properties, [&] {
    auto code = core::encode_result_side(*job.final, *job.act);
    core::byte_writer out(code);
    out.varint(job.partitions.size());
    for (const auto partition : job.partitions)
      out.varint(partition);
    return code;
  });
}

} // namespace salamander::actors
