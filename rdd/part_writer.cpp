#include <salamander/rdd/part_writer.hpp>

#include <salamander/rdd/fault_task.hpp>
#include <salamander/rdd/task_context.hpp>

namespace salamander::core {

part_writer::part_writer(const std::string& attempts, std::uint32_t partition, std::uint64_t attempt, compression packing,
                         const output_way& how)
    : part_{partition, {}, 0, 0}, path_(attempts + "/" + part_name(partition, packing)),
      file_(file_system_of(attempts).stage(attempts, part_name(partition, packing), attempt, how)), packer_(make_packer(packing)) {
  buffer_.reserve(buffer_bytes);
}

void part_writer::write(std::string_view bytes, std::uint64_t records) {
  if (buffer_.size() + bytes.size() > buffer_bytes)
    flush();
  buffer_.append(bytes);
  part_.records += records;
}

void part_writer::flush() {
  if (const auto* task = current_task(); task != nullptr && task->faults != nullptr && !buffer_.empty())
    if (const int injected = task->faults->write(); injected != 0)
      throw_disk_error("write the file", path_, injected, buffer_.size());
  if (packer_) {
    packed_.clear();
    packer_->pack(buffer_, packed_);
    store(packed_);
  } else {
    store(buffer_);
  }
  buffer_.clear();
}

void part_writer::store(std::string_view bytes) {
  file_->write(bytes);
  part_.bytes += bytes.size();
}

written_part part_writer::close() {
  flush();
  if (packer_) {
    packed_.clear();
    packer_->finish(packed_);
    store(packed_);
  }
  part_.staged = file_->finish();
  return part_;
}

} // namespace salamander::core
