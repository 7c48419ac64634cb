// Writes the inputs of the benchmarks: the same bytes for the same arguments, on any machine.
#include "support.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <stdexcept>
#include <unordered_set>
#include <utility>

namespace {

/// splitmix64: small, seedable, and the same everywhere, which the standard distributions are not.
class generator {
public:
  explicit generator(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::uint64_t below(std::uint64_t bound) {
    return next() % bound;
  }
  double uniform() {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
  }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

private:
  std::uint64_t state_;
};

/// Buffers what is written to one file and counts it.
class writer {
public:
  explicit writer(const std::string& path) : file_(std::fopen(path.c_str(), "wb")), path_(path) {
    if (file_ == nullptr)
      throw std::runtime_error("cannot write " + path);
  }

  ~writer() {
    if (file_ != nullptr)
      std::fclose(file_);
  }

  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  void add(std::string_view text) {
    buffer_.append(text);
    if (buffer_.size() > (std::size_t{1} << 20))
      flush();
  }

  void add_number(double value) {
    char text[40];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 6).ptr;
    add({text, static_cast<std::size_t>(end - text)});
  }

  void add_integer(std::uint64_t value) {
    add(std::to_string(value));
  }

  std::size_t written() const {
    return written_ + buffer_.size();
  }

  void close() {
    flush();
    if (std::fclose(std::exchange(file_, nullptr)) != 0)
      throw std::runtime_error("cannot write " + path_);
  }

private:
  void flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size())
      throw std::runtime_error("cannot write " + path_);
    written_ += buffer_.size();
    buffer_.clear();
  }

  std::FILE* file_;
  std::string path_;
  std::string buffer_;
  std::size_t written_ = 0;
};

/// Ranks 0 .. n-1 with probability proportional to 1 / (rank + 1), by inverting the distribution function.
class zipf {
public:
  explicit zipf(std::size_t n) : cumulative_(n), starts_(std::size_t{1} << 16) {
    double total = 0;
    for (std::size_t i = 0; i < n; ++i)
      cumulative_[i] = total += 1 / static_cast<double>(i + 1);
    for (std::size_t i = 0, b = 0; b < starts_.size(); ++b) {
      while (cumulative_[i] < total * static_cast<double>(b) / static_cast<double>(starts_.size()))
        ++i;
      starts_[b] = i;
    }
  }

  std::size_t operator()(generator& random) const {
    const double u = random.uniform();
    std::size_t i = starts_[static_cast<std::size_t>(u * static_cast<double>(starts_.size()))];
    while (i + 1 < cumulative_.size() && cumulative_[i] < u * cumulative_.back())
      ++i;
    return i;
  }

private:
  std::vector<double> cumulative_;
  std::vector<std::size_t> starts_;
};

/// The commonest English words in the order of their frequency, then words made of syllables.
std::vector<std::string> vocabulary(std::size_t size, generator& random) {
  static constexpr const char* common[] = {
      "the",   "of",      "and",   "to",   "a",    "in",    "is",    "that",   "was",  "it",     "for",  "on",   "with", "he",    "be",
      "I",     "by",      "as",    "at",   "you",  "are",   "his",   "had",    "not",  "this",   "have", "from", "but",  "which", "she",
      "they",  "or",      "an",    "her",  "were", "there", "we",    "their",  "been", "has",    "will", "one",  "all",  "would", "can",
      "if",    "who",     "more",  "when", "said", "do",    "what",  "about",  "its",  "so",     "up",   "into", "no",   "him",   "some",
      "could", "them",    "only",  "time", "out",  "my",    "two",   "other",  "then", "may",    "over", "also", "new",  "like",  "these",
      "me",    "after",   "first", "your", "did",  "now",   "any",   "people", "than", "should", "very", "most", "see",  "where", "just",
      "made",  "between", "back",  "way",  "many", "years", "being", "our",    "how",  "work"};
  static constexpr const char* syllables[] = {"ba", "con", "de",  "der", "ex",   "fi",  "gra", "hu", "in",  "jo",  "ka",  "lan", "ment",
                                              "mi", "no",  "o",   "per", "pre",  "qui", "ra",  "re", "ri",  "sen", "ser", "si",  "sta",
                                              "su", "ta",  "ter", "ti",  "tion", "tra", "u",   "un", "ver", "vi",  "wa",  "ze"};
  std::vector<std::string> words(std::begin(common), std::end(common));
  std::unordered_set<std::string> known(words.begin(), words.end());
  while (words.size() < size) {
    std::string word;
    for (std::uint64_t n = 1 + random.below(2) + random.below(3); n != 0; --n)
      word += syllables[random.below(std::size(syllables))];
    if (known.insert(word).second)
      words.push_back(word);
  }
  return words;
}

