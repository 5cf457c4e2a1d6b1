// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Estimates from classic buckets: cumulative counts with upper bounds.
// Threads: pure functions. Source: spec/promql.md, Histogram functions 9.2 and 9.5.
#pragma once

#include <vector>

namespace narthex::promql {

struct ClassicBucket
{
    double upper = 0;
    /// Of all observations up to the bound.
    double count = 0;
};

struct BucketRepair
{
    bool any = false;
    double lowest = 0;
    double highest = 0;
    double largestDifference = 0;
};

/// `buckets` ascending by bound; merges equal bounds and makes the counts rise.
double classicQuantile(double q, std::vector<ClassicBucket>& buckets, BucketRepair& repair);
double classicFraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

} // namespace narthex::promql
