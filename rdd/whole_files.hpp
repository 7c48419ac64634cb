// Files that are not lines of text: a record a file, or records of a fixed length.
#pragma once

#include <salamander/rdd/byte_source.hpp>
#include <salamander/rdd/file_listing.hpp>
#include <salamander/rdd/memory_claim.hpp>
#include <salamander/rdd/node.hpp>

namespace salamander::core {

/// Puts files into partitions, in order, so that there are about `partitions_min` of about equal size; no partition with more than one
/// file is larger than `partition_bytes_max`. A small file counts as 4 MiB more, because opening it takes as long as reading that.
/// Shape: every file in one partition; perhaps fewer partitions than asked for; none for no files.
std::vector<std::vector<input_file>> pack_files(const std::vector<input_file>& files, std::uint32_t partitions_min,
                                                std::uint64_t partition_bytes_max);

/// Reads a file from its first byte to its last. Bytes must provide resize(), data() and size(). Errors: of open_source and byte_source;
/// errc::out_of_memory by `claim`.
template <class Bytes>
void read_whole_file(const input_file& file, compression packing, memory_claim& claim, Bytes& to) {
  const auto source = open_source(file.path, packing, 0, file.size);
  std::size_t filled = 0;
  for (std::size_t room = static_cast<std::size_t>(file.size) + 1;; room = to.size() * 2) {
    claim.hold(to.size() + room);
    to.resize(room);
    while (filled < room) {
      const auto got = source->read(reinterpret_cast<char*>(to.data()) + filled, room - filled);
      if (got == 0) {
        to.resize(filled);
        return;
      }
      filled += got;
    }
  }
}

/// (path, content) of each file. `unpack`: .gz and .zst are unpacked.
template <class Bytes>
class whole_files_node final : public typed_node<std::pair<std::string, Bytes>> {
  using out_type = std::pair<std::string, Bytes>;

  class files_stream final : public stream<out_type> {
  public:
    files_stream(const whole_files_node& dataset, std::uint32_t p, task_context& context)
        : dataset_(dataset), context_(context), claim_(context, dataset, "the content of a file"), files_(dataset.files_.at(p)) {}

    bool next(batch<out_type>& out) override {
      context_.poll();
      if (at_ == files_.size())
        return false;
      const auto& file = files_[at_];
      enter(context_, dataset_, at_);
      described(dataset_, context_, at_, [&] {
        record_ = {file.path, {}};
        read_whole_file(file, dataset_.unpack_ ? compression_of(file.path) : compression::none, claim_, record_.second);
      });
      claim_.hold(record_.second.size());
      context_.bytes_read += record_.second.size();
      ++context_.records_read;
      ++at_;
      out = {&record_, 1, nullptr, true};
      return true;
    }

  private:
    const whole_files_node& dataset_;
    task_context& context_;
    memory_claim claim_;
    const std::vector<input_file>& files_;
    std::size_t at_ = 0;
    out_type record_;
  };

public:
  whole_files_node(node_header&& header, std::vector<std::vector<input_file>> files, bool unpack)
      : typed_node<out_type>(std::move(header)), files_(std::move(files)), unpack_(unpack) {}
  whole_files_node(node_header&& header, byte_reader& in)
      : typed_node<out_type>(std::move(header)), files_(read_value<std::vector<std::vector<input_file>>>(in)), unpack_(in.flag()) {}

  code_token token() const override {
    return node_token<whole_files_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, files_);
    out.varint(unpack_ ? 1 : 0);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<files_stream>(*this, p, context);
  }

private:
  std::vector<std::vector<input_file>> files_;
  bool unpack_;
};

/// Records of `record_bytes` bytes, as views. Splits begin and end between records.
class binary_records_node final : public typed_node<std::string_view> {
public:
  binary_records_node(node_header&& header, std::vector<file_split> splits, std::uint64_t record_bytes);
  binary_records_node(node_header&& header, byte_reader& in);

  code_token token() const override;
  void encode(byte_writer& out) const override;
  std::unique_ptr<stream<std::string_view>> open(std::uint32_t p, task_context& context) const override;

private:
  std::vector<file_split> splits_;
  std::uint64_t record_bytes_;
};

/// Cuts files between records. Errors: errc::corrupt_data for a file that ends within a record, naming it; of plan_splits.
std::vector<file_split> plan_record_splits(const std::vector<input_file>& files, std::uint64_t record_bytes, std::uint32_t partitions_min,
                                           std::uint64_t partition_bytes_max);

} // namespace salamander::core
