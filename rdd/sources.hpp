// Where records come from: the driver's own data, ranges of integers, text files.
#pragma once

#include <salamander/rdd/file_listing.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>

namespace salamander::core {

/// The i-th of n slices of `size` items: [first, last).
constexpr std::pair<std::size_t, std::size_t> slice_of(std::size_t size, std::uint32_t i, std::uint32_t n) noexcept {
  // floor(size * k / n) without a product that could overflow
  const auto bound = [=](std::size_t k) { return size / n * k + size % n * k / n; };
  return {bound(i), bound(std::size_t{i} + 1)};
}

/// Records that the driver holds as one block a partition.
template <class T>
class driver_data_node final : public typed_node<T> {
public:
  explicit driver_data_node(node_header&& header) : typed_node<T>(std::move(header)) {}
  driver_data_node(node_header&& header, byte_reader&) : typed_node<T>(std::move(header)) {}

  code_token token() const override {
    return node_token<driver_data_node>();
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const override {
    auto records = described(*this, context, 0, [&] { return context.services.fetch_source(this->id, p); });
    context.bytes_read += records.size_bytes();
    auto input = described(*this, context, 0, [&] { return std::make_unique<block_stream<T>>(std::move(records), context, *this); });
    context.records_read += input->size();
    return input;
  }
};

/// The integers start, start + step, ... before end, never stored.
class range_node final : public typed_node<std::int64_t> {
public:
  range_node(node_header&& header, std::int64_t start, std::int64_t step, std::uint64_t count);
  range_node(node_header&& header, byte_reader& in);

  code_token token() const override;
  void encode(byte_writer& out) const override;
  std::unique_ptr<stream<std::int64_t>> open(std::uint32_t p, task_context& context) const override;

private:
  std::int64_t start_;
  std::int64_t step_;
  std::uint64_t count_;
};

/// Lines of text files; one partition a split.
class text_node final : public typed_node<std::string_view> {
public:
  text_node(node_header&& header, std::vector<file_split> splits);
  text_node(node_header&& header, byte_reader& in);

  code_token token() const override;
  void encode(byte_writer& out) const override;
  std::unique_ptr<stream<std::string_view>> open(std::uint32_t p, task_context& context) const override;

private:
  std::vector<file_split> splits_;
};

} // namespace salamander::core
