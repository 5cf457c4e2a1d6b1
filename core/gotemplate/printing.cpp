// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/printing.h"

#include "core/base/number.h"
#include "core/base/utf8.h"
#include "core/gotemplate/number_printing.h"
#include "core/gotemplate/time_text.h"
#include "core/promql/histogram_math.h"

#include <fmt/format.h>

namespace narthex::gotemplate {
namespace {

constexpr std::int64_t kLongestWidth = 1'000'000;
constexpr std::size_t kLargestOutput = 16U << 20U;

/// Prints one argument after the other into `out`.
class Printer
{
public:
    explicit Printer(std::string& out) : out_(out) {}

    void value(const Value& value, char32_t verb);
    PrintFlags flags;

private:
    void quotedText(std::string_view text);
    void text(std::string_view text, char32_t verb, const Value& value);
    void integer(std::uint64_t magnitude, bool negative, char32_t verb, const Value& value);
    void bad(char32_t verb, const Value& value);
    template <typename Entries>
    void map(const Entries& entries, std::string_view type, char32_t verb);
    void list(const List& elements, char32_t verb);
    bool composite(const Value& value, char32_t verb);
    bool spoken(const Value& value, char32_t verb);

    std::string& out_;
};

void Printer::bad(char32_t verb, const Value& argument)
{
    out_ += "%!";
    base::appendUtf8(out_, verb);
    out_ += '(';
    if (argument.isNil()) {
        out_ += "<nil>";
    } else {
        out_ += argument.typeName();
        out_ += '=';
        Printer plain(out_);
        plain.value(argument, U'v');
    }
    out_ += ')';
}

void Printer::quotedText(std::string_view text)
{
    const std::string_view cut =
        flags.precision ? base::firstRunes(text, static_cast<std::size_t>(*flags.precision)) : text;
    appendPadded(out_,
                 flags.sharp && isRawQuotable(cut) ? "`" + std::string(cut) + "`"
                                                   : quoteText(cut, flags.plus),
                 flags);
}

void Printer::text(std::string_view text, char32_t verb, const Value& argument)
{
    const auto cut = [&] {
        return flags.precision ? base::firstRunes(text, static_cast<std::size_t>(*flags.precision))
                               : text;
    };
    switch (verb) {
    case U'v':
        if (flags.sharpV) {
            appendPadded(out_, quoteText(text, false), flags);
            return;
        }
        [[fallthrough]];
    case U's':
        appendPadded(out_, cut(), flags);
        return;
    case U'x':
    case U'X':
        appendPadded(out_,
                     hexOfText(flags.precision
                                   ? text.substr(0, static_cast<std::size_t>(*flags.precision))
                                   : text,
                               verb == U'X', flags),
                     flags);
        return;
    case U'q':
        quotedText(text);
        return;
    default:
        bad(verb, argument);
    }
}

void Printer::integer(std::uint64_t magnitude, bool negative, char32_t verb, const Value& argument)
{
    std::string text;
    if (formatInteger(text, magnitude, negative, verb, flags)) {
        out_ += text;
    } else {
        bad(verb, argument);
    }
}

template <typename Entries>
void Printer::map(const Entries& entries, std::string_view type, char32_t verb)
{
    out_ += flags.sharpV ? fmt::format("{}{{", type) : "map[";
    bool first = true;
    for (const auto& [name, each] : entries) {
        if (!first) {
            out_ += flags.sharpV ? ", " : " ";
        }
        first = false;
        value(Value(name), verb);
        out_ += ':';
        value(Value(each), verb);
    }
    out_ += flags.sharpV ? '}' : ']';
}

void Printer::list(const List& elements, char32_t verb)
{
    out_ += flags.sharpV ? "[]interface {}{" : "[";
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (i > 0) {
            out_ += flags.sharpV ? ", " : " ";
        }
        value(elements[i], verb);
    }
    out_ += flags.sharpV ? '}' : ']';
}

// Lists and maps, also those that objects are.
bool Printer::composite(const Value& argument, char32_t verb)
{
    if (const auto* elements = argument.as<std::shared_ptr<const List>>()) {
        list(**elements, verb);
    } else if (const auto* entries = argument.as<std::shared_ptr<const Map>>()) {
        map(**entries, argument.typeName(), verb);
    } else if (const TextMap* texts = argument.entries()) {
        map(*texts, argument.typeName(), verb);
    } else {
        return false;
    }
    return true;
}

// What says itself what it is, whatever the verb.
bool Printer::spoken(const Value& argument, char32_t verb)
{
    std::string said;
    if (const auto* time = argument.as<Time>()) {
        said = toText(*time);
    } else if (const auto* span = argument.as<Span>();
               span != nullptr && (verb == U'v' || verb == U's' || verb == U'q')) {
        said = span->toString();
    } else if (const auto* histogram =
                   argument.as<std::shared_ptr<const model::FloatHistogram>>()) {
        said = *histogram == nullptr ? "<nil>" : promql::histogramText(**histogram);
    } else if (const auto* object = argument.as<std::shared_ptr<const Object>>()) {
        if (*object == nullptr) {
            said = "<nil>";
        } else {
            (*object)->print(said);
        }
    } else if (argument.as<std::shared_ptr<const Function>>() != nullptr) {
        said = "0x1";
    } else {
        return false;
    }
    text(said, verb == U'd' ? U'v' : verb, Value(said));
    return true;
}

void Printer::value(const Value& argument, char32_t verb)
{
    if (verb == U'T') {
        appendPadded(out_, argument.typeName(), flags);
        return;
    }
    if (argument.isNil()) {
        verb == U'v' ? appendPadded(out_, "<nil>", flags) : bad(verb, argument);
        return;
    }
    if (const auto* flag = argument.as<bool>()) {
        verb == U't' || verb == U'v' ? appendPadded(out_, *flag ? "true" : "false", flags)
                                     : bad(verb, argument);
    } else if (const auto* number = argument.as<std::int64_t>()) {
        integer(*number < 0 ? 0 - static_cast<std::uint64_t>(*number)
                            : static_cast<std::uint64_t>(*number),
                *number < 0, verb, argument);
    } else if (const auto* natural = argument.as<std::uint64_t>()) {
        integer(*natural, false, verb, argument);
    } else if (const auto* real = argument.as<double>()) {
        if (!formatReal(out_, *real, verb, flags)) {
            bad(verb, argument);
        }
    } else if (const auto characters = argument.text()) {
        text(*characters, verb, argument);
    } else if (verb == U'p') {
        bad(verb, argument);
    } else if (!composite(argument, verb) && !spoken(argument, verb)) {
        const std::int64_t ns = argument.as<Span>()->nanoseconds;
        integer(ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns),
                ns < 0, verb, argument);
    }
}

