# Target `json_members`, and the function `precompile` for the libraries, the program and the tests.
# Files still include all that they use, so they also compile with CMAKE_DISABLE_PRECOMPILE_HEADERS.

add_library(json_members STATIC ${CMAKE_CURRENT_LIST_DIR}/json.cpp)
target_link_libraries(json_members PRIVATE project_options nlohmann_json::nlohmann_json)
# Optimized in every build, since most of the time of the tests passes in here.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/json.cpp PROPERTIES
  COMPILE_OPTIONS $<$<NOT:$<CONFIG:Release>>:-O1>)

# The headers need an owner that compiles something.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/nothing.cpp CONTENT "")
foreach(owner precompiled precompiled_tests)
  add_library(${owner} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/nothing.cpp)
  target_link_libraries(${owner} PRIVATE project_options nlohmann_json::nlohmann_json)
endforeach()
target_link_libraries(precompiled_tests PRIVATE GTest::gmock GTest::gtest)
target_precompile_headers(precompiled PRIVATE <tests/tools/precompiled.h>)
target_precompile_headers(precompiled_tests PRIVATE <tests/tools/precompiled.h> <gmock/gmock.h> <gtest/gtest.h>)

# precompile(<target> [precompiled_tests])
function(precompile target)
  set(owner precompiled ${ARGN})
  list(GET owner -1 owner)
  target_precompile_headers(${target} REUSE_FROM ${owner})
  target_link_libraries(${target} PRIVATE json_members)
endfunction()
