// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What commands list, in the form that is asked for: a table for people, JSON or CSV for programs.
// Owner: value types. Threads: main. Format: CSV as RFC 4180 with "\n"; JSON as a list of objects,
// whose keys are the columns' names in snake case.
#pragma once

#include <CLI/CLI.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::ctl {

using Rows = std::vector<std::vector<std::string>>;

/// How columns of the table form are laid out: a cell is padded to the widest one of its column and
/// `gap` blanks, and to `minWidth` at least.
struct TableLayout
{
    std::size_t gap = 2;
    std::size_t minWidth = 0;
    /// The last cell of a line is padded, too.
    bool padsLast = false;
};

struct Table
{
    std::vector<std::string> columns;
    /// As many cells as there are columns.
    Rows rows;
};

/// Lines of cells as aligned columns. Widths are bytes.
std::string alignRows(const Rows& rows, const TableLayout& layout);

/// `format`: table, json or csv.
std::string tableText(const Table& table, std::string_view format, const TableLayout& layout = {});

/// `--format table|json|csv`.
void addFormat(CLI::App& command, std::string& format);

} // namespace narthex::ctl
