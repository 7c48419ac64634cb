#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <salamander/salamander.hpp>

int main(int argc, char** argv) {
  salamander::init(argc, argv);
  return doctest::Context(argc, argv).run();
}
