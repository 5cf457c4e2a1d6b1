// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/roles.h"

#include <algorithm>
#include <cmath>

namespace narthex::ui::theme {
namespace {

struct Entry
{
    std::string_view name;
    QRgb light;
    QRgb dark;
};

constexpr std::array<Entry, kRoleCount> kRoles{{
    {"window", 0xffF6F7F9, 0xff111417},      {"surface", 0xffFFFFFF, 0xff16191D},
    {"surface-2", 0xffF0F2F5, 0xff1D2126},   {"surface-3", 0xffE6E9EE, 0xff262B31},
    {"border", 0xffD5DAE1, 0xff2B3138},      {"control-border", 0xff7C8592, 0xff6E7884},
    {"text", 0xff1A1F26, 0xffE6EAEF},        {"text-2", 0xff525C69, 0xffA9B3BF},
    {"text-3", 0xff646E7B, 0xff8A94A1},      {"accent", 0xff1B62C4, 0xff6AA9F4},
    {"on-accent", 0xffFFFFFF, 0xff0B1A2B},   {"selection", 0xffD6E6FB, 0xff1E3B5E},
    {"critical", 0xffB3261E, 0xffFF8A80},    {"critical-back", 0xffFBE9E7, 0xff3A1614},
    {"warning", 0xff8A5300, 0xffF2B24A},     {"warning-back", 0xffFFF1D6, 0xff362605},
    {"info", 0xff1B62C4, 0xff6AA9F4},        {"info-back", 0xffE6F0FC, 0xff10263F},
    {"ok", 0xff1B6E3C, 0xff6FCF97},          {"ok-back", 0xffE4F4EA, 0xff10301D},
    {"muted", 0xff5B4B8A, 0xffB7A6E8},       {"muted-back", 0xffEEEAF8, 0xff241D3D},
    {"unknown", 0xff525C69, 0xffA9B3BF},     {"unknown-back", 0xffEBEEF2, 0xff252B32},
    {"development", 0xff646E7B, 0xff8A94A1}, {"test", 0xff8A6D00, 0xffD9B84A},
    {"production", 0xff8C3A1D, 0xffE08A63},  {"inverse", 0xff1A1F26, 0xffE6EAEF},
    {"on-inverse", 0xffFFFFFF, 0xff111417},
}};

constexpr std::array<QRgb, kSeriesColourCount> kSeriesLight{
    0xff334D8A, 0xffB35412, 0xff158563, 0xffEF57A2, 0xffB38E15,
    0xff8A51D6, 0xff009ED2, 0xff6C0910, 0xff744A2B, 0xff303A46};
constexpr std::array<QRgb, kSeriesColourCount> kSeriesDark{
    0xff618ACF, 0xffFA9338, 0xff98FCE2, 0xffB3698A, 0xffFBE87E,
    0xff834CD4, 0xff68C5E8, 0xffD63829, 0xffDCB49C, 0xff98A1AB};

using Vec3 = std::array<double, 3>;
using Mat3 = std::array<Vec3, 3>;

double linear(double channel)
{
    return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
}

Vec3 linearRgb(const QColor& colour)
{
    return {linear(double(colour.redF())), linear(double(colour.greenF())),
            linear(double(colour.blueF()))};
}

Vec3 multiply(const Mat3& m, const Vec3& v)
{
    Vec3 out{};
    for (std::size_t i = 0; i < 3; ++i) {
        out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
    }
    return out;
}

/// Machado, Oliveira, Fernandes 2009, severity 1.0, applied to linear RGB.
const Mat3& simulation(Vision vision)
{
    static constexpr Mat3 kNormal{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    static constexpr Mat3 kProtan{{{0.152286, 1.052583, -0.204868},
                                   {0.114503, 0.786281, 0.099216},
                                   {-0.003882, -0.048116, 1.051998}}};
    static constexpr Mat3 kDeutan{{{0.367322, 0.860646, -0.227968},
                                   {0.280085, 0.672501, 0.047413},
                                   {-0.011820, 0.042940, 0.968881}}};
    static constexpr Mat3 kTritan{{{1.255528, -0.076749, -0.178779},
                                   {-0.078411, 0.930809, 0.147602},
                                   {0.004733, 0.691367, 0.303900}}};
    switch (vision) {
    case Vision::Normal:
        return kNormal;
    case Vision::Protan:
        return kProtan;
    case Vision::Deutan:
        return kDeutan;
    case Vision::Tritan:
        return kTritan;
    }
    return kNormal;
}

/// Björn Ottosson's OKLab from linear sRGB.
Vec3 okLab(const Vec3& rgb)
{
    static constexpr Mat3 kToLms{{{0.4122214708, 0.5363325363, 0.0514459929},
                                  {0.2119034982, 0.6806995451, 0.1073969566},
                                  {0.0883024619, 0.2817188376, 0.6299787005}}};
    static constexpr Mat3 kToLab{{{0.2104542553, 0.7936177850, -0.0040720468},
                                  {1.9779984951, -2.4285922050, 0.4505937099},
                                  {0.0259040371, 0.7827717662, -0.8086757660}}};
    Vec3 lms = multiply(kToLms, rgb);
    for (double& value : lms) {
        value = std::cbrt(value);
    }
    return multiply(kToLab, lms);
}

} // namespace

QColor colourOf(Scheme scheme, Role role)
{
    const Entry& entry = kRoles.at(std::size_t(role));
    return QColor::fromRgb(scheme == Scheme::Light ? entry.light : entry.dark);
}

std::string_view roleName(Role role) { return kRoles.at(std::size_t(role)).name; }

QColor seriesColourOf(Scheme scheme, std::size_t index)
{
    const auto& colours = scheme == Scheme::Light ? kSeriesLight : kSeriesDark;
    return QColor::fromRgb(colours.at(index % kSeriesColourCount));
}

double contrastRatio(const QColor& a, const QColor& b)
{
    const auto luminance = [](const QColor& colour) {
        const Vec3 rgb = linearRgb(colour);
        return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
    };
    const double first = luminance(a);
    const double second = luminance(b);
    return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

double perceivedDistance(const QColor& a, const QColor& b, Vision vision)
{
    const auto seen = [vision](const QColor& colour) {
        Vec3 rgb = multiply(simulation(vision), linearRgb(colour));
        for (double& value : rgb) {
            value = std::clamp(value, 0.0, 1.0);
        }
        return okLab(rgb);
    };
    const Vec3 p = seen(a);
    const Vec3 q = seen(b);
    return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

QColor mix(const QColor& a, const QColor& b, double share)
{
    const auto blend = [share](int x, int y) { return int(std::lround(x + (y - x) * share)); };
    return {blend(a.red(), b.red()), blend(a.green(), b.green()), blend(a.blue(), b.blue())};
}

} // namespace narthex::ui::theme
