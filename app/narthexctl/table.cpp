// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "table.h"

#include "core/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::ctl {
namespace {

/// "NUM SAMPLES" becomes "num_samples".
std::string keyOf(std::string_view column)
{
    std::string key;
    for (const char c : column) {
        key += c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return key;
}

std::string jsonOf(const Table& table)
{
    std::vector<std::string> keys;
    for (const std::string& column : table.columns) {
        keys.push_back(keyOf(column));
    }
    std::string text;
    base::JsonWriter json(text);
    json.beginArray();
    for (const auto& row : table.rows) {
        json.beginObject();
        for (std::size_t i = 0; i < std::min(row.size(), keys.size()); ++i) {
            json.member(keys[i], row[i]);
        }
        json.endObject();
    }
    json.endArray();
    return text + "\n";
}

void appendCsvLine(std::string& text, const std::vector<std::string>& cells)
{
    for (std::size_t i = 0; i < cells.size(); ++i) {
        text += i == 0 ? "" : ",";
        if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
            text += cells[i];
            continue;
        }
        text += '"';
        for (const char c : cells[i]) {
            text += c == '"' ? "\"\"" : std::string(1, c);
        }
        text += '"';
    }
    text += '\n';
}

} // namespace

std::string alignRows(const Rows& rows, const TableLayout& layout)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()), layout.minWidth);
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size() + layout.gap);
        }
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (layout.padsLast || i + 1 < row.size()) {
                text.append(widths[i] - row[i].size(), ' ');
            }
        }
        text += '\n';
    }
    return text;
}

std::string tableText(const Table& table, std::string_view format, const TableLayout& layout)
{
    if (format == "json") {
        return jsonOf(table);
    }
    if (format == "csv") {
        std::string text;
        appendCsvLine(text, table.columns);
        for (const auto& row : table.rows) {
            appendCsvLine(text, row);
        }
        return text;
    }
    Rows rows;
    rows.reserve(table.rows.size() + 1);
    if (!table.columns.empty()) {
        rows.push_back(table.columns);
    }
    rows.insert(rows.end(), table.rows.begin(), table.rows.end());
    return alignRows(rows, layout);
}

void addFormat(CLI::App& command, std::string& format)
{
    command.add_option("--format", format, "table, json or csv")
        ->check(CLI::IsMember({"table", "json", "csv"}))
        ->capture_default_str();
}

} // namespace narthex::ctl
