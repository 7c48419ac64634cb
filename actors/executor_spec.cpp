#include <salamander/actors/executor_spec.hpp>

#include <salamander/actors/messages.hpp>
#include <salamander/rdd/output_file.hpp>
#include <salamander/storage/crc32c.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace salamander::actors {
namespace {

/// Changes with the layout of executor_spec only together with protocol_version, which follows it.
constexpr std::string_view magic = "salamander executor spec\n";

[[noreturn]] void fail(const char* doing, const std::filesystem::path& path) {
  core::throw_disk_error(doing, path.string(), errno);
}

} // namespace

std::filesystem::path executor_spec::positions_file() const {
  return std::filesystem::path(directory) / fmt::format("executor-{}.positions", executor);
}

scheduler::channel_limits executor_spec::line_limits() const {
  scheduler::channel_limits limits;
  // What arrived is told with heartbeats: nothing is late before one was due and could have come.
  limits.resend_after = std::chrono::milliseconds(heartbeat_interval_ms + heartbeat_interval_ms / 2);
  limits.resend_after_max = 2 * limits.resend_after;
  return limits;
}

std::string encode_spec(const executor_spec& spec) {
  core::byte_buffer bytes;
  core::byte_writer out(bytes);
  out.raw(magic.data(), magic.size());
  core::write_value(out, spec);
  const std::uint32_t checksum = storage::crc32c(bytes);
  out.raw(&checksum, sizeof checksum);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::filesystem::path write_spec(const executor_spec& spec) {
  const auto bytes = encode_spec(spec);
  const auto path = std::filesystem::path(spec.directory) / fmt::format("executor-{}.spec", spec.executor);
  core::output_file file(path.string(), core::system_disk(), 0600);
  file.write(bytes);
  file.finish(false);
  return path;
}

executor_spec read_spec(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file)
    fail("read", path);
  return decode_spec(text, path.string());
}

executor_spec decode_spec(const std::string& text, const std::string& source) {
  if (!text.starts_with(magic))
    core::throw_error(errc::corrupt_data, source + " is not an executor spec");
  core::byte_reader in(std::as_bytes(std::span(text)).subspan(magic.size()));
  // The version comes first, so that a driver of another version is noticed before anything else is read.
  auto version = in;
  const auto theirs = core::read_value<std::uint32_t>(version);
  if (theirs != protocol_version)
    core::throw_error(errc::build_mismatch, fmt::format("the driver speaks protocol version {}, this executor {}: rebuild the program",
                                                        theirs, protocol_version));
  std::uint32_t checksum = 0;
  const auto end = text.size() - sizeof checksum; // there are more bytes than that: the version was read
  std::memcpy(&checksum, text.data() + end, sizeof checksum);
  if (checksum != storage::crc32c(std::as_bytes(std::span(text)).first(end)))
    core::throw_error(errc::corrupt_data, source + " is damaged: its checksum is wrong");
  auto spec = core::read_value<executor_spec>(in);
  if (in.left() != sizeof checksum)
    core::throw_error(errc::corrupt_data, source + " is damaged: it is longer than a spec");
  return spec;
}

namespace {

core::task_position* map(const std::filesystem::path& path, int flags, std::uint32_t cores) {
  const int file = ::open(path.c_str(), flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    fail("open", path);
  const auto bytes = sizeof(core::task_position) * cores;
  struct stat facts {};
  // With its blocks: on a full disk a hole in the file would end both processes at the first write to it.
  const int no_room = (flags & O_CREAT) != 0 ? ::posix_fallocate(file, 0, static_cast<off_t>(bytes)) : 0;
  if (no_room != 0 || ::fstat(file, &facts) != 0 || facts.st_size < static_cast<off_t>(bytes)) {
    ::close(file);
    if ((flags & O_CREAT) != 0)
      ::unlink(path.c_str());
    if (no_room != 0)
      errno = no_room;
    fail("use", path);
  }
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (at == MAP_FAILED)
    fail("map", path);
  return static_cast<core::task_position*>(at);
}

} // namespace

position_table position_table::create(const std::filesystem::path& path, std::uint32_t cores) {
  // Zeroed pages are valid positions: no task runs.
  return {map(path, O_CREAT | O_EXCL, cores), cores};
}

position_table position_table::open(const std::filesystem::path& path, std::uint32_t cores) {
  return {map(path, 0, cores), cores};
}

position_table::position_table(position_table&& other) noexcept
    : slots_(std::exchange(other.slots_, nullptr)), cores_(std::exchange(other.cores_, 0)) {}

position_table& position_table::operator=(position_table&& other) noexcept {
  std::swap(slots_, other.slots_);
  std::swap(cores_, other.cores_);
  return *this;
}

position_table::~position_table() {
  if (slots_)
    ::munmap(slots_, sizeof(core::task_position) * cores_);
}

} // namespace salamander::actors
