// Reading through the cache: from the block if there is one, else computed, kept and then read.
#pragma once

#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>

namespace salamander::core {

/// The records kept before memory ran out, then the rest as it is computed: a dataset too large to cache is still read once.
template <class T>
class partly_kept_stream final : public stream<T> {
public:
  /// `rest`: null if `kept` is all. `scope`: of what it adds to accumulators.
  partly_kept_stream(const lineage& dataset, block kept, memory_claim claim, std::unique_ptr<stream<T>> rest, contributions::scope scope,
                     std::uint32_t partition, task_context& context)
      : context_(context), dataset_(dataset.id), partition_(partition), scope_(scope), claim_(std::move(claim)), rest_(std::move(rest)) {
    kept_.emplace(std::move(kept), context, dataset);
  }

  bool next(batch<T>& out) override {
    if (kept_) {
      if (kept_->next(out))
        return true;
      kept_.reset();
      claim_.clear();
    }
    return rest_ && next_of_rest(out);
  }

private:
  bool next_of_rest(batch<T>& out) {
    {
      const contribution_scope within(context_.added, scope_);
      if (rest_->next(out))
        return true;
    }
    rest_.reset();
    context_.services.contribute(dataset_, partition_, context_.added.close(scope_));
    return false;
  }

  task_context& context_;
  const rdd_id dataset_;
  const std::uint32_t partition_;
  const contributions::scope scope_;
  memory_claim claim_;
  std::optional<block_stream<T>> kept_;
  std::unique_ptr<stream<T>> rest_;
};

template <class T>
std::unique_ptr<stream<T>> read_cached(const typed_node<T>& dataset, std::uint32_t p, task_context& context) {
  if (auto found = context.services.find_cached(dataset.id, p))
    return described(dataset, context, 0, [&] { return std::make_unique<block_stream<T>>(std::move(found), context, dataset); });
  const auto scope = context.added.open();
  const contribution_scope within(context.added, scope);
  auto input = dataset.open(p, context);
  block_builder<T> builder;
  memory_claim claim(context, dataset, "caching a partition");
  // As much again as half of it must be free, so that something is left for what is done with the records.
  const auto fits = [&] {
    return claim.try_hold(std::max(builder.approximate_bytes(), builder.live_bytes() + builder.live_bytes() / 2), dataset.id);
  };
  bool kept = true;
  for (batch<T> in; kept && input->next(in); kept = fits())
    in.for_each([&](auto&& record) { builder.add(std::forward<decltype(record)>(record)); });
  std::shared_ptr<const block_object> records = builder.finish();
  if (kept) {
    context.services.contribute(dataset.id, p, context.added.close(scope));
    claim.clear(); // the block is accounted for by whoever keeps it
    if (context.services.store_cached(dataset.id, p, records))
      return std::make_unique<block_stream<T>>(block{std::move(records), nullptr}, context, dataset);
    input.reset();
  }
  context.services.give_up_cached(dataset.id, p);
  claim.try_hold(records->memory_bytes(), dataset.id);
  return std::make_unique<partly_kept_stream<T>>(dataset, block{std::move(records), nullptr}, std::move(claim), std::move(input), scope, p,
                                                 context);
}

/// The function that reads datasets of T through the cache, registered so that executors find it.
template <class T>
code_address cache_reader() {
  constexpr auto function = &read_cached<T>;
  static_cast<void>(code_registered<function, code_kind::cache>);
  return reinterpret_cast<code_address>(function);
}

} // namespace salamander::core
