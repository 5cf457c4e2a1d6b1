// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/label_index.h"

#include "core/base/codec.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

/// Keeps a run ascending; the newest series nearly always has the highest number.
template <typename Run>
void insertSorted(Run& run, HeadRef ref)
{
    if (run.empty() || run.back() < ref) {
        run.push_back(ref);
        return;
    }
    const auto place = std::lower_bound(run.begin(), run.end(), ref);
    if (*place != ref) {
        run.insert(place, ref);
    }
}

template <typename Run>
void eraseAll(Run& run, const absl::flat_hash_set<HeadRef>& refs)
{
    run.erase(
        std::remove_if(run.begin(), run.end(), [&refs](HeadRef ref) { return refs.contains(ref); }),
        run.end());
}

template <typename Visit>
void eachPackedLabel(std::string_view packed, Visit visit)
{
    base::ByteReader reader(packed);
    while (reader.remaining() > 0) {
        const std::string_view name = reader.uvarintString();
        visit(name, reader.uvarintString());
    }
}

std::uint64_t stringHeapBytes(std::size_t size) { return size > 15 ? size + 1 : 0; }

} // namespace

std::string_view packedLabelValue(std::string_view packedLabels, std::string_view name)
{
    base::ByteReader reader(packedLabels);
    while (reader.remaining() > 0) {
        const std::string_view here = reader.uvarintString();
        const std::string_view value = reader.uvarintString();
        if (here == name) {
            return value;
        }
    }
    return {};
}

void LabelIndex::add(HeadRef ref)
{
    absl::MutexLock lock(&mutex_);
    insertSorted(all_, ref);
    eachPackedLabel(table_.labels(ref), [&](std::string_view name, std::string_view value) {
        mutex_.AssertHeld();
        auto values = names_.find(name);
        if (values == names_.end()) {
            values = names_.emplace(std::string(name), Values{}).first;
        }
        auto run = values->second.find(value);
        if (run == values->second.end()) {
            run = values->second.emplace(std::string(value), Run{}).first;
            heapBytes_ += stringHeapBytes(value.size());
            ++values_;
        }
        const std::size_t before = run->second.capacity();
        insertSorted(run->second, ref);
        if (const std::size_t after = run->second.capacity(); after != before) {
            heapBytes_ += (after - (before > 4 ? before : 0)) * sizeof(HeadRef);
        }
    });
}

void LabelIndex::remove(const absl::flat_hash_set<HeadRef>& refs)
{
    if (refs.empty()) {
        return;
    }
    // Only the runs of the labels that the leaving series have.
    absl::flat_hash_set<std::pair<std::string_view, std::string_view>> touched;
    for (const HeadRef ref : refs) {
        eachPackedLabel(table_.labels(ref),
                        [&touched](std::string_view name, std::string_view value) {
                            touched.emplace(name, value);
                        });
    }
    absl::MutexLock lock(&mutex_);
    eraseAll(all_, refs);
    for (const auto& [name, value] : touched) {
        const auto values = names_.find(name);
        const auto run = values->second.find(value);
        eraseAll(run->second, refs);
        if (run->second.empty()) {
            heapBytes_ -= stringHeapBytes(value.size());
            if (run->second.capacity() > 4) {
                heapBytes_ -= run->second.capacity() * sizeof(HeadRef);
            }
            --values_;
            values->second.erase(run);
        }
        if (values->second.empty()) {
            names_.erase(values);
        }
    }
}

std::uint64_t LabelIndex::memoryBytes() const
{
    absl::ReaderMutexLock lock(&mutex_);
    return all_.capacity() * sizeof(HeadRef) + heapBytes_ + values_ * sizeof(Values::value_type);
}

LabelIndex::ReadLock::ReadLock(const LabelIndex& index) : index_(index)
{
    index_.mutex_.ReaderLock();
}
LabelIndex::ReadLock::~ReadLock() { index_.mutex_.ReaderUnlock(); }

absl::StatusOr<PostingsView> LabelIndex::ReadLock::all(Postings& /*scratch*/) const
{
    index_.mutex_.AssertReaderHeld();
    return PostingsView(index_.all_);
}

absl::StatusOr<PostingsView> LabelIndex::ReadLock::withLabel(std::string_view name,
                                                             std::string_view value,
                                                             Postings& /*scratch*/) const
{
    index_.mutex_.AssertReaderHeld();
    const auto values = index_.names_.find(name);
    if (values == index_.names_.end()) {
        return PostingsView();
    }
    const auto run = values->second.find(value);
    return run == values->second.end() ? PostingsView()
                                       : PostingsView(run->second.data(), run->second.size());
}

absl::Status
LabelIndex::ReadLock::eachValue(std::string_view name, std::string_view prefix,
                                absl::FunctionRef<bool(std::string_view value)> visit) const
{
    index_.mutex_.AssertReaderHeld();
    const auto values = index_.names_.find(name);
    if (values == index_.names_.end()) {
        return absl::OkStatus();
    }
    for (auto it = values->second.lower_bound(prefix);
         it != values->second.end() && std::string_view(it->first).starts_with(prefix); ++it) {
        if (!visit(it->first)) {
            break;
        }
    }
    return absl::OkStatus();
}

std::size_t LabelIndex::ReadLock::valueCount(std::string_view name) const
{
    index_.mutex_.AssertReaderHeld();
    const auto values = index_.names_.find(name);
    return values == index_.names_.end() ? 0 : values->second.size();
}

absl::StatusOr<std::string_view> LabelIndex::ReadLock::labelOf(PostingsRef ref,
                                                               std::string_view name,
                                                               std::string& /*scratch*/) const
{
    return packedLabelValue(index_.table_.labels(ref), name);
}

std::vector<std::string> LabelIndex::ReadLock::names() const
{
    index_.mutex_.AssertReaderHeld();
    std::vector<std::string> names;
    names.reserve(index_.names_.size());
    for (const auto& [name, values] : index_.names_) {
        names.push_back(name);
    }
    return names;
}

void LabelIndex::ReadLock::eachPair(
    absl::FunctionRef<void(std::string_view name, std::string_view value, std::size_t series)>
        visit) const
{
    index_.mutex_.AssertReaderHeld();
    for (const auto& [name, values] : index_.names_) {
        for (const auto& [value, run] : values) {
            visit(name, value, run.size());
        }
    }
}

void LabelIndex::ReadLock::eachPairOf(
    std::string_view name,
    absl::FunctionRef<void(std::string_view value, std::size_t series)> visit) const
{
    index_.mutex_.AssertReaderHeld();
    const auto found = index_.names_.find(name);
    if (found == index_.names_.end()) {
        return;
    }
    for (const auto& [value, run] : found->second) {
        visit(value, run.size());
    }
}

} // namespace narthex::tsdb
