// Writes the seeds of every target as files: make_corpus DIRECTORY. Files of other names, such as inputs of bugs found, stay.
#include "fuzz.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus DIRECTORY\n";
    return 2;
  }
  for (const auto& one : fuzz::targets()) {
    const auto directory = std::filesystem::path(argv[1]) / one.name;
    std::filesystem::create_directories(directory);
    for (const auto& made : one.seeds()) {
      std::ofstream file(directory / ((made.valid ? "valid-" : "hostile-") + made.name), std::ios::binary);
      file.write(reinterpret_cast<const char*>(made.data.data()), static_cast<std::streamsize>(made.data.size()));
      if (!file.flush()) {
        std::cerr << "cannot write below " << directory << '\n';
        return 1;
      }
    }
  }
}
