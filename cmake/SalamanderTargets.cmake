# Settings that every target of this project shares; none of them is global.
add_library(salamander_warnings INTERFACE)
target_compile_options(salamander_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                                     -Woverloaded-virtual -Wnon-virtual-dtor)

# salamander_library(folder SOURCES ... PUBLIC ... PRIVATE ...): the library of one folder.
function(salamander_library folder)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(name salamander_${folder})
  add_library(${name} STATIC ${arg_SOURCES})
  add_library(salamander::${folder} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${folder} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(NOT SALAMANDER_FAULT_TOLERANCE)
    target_compile_definitions(${name} PUBLIC SALAMANDER_WITHOUT_FAULT_TOLERANCE)
  endif()
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:salamander_warnings>)
endfunction()
