// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/string_literal.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/promql/lexer.h"

#include <fmt/format.h>

#include <cstdint>

namespace narthex::promql {
namespace {

int digitValue(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

class StringScanner
{
public:
    explicit StringScanner(std::string_view text) : text_(text), quote_(text.front()) {}

    StringScan run()
    {
        at_ = 1;
        quote_ == '`' ? raw() : quoted();
        scan_.length = at_;
        return std::move(scan_);
    }

private:
    void raw()
    {
        const std::size_t end = text_.find('`', 1);
        if (end == std::string_view::npos) {
            at_ = text_.size();
            scan_.error = "unterminated raw string";
            return;
        }
        scan_.value = text_.substr(1, end - 1);
        at_ = end + 1;
        if (!base::isValidUtf8(scan_.value)) {
            scan_.error = "invalid UTF-8 rune";
        }
    }

    void quoted()
    {
        while (scan_.error.empty()) {
            if (at_ >= text_.size() || text_[at_] == '\n') {
                scan_.error = "unterminated quoted string";
                return;
            }
            if (text_[at_] == quote_) {
                ++at_;
                return;
            }
            text_[at_] == '\\' ? escape() : plain();
        }
    }

    void plain()
    {
        const std::size_t length = base::utf8SequenceLength(text_.substr(at_));
        if (length == 0) {
            scan_.error = "invalid UTF-8 rune";
            return;
        }
        scan_.value += text_.substr(at_, length);
        at_ += length;
    }

    void escape()
    {
        ++at_;
        if (at_ >= text_.size()) {
            scan_.error = "escape sequence not terminated";
            return;
        }
        const char c = text_[at_];
        constexpr std::string_view kNames = "abfnrtv\\";
        constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\";
        if (const std::size_t index = kNames.find(c);
            index != std::string_view::npos || c == quote_) {
            scan_.value += c == quote_ ? c : kBytes[index];
            ++at_;
            return;
        }
        switch (c) {
        case 'x':
            ++at_;
            return number(2, 16, 0xFF, false);
        case 'u':
            ++at_;
            return number(4, 16, 0x10FFFF, true);
        case 'U':
            ++at_;
            return number(8, 16, 0x10FFFF, true);
        default:
            if (c >= '0' && c <= '7') {
                return number(3, 8, 0xFF, false);
            }
            scan_.error = fmt::format("unknown escape sequence \"\\{}\"", c);
        }
    }

    void number(int digits, std::uint32_t radix, std::uint32_t highest, bool rune)
    {
        std::uint32_t value = 0;
        for (int i = 0; i < digits; ++i, ++at_) {
            if (at_ >= text_.size()) {
                scan_.error = "escape sequence not terminated";
                return;
            }
            const auto digit = static_cast<std::uint32_t>(digitValue(text_[at_]));
            if (digit >= radix) {
                scan_.error = fmt::format("illegal character '{}' in escape sequence", text_[at_]);
                return;
            }
            value = value * radix + digit;
        }
        if (value > highest || (rune && value >= 0xD800 && value < 0xE000)) {
            scan_.error = "escape sequence is an invalid Unicode code point";
            return;
        }
        rune ? base::appendUtf8(scan_.value, value)
             : scan_.value.push_back(static_cast<char>(value));
    }

    const std::string_view text_;
    const char quote_;
    std::size_t at_ = 0;
    StringScan scan_;
};

} // namespace

StringScan scanString(std::string_view text) { return StringScanner(text).run(); }

absl::StatusOr<std::string> unquoteString(std::string_view token)
{
    if (token.empty() || (token[0] != '"' && token[0] != '\'' && token[0] != '`')) {
        return base::invalidArgument("not a quoted string: {}", token);
    }
    StringScan scan = scanString(token);
    if (!scan.error.empty()) {
        return base::invalidArgument("{}", scan.error);
    }
    if (scan.length != token.size()) {
        return base::invalidArgument("text after the end of a string: {}", token);
    }
    return std::move(scan.value);
}

} // namespace narthex::promql
