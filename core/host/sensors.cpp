// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
// Temperatures, fans and batteries.
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/host/collectors.h"

#include <fmt/format.h>

namespace narthex::host {
namespace {

using model::MetricType;

constexpr double kMicro = 1e6;
constexpr double kTenths = 10;

/// Lower case, everything else than [a-z0-9:_] an underscore, none at the ends.
std::string cleanName(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        const bool kept =
            (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == ':';
        out += kept ? lower : '_';
    }
    const std::size_t first = out.find_first_not_of('_');
    const std::size_t last = out.find_last_not_of('_');
    return first == std::string::npos ? std::string() : out.substr(first, last - first + 1);
}

std::string chipName(const std::filesystem::path& folder)
{
    std::error_code error;
    const auto device = std::filesystem::canonical(folder / "device", error);
    if (!error) {
        return cleanName(device.parent_path().filename().string()) + "_" +
               cleanName(device.filename().string());
    }
    const auto name = readLine(folder / "name");
    return name.ok() && !cleanName(*name).empty() ? cleanName(*name) : folder.filename().string();
}

struct SensorFile
{
    std::string_view type;
    std::string sensor;
    std::string_view property;
};

/// `temp1_crit` → temp, temp1, crit.
std::optional<SensorFile> parseSensorFile(std::string_view name)
{
    static constexpr std::string_view kTypes[] = {"in",   "cpu",   "fan",    "pwm",      "temp",
                                                  "curr", "power", "energy", "humidity", "freq"};
    for (const std::string_view type : kTypes) {
        if (!name.starts_with(type)) {
            continue;
        }
        std::string_view rest = name.substr(type.size());
        const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
        if (digits == 0 || (digits < rest.size() && rest[digits] != '_')) {
            continue;
        }
        return SensorFile{.type = type,
                          .sensor = fmt::format("{}{}", type, rest.substr(0, digits)),
                          .property =
                              digits < rest.size() ? rest.substr(digits + 1) : std::string_view()};
    }
    return std::nullopt;
}

struct Reading
{
    std::string family;
    std::string chip;
    std::string sensor;
    double value = 0;
    MetricType type = MetricType::Gauge;
};

std::optional<Reading> convert(const SensorFile& file, double raw)
{
    Reading reading{.sensor = file.sensor, .value = raw};
    const std::string property =
        file.property == "input" || file.property.empty() ? "" : fmt::format("_{}", file.property);
    const auto scaled = [&](std::string_view base, double factor, std::string_view unit) {
        reading.family = fmt::format("node_hwmon_{}{}_{}", base, property, unit);
        reading.value = raw * factor;
    };
    if (file.type == "temp" && file.property != "type") {
        scaled("temp", 0.001, "celsius");
    } else if (file.property == "fault" || file.property == "alarm") {
        reading.family = fmt::format("node_hwmon_{}_{}", file.type, file.property);
    } else if (file.property == "beep") {
        reading.family = fmt::format("node_hwmon_{}_beep_enabled", file.type);
    } else if (file.type == "in" || file.type == "cpu") {
        scaled("in", 0.001, "volts");
    } else if (file.type == "curr") {
        scaled("curr", 0.001, "amps");
    } else if (file.type == "energy") {
        scaled("energy", 1, "joule_total");
        reading.value = raw / kMicro;
        reading.type = MetricType::Counter;
    } else if (file.type == "power") {
        scaled("power", 1, "watt");
        reading.value = raw / kMicro;
    } else if (file.type == "humidity") {
        reading.family = fmt::format("node_hwmon_humidity{}", property);
        reading.value = raw / kMicro;
    } else if (file.type == "fan" && (property.empty() || property == "_min" ||
                                      property == "_max" || property == "_target")) {
        scaled("fan", 1, "rpm");
    } else if (file.type == "freq") {
        return std::nullopt;
    } else {
        reading.family = fmt::format("node_hwmon_{}{}", file.type, property);
    }
    return reading;
}

/// Battery and mains files: unit rules of the kernel's power supply class.
struct SupplyFile
{
    std::string_view file;
    std::string_view name;
    double factor;
};
constexpr SupplyFile kSupplyFiles[] = {{"authentic", "authentic", 1},
                                       {"calibrate", "calibrate", 1},
                                       {"capacity", "capacity", 1},
                                       {"capacity_alert_max", "capacity_alert_max", 1},
                                       {"capacity_alert_min", "capacity_alert_min", 1},
                                       {"charge_counter", "charge_counter", kMicro},
                                       {"charge_empty", "charge_empty", kMicro},
                                       {"charge_full", "charge_full", kMicro},
                                       {"charge_full_design", "charge_full_design", kMicro},
                                       {"charge_now", "charge_ampere", kMicro},
                                       {"current_max", "current_max", kMicro},
                                       {"current_now", "current_ampere", kMicro},
                                       {"cycle_count", "cyclecount", 1},
                                       {"energy_empty", "energy_empty", kMicro},
                                       {"energy_full", "energy_full", kMicro},
                                       {"energy_full_design", "energy_full_design", kMicro},
                                       {"energy_now", "energy_watthour", kMicro},
                                       {"input_current_limit", "input_current_limit", kMicro},
                                       {"online", "online", 1},
                                       {"power_now", "power_watt", kMicro},
                                       {"present", "present", 1},
                                       {"temp", "temp_celsius", kTenths},
                                       {"temp_alert_max", "temp_alert_max_celsius", kTenths},
                                       {"temp_alert_min", "temp_alert_min_celsius", kTenths},
                                       {"temp_ambient", "temp_ambient_celsius", kTenths},
                                       {"time_to_empty_now", "time_to_empty_seconds", 1},
                                       {"time_to_full_now", "time_to_full_seconds", 1},
                                       {"voltage_max", "voltage_max", kMicro},
                                       {"voltage_max_design", "voltage_max_design", kMicro},
                                       {"voltage_min", "voltage_min", kMicro},
                                       {"voltage_min_design", "voltage_min_design", kMicro},
                                       {"voltage_now", "voltage_volt", kMicro},
                                       {"voltage_ocv", "voltage_ocv", kMicro}};
constexpr std::string_view kSupplyInfo[] = {
    "capacity_level", "charge_type", "health",     "manufacturer", "model_name", "scope",
    "serial_number",  "status",      "technology", "type",         "usb_type"};

} // namespace

absl::Status collectThermalZones(Context& context)
{
    const auto folder = context.options.roots.sysfs / "class/thermal";
    bool started = false;
    for (const std::string& name : listDirectory(folder)) {
        if (!name.starts_with("thermal_zone")) {
            continue;
        }
        const auto temperature = readNumber(folder / name / "temp");
        const auto type = readLine(folder / name / "type");
        if (!temperature || !type.ok()) {
            continue;
        }
        if (!std::exchange(started, true)) {
            context.out.family("node_thermal_zone_temp", MetricType::Gauge,
                               "Zone temperature in Celsius");
        }
        context.out.sample({{"type", *type}, {"zone", std::string_view(name).substr(12)}},
                           *temperature / 1000);
    }
    return started ? absl::OkStatus() : base::notFound("no thermal zones");
}

absl::Status collectHwmon(Context& context)
{
    const auto folder = context.options.roots.sysfs / "class/hwmon";
    // Families must stand together on the page, so readings are gathered first.
    std::map<std::string, std::vector<Reading>> families;
    std::map<std::string, std::string> chips;
    std::vector<std::array<std::string, 3>> labels;
    std::set<std::string> seen;
    for (const std::string& name : listDirectory(folder)) {
        std::string chip = chipName(folder / name);
        const auto title = readLine(folder / name / "name");
        if (!seen.insert(chip).second) {
            const std::string suffix = title.ok() ? cleanName(*title) : std::string();
            chip +=
                "_" + (suffix.empty() || !seen.insert(chip + "_" + suffix).second ? name : suffix);
        }
        if (title.ok()) {
            chips.emplace(chip, cleanName(*title));
        }
        for (const auto& sub : {folder / name, folder / name / "device"}) {
            for (const std::string& file : listDirectory(sub)) {
                const auto sensor = parseSensorFile(file);
                if (!sensor) {
                    continue;
                }
                if (sensor->property == "label") {
                    if (const auto label = readLine(sub / file); label.ok()) {
                        labels.push_back({chip, sensor->sensor, *label});
                    }
                    continue;
                }
                const auto raw = readNumber(sub / file);
                auto reading = raw ? convert(*sensor, *raw) : std::nullopt;
                if (reading) {
                    reading->chip = chip;
                    families[reading->family].push_back(*std::move(reading));
                }
            }
        }
    }
    if (chips.empty() && families.empty()) {
        return base::notFound("no hardware monitors");
    }
    context.out.family("node_hwmon_chip_names", MetricType::Gauge,
                       "Annotation metric for human-readable chip names");
    for (const auto& [chip, title] : chips) {
        context.out.sample({{"chip", chip}, {"chip_name", title}}, 1);
    }
    for (const auto& [family, readings] : families) {
        context.out.family(family, readings.front().type, "Hardware monitor " + family.substr(11));
        for (const Reading& reading : readings) {
            context.out.sample({{"chip", reading.chip}, {"sensor", reading.sensor}}, reading.value);
        }
    }
    context.out.family("node_hwmon_sensor_label", MetricType::Gauge,
                       "Label for given chip and sensor");
    for (const auto& [chip, sensor, label] : labels) {
        context.out.sample({{"chip", chip}, {"label", label}, {"sensor", sensor}}, 1);
    }
    return absl::OkStatus();
}

absl::Status collectPowerSupply(Context& context)
{
    const auto folder = context.options.roots.sysfs / "class/power_supply";
    const std::vector<std::string> supplies = listDirectory(folder);
    if (supplies.empty()) {
        return base::notFound("no power supplies");
    }
    for (const SupplyFile& source : kSupplyFiles) {
        bool started = false;
        for (const std::string& supply : supplies) {
            const auto value = readNumber(folder / supply / source.file);
            if (!value) {
                continue;
            }
            if (!std::exchange(started, true)) {
                context.out.family(
                    fmt::format("node_power_supply_{}", source.name), MetricType::Gauge,
                    fmt::format("{} value of /sys/class/power_supply/<power_supply>.",
                                source.file));
            }
            context.out.sample({{"power_supply", supply}}, *value / source.factor);
        }
    }
    context.out.family("node_power_supply_info", MetricType::Gauge,
                       "info of /sys/class/power_supply/<power_supply>.");
    for (const std::string& supply : supplies) {
        std::vector<std::pair<std::string_view, std::string>> values;
        for (const std::string_view file : kSupplyInfo) {
            const auto text = readLine(folder / supply / file);
            if (text.ok() && !text->empty()) {
                values.emplace_back(file, *text);
            }
        }
        std::vector<model::LabelView> labels = {{"power_supply", supply}};
        for (const auto& [name, text] : values) {
            labels.push_back({name, text});
        }
        context.out.sampleNamed("node_power_supply_info", labels, 1);
    }
    return absl::OkStatus();
}

} // namespace narthex::host