void text(writer& out, std::size_t bytes, generator& random) {
  const std::vector<std::string> words = vocabulary(200000, random);
  const zipf rank(words.size());
  std::string line;
  while (out.written() < bytes) {
    line.clear();
    for (std::uint64_t n = 6 + random.below(12); n != 0; --n)
      line.append(words[rank(random)]).push_back(n == 1 ? '\n' : ' ');
    out.add(line);
  }
}

/// Lines shaped as those of a data node: time, level, class, message; one in four is an error.
void logs(writer& out, std::size_t bytes, generator& random) {
  static constexpr const char* errors[] = {
      "Failed to transfer blk_%llu to /10.250.%llu.%llu:50010 got java.net.SocketTimeoutException: connect timed out",
      "writeBlock blk_%llu received exception java.io.IOException: Connection reset by peer from /10.250.%llu.%llu",
      "DataXceiver error processing READ_BLOCK operation for blk_%llu src: /10.251.%llu.%llu: disk failure on /mnt/hadoop/dfs/data",
      "PendingReplicationMonitor timed out block blk_%llu after %llu ms on rack %llu",
      "Checksum mismatch for blk_%llu at offset %llu, expected replica %llu is corrupt",
      "HTTP 503 from php backend while fetching job history %llu for user %llu queue %llu"};
  static constexpr const char* others[] = {"Receiving block blk_%llu src: /10.250.%llu.%llu:54106 dest: /10.250.19.102:50010",
                                           "PacketResponder for block blk_%llu terminating, size 67108864, pipeline %llu of %llu",
                                           "Served block blk_%llu to /10.251.%llu.%llu in 14 ms, cached",
                                           "Verification succeeded for blk_%llu generation %llu replica %llu"};
  static constexpr const char* classes[] = {"org.apache.hadoop.hdfs.server.datanode.DataNode",
                                            "org.apache.hadoop.hdfs.server.namenode.FSNamesystem", "org.apache.hadoop.mapred.JobTracker"};
  std::uint64_t milliseconds = 0;
  char message[256];
  char line[512];
  while (out.written() < bytes) {
    milliseconds += random.below(20);
    const bool error = random.below(4) == 0;
    const char* const shape = error ? errors[random.below(std::size(errors))] : others[random.below(std::size(others))];
    std::snprintf(message, sizeof message, shape, static_cast<unsigned long long>(random.next() >> 2),
                  static_cast<unsigned long long>(random.below(256)), static_cast<unsigned long long>(random.below(256)));
    const std::uint64_t seconds = milliseconds / 1000;
    const int size =
        std::snprintf(line, sizeof line, "2008-11-%02u %02u:%02u:%02u,%03u %s %s: %s\n", static_cast<unsigned>(9 + seconds / 86400 % 20),
                      static_cast<unsigned>(seconds / 3600 % 24), static_cast<unsigned>(seconds / 60 % 60),
                      static_cast<unsigned>(seconds % 60), static_cast<unsigned>(milliseconds % 1000),
                      error                  ? "ERROR"
                      : random.below(8) == 0 ? "WARN"
                                             : "INFO",
                      classes[random.below(std::size(classes))], message);
    out.add({line, static_cast<std::size_t>(size)});
  }
}

