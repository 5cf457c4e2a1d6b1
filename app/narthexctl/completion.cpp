// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "completion.h"

#include "commands.h"

#include <absl/functional/function_ref.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>

namespace narthex::ctl {
namespace {

/// The list of a CLI::IsMember check, which CLI11 shows as "TEXT:{a,b}".
std::vector<std::string> valuesOf(const CLI::Option& option)
{
    const std::string type = option.get_type_name();
    const std::size_t begin = type.find('{');
    const std::size_t end = type.find('}', begin == std::string::npos ? 0 : begin);
    if (begin == std::string::npos || end == std::string::npos) {
        return {};
    }
    return absl::StrSplit(type.substr(begin + 1, end - begin - 1), ',');
}

OptionWords optionOf(const CLI::Option& option)
{
    OptionWords words;
    for (const std::string& name : option.get_snames()) {
        words.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
        words.names.push_back("--" + name);
    }
    words.takesValue = option.get_items_expected_max() > 0;
    if (words.takesValue) {
        words.values = valuesOf(option);
    }
    words.description = option.get_description();
    return words;
}

CommandWords wordsBelow(const CLI::App& app, const std::string& path)
{
    CommandWords words{
        .path = path, .description = app.get_description(), .commands = {}, .options = {}};
    for (const CLI::Option* option :
         app.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
        words.options.push_back(optionOf(*option));
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        words.commands.push_back(wordsBelow(*command, path + " " + command->get_name()));
    }
    return words;
}

/// Parents before their commands.
void forEach(const CommandWords& words, absl::FunctionRef<void(const CommandWords&)> visit)
{
    visit(words);
    for (const CommandWords& command : words.commands) {
        forEach(command, visit);
    }
}

std::string lastWord(const CommandWords& words)
{
    return words.path.substr(words.path.rfind(' ') + 1);
}

std::vector<std::string> optionNames(const CommandWords& words)
{
    std::vector<std::string> names;
    for (const OptionWords& option : words.options) {
        names.insert(names.end(), option.names.begin(), option.names.end());
    }
    return names;
}

/// For the sh-like shells: `" check"|" check config"` of all commands.
std::string allPaths(const CommandWords& words)
{
    std::vector<std::string> paths;
    forEach(words, [&paths](const CommandWords& each) {
        if (!each.path.empty()) {
            paths.push_back(fmt::format("\"{}\"", each.path));
        }
    });
    return fmt::format("{}", fmt::join(paths, "|"));
}

/// A case a command: which commands and options follow it.
std::string wordCases(const CommandWords& words)
{
    std::string text;
    forEach(words, [&text](const CommandWords& each) {
        std::vector<std::string> commands;
        for (const CommandWords& command : each.commands) {
            commands.push_back(lastWord(command));
        }
        text += fmt::format("        \"{}\") commands=\"{}\" options=\"{}\" ;;\n", each.path,
                            fmt::join(commands, " "), fmt::join(optionNames(each), " "));
    });
    return text;
}

/// A case an option that takes a value.
std::string valueCases(const CommandWords& words)
{
    std::string text;
    forEach(words, [&text](const CommandWords& each) {
        for (const OptionWords& option : each.options) {
            if (!option.takesValue) {
                continue;
            }
            std::vector<std::string> patterns;
            for (const std::string& name : option.names) {
                patterns.push_back(fmt::format("\"{} {}\"", each.path, name));
            }
            text += fmt::format("        {}) takes=1 values=\"{}\" ;;\n", fmt::join(patterns, "|"),
                                fmt::join(option.values, " "));
        }
    });
    return text;
}

constexpr std::string_view kBash =
    R"(# Completion of narthexctl for bash; made by `narthexctl completion bash`.
_narthexctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local place="" commands="" options="" values="" takes=0 i
    # The shell splits --name=value at the sign.
    if [[ $cur == "=" ]]; then
        cur=""
    elif [[ $before == "=" && COMP_CWORD -gt 1 ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$place ${COMP_WORDS[i]}" in
        @PATHS@) place="$place ${COMP_WORDS[i]}" ;;
        esac
    done
    case "$place" in
@WORDS@    esac
    case "$place $before" in
@VALUES@    esac
    if [[ -n $values ]]; then
        COMPREPLY=($(compgen -W "$values" -- "$cur"))
    elif [[ $takes == 1 ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    elif [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ -n $commands ]]; then
        COMPREPLY=($(compgen -W "$commands" -- "$cur"))
    else
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}
complete -o filenames -F _narthexctl narthexctl
)";

constexpr std::string_view kZsh = R"(#compdef narthexctl
# Completion of narthexctl for zsh; made by `narthexctl completion zsh`.
_narthexctl() {
    local cur=${words[CURRENT]} before=${words[CURRENT-1]}
    local place="" commands="" options="" values="" takes=0 i
    for ((i = 2; i < CURRENT; i++)); do
        case "$place ${words[i]}" in
        (@PATHS@) place="$place ${words[i]}" ;;
        esac
    done
    case "$place" in
@WORDS@    esac
    case "$place $before" in
@VALUES@    esac
    if [[ -n $values ]]; then
        compadd -- ${=values}
    elif [[ $takes == 1 ]]; then
        _files
    elif [[ $cur == -* ]]; then
        compadd -- ${=options}
    elif [[ -n $commands ]]; then
        compadd -- ${=commands}
    else
        _files
    fi
}
if [[ ${funcstack[1]} == _narthexctl ]]; then
    _narthexctl "$@"
else
    compdef _narthexctl narthexctl
fi
)";

constexpr std::string_view kFish =
    R"(# Completion of narthexctl for fish; made by `narthexctl completion fish`.
function __narthexctl_at
    set -l place ""
    for word in (commandline -opc)[2..-1]
        switch "$place $word"
            case @PATHS@
                set place "$place $word"
        end
    end
    test "$place" = "$argv[1]"
end
)";

