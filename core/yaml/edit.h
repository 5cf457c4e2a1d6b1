// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Changes to a YAML text that keep everything else as it is: comments, order, anchors, quoting,
// indentation. Each change is one replaced run of bytes, so that undoing it is putting the old
// bytes back. The text that results is read again and compared with what was meant: a change that
// would touch anything else is refused. Owner: values. Threads: any. Errors: InvalidArgument
// (text, path or value), NotFound (path), FailedPrecondition (the place cannot be changed alone).
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::yaml {

/// The element of a list of mappings whose `key` has this value.
struct Where
{
    std::string key;
    std::string value;
};

/// A key, the number of an element, or the element with a certain key:
/// `{"scrape_configs", Where{"job_name", "node"}, "static_configs", 0U, "targets"}`.
using PathPart = std::variant<std::string, std::size_t, Where>;
using Path = std::vector<PathPart>;

/// Puts `inserted` in the place of `removed`, `offset` bytes behind the begin of the text.
struct TextEdit
{
    std::size_t offset = 0;
    std::string removed;
    std::string inserted;

    [[nodiscard]] std::string apply(std::string_view text) const;
    /// The edit that takes this one back.
    [[nodiscard]] TextEdit inverse() const
    {
        return {.offset = offset, .removed = inserted, .inserted = removed};
    }
    friend bool operator==(const TextEdit&, const TextEdit&) = default;
};

/// Sets a key to a plain value, quoted where needed (as it was quoted before, if it was). A key
/// that is not there is added at the end of its mapping; the mapping above must be there or its
/// value empty.
absl::StatusOr<TextEdit> setValue(std::string_view text, const Path& path, std::string_view value);

/// As setValue, but `yaml` is a piece of YAML (a mapping, a list) instead of a plain value.
absl::StatusOr<TextEdit> setYaml(std::string_view text, const Path& path, std::string_view yaml);

/// Adds an element to the list at `path`, before the element `index` (behind the last one when
/// there are fewer). `yaml` is the element. The list may be missing: it is then added.
absl::StatusOr<TextEdit> insertElement(std::string_view text, const Path& path, std::size_t index,
                                       std::string_view yaml);

/// Takes a key or an element away, with the comment behind it and the comment lines directly above
/// it (not above the first one, which may speak of all). The last one leaves `[]` or `{}`.
absl::StatusOr<TextEdit> removeAt(std::string_view text, const Path& path);

/// A plain value as YAML: quoted only where YAML would take it apart or read nothing. Numbers and
/// booleans stay plain: the one who reads them knows what they are.
std::string scalarText(std::string_view value);

} // namespace narthex::yaml