void points(writer& out, std::size_t rows, std::size_t dimensions, std::size_t clusters, generator& random) {
  std::vector<double> centres(clusters * dimensions);
  for (double& coordinate : centres)
    coordinate = 100 * random.uniform();
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t cluster = random.below(clusters);
    for (std::size_t i = 0; i < dimensions; ++i) {
      out.add_number(centres[cluster * dimensions + i] + 12 * random.normal());
      out.add(i + 1 == dimensions ? "\n" : " ");
    }
  }
}

void labelled(writer& out, std::size_t rows, std::size_t dimensions, generator& random) {
  for (std::size_t r = 0; r < rows; ++r) {
    const bool positive = random.below(2) == 1;
    out.add(positive ? "1" : "-1");
    for (std::size_t i = 0; i < dimensions; ++i) {
      out.add(" ");
      const double shift = 0.3 * static_cast<double>(i % 3);
      out.add_number(random.normal() + (positive ? shift : -shift));
    }
    out.add("\n");
  }
}

/// A power law for the edges that arrive, a gentler one for those that leave; names are scattered over 0 .. vertices-1.
void edges(writer& out, std::size_t count, std::size_t vertices, generator& random) {
  const auto name = [&](double position) {
    const auto vertex = std::min(static_cast<std::uint64_t>(position * static_cast<double>(vertices)), std::uint64_t{vertices - 1});
    return vertex * 2654435761u % vertices;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t from = name(std::pow(random.uniform(), 1.5));
    const std::uint64_t to = name(std::pow(random.uniform(), 3));
    out.add_integer(from);
    out.add("\t");
    out.add_integer(to);
    out.add("\n");
  }
}

/// 10 printable bytes of key, two spaces, the ordinal in 32 hexadecimal digits, two spaces, 53 bytes of filling, a line end.
void tera(writer& out, std::size_t records, generator& random) {
  char record[101];
  for (std::size_t i = 0; i < records; ++i) {
    char key[11] = {};
    for (int k = 0; k < 10; ++k)
      key[k] = static_cast<char>(' ' + random.below(95));
    const char fill = static_cast<char>('A' + i % 26);
    std::snprintf(record, sizeof record, "%s  %032llX  %s\n", key, static_cast<unsigned long long>(i), std::string(53, fill).c_str());
    out.add({record, 100});
  }
}

constexpr const char* usage = R"(usage: bench_data KIND OUTPUT SIZE... [--seed 1]
  text OUTPUT BYTES
  logs OUTPUT BYTES
  labelled OUTPUT ROWS DIMENSIONS
  points OUTPUT ROWS DIMENSIONS CLUSTERS
  edges OUTPUT EDGES VERTICES
  tera OUTPUT RECORDS
)";

} // namespace

int main(int argc, char** argv) {
  try {
    const bench::arguments args(argc, argv);
    if (argc < 4) {
      std::fputs(usage, stderr);
      return 2;
    }
    generator random(args.number("seed", 1));
    writer out(args.position(1, "OUTPUT"));
    const auto size = [&](std::size_t i, const char* what) { return static_cast<std::size_t>(std::stoull(args.position(i, what))); };
    const std::string& kind = args.position(0, "KIND");
    if (kind == "text")
      text(out, size(2, "BYTES"), random);
    else if (kind == "logs")
      logs(out, size(2, "BYTES"), random);
    else if (kind == "labelled")
      labelled(out, size(2, "ROWS"), size(3, "DIMENSIONS"), random);
    else if (kind == "points")
      points(out, size(2, "ROWS"), size(3, "DIMENSIONS"), size(4, "CLUSTERS"), random);
    else if (kind == "edges")
      edges(out, size(2, "EDGES"), size(3, "VERTICES"), random);
    else if (kind == "tera")
      tera(out, size(2, "RECORDS"), random);
    else
      throw std::invalid_argument("unknown kind: " + kind);
    out.close();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_data: %s\n", error.what());
    return 1;
  }
}