std::string filledIn(std::string_view script, const CommandWords& words)
{
    return absl::StrReplaceAll(std::string(script), {{"@PATHS@", allPaths(words)},
                                                     {"@WORDS@", wordCases(words)},
                                                     {"@VALUES@", valueCases(words)}});
}

/// Text between single quotes of fish.
std::string fishQuoted(const std::string& text)
{
    return "'" + absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}) + "'";
}

std::string fishOption(const CommandWords& words, const OptionWords& option)
{
    std::string text =
        fmt::format("complete -c narthexctl -n '__narthexctl_at \"{}\"'", words.path);
    for (const std::string& name : option.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.values.empty()) {
        text += fmt::format(" -x -a '{}'", fmt::join(option.values, " "));
    } else if (option.takesValue) {
        text += " -r";
    }
    return text + " -d " + fishQuoted(option.description) + "\n";
}

} // namespace

CommandWords wordsOf(const CLI::App& app) { return wordsBelow(app, ""); }

std::string bashCompletion(const CommandWords& words) { return filledIn(kBash, words); }

std::string zshCompletion(const CommandWords& words) { return filledIn(kZsh, words); }

std::string fishCompletion(const CommandWords& words)
{
    std::vector<std::string> paths;
    std::string lines;
    forEach(words, [&](const CommandWords& each) {
        if (!each.path.empty()) {
            paths.push_back(fmt::format("\"{}\"", each.path));
        }
        for (const CommandWords& command : each.commands) {
            lines +=
                fmt::format("complete -c narthexctl -n '__narthexctl_at \"{}\"' -f -a {} -d {}\n",
                            each.path, lastWord(command), fishQuoted(command.description));
        }
        for (const OptionWords& option : each.options) {
            lines += fishOption(each, option);
        }
    });
    return absl::StrReplaceAll(std::string(kFish),
                               {{"@PATHS@", fmt::format("{}", fmt::join(paths, " "))}}) +
           lines;
}

void addCompletion(CLI::App& app, int& exitCode)
{
    CLI::App* command = app.add_subcommand(
        "completion", "Print a script that lets a shell complete command lines of narthexctl.");
    auto shell = std::make_shared<std::string>();
    command->add_option("SHELL", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command->footer("Example: source <(narthexctl completion bash)");
    command->callback([&app, shell, &exitCode] {
        const CommandWords words = wordsOf(app);
        fmt::print("{}", *shell == "bash"  ? bashCompletion(words)
                         : *shell == "zsh" ? zshCompletion(words)
                                           : fishCompletion(words));
        exitCode = kOk;
    });
}

} // namespace narthex::ctl
