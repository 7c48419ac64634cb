// Datasets from object files, and the function that makes such files.
#pragma once

#include <salamander/rdd/functions.hpp>
#include <salamander/rdd/object_file.hpp>

namespace salamander::core {

/// Writes a partition as an object file.
template <class T>
struct write_objects_function : composed<write_objects_function<T>, carried<output_order>> {
  using leaves_files = void;
  written_part operator()(partition_reader<T>& in) const {
    auto& context = in.context();
    auto order = carried_value(std::get<0>(this->parts));
    const auto packing = std::exchange(order.packing, compression::none); // of the blocks: the file is not packed as a whole
    auto file = described(in.place(), context, 0,
                          [&] { return std::make_unique<object_writer>(order.start(context), packing, schema_of<owned_t<T>>()); });
    byte_writer out(file->buffer());
    in.each([&](const T& record) {
      codec_detail::write_element(out, record);
      file->record_done();
    });
    return described(in.place(), context, file->records(), [&] { return file->close(); });
  }
};

/// Records of object files.
template <class T>
class object_files_node final : public typed_node<T> {
  class object_stream final : public stream<T> {
  public:
    object_stream(const object_files_node& dataset, const object_split& split, task_context& context)
        : dataset_(dataset), context_(context), claim_(context, dataset, "a block of an object file"), limit_(context.batch_size<T>()),
          records_(batch_capacity<T>) {
      described(dataset_, context_, 0, [&] { reader_.emplace(split, schema_of<T>()); });
    }

    bool next(batch<T>& out) override {
      context_.poll();
      enter(context_, dataset_, done_);
      described(dataset_, context_, done_, [&] { fill(); });
      out = records_.view();
      done_ += out.size;
      context_.records_read += out.size;
      return out.size != 0;
    }

  private:
    void fill() {
      records_.clear();
      while (left_ == 0) {
        const auto bytes = reader_->next_bytes();
        if (bytes == 0)
          return;
        claim_.hold(bytes);
        const auto [block, count] = reader_->next();
        context_.bytes_read += block.size();
        in_ = byte_reader(block);
        left_ = count;
      }
      try {
        for (; left_ != 0 && records_.size() < limit_; --left_)
          records_.emplace(codec_detail::read_element<T>(in_));
        if (left_ == 0 && in_.left() != 0)
          byte_reader::corrupt("it is longer than its records");
      } catch (const error& failure) {
        reader_->corrupt(failure.what());
      }
    }

    const object_files_node& dataset_;
    task_context& context_;
    memory_claim claim_;
    std::size_t limit_;
    std::optional<object_reader> reader_;
    byte_reader in_;
    std::uint32_t left_ = 0; ///< records of the block that are not read yet
    record_buffer<T> records_;
    std::uint64_t done_ = 0;
  };

public:
  object_files_node(node_header&& header, std::vector<object_split> splits)
      : typed_node<T>(std::move(header)), splits_(std::move(splits)) {}
  object_files_node(node_header&& header, byte_reader& in)
      : typed_node<T>(std::move(header)), splits_(read_value<std::vector<object_split>>(in)) {}

  code_token token() const override {
    return node_token<object_files_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, splits_);
  }
  std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<object_stream>(*this, splits_.at(p), context);
  }

private:
  std::vector<object_split> splits_;
};

} // namespace salamander::core