/// Reads a format and takes the arguments that it asks for.
class FormatReader
{
public:
    FormatReader(std::string_view format, std::span<const Value> arguments, std::string& out)
        : rest_(format), arguments_(arguments), out_(out)
    {}

    void run()
    {
        while (!rest_.empty() && out_.size() < kLargestOutput) {
            const std::size_t percent = rest_.find('%');
            out_ += rest_.substr(0, percent);
            if (percent == std::string_view::npos) {
                break;
            }
            rest_.remove_prefix(percent + 1);
            directive();
        }
        if (!reordered_ && next_ < arguments_.size()) {
            extra();
        }
    }

private:
    void extra()
    {
        out_ += "%!(EXTRA ";
        for (std::size_t i = next_; i < arguments_.size(); ++i) {
            out_ += i > next_ ? ", " : "";
            if (arguments_[i].isNil()) {
                out_ += "<nil>";
            } else {
                out_ += arguments_[i].typeName() + "=";
                appendValue(out_, arguments_[i]);
            }
        }
        out_ += ')';
    }

    void readFlags(PrintFlags& flags)
    {
        for (; !rest_.empty(); rest_.remove_prefix(1)) {
            switch (rest_.front()) {
            case '#':
                flags.sharp = true;
                break;
            case '0':
                flags.zero = true;
                break;
            case '+':
                flags.plus = true;
                break;
            case '-':
                flags.minus = true;
                break;
            case ' ':
                flags.blank = true;
                break;
            default:
                return;
            }
        }
    }

