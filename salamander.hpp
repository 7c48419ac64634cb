// Salamander: fault-tolerant, distributed datasets for C++20. This header is the whole public face.
#pragma once

#include <salamander/rdd/config.hpp>
#include <salamander/rdd/context.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/group.hpp>
#include <salamander/rdd/launcher.hpp>
#include <salamander/rdd/rdd.hpp>
#include <salamander/rdd/words.hpp>
