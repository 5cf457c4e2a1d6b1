// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/regex_shape.h"

#include "core/base/text.h"

#include <algorithm>
#include <utility>

namespace narthex::model {
namespace {

/// More alternatives than this are left to the expression itself.
constexpr std::size_t kAlternativesMax = 256;
constexpr int kDepthMax = 16;

using Alternatives = std::vector<TextWithGaps>;

bool isAscii(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

TextWithGaps plain(std::string_view text) { return {{std::string(text)}, {}}; }

TextWithGaps joined(const TextWithGaps& a, const TextWithGaps& b)
{
    TextWithGaps result = a;
    result.texts.back() += b.texts.front();
    result.texts.insert(result.texts.end(), b.texts.begin() + 1, b.texts.end());
    result.gaps.insert(result.gaps.end(), b.gaps.begin(), b.gaps.end());
    return result;
}

/// Reads the part of the syntax that has a shape; anything else makes it fail.
class Parser
{
public:
    explicit Parser(std::string_view pattern) : rest_(pattern) {}

    std::optional<Alternatives> parse()
    {
        Alternatives result = alternation(0);
        return failed_ || !rest_.empty() ? std::nullopt : std::optional(std::move(result));
    }

private:
    Alternatives fail()
    {
        failed_ = true;
        return {};
    }
    [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool take(std::string_view text)
    {
        const bool there = rest_.starts_with(text);
        rest_.remove_prefix(there ? text.size() : 0);
        return there;
    }

    Alternatives alternation(int depth)
    {
        if (depth > kDepthMax) {
            return fail();
        }
        Alternatives all = sequence(depth);
        while (!failed_ && take("|")) {
            Alternatives more = sequence(depth);
            all.insert(all.end(), more.begin(), more.end());
            if (all.size() > kAlternativesMax) {
                return fail();
            }
        }
        return all;
    }

    Alternatives sequence(int depth)
    {
        Alternatives all{plain("")};
        while (!failed_ && !rest_.empty() && peek() != '|' && peek() != ')') {
            const Alternatives part = item(depth);
            if (failed_ || all.size() * part.size() > kAlternativesMax) {
                return fail();
            }
            Alternatives product;
            for (const TextWithGaps& a : all) {
                for (const TextWithGaps& b : part) {
                    product.push_back(joined(a, b));
                }
            }
            all = std::move(product);
        }
        return all;
    }

    Alternatives item(int depth)
    {
        if (take(".")) {
            return gap();
        }
        Alternatives one;
        if (take("(")) {
            if (peek() == '?' && !take("?:")) {
                return fail();
            }
            one = alternation(depth + 1);
            if (failed_ || !take(")")) {
                return fail();
            }
        } else if (take("[")) {
            one = characterClass();
        } else {
            one = character();
        }
        return failed_ ? fail() : repeated(std::move(one));
    }

    /// What follows a dot.
    Alternatives gap()
    {
        const bool isAny = take("*");
        if ((!isAny && !take("+")) || isRepetition(peek())) {
            return fail();
        }
        return {TextWithGaps{{"", ""}, {isAny ? std::size_t{0} : std::size_t{1}}}};
    }

    static bool isRepetition(char c) { return c == '*' || c == '+' || c == '?' || c == '{'; }

    Alternatives repeated(Alternatives one)
    {
        if (take("?")) {
            one.push_back(plain(""));
        }
        return isRepetition(peek()) ? fail() : one;
    }

    Alternatives character()
    {
        constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";
        if (take("\\")) {
            const char c = peek();
            if (kSpecial.find(c) == std::string_view::npos && c != '-' && c != '/') {
                return fail();
            }
            return literal(1);
        }
        if (kSpecial.find(peek()) != std::string_view::npos) {
            return fail();
        }
        // All bytes of one character: a repetition behind it takes it whole.
        std::size_t bytes = 1;
        while (bytes < rest_.size() && (static_cast<unsigned char>(rest_[bytes]) & 0xC0U) == 0x80) {
            ++bytes;
        }
        return literal(bytes);
    }

    Alternatives literal(std::size_t bytes)
    {
        if (rest_.empty()) {
            return fail();
        }
        Alternatives one{plain(rest_.substr(0, bytes))};
        rest_.remove_prefix(bytes);
        return one;
    }

    /// Letters, digits and a few more, with ranges.
    Alternatives characterClass()
    {
        const auto isSimple = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '.' || c == ':' || c == '/';
        };
        Alternatives all;
        while (!rest_.empty() && peek() != ']') {
            const char first = peek();
            rest_.remove_prefix(1);
            char last = first;
            if (take("-")) {
                last = peek();
                rest_.remove_prefix(rest_.empty() ? 0 : 1);
            }
            if (!isSimple(first) || !isSimple(last) || last < first) {
                return fail();
            }
            for (int c = first; c <= last; ++c) {
                all.push_back(plain(std::string(1, static_cast<char>(c))));
            }
        }
        return all.empty() || !take("]") ? fail() : all;
    }

    std::string_view rest_;
    bool failed_ = false;
};

} // namespace

bool TextWithGaps::matches(std::string_view text) const
{
    const std::string& first = texts.front();
    if (texts.size() == 1) {
        return text == first;
    }
    const std::string& last = texts.back();
    if (!text.starts_with(first)) {
        return false;
    }
    std::size_t at = first.size();
    for (std::size_t i = 1; i + 1 < texts.size(); ++i) {
        // The leftmost place leaves the most room for what follows.
        const std::size_t found = text.find(texts[i], at + gaps[i - 1]);
        if (found == std::string_view::npos) {
            return false;
        }
        at = found + texts[i].size();
    }
    return text.size() >= at + gaps.back() + last.size() && text.ends_with(last);
}

std::optional<RegexShape> RegexShape::of(std::string_view pattern)
{
    RegexShape shape;
    if (pattern.starts_with("(?i)")) {
        shape.ignoresCase_ = true;
        pattern.remove_prefix(4);
        if (!isAscii(pattern)) {
            return std::nullopt;
        }
    }
    std::optional<Alternatives> alternatives = Parser(pattern).parse();
    if (!alternatives) {
        return std::nullopt;
    }
    shape.alternatives_ = *std::move(alternatives);
    if (shape.ignoresCase_) {
        for (TextWithGaps& alternative : shape.alternatives_) {
            for (std::string& text : alternative.texts) {
                text = base::lowered(text);
            }
        }
        return shape;
    }
    const bool allPlain = std::all_of(shape.alternatives_.begin(), shape.alternatives_.end(),
                                      [](const TextWithGaps& a) { return a.gaps.empty(); });
    if (allPlain) {
        for (TextWithGaps& alternative : shape.alternatives_) {
            shape.literals_.push_back(std::move(alternative.texts.front()));
        }
        shape.alternatives_.clear();
        std::sort(shape.literals_.begin(), shape.literals_.end());
        shape.literals_.erase(std::unique(shape.literals_.begin(), shape.literals_.end()),
                              shape.literals_.end());
    }
    return shape;
}

std::optional<bool> RegexShape::matches(std::string_view text) const
{
    if (!literals_.empty()) {
        return std::binary_search(literals_.begin(), literals_.end(), text);
    }
    if (!isAscii(text)) {
        return std::nullopt;
    }
    const std::string folded = ignoresCase_ ? base::lowered(text) : std::string();
    const std::string_view looked = ignoresCase_ ? std::string_view(folded) : text;
    return std::any_of(alternatives_.begin(), alternatives_.end(),
                       [looked](const TextWithGaps& a) { return a.matches(looked); });
}

std::string RegexShape::prefix() const
{
    if (ignoresCase_) {
        return {};
    }
    const auto firstText = [this](std::size_t i) -> const std::string& {
        return literals_.empty() ? alternatives_[i].texts.front() : literals_[i];
    };
    const std::size_t count = literals_.empty() ? alternatives_.size() : literals_.size();
    std::string prefix = count == 0 ? std::string() : firstText(0);
    for (std::size_t i = 1; i < count; ++i) {
        const std::string& other = firstText(i);
        const auto end = std::mismatch(prefix.begin(), prefix.end(), other.begin(), other.end());
        prefix.erase(end.first, prefix.end());
    }
    return prefix;
}

} // namespace narthex::model
