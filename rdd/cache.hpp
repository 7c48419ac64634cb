// Reading through the cache: from the block if there is one, else computed, kept and then read.
#pragma once

#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>

namespace salamander::core {

/// The records kept before memory ran out, then the rest as it is computed: a dataset too large to cache is still read once.
template <class T>
class partly_kept_stream final : public stream<T> {
public:
  partly_kept_stream(block kept, std::unique_ptr<stream<T>> rest, task_context& context)
      : kept_(std::move(kept), context), rest_(std::move(rest)) {}

  bool next(batch<T>& out) override {
    return kept_.next(out) || rest_->next(out);
  }

private:
  block_stream<T> kept_;
  std::unique_ptr<stream<T>> rest_;
};

template <class T>
std::unique_ptr<stream<T>> read_cached(const typed_node<T>& dataset, std::uint32_t p, task_context& context) {
  if (auto found = context.services.find_cached(dataset.id, p))
    return std::make_unique<block_stream<T>>(std::move(found), context);
  auto input = dataset.open(p, context);
  block_builder<T> builder;
  std::size_t reserved = 0;
  bool fits = true;
  for (batch<T> in; fits && input->next(in);) {
    in.for_each([&](auto&& record) { builder.add(std::forward<decltype(record)>(record)); });
    const auto grown = builder.approximate_bytes();
    if (grown > reserved) {
      fits = context.services.reserve_memory(grown - reserved);
      if (fits)
        reserved = grown;
    }
  }
  auto records = builder.finish();
  context.services.release_memory(reserved);
  if (!fits)
    return std::make_unique<partly_kept_stream<T>>(block{records, nullptr}, std::move(input), context);
  context.services.store_cached(dataset.id, p, records);
  return std::make_unique<block_stream<T>>(block{records, nullptr}, context);
}

/// The function that reads datasets of T through the cache, registered so that executors find it.
template <class T>
code_address cache_reader() {
  constexpr auto function = &read_cached<T>;
  static_cast<void>(code_registered<function, code_kind::cache>);
  return reinterpret_cast<code_address>(function);
}

} // namespace salamander::core
