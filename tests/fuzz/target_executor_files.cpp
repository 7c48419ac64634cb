// What an executor's process and its driver share in files.
//
//   executor_spec        u8 repair, the file; with `repair` its magic and its checksum are put right
//   executor_positions   u32 cores, the file
#include "fuzz.hpp"

#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/messages.hpp>
#include <salamander/storage/crc32c.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace {

using namespace fuzz;
using namespace salamander::actors;
namespace core = salamander::core;

byte_buffer content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return bytes_of(std::string((std::istreambuf_iterator<char>(file)), {}));
}

byte_buffer file_of(executor_spec spec) {
  spec.directory = scratch_directory();
  const auto path = write_spec(spec);
  auto content = content_of(path);
  std::filesystem::remove(path);
  return content;
}

executor_spec example() {
  executor_spec spec;
  spec.directory = "/tmp/application";
  spec.protocol = protocol_version;
  spec.executor = 3;
  spec.incarnation = 0x1234567890abcdefULL;
  spec.driver_host = "127.0.0.1";
  spec.driver_port = 4040;
  spec.cores = 2;
  spec.log_level = "info";
  return spec;
}

constexpr std::string_view magic = "salamander executor spec\n";

/// With the magic, the version and the checksum that a file of this program has.
byte_buffer repaired(byte_buffer file) {
  if (file.size() < magic.size() + 4 + 4)
    return file;
  std::memcpy(file.data(), magic.data(), magic.size());
  std::memcpy(file.data() + magic.size(), &protocol_version, 4);
  const auto sum = salamander::storage::crc32c(std::span(file).first(file.size() - 4));
  std::memcpy(file.data() + file.size() - 4, &sum, 4);
  return file;
}

bool read_one(input_bytes input) {
  controls head(input);
  const bool repair = head.take<std::uint8_t>() % 2 != 0;
  byte_buffer content(head.rest().begin(), head.rest().end());
  const memory_file file(repair ? repaired(std::move(content)) : content);
  executor_spec spec;
  if (!accepts([&] { spec = read_spec(file.path()); }, {errc::corrupt_data, errc::build_mismatch, errc::io_error}))
    return false;
  const auto directory = spec.directory;
  const memory_file second(file_of(spec));
  auto again = read_spec(second.path());
  again.directory = directory;
  byte_buffer one;
  byte_writer one_out(one);
  write_value(one_out, spec);
  byte_buffer two;
  byte_writer two_out(two);
  write_value(two_out, again);
  expect(one == two, "a spec that was read is written and read the same");
  return true;
}

/// The file of the example; a file that is written names the directory of this process.
std::string example_file() {
  byte_buffer file;
  byte_writer out(file);
  out.raw(magic.data(), magic.size());
  write_value(out, example());
  out.raw("sum?", 4);
  return std::string(text_of(repaired(std::move(file))));
}

std::vector<seed> spec_seeds() {
  const auto good = example_file();
  auto version = good;
  version[25] = '\x7f';
  return {{"spec", after_controls(good, std::uint8_t{1}), true},
          {"empty", after_controls("", std::uint8_t{0}), false},
          {"magic-only", after_controls("salamander executor spec\n", std::uint8_t{0}), false},
          {"four-bytes", after_controls(good.substr(0, 29), std::uint8_t{0}), false},
          {"other-version", after_controls(version, std::uint8_t{0}), false},
          {"checksum", after_controls(good.substr(0, good.size() - 1) + '\x00', std::uint8_t{0}), false},
          {"trailing", after_controls(good + "more", std::uint8_t{1}), false},
          {"text-2-63", after_controls(good.substr(0, 60) + std::string(60, '\xff'), std::uint8_t{1}), false}};
}

bool open_positions(input_bytes input) {
  controls head(input);
  const auto cores = head.take<std::uint32_t>();
  const auto path = scratch_directory() + "/positions";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(head.rest().data()), static_cast<std::streamsize>(head.rest().size()));
  std::uint64_t sum = 0;
  return accepts(
      [&] {
        const auto table = position_table::open(path, cores);
        expect(head.rest().size() / sizeof(core::task_position) >= cores, "no position lies behind the end of its file");
        for (const auto& one : table)
          sum += one.task.load() + one.dataset.load() + one.partition.load() + one.record.load();
      },
      {errc::io_error, errc::corrupt_data});
}

std::vector<seed> position_seeds() {
  const std::string two(2 * sizeof(core::task_position), '\x05');
  return {{"two", after_controls(two, std::uint32_t{2}), true},
          {"three-of-two", after_controls(two, std::uint32_t{3}), false},
          {"none", after_controls(two, std::uint32_t{0}), false},
          {"cores-2-32", after_controls(two, ~std::uint32_t{0}), false}};
}

const registered specs({"executor_spec", &read_one, &spec_seeds, {32U << 10, 16}});
const registered positions({"executor_positions", &open_positions, &position_seeds, {32U << 10, 0}});

} // namespace
