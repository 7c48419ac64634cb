#include <salamander/actors/stores/aws_credentials.hpp>

#include <salamander/actors/stores/store_settings.hpp>

#include <salamander/rdd/error.hpp>

#include <fstream>
#include <string_view>

namespace salamander::actors {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

aws_credentials find_aws_credentials() {
  aws_credentials found{environment_value("AWS_ACCESS_KEY_ID"), environment_value("AWS_SECRET_ACCESS_KEY"),
                        environment_value("AWS_SESSION_TOKEN")};
  if (!found.access_key.empty())
    return found;
  const auto asked = environment_value("AWS_PROFILE");
  const auto profile = asked.empty() ? std::string("default") : asked;
  auto path = environment_value("AWS_SHARED_CREDENTIALS_FILE");
  if (path.empty())
    path = environment_value("HOME") + "/.aws/credentials";
  std::ifstream in(path);
  bool here = false;
  for (std::string line; std::getline(in, line);) {
    const auto text = trimmed(line);
    if (text.starts_with('[') && text.ends_with(']')) {
      here = trimmed(text.substr(1, text.size() - 2)) == profile;
      continue;
    }
    const auto equals = text.find('=');
    if (!here || text.starts_with('#') || text.starts_with(';') || equals == std::string_view::npos)
      continue;
    const auto name = trimmed(text.substr(0, equals));
    const std::string value(trimmed(text.substr(equals + 1)));
    if (name == "aws_access_key_id")
      found.access_key = value;
    else if (name == "aws_secret_access_key")
      found.secret_key = value;
    else if (name == "aws_session_token")
      found.session_token = value;
  }
  if (found.access_key.empty() && !asked.empty())
    core::throw_error(errc::io_error, "the AWS profile '" + asked + "' (AWS_PROFILE) has no keys in " + path);
  return found;
}

} // namespace salamander::actors