    // `[3]`: the next argument is the third.
    void readIndex()
    {
        afterIndex_ = false;
        if (!rest_.starts_with('[')) {
            return;
        }
        reordered_ = true;
        const std::size_t close = rest_.find(']');
        if (close == std::string_view::npos) {
            goodIndex_ = false;
            rest_.remove_prefix(1);
            return;
        }
        const auto index = base::parseUint(rest_.substr(1, close - 1));
        rest_.remove_prefix(close + 1);
        if (!index || *index < 1 || *index > arguments_.size()) {
            goodIndex_ = false;
            return;
        }
        next_ = static_cast<std::size_t>(*index) - 1;
        afterIndex_ = true;
    }

    std::optional<std::int64_t> readDigits()
    {
        std::size_t count = 0;
        while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') {
            ++count;
        }
        const auto number = base::parseInt(rest_.substr(0, count));
        rest_.remove_prefix(count);
        return number && *number <= kLongestWidth ? number : std::nullopt;
    }

    // `*`: the number is an argument.
    std::optional<std::int64_t> readStar(std::string_view complaint)
    {
        rest_.remove_prefix(1);
        afterIndex_ = false;
        const std::int64_t* number =
            next_ < arguments_.size() ? arguments_[next_].as<std::int64_t>() : nullptr;
        next_ += next_ < arguments_.size() ? 1 : 0;
        if (number == nullptr || *number > kLongestWidth || *number < -kLongestWidth) {
            out_ += complaint;
            return std::nullopt;
        }
        return *number;
    }

    void readWidth(PrintFlags& flags)
    {
        if (rest_.starts_with('*')) {
            flags.width = readStar("%!(BADWIDTH)");
            if (flags.width && *flags.width < 0) {
                flags.minus = true;
                flags.width = -*flags.width;
            }
        } else {
            flags.width = readDigits();
            if (afterIndex_ && flags.width) {
                goodIndex_ = false;
            }
        }
    }

    void readPrecision(PrintFlags& flags)
    {
        if (!rest_.starts_with('.')) {
            return;
        }
        rest_.remove_prefix(1);
        goodIndex_ = goodIndex_ && !afterIndex_;
        readIndex();
        if (rest_.starts_with('*')) {
            flags.precision = readStar("%!(BADPREC)");
            if (flags.precision && *flags.precision < 0) {
                flags.precision.reset();
                out_ += "%!(BADPREC)";
            }
        } else {
            flags.precision = readDigits().value_or(0);
        }
    }

    void directive()
    {
        Printer printer(out_);
        PrintFlags& flags = printer.flags;
        goodIndex_ = true;
        readFlags(flags);
        readIndex();
        readWidth(flags);
        readPrecision(flags);
        if (!afterIndex_) {
            readIndex();
        }
        const base::Rune verb = base::firstRune(rest_);
        if (verb.length == 0) {
            out_ += "%!(NOVERB)";
            return;
        }
        rest_.remove_prefix(verb.length);
        if (verb.value == U'%') {
            out_ += '%';
        } else if (!goodIndex_ || next_ >= arguments_.size()) {
            out_ += "%!";
            base::appendUtf8(out_, verb.value);
            out_ += goodIndex_ ? "(MISSING)" : "(BADINDEX)";
        } else {
            if (verb.value == U'v') {
                flags.sharpV = flags.sharp;
                flags.sharp = false;
                flags.plus = false;
            }
            printer.value(arguments_[next_++], verb.value);
        }
    }

    std::string_view rest_;
    const std::span<const Value> arguments_;
    std::string& out_;
    std::size_t next_ = 0;
    bool reordered_ = false;
    bool goodIndex_ = true;
    bool afterIndex_ = false;
};

} // namespace

void appendValue(std::string& out, const Value& value)
{
    if (const auto* text = value.as<std::string>()) {
        out += *text;
        return;
    }
    Printer(out).value(value, U'v');
}

std::string printFormatted(std::string_view format, std::span<const Value> arguments)
{
    std::string out;
    FormatReader(format, arguments, out).run();
    return out;
}

std::string print(std::span<const Value> arguments)
{
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (i > 0 && !arguments[i].text() && !arguments[i - 1].text()) {
            out += ' ';
        }
        appendValue(out, arguments[i]);
    }
    return out;
}

std::string printLine(std::span<const Value> arguments)
{
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        out += i > 0 ? " " : "";
        appendValue(out, arguments[i]);
    }
    return out += '\n';
}

} // namespace narthex::gotemplate
