#include "baseline.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace bench {

namespace {

struct entry {
  std::uint64_t hash = 0;
  std::string_view word;
  std::uint64_t count = 0;
};

/// Open addressing with linear probing; no allocation for a word.
class counter {
public:
  void add(std::uint64_t hash, std::string_view word, std::uint64_t count) {
    std::size_t i = hash & mask_;
    while (entries_[i].count != 0) {
      if (entries_[i].hash == hash && entries_[i].word == word) {
        entries_[i].count += count;
        return;
      }
      i = (i + 1) & mask_;
    }
    entries_[i] = {hash, keep(word), count};
    if (++size_ * 2 > entries_.size())
      grow();
  }

  const std::vector<entry>& entries() const {
    return entries_;
  }

private:
  /// Words kept side by side are found in the cache more often than where the file has them.
  std::string_view keep(std::string_view word) {
    if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < word.size()) {
      chunks_.emplace_back();
      chunks_.back().reserve(std::max(word.size(), std::size_t{1} << 16));
    }
    std::vector<char>& chunk = chunks_.back();
    chunk.insert(chunk.end(), word.begin(), word.end());
    return {chunk.data() + chunk.size() - word.size(), word.size()};
  }

  void grow() {
    std::vector<entry> old(entries_.size() * 2);
    old.swap(entries_);
    mask_ = entries_.size() - 1;
    for (const entry& e : old) {
      if (e.count == 0)
        continue;
      std::size_t i = e.hash & mask_;
      while (entries_[i].count != 0)
        i = (i + 1) & mask_;
      entries_[i] = e;
    }
  }

  std::vector<std::vector<char>> chunks_;
  std::vector<entry> entries_ = std::vector<entry>(std::size_t{1} << 12);
  std::size_t mask_ = entries_.size() - 1;
  std::size_t size_ = 0;
};

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

void count_words(std::string_view text, counter& counts) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    while (at != end && is_space(*at))
      ++at;
    const char* const begin = at;
    std::uint64_t hash = fnv_basis;
    for (; at != end && !is_space(*at); ++at)
      hash = (hash ^ static_cast<unsigned char>(*at)) * fnv_prime;
    if (at != begin)
      counts.add(hash, {begin, static_cast<std::size_t>(at - begin)}, 1);
  }
}

bool more_frequent(const entry& a, const entry& b) {
  return a.count != b.count ? a.count > b.count : a.word < b.word;
}

} // namespace

report word_count(const arguments& args) {
  const unsigned threads = args.threads();
  const stopwatch watch;
  const mapped_file file(args.position(0, "INPUT"));
  std::vector<counter> partial(threads);
  in_parallel(threads, [&](unsigned t) {
    // A table of its own on the thread's stack: neighbours in the vector would share cache lines.
    counter counts;
    count_words(slice_at_lines(file.text(), t, threads), counts);
    partial[t] = std::move(counts);
  });

  const std::size_t wanted = args.number("top", 10);
  std::vector<counter> total(threads);
  std::vector<std::vector<entry>> counts(threads);
  std::vector<entry> top;
  in_parallel(threads, [&](unsigned t) {
    counter& merged = total[t];
    for (const counter& part : partial)
      for (const entry& e : part.entries())
        if (e.count != 0 && (e.hash >> 40) % threads == t)
          merged.add(e.hash, e.word, e.count);
    for (const entry& e : merged.entries())
      if (e.count != 0)
        counts[t].push_back(e);
    const std::size_t kept = std::min(wanted, counts[t].size());
    std::partial_sort(counts[t].begin(), counts[t].begin() + static_cast<std::ptrdiff_t>(kept), counts[t].end(), more_frequent);
  });
  for (const auto& part : counts)
    top.insert(top.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, part.size())));
  std::sort(top.begin(), top.end(), more_frequent);
  top.resize(std::min(wanted, top.size()));

  if (const std::string output = args.option("output", ""); !output.empty()) {
    std::ofstream out(output);
    for (const auto& part : counts)
      for (const entry& e : part)
        out << e.word << ' ' << e.count << '\n';
  }
  report result{watch.seconds(), 0, {}};
  if (!args.json())
    for (const entry& e : top)
      std::printf("%10llu %.*s\n", static_cast<unsigned long long>(e.count), static_cast<int>(e.word.size()), e.word.data());
  std::uint64_t sum = 0;
  for (const auto& part : counts)
    for (const entry& e : part)
      sum += fnv1a(e.word) * e.count;
  for (const entry& e : top)
    sum += e.count;
  result.checksum = exact(sum);
  return result;
}

} // namespace bench
