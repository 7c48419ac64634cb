# Installation: libraries, public headers and a package that find_package(salamander CONFIG) finds.
include(CMakePackageConfigHelpers)

set(SALAMANDER_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/salamander)

install(TARGETS salamander salamander_rdd salamander_storage salamander_scheduler salamander_actors EXPORT salamander_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT salamander_targets NAMESPACE salamander:: FILE salamander-targets.cmake DESTINATION ${SALAMANDER_PACKAGE_DIR})

# Programs include the public face only; the headers of the layers above it stay here.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/rdd/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/salamander/rdd
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
install(FILES ${PROJECT_SOURCE_DIR}/salamander.hpp ${PROJECT_SOURCE_DIR}/testing.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/salamander)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/salamander-config.cmake.in ${PROJECT_BINARY_DIR}/salamander-config.cmake
                              INSTALL_DESTINATION ${SALAMANDER_PACKAGE_DIR})
# Before 1.0 a new minor version may break programs.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/salamander-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/salamander-config.cmake ${PROJECT_BINARY_DIR}/salamander-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/SalamanderDependencies.cmake
        DESTINATION ${SALAMANDER_PACKAGE_DIR})
# What is installed, without tests and applications.
add_custom_target(installable DEPENDS salamander salamander_rdd salamander_storage salamander_scheduler salamander_actors)
if(TARGET salamander_tool)
  add_dependencies(installable salamander_tool)
  include(SalamanderDeploy)
endif()
