# The house: one target per folder of src/. A folder's headers are reached as "folder/name.h"
# through a directory that only its own target exports, so that the link list of a folder is its
# list of permitted includes: a forbidden include does not compile.

set(HOUSE_DIR ${CMAKE_BINARY_DIR}/house)

add_library(house_flags INTERFACE)
target_compile_options(house_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wextra-semi -Werror -fno-omit-frame-pointer)
target_compile_definitions(house_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  SPDLOG_FMT_EXTERNAL)
target_link_options(house_flags INTERFACE -fuse-ld=lld -Wl,--gc-sections -Wl,-z,pack-relative-relocs)
if(VOXANNE_SANITIZE)
  target_compile_options(house_flags INTERFACE -fsanitize=${VOXANNE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(house_flags INTERFACE -fsanitize=${VOXANNE_SANITIZE})
endif()
if(VOXANNE_FUZZ)
  add_custom_target(fuzzers)
  target_compile_options(house_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# voxanne_folder(name [LINKS targets...] [PRIVATE_LINKS targets...])
# The library of one folder (and of one provider's subfolder: telephony/sip is named
# telephony_sip), from its *.cpp; *_test.cpp become the executable <name>_test, *_fuzz.cpp one
# libFuzzer target each when VOXANNE_FUZZ is on.
function(voxanne_folder name)
  cmake_parse_arguments(ARG "" "" "LINKS;PRIVATE_LINKS;TEST_LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cpp$|/main\\.cpp$")

  file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
  get_filename_component(parent ${HOUSE_DIR}/${name}/${path} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${HOUSE_DIR}/${name}/${path} SYMBOLIC)

  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${HOUSE_DIR}/${name})
    target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS} house_flags)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${HOUSE_DIR}/${name})
    target_link_libraries(${name} INTERFACE ${ARG_LINKS})
  endif()

  if(tests AND NOT VOXANNE_FUZZ)
    voxanne_test(${name}_test ${tests} LINKS ${name} ${ARG_PRIVATE_LINKS} ${ARG_TEST_LINKS})
  endif()
  if(VOXANNE_FUZZ)
    foreach(fuzzer IN LISTS fuzzers)
      get_filename_component(target ${fuzzer} NAME_WE)
      add_executable(${name}_${target} ${fuzzer})
      target_link_libraries(${name}_${target} PRIVATE ${name} ${ARG_PRIVATE_LINKS} house_flags)
      target_link_options(${name}_${target} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${name}_${target})
    endforeach()
  endif()
endfunction()

# voxanne_test(name sources... LINKS targets... [TIMEOUT seconds] [SERIAL | WAITING]): a GoogleTest
# executable, one ctest per case; SERIAL for those that are the whole machine's work, WAITING for those that
# mostly wait (a lease, a deadline, a caller who listens): they take half a processor, and ctest is told the
# number of halves (./test).
function(voxanne_test name)
  cmake_parse_arguments(ARG "SERIAL;WAITING" "TIMEOUT" "LINKS" ${ARGN})
  set(halves 2)
  if(ARG_WAITING)
    set(halves 1)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 240) # what hangs; recognition of an hour of speech takes two minutes beside other work
  endif()
  set(reports "")
  if(VOXANNE_SANITIZE)
    # As tests/support/patience.h; and a report fails the test, whichever process wrote it.
    set(slowness 4)
    if(VOXANNE_SANITIZE MATCHES thread)
      set(slowness 8)
    endif()
    math(EXPR ARG_TIMEOUT "${slowness} * ${ARG_TIMEOUT}")
    set(reports FAIL_REGULAR_EXPRESSION "Sanitizer: |runtime error: ")
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} house_flags GTest::gmock GTest::gtest_main)
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX "${name}."
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL} PROCESSORS ${halves} ${reports})
endfunction()
