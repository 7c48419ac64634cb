#include <salamander/rdd/sources.hpp>

#include <salamander/rdd/text_reader.hpp>

#include <array>

namespace salamander::core {
namespace {

class range_stream final : public stream<std::int64_t> {
public:
  range_stream(std::int64_t first, std::int64_t step, std::uint64_t count, task_context& context)
      : next_(first), step_(step), left_(count), context_(context), buffer_(context.batch_size<std::int64_t>()) {}

  bool next(batch<std::int64_t>& out) override {
    context_.poll();
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), left_));
    if (count == 0)
      return false;
    // Unsigned steps wrap, so that the value after the last one may lie outside the type.
    auto value = static_cast<std::uint64_t>(next_);
    for (std::size_t i = 0; i < count; ++i, value += static_cast<std::uint64_t>(step_))
      buffer_[i] = static_cast<std::int64_t>(value);
    next_ = static_cast<std::int64_t>(value);
    left_ -= count;
    context_.records_read += count;
    out = {buffer_.data(), count, nullptr, false};
    return true;
  }

private:
  std::int64_t next_;
  std::int64_t step_;
  std::uint64_t left_;
  task_context& context_;
  std::vector<std::int64_t> buffer_;
};

class text_stream final : public stream<std::string_view> {
public:
  text_stream(const lineage& dataset, const file_split& split, task_context& context)
      : dataset_(dataset), context_(context), claim_(context, dataset, "a line of text"), limit_(context.batch_size<std::string_view>()) {
    // A file that cannot be read is told with the place where it was named.
    described(dataset_, context_, 0, [&] { reader_.emplace(split, options()); });
  }

  bool next(batch<std::string_view>& out) override {
    context_.poll();
    enter(context_, dataset_, lines_);
    const auto count = described(dataset_, context_, lines_, [&] { return reader_->next(views_.data(), limit_); });
    context_.bytes_read += reader_->bytes_read() - counted_;
    counted_ = reader_->bytes_read();
    if (count == 0)
      return false;
    lines_ += count;
    context_.records_read += count;
    out = {views_.data(), count, nullptr, false};
    return true;
  }

private:
  text_reader_options options() {
    text_reader_options options;
    options.on_growth = [this](std::size_t bytes) { claim_.add(bytes); };
    return options;
  }

  const lineage& dataset_;
  task_context& context_;
  memory_claim claim_;
  std::optional<text_reader> reader_;
  std::size_t limit_;
  std::array<std::string_view, batch_capacity<std::string_view>> views_;
  std::uint64_t lines_ = 0;
  std::uint64_t counted_ = 0;
};

} // namespace

range_node::range_node(node_header&& header, std::int64_t start, std::int64_t step, std::uint64_t count)
    : typed_node(std::move(header)), start_(start), step_(step), count_(count) {}

range_node::range_node(node_header&& header, byte_reader& in)
    : typed_node(std::move(header)), start_(read_value<std::int64_t>(in)), step_(read_value<std::int64_t>(in)),
      count_(read_value<std::uint64_t>(in)) {}

code_token range_node::token() const {
  return node_token<range_node>();
}

void range_node::encode(byte_writer& out) const {
  write_value(out, start_);
  write_value(out, step_);
  write_value(out, count_);
}

std::unique_ptr<stream<std::int64_t>> range_node::open(std::uint32_t p, task_context& context) const {
  const auto [first, last] = slice_of(count_, p, partitions);
  const auto offset = static_cast<std::uint64_t>(step_) * static_cast<std::uint64_t>(first);
  const auto begin = static_cast<std::int64_t>(static_cast<std::uint64_t>(start_) + offset);
  return std::make_unique<range_stream>(begin, step_, last - first, context);
}

text_node::text_node(node_header&& header, std::vector<file_split> splits) : typed_node(std::move(header)), splits_(std::move(splits)) {}

text_node::text_node(node_header&& header, byte_reader& in)
    : typed_node(std::move(header)), splits_(read_value<std::vector<file_split>>(in)) {
  for (const auto& split : splits_)
    if (split.packing > compression::zstd)
      byte_reader::corrupt("a file is packed in an unknown way");
}

code_token text_node::token() const {
  return node_token<text_node>();
}

void text_node::encode(byte_writer& out) const {
  write_value(out, splits_);
}

std::unique_ptr<stream<std::string_view>> text_node::open(std::uint32_t p, task_context& context) const {
  return std::make_unique<text_stream>(*this, splits_.at(p), context);
}

} // namespace salamander::core
