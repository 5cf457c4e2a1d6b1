// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the sources of `create-blocks-from` share. Threads: main.
#pragma once

#include "tsdb_commands.h"

#include "core/tsdb/block_meta.h"

#include <filesystem>
#include <memory>
#include <utility>

namespace narthex::ctl {

struct PrintFlags
{
    bool humanReadable = false;
    bool quiet = false;
};

/// Prints blocks as they are made, one line each, a heading above the first.
class BlockPrinter
{
public:
    BlockPrinter(std::filesystem::path directory, const PrintFlags& flags)
        : directory_(std::move(directory)), flags_(flags)
    {}
    void print(const tsdb::BlockMeta& meta);

private:
    const std::filesystem::path directory_;
    const PrintFlags flags_;
    bool hasHeader_ = false;
};

void addTsdbRules(CLI::App& parent, const std::shared_ptr<PrintFlags>& printing, int& exitCode);

} // namespace narthex::ctl
