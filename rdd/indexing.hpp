// Records with a number: zip_with_index, zip_with_unique_id.
#pragma once

#include <salamander/rdd/node.hpp>

namespace salamander::core {

/// Record i of partition p gets the number first[p] + i * step. Shape: n partitions -> n partitions of pair<T, number>, order kept.
template <class T>
class numbered_node final : public typed_node<std::pair<T, std::int64_t>> {
  using out_type = std::pair<T, std::int64_t>;

  class numbered_stream final : public stream<out_type> {
  public:
    numbered_stream(std::unique_ptr<stream<T>> input, std::int64_t first, std::int64_t step, task_context& context)
        : input_(std::move(input)), next_(first), step_(step), context_(context), buffer_(context.batch_size<out_type>()) {}

    bool next(batch<out_type>& out) override {
      if (done_ == in_.size) {
        done_ = 0;
        if (!input_->next(in_)) {
          in_ = {};
          return false;
        }
      }
      context_.poll();
      buffer_.clear();
      const auto count = std::min(in_.size - done_, buffer_.capacity());
      in_.slice(done_, count).for_each([&](auto&& record) {
        buffer_.emplace(std::forward<decltype(record)>(record), next_);
        next_ += step_;
      });
      done_ += count;
      out = buffer_.view();
      return true;
    }

  private:
    std::unique_ptr<stream<T>> input_;
    std::int64_t next_;
    std::int64_t step_;
    task_context& context_;
    batch<T> in_;
    std::size_t done_ = 0;
    record_buffer<out_type> buffer_;
  };

public:
  numbered_node(node_header&& header, std::vector<std::int64_t> first, std::int64_t step)
      : typed_node<out_type>(std::move(header)), first_(std::move(first)), step_(step) {}
  numbered_node(node_header&& header, byte_reader& in)
      : typed_node<out_type>(std::move(header)), first_(read_value<std::vector<std::int64_t>>(in)), step_(read_value<std::int64_t>(in)) {
    if (first_.size() != this->partitions)
      byte_reader::corrupt("a plan numbers another number of partitions than there are");
  }

  code_token token() const override {
    return node_token<numbered_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, first_);
    write_value(out, step_);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<numbered_stream>(this->template parent<T>(0).read(p, context), first_.at(p), step_, context);
  }

private:
  std::vector<std::int64_t> first_;
  std::int64_t step_;
};

} // namespace salamander::core
