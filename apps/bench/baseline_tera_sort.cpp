#include "baseline.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

namespace bench {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t record_size = 100;
constexpr std::size_t key_size = 10;

/// A record's key as two integers that compare as its bytes do, and where the record is.
struct entry {
  std::uint64_t high;
  std::uint16_t low;
  std::uint32_t index;

  bool operator<(const entry& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
};

entry entry_of(const char* record, std::uint32_t index) {
  std::uint64_t high = 0;
  std::uint16_t low = 0;
  std::memcpy(&high, record, sizeof high);
  std::memcpy(&low, record + sizeof high, sizeof low);
  return {__builtin_bswap64(high), __builtin_bswap16(low), index};
}

std::vector<fs::path> part_files(const fs::path& path) {
  if (!fs::is_directory(path))
    return {path};
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(path))
    if (file.path().filename().string().starts_with("part-"))
      files.push_back(file.path());
  std::sort(files.begin(), files.end());
  return files;
}

struct file_closer {
  void operator()(std::FILE* file) const {
    std::fclose(file);
  }
};

void write_part(const fs::path& path, const char* records, const std::vector<entry>& entries) {
  const std::unique_ptr<std::FILE, file_closer> file(std::fopen(path.c_str(), "wb"));
  if (!file)
    throw std::runtime_error("cannot write " + path.string());
  std::vector<char> buffer;
  buffer.reserve(record_size * 10000);
  const auto flush = [&] {
    if (std::fwrite(buffer.data(), 1, buffer.size(), file.get()) != buffer.size())
      throw std::runtime_error("cannot write " + path.string());
    buffer.clear();
  };
  for (const entry& e : entries) {
    const char* const record = records + e.index * record_size;
    buffer.insert(buffer.end(), record, record + record_size);
    if (buffer.size() == buffer.capacity())
      flush();
  }
  flush();
}

/// Keys that cut a sample of the records into `parts` equal parts.
std::vector<entry> splitters_of(std::string_view text, std::size_t parts) {
  const std::size_t records = text.size() / record_size;
  std::vector<entry> sample;
  const std::size_t step = std::max<std::size_t>(1, records / (parts * 1000));
  for (std::size_t i = 0; i < records; i += step)
    sample.push_back(entry_of(text.data() + i * record_size, 0));
  std::sort(sample.begin(), sample.end());
  std::vector<entry> splitters;
  for (std::size_t p = 1; p < parts && !sample.empty(); ++p)
    splitters.push_back(sample[sample.size() * p / parts]);
  return splitters;
}

report sort_records(const arguments& args) {
  const unsigned threads = args.threads();
  const std::size_t parts = args.number("partitions", 8);
  const fs::path output = args.position(2, "OUTPUT");
  const stopwatch watch;
  const mapped_file file(args.position(1, "INPUT"));
  const std::string_view text = file.text();
  const std::size_t records = text.size() / record_size;
  if (text.size() % record_size != 0)
    throw std::runtime_error("the input is not of 100-byte records");
  if (!fs::create_directories(output))
    throw std::runtime_error(output.string() + " exists");

  const std::vector<entry> splitters = splitters_of(text, parts);
  std::vector<std::vector<std::vector<entry>>> buckets(threads);
  in_parallel(threads, [&](unsigned t) {
    std::vector<std::vector<entry>> mine(parts);
    for (auto& bucket : mine)
      bucket.reserve(records / threads / parts * 9 / 8);
    const std::size_t end = records * (t + 1) / threads;
    for (std::size_t i = records * t / threads; i < end; ++i) {
      const entry e = entry_of(text.data() + i * record_size, static_cast<std::uint32_t>(i));
      const auto bucket = std::upper_bound(splitters.begin(), splitters.end(), e) - splitters.begin();
      mine[static_cast<std::size_t>(bucket)].push_back(e);
    }
    buckets[t] = std::move(mine);
  });
  in_parallel(threads, [&](unsigned t) {
    for (std::size_t p = t; p < parts; p += threads) {
      std::vector<entry> sorted;
      for (const auto& mine : buckets)
        sorted.insert(sorted.end(), mine[p].begin(), mine[p].end());
      std::sort(sorted.begin(), sorted.end());
      char name[32];
      std::snprintf(name, sizeof name, "part-%05zu", p);
      write_part(output / name, text.data(), sorted);
    }
  });
  return {watch.seconds(), 0, exact(records)};
}

/// Reads the part files in the order of their names; an error when a key is smaller than the one before it.
report validate(const arguments& args) {
  const stopwatch watch;
  std::optional<entry> last;
  std::uint64_t records = 0;
  std::uint64_t checksum = 0;
  for (const fs::path& path : part_files(args.position(1, "INPUT"))) {
    const mapped_file file(path.string());
    if (file.text().size() % record_size != 0)
      throw std::runtime_error(path.string() + " is not of 100-byte records");
    for (std::size_t at = 0; at < file.text().size(); at += record_size, ++records) {
      const entry e = entry_of(file.text().data() + at, 0);
      if (last && e < *last)
        throw std::runtime_error("record " + std::to_string(records) + " is out of order, in " + path.string());
      last = e;
      checksum += fnv1a(file.text().substr(at, record_size - 1));
    }
  }
  if (!args.json())
    std::printf("%llu records in order\n", static_cast<unsigned long long>(records));
  return {watch.seconds(), 0, exact(checksum + records)};
}

} // namespace

report tera_sort(const arguments& args) {
  const std::string& step = args.position(0, "sort or validate");
  if (step == "sort")
    return sort_records(args);
  if (step == "validate")
    return validate(args);
  throw std::invalid_argument("tera_sort knows sort and validate, not " + step);
}

} // namespace bench
