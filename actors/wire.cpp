#include <salamander/actors/wire.hpp>

namespace salamander::actors::wire {
namespace {

enum class outcome_kind : std::uint64_t { success, user_error, fetch_failed, cancelled };

void put_outcome(core::byte_writer& out, const task_report& report) {
  out.varint(report.outcome.index());
  if (const auto* done = std::get_if<task_report::success>(&report.outcome)) {
    put(out, done->result.bytes);
    out.varint(done->result_kept ? 1 : 0);
    out.varint(done->result_bytes);
  } else if (const auto* error = std::get_if<task_report::user_error>(&report.outcome)) {
    out.text(error->text);
    out.varint(error->code);
  } else if (const auto* fetch = std::get_if<task_report::fetch_failed>(&report.outcome)) {
    out.varint(fetch->shuffle);
    out.varint(fetch->map_partition);
    out.varint(fetch->executor);
    out.text(fetch->text);
  }
}

void get_outcome(core::byte_reader& in, task_report& report) {
  switch (static_cast<outcome_kind>(in.varint())) {
  case outcome_kind::success: {
    task_report::success done;
    get(in, done.result.bytes);
    done.result_kept = in.flag();
    done.result_bytes = in.varint();
    report.outcome = std::move(done);
    break;
  }
  case outcome_kind::user_error: {
    std::string text(in.text());
    const auto code = in.varint();
    if (code >= static_cast<std::uint64_t>(errc::count_))
      core::byte_reader::corrupt("a task report has an unknown error code");
    report.outcome = task_report::user_error{std::move(text), static_cast<std::uint8_t>(code)};
    break;
  }
  case outcome_kind::fetch_failed: {
    task_report::fetch_failed fetch;
    fetch.shuffle = in.varint32();
    fetch.map_partition = in.varint32();
    fetch.executor = in.varint32();
    fetch.text = in.text();
    report.outcome = std::move(fetch);
    break;
  }
  case outcome_kind::cancelled:
    report.outcome = task_report::cancelled{};
    break;
  default:
    core::byte_reader::corrupt("a task report has an unknown outcome");
  }
}

void put_values(core::byte_writer& out, const contributed_values& values) {
  out.varint(values.size());
  for (const auto& [accumulator, value] : values) {
    out.varint(accumulator);
    put(out, value.bytes);
  }
}

contributed_values get_values(core::byte_reader& in) {
  contributed_values values(in.count(2));
  for (auto& [accumulator, value] : values) {
    accumulator = in.varint32();
    get(in, value.bytes);
    if (!value.bytes)
      core::byte_reader::corrupt("what was added to an accumulator has no value");
  }
  return values;
}

std::size_t size_of(const contributed_values& values) {
  std::size_t bytes = 10;
  for (const auto& [accumulator, value] : values)
    bytes += 16 + value.size_bytes();
  return bytes;
}

} // namespace

void put(core::byte_writer& out, const std::shared_ptr<const core::byte_buffer>& bytes) {
  // Length + 1, so that "none" and "empty" differ.
  out.varint(bytes ? bytes->size() + 1 : 0);
  if (bytes)
    out.raw(bytes->data(), bytes->size());
}

void get(core::byte_reader& in, std::shared_ptr<const core::byte_buffer>& bytes) {
  const auto size = in.varint();
  if (size == 0) {
    bytes = nullptr;
    return;
  }
  if (size - 1 > in.left())
    core::byte_reader::corrupt("bytes are missing");
  const auto* from = in.raw(static_cast<std::size_t>(size - 1));
  bytes = std::make_shared<const core::byte_buffer>(from, from + (size - 1));
}

void put(core::byte_writer& out, const stage_order& order) {
  out.varint(order.stage);
  out.varint(order.stage_attempt);
  put(out, order.plan);
  out.varint(order.shuffles.size());
  for (const auto& one : order.shuffles) {
    out.varint(one.shuffle);
    out.varint(one.executors.size());
    // +1 turns "no executor" into 0: one byte for most entries, whatever the number of map partitions.
    for (const auto executor : one.executors)
      out.varint(static_cast<std::uint32_t>(executor + 1));
    out.text(one.kept_in);
  }
  core::write_value(out, order.cached);
  core::write_value(out, order.properties);
  core::write_value(out, order.peers);
  core::write_value(out, order.gang);
  out.text(order.keep_output_in);
  core::write_value(out, order.kept_datasets);
}

void get(core::byte_reader& in, stage_order& order) {
  order.stage = in.varint32();
  order.stage_attempt = in.varint32();
  get(in, order.plan);
  order.shuffles.resize(in.count(3));
  for (auto& one : order.shuffles) {
    one.shuffle = in.varint32();
    one.executors.resize(in.count());
    for (auto& executor : one.executors)
      executor = in.varint32() - 1;
    one.kept_in = in.text();
  }
  order.cached = core::read_value<std::vector<cached_source>>(in);
  order.properties = core::read_value<decltype(order.properties)>(in);
  order.peers = core::read_value<std::vector<std::uint32_t>>(in);
  order.gang = core::read_value<std::vector<barrier_task_info>>(in);
  order.keep_output_in = in.text();
  order.kept_datasets = core::read_value<decltype(order.kept_datasets)>(in);
}

void put(core::byte_writer& out, const std::vector<task_report>& reports) {
  out.varint(reports.size());
  for (const auto& report : reports) {
    out.varint(report.task);
    put_outcome(out, report);
    out.varint(static_cast<std::uint64_t>(report.run_time.count()));
    core::write_value(out, report.cached);
    out.varint(report.records_read);
    out.varint(report.bytes_read);
    out.varint(report.shuffle_bytes);
    out.varint(report.output_fingerprint);
    put_values(out, report.contributed);
    out.varint(report.output_kept ? 1 : 0);
    core::write_value(out, report.kept);
    core::write_value(out, report.kept_lost);
  }
}

void get(core::byte_reader& in, std::vector<task_report>& reports) {
  const auto count = in.count(12);
  reports.clear();
  for (std::size_t i = 0; i < count; ++i) {
    task_report report;
    report.task = in.varint();
    get_outcome(in, report);
    const auto run_time = in.varint();
    if (run_time >> 63 != 0)
      core::byte_reader::corrupt("a task report has a time that no task takes");
    report.run_time = std::chrono::microseconds(run_time);
    report.cached = core::read_value<decltype(report.cached)>(in);
    report.records_read = in.varint();
    report.bytes_read = in.varint();
    report.shuffle_bytes = in.varint();
    report.output_fingerprint = in.varint();
    report.contributed = get_values(in);
    report.output_kept = in.flag();
    report.kept = core::read_value<decltype(report.kept)>(in);
    report.kept_lost = core::read_value<decltype(report.kept_lost)>(in);
    reports.push_back(std::move(report));
  }
}

void put(core::byte_writer& out, const std::vector<cached_contribution>& all) {
  out.varint(all.size());
  for (const auto& one : all) {
    out.varint(one.task);
    out.varint(one.dataset);
    out.varint(one.partition);
    put_values(out, one.values);
  }
}

void get(core::byte_reader& in, std::vector<cached_contribution>& all) {
  all.resize(in.count(4));
  for (auto& one : all) {
    one.task = in.varint();
    one.dataset = in.varint32();
    one.partition = in.varint32();
    one.values = get_values(in);
  }
}

std::size_t size_of(const cached_contribution& one) {
  return 24 + size_of(one.values);
}

std::size_t size_of(const stage_order& order) {
  std::size_t bytes =
      64 + (order.plan ? order.plan->size() : 0) + order.cached.size() * sizeof(cached_source) + order.peers.size() * sizeof(std::uint32_t);
  for (const auto& [key, value] : order.properties)
    bytes += 20 + key.size() + value.size();
  for (const auto& one : order.gang)
    bytes += 16 + one.address.size();
  bytes += order.keep_output_in.size();
  for (const auto& [dataset, place] : order.kept_datasets)
    bytes += 16 + place.size();
  for (const auto& one : order.shuffles) {
    bytes += 32 + one.kept_in.size() + one.executors.size();
    for (const auto executor : one.executors)
      bytes += executor + 1 < 128 ? 0 : executor + 1 < 16384 ? 1 : 4;
  }
  return bytes;
}

std::size_t size_of(const task_report& report) {
  std::size_t bytes = 128 + (report.cached.size() + report.kept.size() + report.kept_lost.size()) * 8;
  bytes += size_of(report.contributed);
  if (const auto* done = std::get_if<task_report::success>(&report.outcome))
    bytes += done->result.bytes ? done->result.bytes->size() : 0;
  else if (const auto* error = std::get_if<task_report::user_error>(&report.outcome))
    bytes += error->text.size();
  else if (const auto* fetch = std::get_if<task_report::fetch_failed>(&report.outcome))
    bytes += fetch->text.size();
  return bytes;
}

std::string to_string(const core::byte_buffer& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace salamander::actors::wire
