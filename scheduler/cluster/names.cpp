#include <salamander/scheduler/cluster/names.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {
namespace {

constexpr std::size_t id_length_max = 128;
constexpr std::size_t sha256_length = 64;
constexpr std::size_t file_name_length_max = 255;

bool is_digit(char one) noexcept {
  return one >= '0' && one <= '9';
}

} // namespace

bool is_cluster_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= id_length_max && text.front() != '-' &&
         std::ranges::all_of(text, [](char one) { return is_digit(one) || (one >= 'a' && one <= 'z') || one == '-'; });
}

bool is_sha256(std::string_view text) noexcept {
  return text.size() == sha256_length && std::ranges::all_of(text, [](char one) { return is_digit(one) || (one >= 'a' && one <= 'f'); });
}

bool is_file_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= file_name_length_max && text != "." && text != ".." &&
         std::ranges::none_of(text, [](char one) { return one == '/' || static_cast<unsigned char>(one) < ' ' || one == '\x7f'; });
}

bool is_worker_name(std::string_view text) noexcept {
  return text.starts_with("worker-") && is_file_name(text);
}

std::string what_is_wrong_with(const stored_file& file) {
  if (!is_file_name(file.name))
    return "the name of one of its files is not a file name";
  if (!is_sha256(file.sha256))
    return file.name + " has no SHA-256 of 64 lower-case hex digits";
  if (file.bytes == 0)
    return file.name + " is empty";
  return "";
}

} // namespace salamander::scheduler::cluster
