// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as the answer of a server of remote read, streamed or of samples: it is read or
// refused, and the series that come of it are in order and inside of the time asked for.
#include "core/remote/read_client.h"

#include <cstdint>
#include <cstdlib>

using namespace narthex;

namespace {

constexpr base::Timestamp kFrom{1'000};
constexpr base::Timestamp kTo{1'700'000'000'000};

void check(const absl::StatusOr<remote::SeriesList>& series)
{
    if (!series.ok()) {
        return;
    }
    for (std::size_t i = 0; i < series->size(); ++i) {
        if (i > 0 && !((*series)[i - 1]->labels() < (*series)[i]->labels())) {
            std::abort();
        }
        storage::SampleColumns columns;
        if (!(*series)[i]->read(kFrom, kTo, columns).ok()) {
            continue;
        }
        for (const std::int64_t time : columns.times) {
            if (time < kFrom.ms || time > kTo.ms) {
                std::abort();
            }
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(remote::readStreamedAnswer(bytes, 1U << 20U, kFrom, kTo, {"dc"}));
    check(remote::readSampledAnswer(bytes, kFrom, kTo, {"dc"}));
    return 0;
}
