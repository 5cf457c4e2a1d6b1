// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text as a template: parsed, and executed over a small tree of data as text and as HTML.
#include "core/gotemplate/alert_templates.h"

#include <cstdint>
#include <string_view>

namespace {

using namespace narthex::gotemplate;

Value data()
{
    Map map;
    map.emplace("s", Value("<text>"));
    map.emplace("n", Value(3));
    map.emplace("f", Value(1.5));
    map.emplace("list", Value(List{Value("a"), Value(2), Value()}));
    map.emplace("labels", Value(TextMap{{"a", "1"}}));
    map.emplace("when", Value(Time{}));
    map.emplace("span", Value(Span{1}));
    return Value(std::move(map));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    static const Value kData = data();
    static const TemplateSet kText(prometheusFunctions(), Escaping::None);
    static const TemplateSet kHtml(prometheusFunctions(), Escaping::Html);
    // Long loops are no find: they end at the limit of the output.
    const Execution limits{.limitBytes = 4096};
    static_cast<void>(kText.executeText("t", text, kData, limits));
    static_cast<void>(kHtml.executeText("t", text, kData, limits));
    static_cast<void>(AlertTemplate::parse("t", text));
    return 0;
}
