#include <salamander/actors/stores/store_settings.hpp>

#include <cstdlib>
#include <mutex>
#include <optional>

namespace salamander::actors {
namespace {

constexpr const char* s3_endpoint_variable = "SALAMANDER_S3_ENDPOINT";
constexpr const char* s3_region_variable = "SALAMANDER_S3_REGION";
constexpr const char* hdfs_address_variable = "SALAMANDER_HDFS_ADDRESS";

/// The first of some variables that has a value.
std::string first_of(std::initializer_list<const char*> names) {
  for (const auto* name : names)
    if (auto value = environment_value(name); !value.empty())
      return value;
  return {};
}

store_settings from_environment() {
  store_settings made;
  made.s3_endpoint = first_of({s3_endpoint_variable, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  made.s3_region = first_of({s3_region_variable, "AWS_REGION", "AWS_DEFAULT_REGION"});
  if (made.s3_region.empty())
    made.s3_region = "us-east-1";
  made.hdfs_address = environment_value(hdfs_address_variable);
  return made;
}

struct settings_holder {
  std::mutex mutex;
  std::optional<store_settings> settings;
};

settings_holder& holder() {
  static settings_holder one;
  return one;
}

} // namespace

std::string environment_value(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

store_settings store_settings_of(const config& settings) {
  auto made = from_environment();
  const auto take = [&](const char* key, std::string& to) {
    if (auto value = settings.get(key, ""); !value.empty())
      to = std::move(value);
  };
  take("salamander.s3.endpoint", made.s3_endpoint);
  take("salamander.s3.region", made.s3_region);
  take("salamander.hdfs.address", made.hdfs_address);
  return made;
}

std::vector<std::pair<std::string, std::string>> environment_of(const store_settings& settings) {
  std::vector<std::pair<std::string, std::string>> entries;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      entries.emplace_back(name, value);
  };
  add(s3_endpoint_variable, settings.s3_endpoint);
  add(s3_region_variable, settings.s3_region);
  add(hdfs_address_variable, settings.hdfs_address);
  return entries;
}

void use_store_settings(store_settings settings) {
  auto& here = holder();
  const std::lock_guard lock(here.mutex);
  here.settings = std::move(settings);
}

store_settings current_store_settings() {
  auto& here = holder();
  const std::lock_guard lock(here.mutex);
  if (!here.settings)
    here.settings = from_environment();
  return *here.settings;
}

} // namespace salamander::actors
