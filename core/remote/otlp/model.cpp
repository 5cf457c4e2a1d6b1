// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/model.h"

#include "core/base/status.h"

namespace narthex::remote::otlp {

const std::string* find(const Attributes& attributes, std::string_view key)
{
    for (const Attribute& attribute : attributes) {
        if (attribute.key == key) {
            return &attribute.value;
        }
    }
    return nullptr;
}

absl::Status Budget::exceeded()
{
    return base::invalidArgument("the request has more than {} points and attributes: send less "
                                 "at once",
                                 kMost);
}

} // namespace narthex::remote::otlp
