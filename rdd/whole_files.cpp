#include <salamander/rdd/whole_files.hpp>

#include <algorithm>

namespace salamander::core {
namespace {

constexpr std::uint64_t open_cost_bytes = 4U << 20;
constexpr std::size_t chunk_bytes = 256U << 10;

class records_stream final : public stream<std::string_view> {
public:
  records_stream(const lineage& dataset, const file_split& split, std::uint64_t record_bytes, task_context& context)
      : dataset_(dataset), context_(context), claim_(context, dataset, "a record of a file"), record_bytes_(record_bytes),
        left_(split.length / record_bytes), limit_(context.batch_size<std::string_view>()) {
    described(dataset_, context_, 0,
              [&] { source_ = open_source(split.path, compression::none, split.offset, split.offset + split.length); });
    const auto at_once = std::clamp<std::uint64_t>(chunk_bytes / record_bytes, 1, limit_);
    const auto bytes = static_cast<std::size_t>(at_once * record_bytes);
    claim_.hold(bytes);
    buffer_ = std::make_unique<char[]>(bytes);
    views_.resize(static_cast<std::size_t>(at_once));
  }

  bool next(batch<std::string_view>& out) override {
    context_.poll();
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, views_.size()));
    if (count == 0)
      return false;
    enter(context_, dataset_, records_);
    const auto size = static_cast<std::size_t>(record_bytes_);
    described(dataset_, context_, records_, [&] {
      for (std::size_t filled = 0; filled < count * size;)
        filled += source_->read(buffer_.get() + filled, count * size - filled); // it ends early with an error only
    });
    for (std::size_t i = 0; i < count; ++i)
      views_[i] = {buffer_.get() + i * size, size};
    left_ -= count;
    records_ += count;
    context_.records_read += count;
    context_.bytes_read += count * size;
    out = {views_.data(), count, nullptr, false};
    return true;
  }

private:
  const lineage& dataset_;
  task_context& context_;
  memory_claim claim_;
  std::uint64_t record_bytes_;
  std::uint64_t left_;
  std::size_t limit_;
  std::uint64_t records_ = 0;
  std::unique_ptr<byte_source> source_;
  std::unique_ptr<char[]> buffer_;
  std::vector<std::string_view> views_;
};

} // namespace

std::vector<std::vector<input_file>> pack_files(const std::vector<input_file>& files, std::uint32_t partitions_min,
                                                std::uint64_t partition_bytes_max) {
  std::uint64_t total = 0;
  for (const auto& file : files)
    total += file.size + open_cost_bytes;
  const auto goal = std::min(std::max<std::uint64_t>(partition_bytes_max, 1), total / std::max(partitions_min, 1U) + 1);
  std::vector<std::vector<input_file>> packed;
  std::uint64_t held = 0;
  for (const auto& file : files) {
    const auto more = file.size + open_cost_bytes;
    if (packed.empty() || held + more > goal) {
      packed.emplace_back();
      held = 0;
    }
    packed.back().push_back(file);
    held += more;
  }
  return packed;
}

binary_records_node::binary_records_node(node_header&& header, std::vector<file_split> splits, std::uint64_t record_bytes)
    : typed_node(std::move(header)), splits_(std::move(splits)), record_bytes_(record_bytes) {}

binary_records_node::binary_records_node(node_header&& header, byte_reader& in)
    : typed_node(std::move(header)), splits_(read_value<std::vector<file_split>>(in)), record_bytes_(in.varint()) {
  if (record_bytes_ == 0)
    byte_reader::corrupt("a plan reads records without bytes");
}

code_token binary_records_node::token() const {
  return node_token<binary_records_node>();
}

void binary_records_node::encode(byte_writer& out) const {
  write_value(out, splits_);
  out.varint(record_bytes_);
}

std::unique_ptr<stream<std::string_view>> binary_records_node::open(std::uint32_t p, task_context& context) const {
  return std::make_unique<records_stream>(*this, splits_.at(p), record_bytes_, context);
}

std::vector<file_split> plan_record_splits(const std::vector<input_file>& files, std::uint64_t record_bytes, std::uint32_t partitions_min,
                                           std::uint64_t partition_bytes_max) {
  auto by_name = files;
  for (auto& file : by_name) {
    if (file.size % record_bytes != 0)
      throw_error(errc::corrupt_data, file.path + " has " + std::to_string(file.size) +
                                          " bytes, which is no multiple of the record length " + std::to_string(record_bytes));
    file.size /= record_bytes; // cut in records, then told in bytes
  }
  auto splits = plan_splits(by_name, partitions_min, std::max<std::uint64_t>(1, partition_bytes_max / record_bytes));
  for (auto& split : splits) {
    split.offset *= record_bytes;
    split.length *= record_bytes;
  }
  return splits;
}

} // namespace salamander::core
