// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Recorded XML with an element for each line of a table, and the labels that must come of it: for
// mechanisms that copy some hundred elements. A line: `Endpoint/Address endpoint_address`.
// Threads: the test's.
#pragma once

#include <map>
#include <pugixml.hpp>
#include <sstream>
#include <string>

namespace narthex::tests {

class LabelTable
{
public:
    explicit LabelTable(const std::string& lines)
    {
        std::istringstream stream(lines);
        std::string path;
        std::string label;
        while (stream >> path >> label) {
            paths_[path] = label;
        }
    }

    /// Adds the elements below `node`.
    void fill(pugi::xml_node node) const
    {
        for (const auto& [path, label] : paths_) {
            pugi::xml_node at = node;
            std::istringstream parts(path);
            std::string part;
            while (std::getline(parts, part, '/')) {
                const pugi::xml_node child = at.child(part.c_str());
                at = child ? child : at.append_child(part.c_str());
            }
            at.text().set((isTime(path) ? "2024-01-02T03:04:05.678Z" : "v " + path).c_str());
        }
    }
    /// Adds the labels that are expected.
    void expect(const std::string& prefix, const std::string& suffix,
                std::map<std::string, std::string>& labels) const
    {
        for (const auto& [path, label] : paths_) {
            labels["__meta_" + prefix + label + suffix] =
                isTime(path) ? "2024-01-02T03:04:05Z" : "v " + path;
        }
    }

private:
    static bool isTime(const std::string& path)
    {
        return path != "DailySnapshotTime" &&
               (path.ends_with("Time") || path == "AuthTokenLastModifiedDate");
    }
    std::map<std::string, std::string> paths_;
};

inline std::string xmlOf(const pugi::xml_document& document)
{
    std::ostringstream text;
    document.save(text);
    return text.str();
}

inline void appendText(pugi::xml_node node, const char* name, const std::string& text)
{
    node.append_child(name).text().set(text.c_str());
}

inline void appendTag(pugi::xml_node list, const std::string& key, const std::string& value)
{
    pugi::xml_node tag = list.append_child("Tag");
    appendText(tag, "Key", key);
    appendText(tag, "Value", value);
}

} // namespace narthex::tests
