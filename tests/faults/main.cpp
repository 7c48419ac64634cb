#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <salamander/salamander.hpp>

int main(int argc, char** argv) {
  salamander::init(argc, argv); // the executors of these tests are this program
  return doctest::Context(argc, argv).run();
}
