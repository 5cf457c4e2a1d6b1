// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/text_writer.h"

#include "core/base/number.h"

namespace narthex::exposition {

void appendEscaped(std::string& out, std::string_view text, bool quoted)
{
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quoted) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

TextWriter& TextWriter::family(std::string_view name, model::MetricType type, std::string_view help)
{
    name_ = name;
    if (!help.empty()) {
        out_ += "# HELP ";
        out_ += name;
        out_ += ' ';
        appendEscaped(out_, help, false);
        out_ += '\n';
    }
    out_ += "# TYPE ";
    out_ += name;
    out_ += ' ';
    out_ += type == model::MetricType::Unknown ? "untyped" : model::metricTypeText(type);
    out_ += '\n';
    return *this;
}

template <typename Range>
TextWriter& TextWriter::write(std::string_view name, const Range& labels, double value)
{
    out_ += name;
    char separator = '{';
    for (const model::LabelView& label : labels) {
        out_ += separator;
        out_ += label.name;
        out_ += "=\"";
        appendEscaped(out_, label.value, true);
        out_ += '"';
        separator = ',';
    }
    out_ += separator == ',' ? "} " : " ";
    out_ += base::formatFloatG(value);
    out_ += '\n';
    return *this;
}

TextWriter& TextWriter::sample(std::initializer_list<model::LabelView> labels, double value)
{
    return write(name_, labels, value);
}

TextWriter& TextWriter::sampleNamed(std::string_view name,
                                    std::initializer_list<model::LabelView> labels, double value)
{
    return write(name, labels, value);
}

TextWriter& TextWriter::sampleNamed(std::string_view name,
                                    const std::vector<model::LabelView>& labels, double value)
{
    return write(name, labels, value);
}

} // namespace narthex::exposition
