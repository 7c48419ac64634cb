#include <salamander/actors/cluster/program_file.hpp>

#include <salamander/actors/cluster/sha256.hpp>
#include <salamander/rdd/error.hpp>

#include <openssl/rand.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace salamander::actors {

program_file describe_file(const std::filesystem::path& path, const std::string& name) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    core::throw_error(errno == ENOENT ? errc::input_not_found : errc::io_error,
                      "cannot read " + path.string() + ": " + std::strerror(errno));
  sha256 digest;
  std::vector<char> buffer(1U << 20);
  program_file made{{name, {}, 0}, path};
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0) {
    digest.add({buffer.data(), static_cast<std::size_t>(file.gcount())});
    made.what.bytes += static_cast<std::uint64_t>(file.gcount());
  }
  if (file.bad())
    core::throw_error(errc::io_error, "cannot read " + path.string() + ": " + std::strerror(errno));
  made.what.sha256 = digest.hex();
  return made;
}

piece read_piece(const program_file& from, std::uint64_t offset) {
  std::ifstream file(from.path, std::ios::binary);
  piece next{from.what.sha256, offset, from.what.bytes,
             std::string(std::min<std::uint64_t>(piece_bytes_max, from.what.bytes - offset), '\0')};
  file.seekg(static_cast<std::streamoff>(offset));
  if (!file.read(next.bytes.data(), static_cast<std::streamsize>(next.bytes.size())))
    core::throw_error(errc::io_error, from.path.string() + " cannot be read any more, or has become shorter");
  return next;
}

std::string random_token() {
  unsigned char bytes[16];
  if (::RAND_bytes(bytes, sizeof bytes) != 1)
    core::throw_error(errc::internal, "this machine has no random numbers");
  return hex_text({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

void file_sender::send(const std::vector<program_file>& files, const std::vector<cluster::stored_file>& missing) {
  for (const auto& wanted : missing)
    for (const auto& one : files) {
      if (one.what.sha256 != wanted.sha256)
        continue;
      const std::lock_guard lock(mutex_);
      if (under_way_.emplace(wanted.sha256, one).second)
        send_piece(wanted.sha256, 0);
    }
}

std::string file_sender::stored(const piece_stored& answer) {
  const std::lock_guard lock(mutex_);
  const auto at = under_way_.find(answer.sha256);
  if (at == under_way_.end())
    return {};
  if (answer.failure.empty() && answer.received < at->second.what.bytes)
    return send_piece(answer.sha256, answer.received);
  const auto name = at->second.what.name;
  under_way_.erase(at);
  return answer.failure.empty() ? "" : "the master cannot store " + name + ": " + answer.failure;
}

void file_sender::forget() {
  const std::lock_guard lock(mutex_);
  under_way_.clear();
}

std::string file_sender::send_piece(const std::string& sha256, std::uint64_t offset) {
  try {
    send_(read_piece(under_way_.at(sha256), offset));
    return {};
  } catch (const error& failure) {
    under_way_.erase(sha256);
    return failure.what();
  }
}

} // namespace salamander::actors
