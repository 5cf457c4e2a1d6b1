// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What integer and float histograms do not have in common, for code that is written once for both.
// Threads: pure functions. Format: spec/tsdb.md, 3.3 and 3.4.
#pragma once

#include "core/tsdb/histogram_layout.h"
#include "core/tsdb/varbit.h"

#include <bit>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace narthex::tsdb {

/// The parts in which the two kinds differ.
struct Integers
{
    using Histogram = model::IntegerHistogram;
    using Column = DeltaColumn;
    using Number = std::int64_t;

    static const std::vector<Number>& positive(const Histogram& h) { return h.positiveDeltas; }
    static const std::vector<Number>& negative(const Histogram& h) { return h.negativeDeltas; }
    static std::vector<Number>& positive(Histogram& h) { return h.positiveDeltas; }
    static std::vector<Number>& negative(Histogram& h) { return h.negativeDeltas; }
    static Number stored(const Column& column) { return column.last; }
    /// The count of a bucket from what is stored of it and the count of the one before.
    static Number absolute(Number before, Number stored) { return wrappingPlus(before, stored); }
    static void putCount(BitWriter& out, Column& column, std::uint64_t value, bool first)
    {
        if (first) {
            out.putVarbitUint(value);
            column.start(static_cast<Number>(value));
        } else {
            column.put(out, static_cast<Number>(value));
        }
    }
    static void putBucket(BitWriter& out, Column& column, Number value, bool first)
    {
        if (first) {
            out.putVarbitInt(value);
            column.start(value);
        } else {
            column.put(out, value);
        }
    }
    /// In a stale sample the counts stay as they would have gone on.
    static void putNoCount(BitWriter& out, Column& column, bool first)
    {
        out.put(0, 1);
        if (first) {
            column.start(0);
        }
    }
    static bool countWentBack(const Column& column, std::uint64_t now)
    {
        return now < static_cast<std::uint64_t>(column.last);
    }
    static bool sameCount(const Column& column, std::uint64_t value)
    {
        return static_cast<std::uint64_t>(column.last) == value;
    }
    static bool same(Number a, Number b) { return a == b; }
};

struct Floats
{
    using Histogram = model::FloatHistogram;
    using Column = XorColumn;
    using Number = double;

    static const std::vector<Number>& positive(const Histogram& h) { return h.positiveBuckets; }
    static const std::vector<Number>& negative(const Histogram& h) { return h.negativeBuckets; }
    static std::vector<Number>& positive(Histogram& h) { return h.positiveBuckets; }
    static std::vector<Number>& negative(Histogram& h) { return h.negativeBuckets; }
    static Number stored(const Column& column) { return column.value(); }
    static Number absolute(Number /*before*/, Number stored) { return stored; }
    static void putCount(BitWriter& out, Column& column, double value, bool first)
    {
        if (first) {
            column.start(value);
            out.put(column.last, 64);
        } else {
            column.put(out, value);
        }
    }
    static void putBucket(BitWriter& out, Column& column, Number value, bool first)
    {
        putCount(out, column, value, first);
    }
    static void putNoCount(BitWriter& out, Column& column, bool first)
    {
        putCount(out, column, 0, first);
    }
    static bool countWentBack(const Column& column, double now) { return now < column.value(); }
    static bool sameCount(const Column& column, double value)
    {
        return same(column.value(), value);
    }
    static bool same(Number a, Number b)
    {
        return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    }
};

/// Layouts hold no negative zero: their short forms make it a positive one.
inline bool sameInLayout(double a, double b) { return a == b || Floats::same(a, b); }

/// Compares the buckets of two histograms by index; a missing one counts as empty. False as soon as
/// `compare(old, now)` is.
template <typename Kind, typename OldAt, typename Compare>
bool everyBucket(const std::vector<model::Span>& oldSpans, OldAt oldAt,
                 const std::vector<model::Span>& nowSpans,
                 const std::vector<typename Kind::Number>& now, Compare compare)
{
    using Number = typename Kind::Number;
    Number oldCount = 0;
    Number nowCount = 0;
    if (oldSpans == nowSpans) {
        for (std::size_t i = 0; i < now.size(); ++i) {
            oldCount = Kind::absolute(oldCount, oldAt(i));
            nowCount = Kind::absolute(nowCount, now[i]);
            if (!compare(oldCount, nowCount)) {
                return false;
            }
        }
        return true;
    }
    BucketCursor fromOld(oldSpans);
    BucketCursor fromNow(nowSpans);
    while (!fromOld.atEnd() || !fromNow.atEnd()) {
        const bool takeOld =
            !fromOld.atEnd() && (fromNow.atEnd() || fromOld.index() <= fromNow.index());
        const bool takeNow =
            !fromNow.atEnd() && (fromOld.atEnd() || fromNow.index() <= fromOld.index());
        if (takeOld) {
            oldCount = Kind::absolute(oldCount, oldAt(fromOld.position()));
            fromOld.next();
        }
        if (takeNow) {
            nowCount = Kind::absolute(nowCount, now[fromNow.position()]);
            fromNow.next();
        }
        if (!compare(takeOld ? oldCount : Number{}, takeNow ? nowCount : Number{})) {
            return false;
        }
    }
    return true;
}

/// Puts the buckets of one sign into a wider list: bucket i becomes number `places[i]`, the others
/// are empty.
template <typename Kind>
void spread(const std::vector<typename Kind::Number>& from,
            const std::vector<std::uint32_t>& places, std::size_t buckets,
            std::vector<typename Kind::Number>& to)
{
    using Number = typename Kind::Number;
    to.assign(buckets, Number{});
    Number count{};
    for (std::size_t i = 0; i < from.size(); ++i) {
        count = Kind::absolute(count, from[i]);
        to[places[i]] = count;
    }
    if constexpr (std::is_same_v<Kind, Integers>) {
        for (std::size_t i = buckets; i-- > 1;) {
            to[i] = wrappingMinus(to[i], to[i - 1]);
        }
    }
}

} // namespace narthex::tsdb
