# SPDX-FileCopyrightText: Narthex developers
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The functions that declare everything:
#   narthex_module(NAME core/tsdb SOURCES … PUBLIC … PRIVATE …)      a library, target narthex_tsdb (ui/x: narthex_ui_x)
#   narthex_test(NAME tst_x SOURCES … LINK … [LABELS …] [GUI])       one Qt Test program, run by ctest
#   narthex_bench(NAME bench_x SOURCES … LINK …)                     Google Benchmark, run by hand
#   narthex_fuzz(NAME fuzz_x SOURCES … LINK …)                       libFuzzer target, only in the fuzz preset
#
# Each module has an include root of its own in the build tree (a link to its folder), public on its target:
# a header of a module that is not linked is not found, so an include that runs upward does not compile.

set(NARTHEX_WARNINGS
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-gnu-zero-variadic-macro-arguments>
    # Designated initialisers leave out members on purpose: their defaults are meant.
    -Wno-missing-field-initializers
    # GCC 12 reports these in inlined library code where they do not apply (std::variant, std::string).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow>)

function(narthex_options target)
    target_compile_options(${target} PRIVATE ${NARTHEX_WARNINGS})
    set_target_properties(${target} PROPERTIES
        COMPILE_WARNING_AS_ERROR ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    if(NARTHEX_LTO)
        set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
    endif()
endfunction()

function(narthex_check_headers target path)
    if(NOT NARTHEX_CHECK_HEADERS)
        return()
    endif()
    file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${path}/*.h)
    set(sources "")
    foreach(header IN LISTS headers)
        set(source ${CMAKE_BINARY_DIR}/header_check/${header}.cpp)
        file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\" // IWYU pragma: keep\n" @ONLY)
        list(APPEND sources ${source})
    endforeach()
    if(sources)
        add_library(${target}_headers OBJECT ${sources})
        narthex_options(${target}_headers)
        target_link_libraries(${target}_headers PRIVATE ${target})
    endif()
endfunction()

function(narthex_module)
    cmake_parse_arguments(arg "QT" "NAME" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    string(REGEX REPLACE "^core/" "" short "${arg_NAME}")
    string(REPLACE "/" "_" short "${short}")
    set(target narthex_${short})
    list(TRANSFORM arg_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/${arg_NAME}/)
    add_library(${target} STATIC ${arg_SOURCES})
    add_library(narthex::${short} ALIAS ${target})
    set(root ${CMAKE_BINARY_DIR}/include_roots/${target})
    get_filename_component(parent ${root}/${arg_NAME} DIRECTORY)
    file(MAKE_DIRECTORY ${parent})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${arg_NAME} ${root}/${arg_NAME} SYMBOLIC)
    target_include_directories(${target} PUBLIC ${root})
    target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
    narthex_options(${target})
    if(arg_QT)
        set_target_properties(${target} PROPERTIES AUTOMOC ON AUTOMOC_MOC_OPTIONS "-D_GLIBCXX_VISIBILITY=")
        target_compile_definitions(${target} PRIVATE QT_NO_KEYWORDS)
        if(TARGET narthex_qt_pch AND NOT NARTHEX_CHECK_HEADERS)
            target_precompile_headers(${target} REUSE_FROM narthex_qt_pch)
        endif()
    endif()
    narthex_check_headers(${target} ${arg_NAME})
endfunction()

function(narthex_test)
    cmake_parse_arguments(arg "GUI" "NAME;TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
    if(NOT BUILD_TESTING OR NARTHEX_FUZZ)
        return()
    endif()
    if(NOT arg_SOURCES)
        set(arg_SOURCES ${arg_NAME}.cpp)
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    narthex_options(${arg_NAME})
    set_target_properties(${arg_NAME} PROPERTIES
        AUTOMOC ON AUTOMOC_MOC_OPTIONS "-D_GLIBCXX_VISIBILITY=" RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} Qt6::Test)
    if(NARTHEX_SANITIZE MATCHES "thread")
        target_sources(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/tsan_mutex.cpp)
        target_link_libraries(${arg_NAME} PRIVATE absl::synchronization ${CMAKE_DL_LIBS})
    endif()
    target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_compile_definitions(${arg_NAME} PRIVATE
        NARTHEX_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
        NARTHEX_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared"
        NARTHEX_PEERS_DIR="${PROJECT_SOURCE_DIR}/build/peers"
        NARTHEX_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
    set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
        ENVIRONMENT "TSAN_OPTIONS=halt_on_error=1;UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1;QT_QPA_PLATFORM=offscreen")
endfunction()

function(narthex_bench)
    cmake_parse_arguments(arg "" "NAME" "SOURCES;LINK" ${ARGN})
    if(NOT TARGET benchmark::benchmark OR NARTHEX_FUZZ)
        return()
    endif()
    if(NOT arg_SOURCES)
        set(arg_SOURCES ${arg_NAME}.cpp)
    endif()
    add_executable(${arg_NAME} EXCLUDE_FROM_ALL ${arg_SOURCES})
    narthex_options(${arg_NAME})
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} benchmark::benchmark)
    add_dependencies(narthex_benchmarks ${arg_NAME})
endfunction()

# A fuzz target is one function, LLVMFuzzerTestOneInput. In the fuzz preset it becomes a libFuzzer program; in every
# other preset its corpus (tests/data/fuzz/<name>) and its own seeds run through it once, as an ordinary test.
function(narthex_fuzz)
    cmake_parse_arguments(arg "" "NAME" "SOURCES;LINK" ${ARGN})
    if(NOT arg_SOURCES)
        set(arg_SOURCES ${arg_NAME}.cpp)
    endif()
    if(NARTHEX_FUZZ)
        add_executable(${arg_NAME} ${arg_SOURCES})
        target_compile_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
        target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
    elseif(BUILD_TESTING)
        add_executable(${arg_NAME} ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus_main.cpp)
        add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} ${PROJECT_SOURCE_DIR}/tests/data/fuzz/${arg_NAME})
    else()
        return()
    endif()
    narthex_options(${arg_NAME})
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK})
endfunction()
