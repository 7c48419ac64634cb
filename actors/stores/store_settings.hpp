// Where remote stores are. Driver and executors have the same: executors get them in their environment. No secrets: those are looked up
// when a request is made, in the environment and the files of the process that makes it.
#pragma once

#include <salamander/rdd/config.hpp>

#include <string>
#include <utility>
#include <vector>

namespace salamander::actors {

struct store_settings {
  std::string s3_endpoint; ///< "http://host:port"; empty: AWS itself
  std::string s3_region;
  std::string hdfs_address; ///< host:port of the WebHDFS service of hdfs:// paths; empty: their host, port 9870

  bool operator==(const store_settings&) const = default;
};

/// What the configuration says, else the environment: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION.
store_settings store_settings_of(const config& settings);
/// For the environment of an executor: names and values.
std::vector<std::pair<std::string, std::string>> environment_of(const store_settings& settings);

/// What this process uses from now on; else it is read from the environment. Threads: any.
void use_store_settings(store_settings settings);
store_settings current_store_settings();

/// The value of an environment variable; empty if there is none.
std::string environment_value(const char* name);

} // namespace salamander::actors
