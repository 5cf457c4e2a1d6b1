// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/edit_check.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

namespace narthex::yaml {
namespace {

/// Texts whose aliases multiply are not compared to their end.
constexpr std::size_t kNodes = 2'000'000;

class Comparison
{
public:
    bool equal(const YAML::Node& a, const YAML::Node& b)
    {
        if (++nodes_ > kNodes || a.Type() != b.Type()) {
            return isNothing(a) && isNothing(b);
        }
        switch (a.Type()) {
        case YAML::NodeType::Scalar:
            return a.Scalar() == b.Scalar() && (a.Tag() == "!") == (b.Tag() == "!");
        case YAML::NodeType::Sequence:
            return equalLists(list(a), list(b));
        case YAML::NodeType::Map:
            return equalMaps(entries(a), entries(b));
        case YAML::NodeType::Null:
        case YAML::NodeType::Undefined:
            return true;
        }
        return false;
    }

    /// Equal but for the place, where `change` happened.
    bool equalBut(const YAML::Node& a, const YAML::Node& b, const PlainPath& place,
                  std::size_t depth, Change change, const YAML::Node& what)
    {
        if (depth == place.size()) {
            return change == Change::Set && equal(b, what);
        }
        const bool last = depth + 1 == place.size();
        if (const auto* key = std::get_if<std::string>(&place[depth])) {
            return mapsBut(entries(a), entries(b), *key, place, depth, change, what, last);
        }
        return listsBut(list(a), list(b), std::get<std::size_t>(place[depth]), place, depth, change,
                        what, last);
    }

private:
    using Entry = std::pair<YAML::Node, YAML::Node>;

    static bool isNothing(const YAML::Node& node) { return !node.IsDefined() || node.IsNull(); }

    static std::vector<YAML::Node> list(const YAML::Node& node)
    {
        std::vector<YAML::Node> result;
        if (node.IsSequence()) {
            for (const YAML::Node& each : node) {
                result.push_back(each);
            }
        }
        return result;
    }
    static std::vector<Entry> entries(const YAML::Node& node)
    {
        std::vector<Entry> result;
        if (node.IsMap()) {
            for (const auto& each : node) {
                result.emplace_back(each.first, each.second);
            }
        }
        return result;
    }

    bool equalLists(const std::vector<YAML::Node>& a, const std::vector<YAML::Node>& b)
    {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [this](const YAML::Node& x, const YAML::Node& y) { return equal(x, y); });
    }
    bool equalMaps(const std::vector<Entry>& a, const std::vector<Entry>& b)
    {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [this](const Entry& x, const Entry& y) {
                              return equal(x.first, y.first) && equal(x.second, y.second);
                          });
    }

    static std::size_t indexOf(const std::vector<Entry>& map, const std::string& key)
    {
        const auto at = std::find_if(map.begin(), map.end(), [&key](const Entry& entry) {
            return entry.first.IsScalar() && entry.first.Scalar() == key;
        });
        return static_cast<std::size_t>(at - map.begin());
    }

    // Copied one by one: assigning a node would change the tree that it stands for.
    template <typename T>
    static std::vector<T> without(const std::vector<T>& list, std::size_t index)
    {
        std::vector<T> result;
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (i != index) {
                result.push_back(list[i]);
            }
        }
        return result;
    }

    bool mapsBut(const std::vector<Entry>& a, const std::vector<Entry>& b, const std::string& key,
                 const PlainPath& place, std::size_t depth, Change change, const YAML::Node& what,
                 bool last)
    {
        const std::size_t inA = indexOf(a, key);
        const std::size_t inB = indexOf(b, key);
        if (last && change == Change::Remove) {
            if (inA == a.size() || inB != b.size()) {
                return false;
            }
            return equalMaps(without(a, inA), b);
        }
        if (inB == b.size()) {
            return false;
        }
        const YAML::Node old = inA == a.size() ? YAML::Node() : a[inA].second;
        if (!equalBut(old, b[inB].second, place, depth + 1, change, what)) {
            return false;
        }
        return equalMaps(without(a, inA), without(b, inB));
    }

    bool listsBut(const std::vector<YAML::Node>& a, const std::vector<YAML::Node>& b,
                  std::size_t index, const PlainPath& place, std::size_t depth, Change change,
                  const YAML::Node& what, bool last)
    {
        if (last && change == Change::Insert) {
            return index < b.size() && equal(b[index], what) && equalLists(a, without(b, index));
        }
        if (index >= a.size()) {
            return false;
        }
        if (last && change == Change::Remove) {
            return equalLists(without(a, index), b);
        }
        if (index >= b.size() || !equalBut(a[index], b[index], place, depth + 1, change, what)) {
            return false;
        }
        return equalLists(without(a, index), without(b, index));
    }

    std::size_t nodes_ = 0;
};

YAML::Node load(std::string_view text)
{
    std::istringstream stream{std::string(text)};
    return YAML::Load(stream);
}

} // namespace

absl::Status checkEdit(std::string_view before, std::string_view after, const PlainPath& place,
                       Change change, std::string_view what)
{
    try {
        if (Comparison().equalBut(load(before), load(after), place, 0, change, load(what))) {
            return absl::OkStatus();
        }
    } catch (const YAML::Exception& error) {
        return absl::FailedPreconditionError(
            fmt::format("the text would not be readable any more (line {}: {}); change it by hand",
                        error.mark.line + 1, error.msg));
    }
    return absl::FailedPreconditionError(
        "this would change other parts of the text, too (something refers to it by its anchor, or "
        "the layout is unusual); change it by hand");
}

} // namespace narthex::yaml
